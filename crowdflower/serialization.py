"""Python to wire and back: bracketed parameters, JSON lines, JSON, timestamps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from itertools import islice
from typing import Any, Final
from urllib.parse import urlencode

from crowdflower._types import JSON, Rows
from crowdflower.exceptions import InvalidInput

ROWS_PER_BLOCK: Final = 1000
"""Rows encoded at a time: a block a row spends most of its time on hand-overs."""


def bracketed(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Flatten nested parameters into the names that Rails, and so the service, understands.

    Booleans become ``true`` and ``false`` (the service takes no ``1`` or ``0``), ``None`` an empty
    text, dates ISO 8601.

    :returns: ``(name, text)`` pairs in order.
    :raises InvalidInput: A value cannot be written as text without guessing.

    >>> bracketed({"job": {"options": {"front_load": True}, "tags": ["a", "b"]}})
    [('job[options][front_load]', 'true'), ('job[tags][]', 'a'), ('job[tags][]', 'b')]
    """
    return [pair for name, value in parameters.items() for pair in _bracketed(str(name), value)]


def _bracketed(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _bracketed(f"{name}[{key}]", inner)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from _bracketed(f"{name}[]", inner)
    else:
        yield name, _text(name, value)


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (str, int, float, Decimal)):
        return str(value)
    raise InvalidInput(
        f"{name} is a {type(value).__name__}; parameters are texts, numbers, booleans, dates, or"
        " dicts and lists of these"
    )


def form(parameters: Mapping[str, Any]) -> bytes:
    """Encode parameters as the body of a form.

    >>> form({"job": {"title": "Café"}})
    b'job%5Btitle%5D=Caf%C3%A9'
    """
    return urlencode(bracketed(parameters)).encode("ascii")


def body(data: Any, *, multipart: bool) -> tuple[Any, dict[str, str]]:
    """Return a body as it is sent, and the header that says what it is.

    The service ignores a body that does not say so, without a word.

    :param data: A dict becomes a form; a text, bytes or an iterable of bytes goes as JSON.
    :param multipart: A dict stays pairs, for files to be put beside them.

    >>> body({"tags": "spring"}, multipart=False)
    (b'tags=spring', {'Content-Type': 'application/x-www-form-urlencoded'})
    """
    if data is None:
        return None, {}
    if isinstance(data, Mapping):
        if multipart:
            return bracketed(data), {}
        return form(data), {"Content-Type": "application/x-www-form-urlencoded"}
    sent = data.encode("utf-8") if isinstance(data, str) else data
    return sent, {"Content-Type": "application/json"}


def json_lines(rows: Rows) -> Iterator[bytes]:
    r"""Encode rows as JSON, one object a line, in blocks of :data:`ROWS_PER_BLOCK`.

    :param rows: Any iterable of mappings from column name to JSON value; consumed lazily.
    :raises InvalidInput: A row is no mapping, or holds what JSON cannot; ``row`` says which.

    >>> b"".join(json_lines([{"text": "Grüße"}, {"text": "Hi"}])).decode()
    '{"text":"Grüße"}\n{"text":"Hi"}\n'
    """
    numbered = enumerate(rows, 1)
    while block := list(islice(numbered, ROWS_PER_BLOCK)):
        yield "".join(f"{_json_row(number, row)}\n" for number, row in block).encode("utf-8")


def _json_row(number: int, row: object) -> str:
    if not isinstance(row, Mapping):
        raise InvalidInput(
            f"row {number} is a {type(row).__name__}, not a dict from column to value", row=number
        )
    for column in row:
        if not isinstance(column, str):
            raise InvalidInput(f"row {number}: the column name {column!r} is no text", row=number)
    try:
        text = _encode_row(row if isinstance(row, dict) else dict(row))
        text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        problem = str(error)
    else:
        return text
    raise InvalidInput(f"row {number} cannot be written as JSON: {problem}", row=number)


_encode_row = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def decode(content: bytes) -> JSON:
    r"""Decode an answer's JSON: UTF-8, a byte order mark allowed, numbers finite.

    :raises ValueError: It is not JSON; the text says where.

    >>> decode(b'\xef\xbb\xbf{"id": 7}')
    {'id': 7}
    """
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def decode_lines(lines: Iterable[bytes]) -> Iterator[JSON]:
    r"""Decode JSON lines one by one; blank lines are passed over.

    :raises ValueError: A line is not JSON; the text says which.

    >>> list(decode_lines([b'{"id": 1}\n', b"\r\n", b'{"id": 2}']))
    [{'id': 1}, {'id': 2}]
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = decode(line)
        except ValueError as error:
            problem = str(error)
        else:
            yield value
            continue
        raise ValueError(f"line {number}: {problem}")


def timestamp(text: str) -> datetime:
    """Read a point in time, in either of the two ways in which the service writes it.

    JSON carries ISO 8601 with an offset, reports carry ``M/D/YYYY HH:MM:SS`` in UTC.

    :returns: An aware :class:`~datetime.datetime`.
    :raises ValueError: It is neither.

    >>> timestamp("2015-06-24T12:50:00+00:00") == timestamp("6/24/2015 12:50:00")
    True
    """
    if "/" in text:
        moment = datetime.strptime(text, "%m/%d/%Y %H:%M:%S").replace(tzinfo=timezone.utc)
    else:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
