"""The dialogue by which a report is had: ask, wait, ask again, fetch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from tempfile import TemporaryFile
from typing import IO, Final

from crowdflower.exceptions import ReportNotReady
from crowdflower.paths import segment
from crowdflower.states import ReportType
from crowdflower.transport import Transport

DEADLINE: Final = 30 * 60.0
"""Seconds after which a report that is still being built is given up."""

DEFAULT_WAIT: Final = 10.0
"""Seconds between two looks, where the service does not say how long it wants."""


@contextmanager
def downloaded(transport: Transport, job_id: int, type_: ReportType) -> Iterator[IO[bytes]]:
    """Fetch the archive of a report into a temporary file, which is gone when the block ends.

    :raises ReportNotReady: The service was still building it after :data:`DEADLINE`.
    """
    with TemporaryFile() as archive:
        archive.writelines(_chunks(transport, job_id, type_))
        archive.seek(0)
        yield archive


def _chunks(transport: Transport, job_id: int, type_: ReportType) -> Iterator[bytes]:
    clock = transport.clock
    deadline = clock.monotonic() + DEADLINE
    while True:
        response = transport.request(
            "GET", f"jobs/{segment(job_id)}.csv", query={"type": type_}, stream=True, follow=True
        ).response
        chunks = transport.chunks(response)
        if response.status_code != HTTPStatus.ACCEPTED:
            yield from chunks
            return
        wait = wait_named(b"".join(chunks), response.headers.get("Retry-After"))
        if clock.monotonic() + wait > deadline:
            raise ReportNotReady(
                f"the {type_} report of job {job_id} was not built in {DEADLINE / 60:g} minutes;"
                " ask for it again later",
                request=response.request,
                response=response,
            )
        clock.sleep(wait)


def wait_named(body: bytes, header: str | None) -> float:
    """Return how many seconds the service asks to wait.

    >>> wait_named(b'{"notice": {"message": "... Try again in 5 seconds."}}', None)
    5.0
    """
    if header is not None and header.strip().isdigit():
        return float(header)
    named = re.search(rb"in (\d{1,4}) seconds", body)
    return float(named.group(1)) if named else DEFAULT_WAIT
