"""The dialogue by which a report is had: ask, wait, ask again, fetch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from tempfile import TemporaryFile
from typing import IO, Final
from zipfile import is_zipfile

from crowdflower.caller import Caller
from crowdflower.exceptions import ReportCorrupt, ReportNotReady, UnexpectedContentType
from crowdflower.paths import segment
from crowdflower.states import ReportType
from crowdflower.transport import Expected

DEADLINE: Final = 30 * 60.0
"""Seconds after which a report that is still being built is given up."""

DEFAULT_WAIT: Final = 10.0
"""Seconds between two looks, where the service does not say how long it wants."""

LEAST_WAIT: Final = 1.0
"""Seconds between two looks, even where the service wants none."""

TRIES: Final = 5
"""Downloads after which what is no archive is believed to stay none."""


@contextmanager
def downloaded(caller: Caller, job_id: int, type_: ReportType) -> Iterator[IO[bytes]]:
    """Fetch the archive of a report into a temporary file, which is gone when the block ends.

    :raises ReportNotReady: The service was still building it after :data:`DEADLINE`.
    :raises ReportCorrupt: What came was no archive, :data:`TRIES` times.
    :raises UnexpectedContentType: The same, and it was a web page.
    """
    with TemporaryFile() as archive:
        _fetch(archive, caller, job_id, type_)
        archive.seek(0)
        yield archive


def _fetch(archive: IO[bytes], caller: Caller, job_id: int, type_: ReportType) -> None:
    clock, transport = caller.clock, caller.transport
    expected = Expected(as_json=False, stream=True, follow=True)
    deadline = clock.monotonic() + DEADLINE
    tries = 0
    while True:
        path = f"jobs/{segment(job_id)}.csv"
        response = caller.request("GET", path, expected, query={"type": type_}).response
        chunks = transport.chunks(response)
        if response.status_code == HTTPStatus.ACCEPTED:
            wait = wait_named(b"".join(chunks), response.headers.get("Retry-After"))
        else:
            archive.seek(0)
            archive.truncate()
            archive.writelines(chunks)
            if is_zipfile(archive):
                return
            # The address of an archive is at times given away before all of it is there.
            wait = DEFAULT_WAIT
            tries += 1
        if tries == TRIES:
            content_type = response.headers.get("Content-Type", "no content type")
            kind = UnexpectedContentType if "html" in content_type else ReportCorrupt
            problem = f"{TRIES} times the {type_} report was no zip archive but {content_type}"
            raise transport.error(kind, response, problem)
        if clock.monotonic() + wait > deadline:
            problem = f"the {type_} report was not built in {DEADLINE / 60:g} minutes; ask later"
            raise transport.error(ReportNotReady, response, problem)
        clock.sleep(wait)


def wait_named(body: bytes, header: str | None) -> float:
    """Return how many seconds the service asks to wait, at least :data:`LEAST_WAIT`.

    >>> wait_named(b'{"notice": {"message": "... Try again in 5 seconds."}}', None)
    5.0
    """
    named = re.fullmatch(r"\s*(\d{1,9})\s*", header or "", re.ASCII)
    if named is None:
        named = re.search(r"in (\d{1,4}) seconds", body.decode("utf-8", "replace"), re.ASCII)
    return max(LEAST_WAIT, float(named[1])) if named else DEFAULT_WAIT
