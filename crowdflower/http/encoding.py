"""Python to wire and back: bracketed parameters, JSON lines, JSON, timestamps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, timezone
from decimal import Decimal
from itertools import chain, islice
from math import isfinite
from os import PathLike
from typing import Any, Final, NoReturn
from urllib.parse import urlencode

from crowdflower._types import JSON, Row, Rows, a_type
from crowdflower.exceptions import InvalidInput

try:
    import orjson
except ModuleNotFoundError:
    orjson = None  # type: ignore[assignment]

ROWS_PER_BLOCK: Final = 1000
"""Rows encoded at a time: a block a row spends most of its time on hand-overs."""


def bracketed(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Flatten nested parameters into the names that Rails, and so the service, understands.

    Booleans become ``true`` and ``false`` (the service takes no ``1`` or ``0``), ``None`` an empty
    text, dates ISO 8601. An empty list becomes a list of one empty text, as Rails has it: without
    that it would not be sent, and change nothing.

    :returns: ``(name, text)`` pairs in order.
    :raises InvalidInput: A value cannot be written as text without guessing, or the name of a
        nested one holds brackets, by which it would be taken apart.

    >>> bracketed({"job": {"options": {"front_load": True}, "tags": ["a", "b"]}})
    [('job[options][front_load]', 'true'), ('job[tags][]', 'a'), ('job[tags][]', 'b')]
    """
    return [pair for name, value in parameters.items() for pair in _bracketed(str(name), value)]


