"""Reports the rows of an upload while they are sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import IO, TYPE_CHECKING, Final, cast

from crowdflower.progress import ProgressOption, report
from crowdflower.rows.upload_source import CHUNK, CSV, JSON_LINES

if TYPE_CHECKING:
    from crowdflower.rows.upload_keys import Source

ROWS: Final = "rows"


@contextmanager
def report_rows(
    body: IO[bytes], content_type: str, progress: ProgressOption
) -> Iterator[IO[bytes]]:
    """Report how many rows of a body have been read; return the body to read.

    An exception of the caller's function stops the request before its last byte, so that the
    service stores none of its rows.

    :param content_type: CSV or JSON lines; rows of other formats cannot be counted.
    """
    with report(progress, ROWS, label="upload") as reporter:
        kind = content_type.partition(";")[0].strip().lower()
        if progress is None or progress is False or kind not in {CSV, JSON_LINES}:
            yield body
            return
        counted = _CountedBody(body, kind, reporter.update)
        reporter.update(0, counted.count_all())
        try:
            yield cast(IO[bytes], counted)
        except _Stopped as stopped:
            failure = stopped.cause
        else:
            return
        raise failure


@contextmanager
def report_chunks(
    source: Source, progress: ProgressOption
) -> Iterator[tuple[Source, Callable[[int], None]]]:
    """Report how many rows of an upload with a key are known to be in the job.

    An exception of the caller's function stops the upload between two requests.

    :returns: The source to upload, whose rows are counted as they are consumed, and the function
        that takes the number of rows.
    """
    count, latest = 0, -1

    def counted_rows() -> Iterator[tuple[str, bytes]]:
        nonlocal count
        for count, row in enumerate(source.rows, 1):  # noqa: B007 - the total, after the last
            yield row

    with report(progress, ROWS, label="upload") as reporter:

        def update(done: int) -> None:
            nonlocal latest
            if done == latest:
                return
            latest = done
            try:
                reporter.update(done, count)
            except Exception as error:
                raise _Stopped(error) from error

        try:
            yield replace(source, rows=counted_rows()), update
        except _Stopped as stopped:
            failure = stopped.cause
        else:
            return
        raise failure


class _Stopped(Exception):
    """Passes an exception of the caller's function through the libraries, which handle some."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


class _CountedBody:
    r"""A body that counts the rows that are read from it.

    A row is a line that is not blank; in a CSV, whose header is not a row, a line may end inside
    quotes.

    >>> from io import BytesIO
    >>> _CountedBody(BytesIO(b'a,b\n1,"x\ny"\n\n2,z\n'), CSV, print).count_all()
    2
    """

    def __init__(self, body: IO[bytes], content_type: str, update: Callable[[int], object]) -> None:
        self._body = body
        self._is_csv = content_type == CSV
        self._update = update
        self._restart()

    def count_all(self) -> int:
        """Return how many rows there are; the position stays."""
        position = self._body.tell()
        while chunk := self._body.read(CHUNK):
            self._count(chunk)
        total = self._rows
        self.seek(position)
        return total

    # What requests call

    def __iter__(self) -> Iterator[bytes]:
        return iter(partial(self.read, CHUNK), b"")

    def read(self, size: int = -1) -> bytes:
        chunk = self._body.read(size)
        if chunk:
            self._count(chunk)
            try:
                self._update(max(0, self._rows))
            except Exception as error:
                raise _Stopped(error) from error
        return chunk

    def tell(self) -> int:
        return self._body.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        self._restart()
        return self._body.seek(offset, whence)

    # Counting

    def _restart(self) -> None:
        self._rows = -1 if self._is_csv else 0
        self._is_quoted = False
        self._is_new_line = True

    def _count(self, chunk: bytes) -> None:
        if not self._is_csv:
            self._count_lines(chunk)
            return
        first, *others = chunk.split(b'"')
        self._count_lines(first)
        for piece in others:
            self._rows += self._is_new_line
            self._is_new_line = False
            self._is_quoted = not self._is_quoted
            self._count_lines(piece)

    def _count_lines(self, piece: bytes) -> None:
        if piece and not self._is_quoted:
            goes_on = not self._is_new_line and piece[0] not in _LINE_ENDS
            self._rows += len(_LINE.findall(piece)) - goes_on
            self._is_new_line = piece[-1] in _LINE_ENDS


_LINE: Final = re.compile(rb"[^\r\n]+")
_LINE_ENDS: Final = b"\r\n"
