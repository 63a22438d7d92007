r"""Reads uploaded CSV row by row: UTF-8, one header, every row as wide as the header.

The header is row 1 in messages, as in the service's own ("count 55, unable to parse row 57").
Reading stops at the first row that is wrong.
"""

from __future__ import annotations

import csv
import io
import re
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, Final

from crowdflower._types import Message
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.rules.units.row_checks import MAX_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

MAX_CELL: Final = 16 * 1024 * 1024
"""Characters in one cell; rows may carry whole images in base 64."""

MAX_ROW: Final = 2 * MAX_CELL
"""Characters in one row; limits the memory that a file of one row takes."""

_MAX_LINE: Final = 1024 * 1024
"""Characters of a line for :mod:`csv`, which may make a cell of every second one."""

_ENDS: Final = frozenset({"", "\r", "\n"})
ENCODING: Final = "Please be sure your file is UTF-8 encoded."
_NOT_UTF_8 = re.compile("[\ud800-\udfff]")
"""What ``surrogateescape`` decodes bytes to that are not UTF-8."""


def read(
    stream: IO[bytes], column_name: Callable[[str], str], separator: str = ","
) -> Generator[dict[str, str | None], None, None]:
    r"""Yield the rows of a CSV file, column to cell; an empty cell is ``None``.

    :param stream: The file, in binary; it is left open.
    :param column_name: Turns a cell of the header into the name of a column.
    :param separator: The character between cells. The API takes commas only.
    :raises Invalid: The file has no header, a row has too few or too many cells, or the file is
        not CSV or not UTF-8.

    >>> list(read(io.BytesIO(b"Review ID,text\nr1,\n"), str.lower))
    [{'review id': 'r1', 'text': None}]
    """
    # The decoder is a block ahead of the rows. So that the right row is refused, bytes that are
    # not UTF-8 are decoded to surrogates and found when their row is read.
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from _rows(text, column_name, separator)
    finally:
        text.detach()


def _rows(
    text: io.TextIOBase, column_name: Callable[[str], str], separator: str
) -> Iterator[dict[str, str | None]]:
    columns: list[str] | None = None
    number = 0
    try:
        for number, cells in enumerate(_records(text, separator), 1):
            _check_characters(number, cells)
            if not cells:
                continue
            if columns is None:
                columns = _columns(cells, column_name)
            elif len(cells) != len(columns):
                problem = f"It is {len(cells)} cells wide, and the header {len(columns)}."
                raise unable(number, problem, "row_width", cells=len(cells), header=len(columns))
            elif all(cells):
                yield dict(zip(columns, cells, strict=True))
            else:
                yield dict(zip(columns, [cell or None for cell in cells], strict=True))
    except csv.Error as error:
        if "NUL" in str(error):
            raise unable(number + 1, ENCODING, "not_utf_8") from None
        problem = f"It is not valid CSV: {error}."
        raise unable(number + 1, problem, "not_csv", error=str(error)) from None
    if columns is None:
        raise Invalid(
            Message("The file is empty; its first row must name the columns.", "empty_file")
        )


def _check_characters(number: int, cells: list[str]) -> None:
    text = "".join(cells)
    if not text.isascii() and _NOT_UTF_8.search(text):
        raise unable(number, ENCODING, "not_utf_8")
    if "\0" in text:  # valid UTF-8, but it may mean that the file is UTF-16
        column = next(column for column, cell in enumerate(cells, 1) if "\0" in cell)
        problem = f"Column {column} has the character NUL. {ENCODING}"
        raise unable(number, problem, "nul_in_row", column=column)


def _records(text: io.TextIOBase, separator: str) -> Iterator[list[str]]:
    """Yield the cells of each record.

    :mod:`csv` has one limit of cell size for the whole process, which must not be changed for other
    code. So the few records beyond it are split by :func:`_split_record`.

    :raises csv.Error: A record is not valid CSV.
    """
    current: list[str] = []
    lines = _lines(text, current)
    reader = csv.reader(map(_check_line, lines), delimiter=separator, strict=True)
    while True:
        current.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if sum(map(len, current)) <= min(csv.field_size_limit(), _MAX_LINE):
                raise
            cells = _split_record(chain(tuple(current), lines), separator)
        yield cells


