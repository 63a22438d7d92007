"""The dialogue by which a report is had: ask, wait, ask again, fetch; and a file of one's own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from os import PathLike
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
from crowdflower.http.base_client import Caller
from crowdflower.http.transport import Expected, Response
from crowdflower.models.paths import segment
from crowdflower.rows import report_archive
from crowdflower.states import ReportType

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ModuleNotFoundError:  # Windows, where an open file cannot be replaced anyway
    flock = None  # type: ignore[assignment]

DEADLINE: Final = 30 * 60.0
"""Seconds after which a report that is still being built is given up."""

DEFAULT_WAIT: Final = 10.0
"""Seconds between two looks, where the service does not say how long it wants."""

LEAST_WAIT: Final = 1.0
"""Seconds between two looks, even where the service wants none."""

TRIES: Final = 5
"""Downloads after which what is no archive, or breaks off, is believed to stay so."""

TRIES_OF_DAMAGED: Final = 2
"""Downloads after which an archive that is damaged inside is believed to be so where it lies."""

NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
"""In a folder that others can write to, a name may lead to somebody's file, which is left alone."""


@contextmanager
def downloaded(
    caller: Caller,
    job_id: int,
    type_: ReportType,
    *,
    largest: int = report_archive.LARGEST,
    folder: Path | None = None,
) -> Iterator[IO[bytes]]:
    """Fetch the archive of a report into a temporary file, which is gone when the block ends.

    It has been read to its end once by then, and is whole.

    :param largest: Bytes to which it may unpack.
    :param folder: Where to put the temporary file.
    :raises ReportNotReady: The service was still building it after :data:`DEADLINE`.
    :raises ReportCorrupt: What came was no archive, :data:`TRIES` times, or a damaged one twice.
    :raises ReportEmpty: There is nothing in it.
    :raises ReportTooLarge: It unpacks to more than is wanted.
    :raises UnexpectedContentType: What came was a web page, :data:`TRIES` times.
    """
    with TemporaryFile(dir=folder) as archive:
        _fetch(archive, caller, job_id, type_, largest)
        archive.seek(0)
        yield archive


def _fetch(
    archive: IO[bytes], caller: Caller, job_id: int, type_: ReportType, largest: int
) -> None:
    clock, transport = caller.clock, caller.transport
    expected = Expected(as_json=False, stream=True, follow=True)
    deadline = clock.monotonic() + DEADLINE
    tries = 0
    while True:
        path = f"jobs/{segment(job_id)}.csv"
        response = caller.request("GET", path, expected, query={"type": type_}).response
        if response.status_code == HTTPStatus.ACCEPTED:
            wait = wait_named(_beginning(caller, response), response.headers.get("Retry-After"))
        else:
            failure = _received(archive, caller, response, type_, largest)
            if failure is None:
                return
            # The address of an archive is at times given away before all of it is there.
            wait = DEFAULT_WAIT
            tries += 1
            if tries >= (TRIES_OF_DAMAGED if failure.response is None else TRIES):
                raise failure
        if clock.monotonic() + wait > deadline:
            problem = f"the {type_} report was not built in {DEADLINE / 60:g} minutes; ask later"
            raise transport.error(ReportNotReady, response, problem)
        clock.sleep(wait)


def _received(
    archive: IO[bytes], caller: Caller, response: Response, type_: ReportType, largest: int
) -> ApiError | None:
    """Write an answer to the file, and return what is wrong with it, if it may be better later.

    What is wrong inside of an archive has no response to it.
    """
    archive.seek(0)
    archive.truncate()
    try:
        with response:
            for chunk in caller.transport.chunks(response):
                if archive.tell() + len(chunk) > largest:
                    raise ReportTooLarge(f"the archive is larger than {largest:,} bytes")
                archive.write(chunk)
        if is_zipfile(archive):
            report_archive.check(archive, largest)
            return None
    except (ConnectionLost, TruncatedResponse, RequestTimeout, ReportCorrupt) as error:
        return error
    content_type = response.headers.get("Content-Type", "no content type")
    kind = UnexpectedContentType if "html" in content_type else ReportCorrupt
    problem = f"the {type_} report was no zip archive but {content_type}, again and again"
    return caller.transport.error(kind, response, problem)


def _beginning(caller: Caller, response: Response) -> bytes:
    """Read the first piece of an answer, which is all that a notice has."""
    with response:
        return next(caller.transport.chunks(response), b"")


@contextmanager
def new_file(path: str | PathLike[str], *, overwrite: bool) -> Iterator[tuple[IO[bytes], Path]]:
    """Open a file for writing that takes its name only once the block has gone well.

    Until then it is called ``.NAME.part``, and may be read by its owner alone. A process that is
    killed leaves no more than that behind, and the next one begins it anew.

    :param overwrite: Take the place of a file of that name.
    :returns: The file, and the folder it is in.
    :raises FileExistsError: There is one.
    :raises IsADirectoryError: There is a folder of that name.
    :raises BlockingIOError: Another process is writing it.
    :raises OSError: It cannot be written there; nothing has taken its name then.
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder; name the file in it")
    _refuse_existing(target, overwrite=overwrite)
    part = target.with_name(f".{target.name}.part")
    with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | NO_LINK, 0o600), "r+b") as file:
        _lock(file, part)
        try:
            file.truncate()
            part.chmod(0o600)  # what was left behind may have been made by others
            yield file, target.parent
            file.flush()
            os.fsync(file.fileno())
            _refuse_existing(target, overwrite=overwrite)
            os.replace(part, target)  # noqa: PTH105 - one of the two is atomic by its documentation
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
    _sync_folder(target.parent)


def _refuse_existing(target: Path, *, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} is there already; overwrite=True takes its place")


def _lock(file: IO[bytes], part: Path) -> None:
    if flock is None:
        return
    with suppress(BlockingIOError, FileNotFoundError):
        flock(file, LOCK_EX | LOCK_NB)
        # Who held the lock until a moment ago may have given this very file its name by now.
        if os.path.samestat(os.fstat(file.fileno()), part.stat()):
            return
    raise BlockingIOError(f"another process is writing {part}")


def _sync_folder(folder: Path) -> None:
    """Make a new name outlive a power cut; what cannot do that does not need it."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def wait_named(body: bytes, header: str | None) -> float:
    """Return how many seconds the service asks to wait, at least :data:`LEAST_WAIT`.

    >>> wait_named(b'{"notice": {"message": "... Try again in 5 seconds."}}', None)
    5.0
    """
    named = re.fullmatch(r"\s*(\d{1,9})\s*", header or "", re.ASCII)
    if named is None:
        named = re.search(r"in (\d{1,4}) seconds", body.decode("utf-8", "replace"), re.ASCII)
    return max(LEAST_WAIT, float(named[1])) if named else DEFAULT_WAIT
