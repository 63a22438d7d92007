"""Rows that can be told apart: each made ready to be sent, with the key by which it is known."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from crowdflower._types import Row, Rows, a_type
from crowdflower.exceptions import InvalidInput
from crowdflower.http import encoding
from crowdflower.rows import csv_format
from crowdflower.rows.upload_source import CSV, JSON_LINES

GOLD_COLUMN: Final = re.compile(r"_golden|_gold_pool|.+_gold|.+_gold_reason")
"""Columns of test questions; rows of one upload may have them or not."""


@dataclass(frozen=True)
class Source:
    """Rows on their way to a job, each with the key by which it is known.

    :param header: What stands before the rows in each chunk.
    :param rows: Key and encoded row; consumed once.
    """

    content_type: str
    header: bytes
    rows: Iterator[tuple[str, bytes]]


def of_rows(rows: Rows, key: str, *, force: bool) -> Source:
    """Make rows ready to be sent by their key; one that lacks columns of the first is completed.

    :raises InvalidInput: While they are consumed: a row cannot be sent; its ``row`` says which.
    """
    return Source(JSON_LINES, b"", _keyed(rows, key, _Columns(force=force)))


def of_file(file: IO[bytes], content_type: str, key: str, *, force: bool) -> Source:
    """Make the rows of a file ready to be sent by their key.

    :raises InvalidInput: There is no such column, or it is neither CSV nor JSON lines.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON_LINES:
        return Source(JSON_LINES, b"", _keyed_lines(file, key, _Columns(force=force)))
    if kind != CSV:
        raise InvalidInput(
            f"rows of {kind} cannot be told apart by a key; save them as CSV, or as a JSON object"
            " a line"
        )
    records = csv_format.records(csv_format.text_lines(file))
    try:
        names = next(records, (1, []))[1]
    except ValueError as error:
        raise InvalidInput(f"the header of the CSV cannot be read: {error}") from None
    if names.count(key) != 1:
        raise InvalidInput(f"the CSV has no column {key!r}, or several; it has {', '.join(names)}")
    return Source(content_type, _csv_line(names), _keyed_records(records, names, key))


def key_in(data: Mapping[str, Any], key: str) -> str | None:
    """Return a row's key as the service holds it; ``None`` where there is none.

    A column of a CSV is renamed on its way: lower case, ``_`` for spaces, and no punctuation.

    >>> key_in({"retailer_url": " a.example "}, "Retailer URL"), key_in({"id": 7}, "id")
    ('a.example', '7')
    """
    value = data.get(key)
    if value is None:
        value = data.get(re.sub(r"[^\w]", "", re.sub(r"\s+", "_", key.strip().lower())))
    return None if value is None else str(value).strip()


class _Columns:
    """The columns of an upload, which its first row names.

    The service holds each chunk against the columns of the job, and fills what later rows of a
    chunk lack. Which row begins a chunk must make no difference, so they are filled here.
    """

    def __init__(self, *, force: bool) -> None:
        self._force = force
        self._first: dict[str, None] | None = None

    def fitted(self, row: Row, number: int) -> Row:
        if self._force:
            return row
        if self._first is None:
            self._first = {name: None for name in row if not GOLD_COLUMN.fullmatch(str(name))}
        if row.keys() == self._first.keys():
            return row
        for name in row:
            if name not in self._first and not GOLD_COLUMN.fullmatch(str(name)):
                raise InvalidInput(
                    f"row {number} has a column that row 1 does not have: {name!r}; force=True"
                    " adds it",
                    row=number,
                )
        lacking = {name: None for name in self._first if name not in row}
        return {**row, **lacking} if lacking else row


def _keyed(rows: Rows, key: str, columns: _Columns) -> Iterator[tuple[str, bytes]]:
    keys: list[str] = []

    def noted() -> Iterator[Row]:
        for number, row in enumerate(encoding.rows_in(rows), 1):
            if not isinstance(row, Mapping):
                keys.append("")
                yield row  # refused below, with its number
                continue
            keys.append(_key(row.get(key), key, number))
            yield columns.fitted(row, number)

    for block in encoding.json_lines(noted()):
        yield from zip(keys, block.splitlines(keepends=True), strict=True)
        keys.clear()


def _keyed_lines(file: IO[bytes], key: str, columns: _Columns) -> Iterator[tuple[str, bytes]]:
    """Yield lines as they are: numbers in them may have more digits than Python would write."""
    number = 0
    for line in csv_format.lines(file):
        if line.isspace():
            continue
        number += 1
        try:
            row = encoding.decode(line)
        except ValueError as error:
            raise InvalidInput(f"row {number} is not JSON: {error}", row=number) from None
        if not isinstance(row, dict):
            raise InvalidInput(f"row {number} is {a_type(row)}, not an object", row=number)
        fitted = columns.fitted(row, number)
        plain = line.removeprefix(b"\xef\xbb\xbf").strip() if fitted is row else None
        yield _key(row.get(key), key, number), (plain or encoding.encode(fitted)) + b"\n"


def _keyed_records(
    records: Iterator[tuple[int, list[str]]], names: list[str], key: str
) -> Iterator[tuple[str, bytes]]:
    place = names.index(key)
    for number, (line, cells) in enumerate(_readable(records), 1):
        if len(cells) != len(names):
            raise InvalidInput(
                f"row {number}, on line {line}, has {len(cells)} of {len(names)} cells",
                row=number,
            )
        yield _key(cells[place], key, number), _csv_line(cells)


def _readable(records: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from records
    except ValueError as error:
        raise InvalidInput(f"the CSV cannot be read: {error}") from None


def _csv_line(cells: list[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode("utf-8")


def _key(value: object, key: str, number: int) -> str:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        text = str(value).strip()
        if text and encoding.can_be_written(text):
            return text
    raise InvalidInput(
        f"row {number} has {value!r:.80} as its {key!r}; a key is a text or a whole number",
        row=number,
    )
