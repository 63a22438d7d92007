"""Download a report: poll until the service has built it, then save and check the archive."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final
from zipfile import is_zipfile

from crowdflower.exceptions import (
    ApiError,
    ConnectionLost,
    ReportCorrupt,
    ReportNotReady,
    ReportTooLarge,
    RequestTimeout,
    TruncatedResponse,
    UnexpectedContentType,
)
from crowdflower.http.base_client import BaseClient
from crowdflower.http.encoding import segment
from crowdflower.http.transport import Expected, Response
from crowdflower.progress import BYTES, ProgressOption, Reporter, report
from crowdflower.rows import report_archive
from crowdflower.states import ReportType

DEADLINE: Final = 30 * 60.0
"""Seconds to wait for a report that is being built."""

DEFAULT_WAIT: Final = 10.0
"""Seconds between two requests, where the service does not say how long to wait."""

MIN_WAIT: Final = 1.0
"""Seconds between two requests at least, whatever the service says."""

MAX_ATTEMPTS: Final = 5
"""Downloads of something that is not an archive, or breaks off, before that is an error."""

MAX_ATTEMPTS_DAMAGED: Final = 2
"""Downloads of an archive that is damaged inside: twice the same damage is in the stored file."""


log = logging.getLogger(__name__)


@contextmanager
def download(
    client: BaseClient,
    job_id: int,
    type_: ReportType,
    *,
    largest: int = report_archive.MAX_UNPACKED,
    folder: Path | None = None,
    progress: ProgressOption = None,
) -> Iterator[IO[bytes]]:
    """Download the archive of a report to a temporary file, which is deleted when the block ends.

    The archive has been read to its end once before the block begins, and is intact.

    :param largest: Bytes that it may unpack to.
    :param folder: Where to put the temporary file.
    :param progress: Reports the bytes of the archive.
    :raises ReportNotReady: The service did not finish the report within :data:`DEADLINE`.
    :raises ReportCorrupt: Not an archive, :data:`MAX_ATTEMPTS` times, or a damaged one,
        :data:`MAX_ATTEMPTS_DAMAGED` times.
    :raises ReportEmpty: The archive has no file, or an empty one.
    :raises ReportTooLarge: The archive is larger than ``largest``, or would unpack to more.
    :raises UnexpectedContentType: A web page, :data:`MAX_ATTEMPTS` times.
    """
    with TemporaryFile(dir=folder) as archive:
        _download_to(archive, client, job_id, type_, largest, progress)
        archive.seek(0)
        yield archive


def _download_to(
    archive: IO[bytes],
    client: BaseClient,
    job_id: int,
    type_: ReportType,
    largest: int,
    progress: ProgressOption,
) -> None:
    clock, transport = client.clock, client.transport
    expected = Expected(as_json=False, stream=True, follow=True)
    deadline = clock.monotonic() + DEADLINE
    attempts = 0
    path = f"jobs/{segment(job_id)}.csv"
    label = f"Downloading the {type_} report of job {job_id}"
    with report(progress, BYTES, label=label, clock=clock.monotonic) as reporter:
        while True:  # not poll(): the service names each wait in its response
            response = client.request("GET", path, expected, query={"type": type_}).response
            if response.status_code == HTTPStatus.ACCEPTED:
                text = _first_chunk(client, response)
                wait = retry_after(text, response.headers.get("Retry-After"))
                why = "is being built"
            else:
                failure = _save(archive, client, response, type_, largest, reporter)
                if failure is None:
                    return
                # The service sometimes gives the address of an archive before it is complete.
                wait, why = DEFAULT_WAIT, f"came damaged ({type(failure).__name__})"
                attempts += 1
                if attempts >= (MAX_ATTEMPTS_DAMAGED if failure.response is None else MAX_ATTEMPTS):
                    raise failure
            if clock.monotonic() + wait > deadline:
                minutes = f"{DEADLINE / 60:g} minutes"
                problem = f"the {type_} report was not built in {minutes}; try later"
                raise transport.reader.error(ReportNotReady, response, problem)
            log.info("job %s: the %s report %s; next request in %g s", job_id, type_, why, wait)
            clock.sleep(wait)


def _save(
    archive: IO[bytes],
    client: BaseClient,
    response: Response,
    type_: ReportType,
    largest: int,
    reporter: Reporter,
) -> ApiError | None:
    """Write a response to the file; return the error where another download may succeed.

    The error of an archive that is damaged inside has no ``response``.
    """
    archive.seek(0)
    archive.truncate()
    size = body_size(response.headers)
    try:
        with response:
            reporter.update(0, size)
            for chunk in client.transport.chunks(response):
                if archive.tell() + len(chunk) > largest:
                    raise ReportTooLarge(f"the archive is larger than {largest:,} bytes")
                archive.write(chunk)
                reporter.update(archive.tell(), size)
        if is_zipfile(archive):
            report_archive.check(archive, largest)
            return None
    except (ConnectionLost, TruncatedResponse, RequestTimeout, ReportCorrupt) as error:
        return error
    content_type = response.headers.get("Content-Type", "no content type")
    kind = UnexpectedContentType if "html" in content_type else ReportCorrupt
    problem = f"the {type_} report is not a zip archive but {content_type}, in every attempt"
    return client.transport.reader.error(kind, response, problem)


def _first_chunk(client: BaseClient, response: Response) -> bytes:
    """Read the first chunk of a response, which holds all of a notice."""
    with response:
        return next(client.transport.chunks(response), b"")


def body_size(headers: Mapping[str, str]) -> int | None:
    """Return the size of a body as its headers say; ``None`` if it is unknown, or compressed.

    >>> body_size({"Content-Length": "1234"}), body_size({"Transfer-Encoding": "chunked"})
    (1234, None)
    """
    length = headers.get("Content-Length", "")
    is_size = length.isascii() and length.isdecimal() and "Content-Encoding" not in headers
    return int(length[:18]) if is_size else None


def retry_after(body: bytes, header: str | None) -> float:
    """Return how many seconds the service asks to wait, at least :data:`MIN_WAIT`.

    >>> retry_after(b'{"notice": {"message": "... Try again in 5 seconds."}}', None)
    5.0
    """
    seconds = re.fullmatch(r"\s*(\d{1,9})\s*", header or "", re.ASCII)
    if seconds is None:
        seconds = re.search(r"in (\d{1,4}) seconds", body.decode("utf-8", "replace"), re.ASCII)
    return max(MIN_WAIT, float(seconds[1])) if seconds else DEFAULT_WAIT
