r"""Uploaded CSV as rows, read as it streams: UTF-8, one header, every row as wide as it.

A row's number counts the header as row 1, as the service's own messages do ("count 55, unable to
parse row 57"). What is wrong with a file is found at the row where it is, and no row after it is
read.
"""

from __future__ import annotations

import csv
import io
import re
from itertools import chain
from typing import IO, TYPE_CHECKING, Final

from crowdflower.sandbox.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

MAX_CELL: Final = 16 * 1024 * 1024
"""Characters in one cell; rows may carry whole images in base 64."""

MAX_ROW: Final = 2 * MAX_CELL
"""Characters in one row; a file that is one row would else be in memory as a whole."""

MAX_COLUMNS: Final = 5000

_AT_ONCE: Final = 1024 * 1024
"""Characters of a line that :mod:`csv` may see; it would make a cell of every second one."""

_ENDS: Final = frozenset({"", "\r", "\n"})
_ENCODING: Final = "Please be sure your file is UTF-8 encoded."
_UNDECODED = re.compile("[\ud800-\udfff]")
"""What ``surrogateescape`` makes of bytes that are no UTF-8."""


def read(
    stream: IO[bytes], named: Callable[[str], str]
) -> Generator[dict[str, str | None], None, None]:
    r"""Yield the rows of a CSV file, column to cell; an empty cell is ``None``.

    :param stream: The file, in binary; it is left open.
    :param named: Makes a column's name of a cell of the header.
    :raises Invalid: The file has no header, a row has too few or too many cells, or something in
        it is no CSV or no UTF-8.

    >>> list(read(io.BytesIO(b"Review ID,text\nr1,\n"), str.lower))
    [{'review id': 'r1', 'text': None}]
    """
    # Bytes that are no UTF-8 must not stop the decoder, which runs ahead of the rows by a block:
    # they pass through it in disguise, and the row that holds them is the one that is refused.
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from _rows(text, named)
    finally:
        text.detach()


def _rows(text: io.TextIOBase, named: Callable[[str], str]) -> Iterator[dict[str, str | None]]:
    columns: list[str] | None = None
    for number, cells in _numbered(_records(text)):
        if not cells:
            continue
        if columns is None:
            columns = _columns(cells, named)
        elif len(cells) != len(columns):
            problem = f"It is {len(cells)} cells wide, and the header {len(columns)}."
            raise _unable(number, problem)
        else:
            yield dict(zip(columns, [cell or None for cell in cells], strict=True))
    if columns is None:
        raise Invalid("The file is empty; its first row has to name the columns.")


def _numbered(rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    number = 0
    try:
        for number, cells in enumerate(rows, 1):
            text = "".join(cells)
            # NUL is UTF-8, but where it comes up in a table, the table is UTF-16.
            if "\0" in text or (not text.isascii() and _UNDECODED.search(text)):
                raise _unable(number, _ENCODING)
            yield number, cells
    except csv.Error as error:
        problem = _ENCODING if "NUL" in str(error) else f"It is no CSV: {error}."
        raise _unable(number + 1, problem) from None


def _records(text: io.TextIOBase) -> Iterator[list[str]]:
    """Yield the cells of each record.

    :mod:`csv` refuses a cell beyond a limit that is one for all of the process: whoever raises it
    raises it for everybody. It stays as it is, and the few records that are beyond it are taken
    apart by hand.

    :raises csv.Error: A record is none.
    """
    begun: list[str] = []
    lines = _lines(text, begun)
    reader = csv.reader(map(_short, lines), strict=True)
    while True:
        begun.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if sum(map(len, begun)) <= min(csv.field_size_limit(), _AT_ONCE):
                raise
            cells = _by_hand(chain(tuple(begun), lines))
        yield cells


def _lines(text: io.TextIOBase, begun: list[str]) -> Iterator[str]:
    """Yield the lines of a file, and keep those of the record that has begun."""
    size = 0
    while line := text.readline(MAX_ROW + 1):
        size = size + len(line) if begun else len(line)
        if size > MAX_ROW:
            raise csv.Error(f"it is longer than {MAX_ROW} characters")
        begun.append(line)
        yield line


def _short(line: str) -> str:
    if len(line) > _AT_ONCE:
        raise csv.Error(f"a line is longer than {_AT_ONCE} characters")
    return line


def _by_hand(lines: Iterator[str]) -> list[str]:
    """Take one record apart as :mod:`csv` does, whatever its size.

    :raises csv.Error: It is none, or has a cell larger than :data:`MAX_CELL`.
    """
    cells: list[str] = []
    line, at = next(lines), 0
    while True:
        if line.startswith('"', at):
            cell, line, at = _quoted(line, at + 1, lines)
        else:
            end = line.find(",", at)
            cell = line[at:].rstrip("\r\n") if end < 0 else line[at:end]
            at += len(cell)
        _check(len(cell))
        cells.append(cell)
        if line[at : at + 1] in _ENDS:
            return cells
        if line[at] != ",":
            raise csv.Error("',' expected after '\"'")
        if len(cells) > MAX_COLUMNS:
            raise csv.Error(f"it has more than {MAX_COLUMNS} cells")
        at += 1


def _quoted(line: str, at: int, lines: Iterator[str]) -> tuple[str, str, int]:
    """Read a cell from behind its first quote on.

    :returns: The cell, the line on which it ends, and where on it that is.
    """
    pieces: list[str] = []
    size = 0
    while True:
        end = line.find('"', at)
        is_escaped = end >= 0 and line.startswith('"', end + 1)
        pieces.append(line[at : end + 1 if is_escaped else end if end >= 0 else None])
        size += len(pieces[-1])
        _check(size)
        if is_escaped:
            at = end + 2
        elif end >= 0:
            return "".join(pieces), line, end + 1
        else:
            line, at = next(lines, ""), 0
            if not line:
                raise csv.Error("unexpected end of data")


def _check(size: int) -> None:
    if size > MAX_CELL:
        raise csv.Error(f"field larger than the limit ({MAX_CELL})")


def _columns(header: list[str], named: Callable[[str], str]) -> list[str]:
    columns = [named(cell) for cell in header]
    if len(columns) > MAX_COLUMNS:
        raise _unable(1, f"It names {len(columns)} columns; {MAX_COLUMNS} is the limit.")
    seen: dict[str, str] = {}
    for cell, column in zip(header, columns, strict=True):
        if not column:
            raise _unable(
                1, f"The header {cell!r} leaves no name for the column; use letters or digits."
            )
        if column in seen:
            raise _unable(1, f"Columns {seen[column]!r} and {cell!r} are both named {column!r}.")
        seen[column] = cell
    return columns


def _unable(number: int, problem: str) -> Invalid:
    return Invalid(f"Unable to parse row {number}. {problem}")
