"""CSV as the service writes and takes it, read the same way by every Python."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import IO, Final

LARGEST_CELL: Final = 1 << 25
"""Characters that a cell may have; Python's own limit is 131,072, and one for all of the process.
A page of text fits in that, a page of HTML does not."""

LONGEST_LINE: Final = 1 << 27
"""Bytes of the longest line: a file that is one line would fill the memory."""

AT_A_TIME: Final = 1 << 20
"""Characters that are read at a time."""

NUL_STAND_IN: Final = "\udc00"
"""Python 3.10 reads no NUL from a CSV, and from 3.11 on it is nothing special. No UTF-8 has this
character, so it can take its place on the way."""

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet takes for a formula."""

_raising = Lock()


def _forget_other_threads() -> None:
    """Begin anew in a forked process: a thread that it does not have may hold the old lock."""
    global _raising  # noqa: PLW0603 - one for all of the process, as what it guards is
    _raising = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_other_threads)


def records(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    r"""Yield the records of a CSV, each with the number of the line on which it begins.

    Blank lines are passed over. What is wrong comes when its turn does: the records before it have
    been yielded then.

    :param lines: With their ends; a record may go over several.
    :raises ValueError: A quote is never closed, or followed by something else, or a cell is too
        large; the text says on which line the record begins.

    >>> list(records(["a,b\n", '1,"x\n', 'y"\n', "\n", "2,z\n"]))
    [(1, ['a', 'b']), (2, ['1', 'x\ny']), (5, ['2', 'z'])]
    """
    feed = _Feed(lines)
    reader = csv.reader(feed, strict=True)
    failure: Exception | None = None
    is_over = False
    while not is_over:
        batch: list[tuple[int, list[str]]] = []
        feed.read = 0
        first = reader.line_num + 1
        with _large_cells():
            try:
                while feed.read < AT_A_TIME:
                    first = reader.line_num + 1
                    cells = next(reader)
                    if cells:
                        batch.append((first, feed.restored(cells)))
            except StopIteration:
                is_over = True
            except csv.Error as error:
                failure, is_over = ValueError(f"line {first}: {error}"), True
            except Exception as error:  # noqa: BLE001 - raised below, when its turn comes
                failure, is_over = error, True
        yield from batch
    if failure is not None:
        raise failure


class _Feed:
    """Lines on their way to the reader, without the NUL that some Pythons do not take."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._had_nul = False
        self.read = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.read += len(line)
        if "\0" in line:
            self._had_nul = True
            return line.replace("\0", NUL_STAND_IN)
        return line

    def restored(self, cells: list[str]) -> list[str]:
        if not self._had_nul:
            return cells
        return [cell.replace(NUL_STAND_IN, "\0") for cell in cells]


@contextmanager
def _large_cells() -> Iterator[None]:
    """Let cells be larger for a moment; what the rest of the process had set is put back."""
    with _raising:
        before = csv.field_size_limit(LARGEST_CELL)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file, and refuse one that is no line any more.

    :raises ValueError: A line is longer than :data:`LONGEST_LINE`.
    """
    for number, line in enumerate(iter(partial(stream.readline, LONGEST_LINE), b""), 1):
        if len(line) >= LONGEST_LINE:
            raise ValueError(f"line {number} is longer than {LONGEST_LINE:,} bytes")
        yield line


def text_lines(stream: IO[bytes]) -> Iterator[str]:
    """Yield the lines of a file of UTF-8, without the byte order mark that it may begin with.

    The file stays open, and the caller's.

    :raises ValueError: A line is no UTF-8, or longer than :data:`LONGEST_LINE`.
    """
    number = 0
    try:
        for number, line in enumerate(lines(stream), 1):
            yield line.decode("utf-8" if number > 1 else "utf-8-sig")
    except UnicodeDecodeError as error:
        problem = str(error)
    else:
        return
    raise ValueError(f"line {number}: {problem}")


def harmless(cell: str) -> str:
    """Return a cell that a spreadsheet takes for a text, whatever it begins with.

    >>> harmless("=HYPERLINK(A1)"), harmless("-5"), harmless("five")
    ("'=HYPERLINK(A1)", "'-5", 'five')

    Source: `CWE-1236 <https://cwe.mitre.org/data/definitions/1236.html>`_, formula elements in a
    CSV file.
    """
    return f"'{cell}" if cell.startswith(FORMULA) else cell