def _lines(text: io.TextIOBase, current: list[str]) -> Iterator[str]:
    """Yield the lines of a file, and collect those of the current record."""
    size = 0
    while line := text.readline(MAX_ROW + 1):
        size = size + len(line) if current else len(line)
        if size > MAX_ROW:
            raise csv.Error(f"it is longer than {MAX_ROW} characters")
        current.append(line)
        yield line


def _check_line(line: str) -> str:
    if len(line) > _MAX_LINE:
        raise csv.Error(f"a line is longer than {_MAX_LINE} characters")
    return line


def _split_record(lines: Iterator[str], separator: str) -> list[str]:
    """Split one record into cells as :mod:`csv` does, whatever its size.

    :raises csv.Error: The record is not valid CSV, or has a cell larger than :data:`MAX_CELL`.
    """
    cells: list[str] = []
    line, at = next(lines), 0
    while True:
        if line.startswith('"', at):
            cell, line, at = _read_quoted_cell(line, at + 1, lines)
        else:
            end = line.find(separator, at)
            cell = line[at:].rstrip("\r\n") if end < 0 else line[at:end]
            at += len(cell)
        _check_cell(len(cell))
        cells.append(cell)
        if line[at : at + 1] in _ENDS:
            return cells
        if line[at] != separator:
            raise csv.Error(f"'{separator}' expected after '\"'")
        if len(cells) > MAX_COLUMNS:
            raise csv.Error(f"it has more than {MAX_COLUMNS} cells")
        at += 1


def _read_quoted_cell(line: str, at: int, lines: Iterator[str]) -> tuple[str, str, int]:
    """Read a quoted cell, from the position after its first quote.

    :returns: The cell, the line on which it ends, and the position after it in that line.
    """
    pieces: list[str] = []
    size = 0
    while True:
        end = line.find('"', at)
        is_escaped = end >= 0 and line.startswith('"', end + 1)
        pieces.append(line[at : end + 1 if is_escaped else end if end >= 0 else None])
        size += len(pieces[-1])
        _check_cell(size)
        if is_escaped:
            at = end + 2
        elif end >= 0:
            return "".join(pieces), line, end + 1
        else:
            line, at = next(lines, ""), 0
            if not line:
                raise csv.Error("unexpected end of data")


def _check_cell(size: int) -> None:
    if size > MAX_CELL:
        raise csv.Error(f"field larger than the limit ({MAX_CELL})")


def _columns(header: list[str], column_name: Callable[[str], str]) -> list[str]:
    columns = [column_name(cell) for cell in header]
    if len(columns) > MAX_COLUMNS:
        problem = f"It names {len(columns)} columns; {MAX_COLUMNS} is the limit."
        raise unable(1, problem, "many_columns", columns=len(columns), most=MAX_COLUMNS)
    seen: dict[str, str] = {}
    for cell, column in zip(header, columns, strict=True):
        if not column:
            problem = f"The header {cell!r} gives no column name; use letters or digits."
            raise unable(1, problem, "no_column_name", header=cell[:80])
        if column in seen:
            problem = f"Columns {seen[column]!r} and {cell!r} are both named {column!r}."
            headers = {"first": seen[column][:80], "second": cell[:80]}
            raise unable(1, problem, "same_column_name", **headers, column=column[:80])
        seen[column] = cell
    return columns


def unable(number: int, problem: str, code: str, **values: Any) -> Invalid:
    """Return the refusal of a file for one of its rows, as the service words it.

    :param number: Of the row, from 1; the header of CSV is row 1.
    :param code: What the problem is, with the values in it, as of a :class:`Message`.
    """
    text = f"Unable to parse row {number}. {problem}"
    return Invalid(Message(text, code, row=number, **values))
