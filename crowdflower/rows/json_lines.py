"""JSON lines: rows to one JSON object a line, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice, repeat
from math import inf
from typing import Any, Final

from crowdflower._types import JSON, Row, RowSource
from crowdflower.exceptions import InvalidInput
from crowdflower.http import encoding
from crowdflower.http.json_problems import MAX_NESTING
from crowdflower.models.arguments import check_row
from crowdflower.rows.sources.cell_values import convert_row
from crowdflower.rows.sources.row_sources import describe_item, rows_in
from crowdflower.rows.sources.table_rows import TableRows

try:
    import orjson
except ModuleNotFoundError:
    orjson = None  # type: ignore[assignment]

ROWS_PER_BLOCK: Final = 1000
"""Rows encoded at a time: one row at a time would spend most of its time on function calls."""

BYTES_PER_BLOCK: Final = 1 << 20
"""Bytes that a block should not exceed: of long rows, fewer are encoded at a time."""


def json_lines(rows: RowSource, *, reuse: bool | None = None) -> Iterator[bytes]:
    r"""Encode rows as JSON, one object a line, in blocks of at most :data:`ROWS_PER_BLOCK`.

    With orjson installed it takes half the time, and the bytes are the same.

    :param rows: What :func:`~crowdflower.rows.sources.row_sources.rows_in` takes; consumed lazily.
    :param reuse: Whether a dict may be used again for the next row, so that each has to be copied;
        by default found out, see :func:`is_reusing`.
    :raises InvalidInput: A row is not a mapping, or holds a value that cannot be sent; ``row`` is
        its number.

    >>> b"".join(json_lines([{"text": "Grüße"}, {"text": "Hi"}])).decode()
    '{"text":"Grüße"}\n{"text":"Hi"}\n'
    """
    source = rows_in(rows)
    remaining = iter(source)
    copies = is_reusing(source) if reuse is None else reuse
    first, size = 1, ROWS_PER_BLOCK
    while block := _take(remaining, size, copies=copies):
        lines = _encode_block(block, first)
        yield lines
        first += len(block)
        size = max(1, min(ROWS_PER_BLOCK, len(block) * BYTES_PER_BLOCK // len(lines)))


def is_reusing(rows: Iterable[Any]) -> bool:
    """Return whether rows may share a dict, such as those of a generator.

    >>> is_reusing([{"id": 1}]), is_reusing({"id": number} for number in range(2))
    (False, True)
    """
    return type(rows) not in {list, tuple, TableRows}


def _take(rows: Iterator[Any], count: int, *, copies: bool) -> list[Any]:
    taken = islice(rows, count)
    if copies:
        return [dict(row) if isinstance(row, dict) else row for row in taken]
    return list(taken)


def _encode_block(block: list[Any], first: int) -> bytes:
    """Encode a block in one go if its rows are plain dicts; otherwise row by row, for the error."""
    lines = _encode_plain(block)
    if lines is None:
        block = list(map(convert_row, block))
        lines = _encode_plain(block)
    return lines or b"".join(_encode_row(row, number) for number, row in enumerate(block, first))


def _encode_plain(block: list[Any]) -> bytes | None:
    """Encode rows; return ``None`` if they are not all dicts of JSON values.

    :returns: Nothing if a row is JSON, but may hold what is not stored.
    """
    lines = None if orjson is None else _encode_fast(block)
    return _encode_standard(block) if lines is None else lines


# By the standard library

_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

_MARK: Final = "\0"
"""Stands before each row of a block: one call for all rows takes half the time of a call for each,
and a row that contains this character is refused."""


def _encode_standard(block: list[Any]) -> bytes | None:
    if set(map(type, block)) != {dict}:
        return None
    if not set(map(type, set().union(*block))) <= {str}:  # JSON makes strings of some others
        return None
    marked = list(chain.from_iterable(zip(repeat(_MARK), block, strict=False)))
    try:
        text = _encode(marked).replace(',"\\u0000",', "\n")
        lines = text[len('["\\u0000",') : -1].encode("utf-8") + b"\n"
    except (TypeError, ValueError, RecursionError):
        return None
    count = lines.count(b"\n")
    if count != len(block) or b"\\u" in lines:
        return b""
    is_nested = lines.count(b"{") + lines.count(b"[") >= count + MAX_NESTING
    return b"" if is_nested and any(map(_may_be_refused, lines.splitlines())) else lines


# By orjson

_OPTIONS: Final = (
    0
    if orjson is None
    else orjson.OPT_APPEND_NEWLINE
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
"""orjson refuses what is converted before it is encoded, and names that are not strings."""


def _encode_fast(block: list[Any]) -> bytes | None:
    """Encode rows with orjson; return ``None`` if the standard library might write others.

    The lines share one buffer: as long as many small results are alive, each fills a page of
    memory of its own.
    """
    dumps, values_of = orjson.dumps, dict.values
    lines = bytearray()
    values: list[Any] = []
    try:
        for row in block:
            lines += dumps(row, None, _OPTIONS)
            values += values_of(row)
    except TypeError:  # also if it is not a dict
        return None
    if not _are_alike(values, len(block[0]) or 1):
        return None
    return b"" if b"\\" in lines and b"\\u" in lines else bytes(lines)


def _are_alike(values: list[Any], columns: int) -> bool:
    """Return whether orjson and the standard library write the same for the values of rows.

    They differ in enums, in prepared JSON, in floats, and in how deep values may be nested.

    :param columns: Every value of a column has the same type in most data.
    """
    for _ in range(MAX_NESTING):  # the row is the first level, and nothing is nested in the last
        inner: list[Any] = []
        is_flat = True
        for column in (values[start::columns] for start in range(columns)):
            types = set(map(type, column))
            if not types <= _ALIKE:
                return False
            if float in types:
                numbers = column if len(types) == 1 else [x for x in column if type(x) is float]
                if not _are_digits_alike(numbers):
                    return False
            if not types.isdisjoint(_CONTAINERS):
                is_flat = False
                for value in column:
                    if type(value) in _CONTAINERS:
                        inner += value.values() if type(value) is dict else value
        if is_flat:
            return True
        values, columns = inner, 1
    return False


_CONTAINERS: Final = frozenset({dict, list, tuple})
_ALIKE: Final = _CONTAINERS | {str, int, float, bool, type(None)}


def _are_digits_alike(numbers: list[float]) -> bool:
    """Return whether both write the same digits; NaN is converted to null otherwise.

    Python writes an exponent below 0.0001, orjson below 0.00001, and both from 1e16 on. orjson
    writes infinite numbers as null too.
    """
    text = orjson.dumps(numbers)
    if b"e" in text or b"0.0000" in text:
        return False
    return b"null" not in text or not (inf in numbers or -inf in numbers)


# Row by row


def _may_be_refused(line: bytes) -> bool:
    """Return whether an encoded row may hold what is JSON and still not stored."""
    return b"\\u" in line or line.count(b"{") + line.count(b"[") > MAX_NESTING


def check_line(row: Row, line: bytes, number: int) -> None:
    """Check that a row from a file has no NUL, no lone surrogate, and not too many levels.

    :raises InvalidInput: The row, whose number is given, would be refused.
    """
    if _may_be_refused(line):
        try:
            check_row(row)
        except InvalidInput as error:
            problem = str(error)
        else:
            return
        raise InvalidInput(f"row {number}, {problem}", row=number)


def _encode_row(row: object, number: int) -> bytes:
    if not isinstance(row, Mapping):
        raise InvalidInput(f"row {number} is {describe_item(row)}", row=number)
    problem = "it cannot be written as JSON"
    if all(isinstance(column, str) for column in row):
        try:
            line = f"{_encode(dict(row))}\n".encode()
        except (TypeError, ValueError, RecursionError):
            pass
        else:
            check_line(row, line, number)
            return line
    try:
        check_row(row)
    except InvalidInput as error:
        problem = str(error)
    raise InvalidInput(f"row {number}, {problem}", row=number)


def decode_lines(lines: Iterable[bytes]) -> Iterator[JSON]:
    r"""Decode JSON lines one by one; blank lines are skipped.

    :raises ValueError: A line is not JSON; the message starts with its number.

    >>> list(decode_lines([b'{"id": 1}\n', b"\r\n", b'{"id": 2}']))
    [{'id': 1}, {'id': 2}]
    """
    number = 0
    try:
        for number, line in enumerate(lines, 1):  # noqa: B007 - named in the error
            if not line.isspace():
                yield encoding.decode_json(line)
    except ValueError as error:
        problem = str(error)
    else:
        return
    raise ValueError(f"line {number}: {problem}")