def _bracketed(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not str(key) or not set("[]").isdisjoint(str(key)):
                raise InvalidInput(
                    f"{name} holds {key!r}; a name there is not empty, has no [ or ]"
                )
            yield from _bracketed(f"{name}[{key}]", inner)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value or [""]:
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
    if isinstance(value, str):
        return value
    with suppress(OverflowError):  # a whole number that is more than any float
        if isinstance(value, (int, float, Decimal)) and isfinite(value):
            return str(value)
    raise InvalidInput(
        f"{name} is {value!r:.80}; parameters are texts, finite numbers, booleans, dates, or dicts"
        " and lists of these"
    )


def form(parameters: Mapping[str, Any]) -> bytes:
    """Encode parameters as the body of a form.

    :raises InvalidInput: A text in it holds half a character, which cannot be written.

    >>> form({"job": {"title": "Café"}})
    b'job%5Btitle%5D=Caf%C3%A9'
    """
    try:
        return urlencode(bracketed(parameters)).encode("ascii")
    except UnicodeEncodeError as error:
        problem = str(error)
    raise InvalidInput(f"the data cannot be written as UTF-8: {problem}")


def body(data: Any, *, multipart: bool) -> tuple[Any, dict[str, str]]:
    """Return a body as it is sent, and the header that says what it is.

    The service ignores a body that does not say so, without a word.

    :param data: A dict becomes a form; a text, bytes or an iterable of bytes goes as JSON.
    :param multipart: A dict stays pairs, for files to be put beside them.
    :raises InvalidInput: It is none of these, or cannot be written as UTF-8.

    >>> body({"tags": "spring"}, multipart=False)
    (b'tags=spring', {'Content-Type': 'application/x-www-form-urlencoded'})
    """
    if data is None:
        return None, {}
    if isinstance(data, Mapping):
        if multipart:
            return bracketed(data), {}
        return form(data), {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        if isinstance(data, str):
            data = data.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput(f"the data cannot be written as UTF-8: {error}") from None
    if isinstance(data, (list, tuple)):
        data = iter(data)  # requests would take a list for the pairs of a form
    if not isinstance(data, Iterable):
        raise InvalidInput(f"a body is a text, bytes, a dict or an iterable of bytes, not {data!r}")
    return data, {"Content-Type": "application/json"}


def encode(value: JSON) -> bytes:
    """Encode one value as JSON.

    :raises InvalidInput: It holds what JSON cannot.

    >>> encode({"unit": {"data": {"text": "Grüße", "stars": None}}}).decode()
    '{"unit":{"data":{"text":"Grüße","stars":null}}}'
    """
    try:
        return _encode(value).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        problem = str(error)
    raise InvalidInput(f"this cannot be written as JSON: {problem}")


def json_lines(rows: Rows) -> Iterator[bytes]:
    r"""Encode rows as JSON, one object a line, in blocks of :data:`ROWS_PER_BLOCK`.

    :param rows: Any iterable of mappings from column name to JSON value; consumed lazily.
    :raises InvalidInput: A row is no mapping, or holds what JSON cannot; ``row`` says which.

    >>> b"".join(json_lines([{"text": "Grüße"}, {"text": "Hi"}])).decode()
    '{"text":"Grüße"}\n{"text":"Hi"}\n'
    """
    source = rows_in(rows)
    first = 1
    while block := [_kept(row) for row in islice(source, ROWS_PER_BLOCK)]:
        yield _encoded_block(block, first)
        first += len(block)


def _kept(row: Any) -> Any:
    """Copy a row as it comes: a generator may fill one and the same dict for the next."""
    return dict(row) if isinstance(row, dict) else row


def can_be_written(text: str) -> bool:
    """Tell a text from one with half a character, which JSON may hold and no encoding has."""
    return text.isascii() or len(text.encode("utf-8", "ignore").decode("utf-8")) == len(text)


def rows_in(rows: Rows) -> Iterator[Row]:
    """Return rows one after the other; say at once what is none, and how it is uploaded.

    :raises InvalidInput: It is no iterable, or one of something else than rows.

    >>> rows_in({"text": "Hi"})
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: rows are a list or ... not a dict; one row goes in a list
    """
    advice = ""
    if isinstance(rows, Mapping):
        advice = "; one row goes in a list"
    elif isinstance(rows, (str, bytes, PathLike)):
        advice = "; a file is uploaded by upload_file, or the client's upload_job_file"
    elif type(rows).__name__ == "DataFrame":  # those that can be iterated have columns as items
        advice = "; give its to_dicts(), or of pandas its to_dict('records')"
    elif isinstance(rows, Iterable):
        return iter(rows)
    raise InvalidInput(f"rows are a list or another iterable of dicts, not {a_type(rows)}{advice}")


def _encoded_block(block: list[Any], first: int) -> bytes:
    """Encode a block at one go if all of it is plain, and row by row to say what is not."""
    if set(map(type, block)) == {dict} and set(map(type, chain.from_iterable(block))) <= {str}:
        values = chain.from_iterable(map(dict.values, block))
        kinds = set(map(type, values))
        try:
            if orjson is not None and kinds <= _SAME_IN_BOTH:
                return b"\n".join(map(orjson.dumps, block)) + b"\n"
            return ("\n".join(map(_encode, block)) + "\n").encode("utf-8")
        except (TypeError, ValueError, RecursionError):
            pass
    return b"".join(_encoded_row(row, number) for number, row in enumerate(block, first))


def _encoded_row(row: object, number: int) -> bytes:
    if not isinstance(row, Mapping):
        raise InvalidInput(
            f"row {number} is {a_type(row)}, not a dict from column to value", row=number
        )
    for column in row:
        if not isinstance(column, str):
            raise InvalidInput(f"row {number}: the column name {column!r} is no text", row=number)
    try:
        return f"{_encode(dict(row))}\n".encode()
    except (TypeError, ValueError, RecursionError) as error:
        problem = str(error)
    column = next((name for name, value in row.items() if not _is_json({name: value})), None)
    where = "" if column is None else f", in column {column!r}"
    raise InvalidInput(f"row {number} cannot be written as JSON: {problem}{where}", row=number)


def _is_json(value: JSON) -> bool:
    try:
        encode(value)
    except InvalidInput:
        return False
    return True


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

_SAME_IN_BOTH: Final = {str, int, bool, type(None)}
"""What orjson writes as the standard library does, or refuses; it makes ``null`` of NaN."""


def decode(content: bytes) -> JSON:
    r"""Decode an answer's JSON: UTF-8, a byte order mark allowed, numbers finite.

    With orjson installed it takes two thirds of the time. What orjson would read differently, whole
    numbers beyond 64 bits, or not at all, the standard library reads.

    :raises ValueError: It is not JSON; the text says where.

    >>> decode(b'\xef\xbb\xbf{"id": 7}')
    {'id': 7}
    """
    if orjson is not None and _LONG_NUMBER not in content.translate(_ANY_DIGIT):
        try:
            return orjson.loads(content)
        except ValueError:
            pass
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_refused, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


_ANY_DIGIT: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER: Final = b"0" * 19


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else _refused(digits)


def decode_lines(lines: Iterable[bytes]) -> Iterator[JSON]:
    r"""Decode JSON lines one by one; blank lines are passed over.

    :raises ValueError: A line is not JSON; the text says which.

    >>> list(decode_lines([b'{"id": 1}\n', b"\r\n", b'{"id": 2}']))
    [{'id': 1}, {'id': 2}]
    """
    number = 0
    try:
        for number, line in enumerate(lines, 1):  # noqa: B007 - named in the error
            if not line.isspace():
                yield decode(line)
    except ValueError as error:
        problem = str(error)
    else:
        return
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
