"""CSV as the service writes and reads it, with cells of any practical size."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import IO, Final

MAX_CELL: Final = 1 << 25
"""Characters in a cell. Python's own limit, 131,072, is too small for a cell with a page of HTML,
and can only be changed for the whole process."""

MAX_LINE: Final = 1 << 25
"""Bytes in a line: a file that is one line would fill the memory."""

BLOCK: Final = 1 << 16
"""Bytes that are read at a time."""

BATCH: Final = 1 << 20
"""Characters that are read between two changes of the limit for cells."""

FORMULA: Final = (*"=+-@", *"\t\r\n", *"\uff1d\uff0b\uff0d\uff20")
"""First characters of cells that a spreadsheet takes for formulas; the last four are full-width."""

_limit_lock = Lock()


def _reset_lock() -> None:
    """Replace the lock in a forked process: a thread that exists only in the parent may hold it."""
    global _limit_lock  # noqa: PLW0603 - one for the process, as the limit that it guards
    _limit_lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_lock)


def records(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    r"""Yield the records of a CSV, each with the number of its first line.

    Blank lines are skipped. An error is raised after the records before it have been yielded.

    :param lines: With their line ends; a record may span several.
    :raises ValueError: A quote is never closed, or not followed by a separator, or a cell is too
        large; the message starts with the record's first line.

    >>> list(records(["a,b\n", '1,"x\n', 'y"\n', "\n", "2,z\n"]))
    [(1, ['a', 'b']), (2, ['1', 'x\ny']), (5, ['2', 'z'])]
    """
    source = _CountedLines(lines)
    reader = csv.reader(source, strict=True)
    failure: Exception | None = None
    is_over = False
    while not is_over:
        batch: list[tuple[int, list[str]]] = []
        source.characters = 0
        first = reader.line_num + 1
        with _large_cells():
            try:
                while source.characters < BATCH:
                    first = reader.line_num + 1
                    cells = next(reader)
                    if cells:
                        batch.append((first, cells))
            except StopIteration:
                is_over = True
            except csv.Error as error:
                failure, is_over = ValueError(f"line {first}: {error}"), True
            except Exception as error:  # noqa: BLE001 - raised below, after the batch
                failure, is_over = error, True
        yield from batch
    if failure is not None:
        raise failure


class _CountedLines:
    """Lines, and how many characters of them have been read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.characters = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.characters += len(line)
        return line


@contextmanager
def _large_cells() -> Iterator[None]:
    """Raise the limit for cells for the block, and restore what the rest of the process had set."""
    with _limit_lock:
        before = csv.field_size_limit(MAX_CELL)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines of a file.

    :raises ValueError: A line is longer than :data:`MAX_LINE`.
    """
    for number, line in enumerate(iter(partial(stream.readline, MAX_LINE), b""), 1):
        if len(line) >= MAX_LINE:
            raise ValueError(f"line {number} is longer than {MAX_LINE:,} bytes")
        yield line


def lines_of_any_end(stream: IO[bytes], longest: int = MAX_LINE) -> Iterator[bytes]:
    """Yield the lines of a file with their ends: LF, CR and LF, or CR.

    :raises ValueError: A line has ``longest`` bytes or more.
    """
    number, size = 1, 0
    pieces: list[bytes] = []  # of a line that is longer than a block
    while block := stream.read(BLOCK):
        while block.endswith(b"\r") and (following := stream.read(1)):
            block += following  # an LF belongs to the CR
        for line in block.splitlines(keepends=True):
            size += len(line)
            if size >= longest:
                raise ValueError(f"line {number} is longer than {longest:,} bytes")
            pieces.append(line)
            if line.endswith((b"\n", b"\r")):
                yield b"".join(pieces)
                pieces.clear()
                number, size = number + 1, 0
    if pieces:
        yield b"".join(pieces)


def text_lines(stream: IO[bytes], longest: int = MAX_LINE) -> Iterator[str]:
    """Yield the lines of a file of UTF-8, without a byte order mark; the file stays open.

    Lines end in LF, in CR and LF, or in CR alone, as spreadsheets on a Mac save them.

    :param longest: Bytes that a line may have.
    :raises ValueError: A line is not UTF-8, or too long.
    """
    number = 0
    try:
        for number, line in enumerate(lines_of_any_end(stream, longest), 1):
            yield line.decode("utf-8" if number > 1 else "utf-8-sig")
    except UnicodeDecodeError as error:
        problem = str(error)
    else:
        return
    raise ValueError(f"line {number}: {problem}")


def escape_formula(cell: str) -> str:
    """Return a cell that a spreadsheet does not take for a formula.

    >>> escape_formula("=HYPERLINK(A1)"), escape_formula("-5"), escape_formula("five")
    ("'=HYPERLINK(A1)", "'-5", 'five')

    Sources: `CWE-1236 <https://cwe.mitre.org/data/definitions/1236.html>`_, formula elements in a
    CSV file; OWASP, `CSV Injection <https://owasp.org/www-community/attacks/CSV_Injection>`_, on
    the characters.
    """
    return f"'{cell}" if cell.startswith(FORMULA) else cell
