"""JSON lines: rows to one JSON object a line, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain, islice
from typing import Any, Final

from crowdflower._types import JSON, Row, RowSource
from crowdflower.exceptions import InvalidInput
from crowdflower.http import encoding
from crowdflower.http.json_problems import MAX_NESTING
from crowdflower.models.arguments import check_row
from crowdflower.rows.sources.cell_values import convert_row
from crowdflower.rows.sources.row_sources import describe_item, rows_in

try:
    import orjson
except ModuleNotFoundError:
    orjson = None  # type: ignore[assignment]

ROWS_PER_BLOCK: Final = 1000
"""Rows encoded at a time: one row at a time would spend most of its time on function calls."""

_SAME_IN_BOTH: Final = {str, int, bool, type(None)}
"""Types that orjson writes as the standard library does, or refuses. Not ``float``: it writes NaN
as ``null``."""

_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def json_lines(rows: RowSource) -> Iterator[bytes]:
    r"""Encode rows as JSON, one object a line, in blocks of :data:`ROWS_PER_BLOCK`.

    :param rows: What :func:`~crowdflower.rows.sources.row_sources.rows_in` takes; consumed lazily.
    :raises InvalidInput: A row is not a mapping, or holds a value that cannot be sent; ``row`` is
        its number.

    >>> b"".join(json_lines([{"text": "Grüße"}, {"text": "Hi"}])).decode()
    '{"text":"Grüße"}\n{"text":"Hi"}\n'
    """
    source = iter(rows_in(rows))
    first = 1
    while block := [_copy_row(row) for row in islice(source, ROWS_PER_BLOCK)]:
        yield _encode_block(block, first)
        first += len(block)


def _copy_row(row: Any) -> Any:
    """Copy a row: a generator may reuse the same dict for the next one."""
    return dict(row) if isinstance(row, dict) else row


def _encode_block(block: list[Any], first: int) -> bytes:
    """Encode a block in one go if its rows are plain dicts; otherwise row by row, for the error."""
    lines = _encode_plain(block) or _encode_plain(block := list(map(convert_row, block)))
    if lines and not any(map(_may_be_refused, lines)):
        return b"\n".join(lines) + b"\n"
    return b"".join(_encode_row(row, number) for number, row in enumerate(block, first))


def _encode_plain(block: list[Any]) -> list[bytes]:
    """Encode rows, or return nothing if they are not all dicts of JSON values."""
    if set(map(type, block)) == {dict} and set(map(type, chain.from_iterable(block))) <= {str}:
        kinds = set(map(type, chain.from_iterable(map(dict.values, block))))
        with suppress(TypeError, ValueError, RecursionError):
            if orjson is not None and kinds <= _SAME_IN_BOTH:
                return list(map(orjson.dumps, block))
            return [_encode(row).encode("utf-8") for row in block]
    return []


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
