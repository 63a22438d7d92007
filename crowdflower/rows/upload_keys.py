"""Rows with a key: each row encoded for upload, together with the value that identifies it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from crowdflower._types import JSON, JSONObject, Row, RowSource, describe_type
from crowdflower.cml.names import column_name
from crowdflower.exceptions import InvalidInput
from crowdflower.http import encoding
from crowdflower.http.json_problems import is_missing, remedy
from crowdflower.models.arguments import did_you_mean
from crowdflower.rows import csv_format
from crowdflower.rows.json_lines import check_line, is_reusing, json_lines
from crowdflower.rows.sources.cell_values import convert_cell
from crowdflower.rows.sources.row_sources import rows_in
from crowdflower.rows.sources.table_rows import MAX_WHOLE, TableRows
from crowdflower.rows.upload_source import CSV, JSON_LINES

GOLD_COLUMN: Final = re.compile(r"_golden|_gold_pool|.+_gold|.+_gold_reason")
"""Columns of test questions, which may differ from row to row."""

Units = Iterable[tuple[int, JSONObject]]
"""Id and data of units of a job."""


@dataclass(frozen=True)
class Source:
    """Encoded rows to upload, each with its key.

    :param header: Sent before the rows of each chunk.
    :param rows: Key and encoded row; consumed once.
    """

    content_type: str
    header: bytes
    rows: Iterator[tuple[str, bytes]]


def check_key(key: object) -> None:
    """Check that a key can be the name of a column.

    :raises InvalidInput: It is not a string.

    >>> check_key(["sku", "text"])
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: key must be the name of one column, a string, not a list
    """
    if not isinstance(key, str):
        raise InvalidInput(
            f"key must be the name of one column, a string, not {describe_type(key)}"
        )


def of_rows(rows: RowSource, key: str, *, force: bool) -> Source:
    """Encode rows with their keys; columns of the first row that a row lacks are added as null.

    :param rows: What :func:`~crowdflower.rows.sources.row_sources.rows_in` takes.
    :raises InvalidInput: The key is not a string. Or a row cannot be sent, and ``row`` is its
        number; raised while the rows are consumed.
    """
    check_key(key)
    source = rows_in(rows)
    if isinstance(source, TableRows):
        if key not in source.names:
            advice = "; the index is not sent, call reset_index()" if key in source.index else ""
            raise InvalidInput(f"the {source.kind} {no_column(key, source.names)}{advice}")
        source.use_key(key)
    return Source(JSON_LINES, b"", _encode_rows(source, key, _Columns(force=force)))


def of_file(file: IO[bytes], content_type: str, key: str, *, force: bool) -> Source:
    """Read the rows of a file with their keys.

    :raises InvalidInput: The key is not a string, the file has no such column, or the file is
        neither CSV nor JSON lines.
    """
    check_key(key)
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON_LINES:
        return Source(JSON_LINES, b"", _file_lines(file, key, _Columns(force=force)))
    if kind != CSV:
        raise InvalidInput(
            f"a file of {kind} cannot be uploaded with a key; save it as CSV, or as JSON lines"
        )
    records = csv_format.records(csv_format.text_lines(file))
    try:
        names = next(records, (1, []))[1]
    except ValueError as error:
        raise InvalidInput(f"the header of the CSV cannot be read: {error}") from None
    if names.count(key) != 1:
        problem = no_column(key, names) if key not in names else f"has the column {key!r} twice"
        raise InvalidInput(f"the CSV {problem}")
    return Source(content_type, _csv_line(names), _file_records(records, names, key))


def key_in(data: Mapping[str, Any], key: str) -> str | None:
    """Return the key of a row as the service stores it; ``None`` if the row has no key.

    The service renames the columns of a CSV, see :func:`~crowdflower.cml.names.column_name`.

    >>> key_in({"retailer_url": " a.example "}, "Retailer URL"), key_in({"id": 7}, "id")
    ('a.example', '7')
    """
    value = data.get(key)
    if value is None:
        value = data.get(column_name(key))
    return None if value is None else str(value).strip()


class _Columns:
    """The columns of an upload, taken from its first row.

    The service compares the first row of each chunk with the columns of the job, and completes
    later rows. Which row begins a chunk must not matter, so rows are completed here.
    """

    def __init__(self, *, force: bool) -> None:
        self._force = force
        self._first: dict[str, None] | None = None

    def complete(self, row: Row, number: int) -> Row:
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
        missing = {name: None for name in self._first if name not in row}
        return {**row, **missing} if missing else row


def _encode_rows(rows: Iterable[Row], key: str, columns: _Columns) -> Iterator[tuple[str, bytes]]:
    keys: list[str] = []

    def complete_rows() -> Iterator[Row]:
        for number, row in enumerate(rows, 1):
            if type(row) is not dict and not isinstance(row, Mapping):
                keys.append("")
                yield row  # json_lines refuses it, with its number
                continue
            keys.append(_key_of(row, key, number))
            yield columns.complete(row, number)

    for block in json_lines(complete_rows(), reuse=is_reusing(rows)):
        yield from zip(keys, block.splitlines(keepends=True), strict=True)
        keys.clear()


def _file_lines(file: IO[bytes], key: str, columns: _Columns) -> Iterator[tuple[str, bytes]]:
    """Yield lines unchanged: numbers in them may have more digits than Python would write."""
    number = 0
    for line in _lines(file):
        if line.isspace():
            continue
        number += 1
        try:
            row = _decode_row(line)
        except ValueError as error:
            raise InvalidInput(f"row {number} is not JSON: {error}", row=number) from None
        if not isinstance(row, dict):
            raise InvalidInput(f"row {number} is {describe_type(row)}, not an object", row=number)
        check_line(row, line, number)
        completed = columns.complete(row, number)
        unchanged = line.removeprefix(b"\xef\xbb\xbf").strip() if completed is row else None
        yield (
            _key_of(row, key, number),
            (unchanged or encoding.encode_json(completed)) + b"\n",
        )


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    try:
        yield from csv_format.lines_of_any_end(file)
    except ValueError as error:
        problem = str(error)
    else:
        return
    raise InvalidInput(f"the rows cannot be read: {problem}; split the row, or drop a column")


def _decode_row(line: bytes) -> JSON:
    """Decode a row; a name that an object has twice would lose a value without notice."""
    row = encoding.decode_json(line)
    if isinstance(row, dict) and line.count(b":") != len(row):
        json.loads(line.decode("utf-8-sig"), object_pairs_hook=_refuse_duplicates)
    return row


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> JSONObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        name = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it has {name!r:.80} twice")
    return found


def _file_records(
    records: Iterator[tuple[int, list[str]]], names: list[str], key: str
) -> Iterator[tuple[str, bytes]]:
    column = names.index(key)
    for number, (line, cells) in enumerate(_csv_errors(records), 1):
        if len(cells) != len(names):
            raise InvalidInput(
                f"row {number}, on line {line}, has {len(cells)} of {len(names)} cells",
                row=number,
            )
        yield _key(cells[column], key, number), _csv_line(cells)


def _csv_errors(records: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from records
    except ValueError as error:
        raise InvalidInput(f"the CSV cannot be read: {error}") from None


def _csv_line(cells: list[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode("utf-8")


def _key_of(row: Row, key: str, number: int) -> str:
    if key not in row:
        raise InvalidInput(f"row {number} {no_column(key, row)}", row=number)
    return _key(row[key], key, number)


def _key(value: object, key: str, number: int) -> str:
    if type(value) is not str and type(value) is not int:
        value = convert_cell(value)
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        text = str(value).strip()
        if text and encoding.is_encodable(text):
            return text
    advice = remedy(value)
    if isinstance(value, float) and value.is_integer():
        is_exact = abs(value) < MAX_WHOLE
        advice = "convert it with int()" if is_exact else "as a float, it has lost its last digits"
    elif is_missing(value):
        advice = "every row needs one"
    raise InvalidInput(
        f"row {number} has {value!r:.80} as its {key!r}; a key must be a non-empty string or an"
        f" integer{advice and '; '}{advice}",
        row=number,
    )


def no_column(key: str, names: Iterable[object]) -> str:
    """Return the end of a sentence that names the columns which are there."""
    columns = [str(name) for name in names]
    shown = f"{', '.join(columns) or 'none':.500}"
    return f"has no column {key!r}, the key; its columns are: {shown}{did_you_mean(key, columns)}"


def keys_of_units(units: Units, key: str, *, required: bool = False) -> Iterator[tuple[str, int]]:
    """Yield the key and the id of every unit that has a key.

    :raises InvalidInput: ``required``, and no unit has such a column; raised at the end.
    """
    data: JSONObject = {}
    is_there = not required
    for unit_id, data in units:
        found = key_in(data, key)
        is_there = is_there or found is not None or key in data
        if found:
            yield found, unit_id
    if data and not is_there:
        raise InvalidInput(f"the job {no_column(key, data)}")
