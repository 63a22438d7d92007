r"""Uploaded CSV as rows, read as it streams: UTF-8, one header, every row as wide as it.

A row's number counts the header as row 1, as the service's own messages do ("count 55, unable to
parse row 57"). What is wrong with a file is found at the row where it is, and no row after it is
read.
"""

from __future__ import annotations

import csv
import io
import re
from typing import IO, TYPE_CHECKING, Final

from crowdflower.sandbox.refusals import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_CELL: Final = 16 * 1024 * 1024
"""Characters in one cell; rows may carry whole images in base 64."""

MAX_COLUMNS: Final = 5000

_ENCODING: Final = "Please be sure your file is UTF-8 encoded."
_UNDECODED = re.compile("[\ud800-\udfff]")
"""What ``surrogateescape`` makes of bytes that are no UTF-8."""


def read(stream: IO[bytes], named: Callable[[str], str]) -> Iterator[dict[str, str | None]]:
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
    # The limit is the module's, not the reader's; it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))
    columns: list[str] | None = None
    for number, cells in _numbered(csv.reader(text, strict=True)):
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
