"""Encodes what is sent and decodes what is received: forms, JSON, timestamps, path segments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, Final, NoReturn
from urllib.parse import quote, urlencode

from crowdflower._types import JSON
from crowdflower.exceptions import InvalidInput
from crowdflower.http.json_problems import (
    MAX_NESTING,
    describe_path,
    find_problem,
    numpy_advice,
    remedy,
)

try:
    import orjson
except ModuleNotFoundError:
    orjson = None  # type: ignore[assignment]

FORM: Final = "application/x-www-form-urlencoded"
"""Content type of a form."""


def flatten(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Flatten nested parameters into pairs with bracketed names, as Rails and the service expect.

    Booleans become ``true`` and ``false`` (the service does not accept ``1`` and ``0``), ``None``
    an empty string, dates ISO 8601. An empty list becomes a list of one empty string, as in Rails:
    otherwise it would not be sent, and change nothing.

    :returns: ``(name, value)`` pairs in order.
    :raises InvalidInput: A value has no unambiguous string form, or a nested name is empty or
        contains brackets, at which the server would split it.

    >>> flatten({"job": {"options": {"front_load": True}, "tags": ["a", "b"]}})
    [('job[options][front_load]', 'true'), ('job[tags][]', 'a'), ('job[tags][]', 'b')]
    """
    pairs: list[tuple[str, str]] = []
    waiting = [(str(name), value, 1) for name, value in parameters.items()][::-1]
    while waiting:
        name, value, level = waiting.pop()
        if level > MAX_NESTING:
            raise InvalidInput(f"{name:.80}… contains itself, or is nested too deeply")
        if isinstance(value, Mapping):
            keys = [str(key) for key in value]
            if bad := [key for key in keys if not key or "[" in key or "]" in key]:
                raise InvalidInput(
                    f"{name} has the name {bad[0]!r:.80}; names must not be empty or contain [ or ]"
                )
            inner = [(f"{name}[{key}]", each, level + 1) for key, each in value.items()]
            waiting += inner[::-1]
        elif isinstance(value, (list, tuple, set, frozenset)):
            waiting += [(f"{name}[]", each, level + 1) for each in value or [""]][::-1]
        else:
            text = _encode_value(value)
            if text is None:
                advice = "; ".join(filter(None, ["dicts and lists of these", remedy(value)]))
                raise InvalidInput(
                    f"{name} is {value!r:.80}; parameters must be strings, finite numbers,"
                    f" booleans, dates, or {advice}"
                )
            pairs.append((name, text))
    return pairs


def _encode_value(value: object) -> str | None:
    """Return the string form of a value; ``None`` if it has none that is unambiguous."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, str):
        return value
    with suppress(OverflowError):  # an integer beyond the range of a float
        if isinstance(value, (int, float, Decimal)) and isfinite(value):
            return str(value)
    return None


def encode_form(parameters: Mapping[str, Any]) -> bytes:
    """Encode parameters as the body of a form.

    :raises InvalidInput: A string contains a lone surrogate, which UTF-8 cannot encode.

    >>> encode_form({"job": {"title": "Café"}})
    b'job%5Btitle%5D=Caf%C3%A9'
    """
    try:
        return urlencode(flatten(parameters)).encode("ascii")
    except UnicodeEncodeError as error:
        problem = str(error)
    raise InvalidInput(f"the data cannot be encoded as UTF-8: {problem}")


def encode_body(data: Any, *, multipart: bool) -> tuple[Any, dict[str, str]]:
    """Return an encoded body and its ``Content-Type`` header.

    The service silently ignores a body without that header.

    :param data: A dict becomes a form; a string, bytes or an iterable of bytes is sent as JSON.
    :param multipart: Return a dict as pairs, to be sent together with files.
    :raises InvalidInput: The data has another type, or cannot be encoded as UTF-8.

    >>> encode_body({"tags": "spring"}, multipart=False)
    (b'tags=spring', {'Content-Type': 'application/x-www-form-urlencoded'})
    """
    if data is None:
        return None, {}
    if isinstance(data, Mapping):
        if multipart:
            return flatten(data), {}
        return encode_form(data), {"Content-Type": FORM}
    try:
        if isinstance(data, str):
            data = data.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput(f"the data cannot be encoded as UTF-8: {error}") from None
    if isinstance(data, (list, tuple)):
        data = iter(data)  # requests would treat a list as the pairs of a form
    if not isinstance(data, Iterable):
        raise InvalidInput(
            f"a body must be a string, bytes, a dict or an iterable of bytes, not {data!r:.80}"
        )
    return data, {"Content-Type": "application/json"}


def encode_json(value: JSON) -> bytes:
    """Encode a value as JSON.

    :raises InvalidInput: The value contains something that JSON cannot represent.

    >>> encode_json({"unit": {"data": {"text": "Grüße", "stars": None}}}).decode()
    '{"unit":{"data":{"text":"Grüße","stars":null}}}'
    """
    try:
        return _to_json(value).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        path, problem = find_problem(value) or ((), str(error))
    where = f"{describe_path(path)}: " if path else ""
    raise InvalidInput(f"the value cannot be encoded as JSON: {where}{problem}")


def is_encodable(text: str) -> bool:
    """Return whether UTF-8 can encode a string: JSON may contain lone surrogates, UTF-8 may not."""
    return text.isascii() or len(text.encode("utf-8", "ignore").decode("utf-8")) == len(text)


_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def decode_json(content: bytes) -> JSON:
    r"""Decode JSON in UTF-8, with or without a byte order mark; numbers must be finite.

    With orjson installed it takes two thirds of the time. The standard library reads what orjson
    reads differently (integers beyond 64 bits) or not at all.

    :raises ValueError: The content is not JSON; the message says where.

    >>> decode_json(b'\xef\xbb\xbf{"id": 7}')
    {'id': 7}
    """
    if may_have_long_number(content) and _LONG_NUMBER in content.translate(_ANY_DIGIT):
        return _decode_exactly(content)
    return decode_short_numbers(content)


def decode_short_numbers(content: bytes) -> JSON:
    """Decode JSON that is known to have no long number; see :func:`may_have_long_number`.

    :raises ValueError: The content is not JSON; the message says where.
    """
    if orjson is not None:
        try:
            return orjson.loads(content)
        except ValueError:
            pass
    return _decode_exactly(content)


def may_have_long_number(content: bytes) -> bool:
    """Return whether bytes may contain 19 digits in a row, as integers beyond 64 bits have.

    Looks at every fourth byte only, of which such a number has four in a row or more.

    >>> may_have_long_number(b'{"id": 18446744073709551616}'), may_have_long_number(b"2015-06-25")
    (True, False)
    """
    return _SAMPLE in content[::_STEP].translate(_DIGITS_ONLY)


def _decode_exactly(content: bytes) -> JSON:
    try:
        return json.loads(
            content.decode("utf-8-sig"), parse_constant=_reject, parse_float=_parse_finite
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


_ANY_DIGIT: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER: Final = b"0" * 19
_STEP: Final = 4
_SAMPLE: Final = b"0" * (len(_LONG_NUMBER) // _STEP)
_DIGITS_ONLY: Final = bytes(48 if byte in b"0123456789" else 32 for byte in range(256))


def _reject(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _parse_finite(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else _reject(digits)


def timestamp(text: str) -> datetime:
    """Parse a timestamp in either format of the service.

    JSON has ISO 8601 with an offset, reports have ``M/D/YYYY HH:MM:SS`` in UTC.

    :returns: An aware :class:`~datetime.datetime`.
    :raises ValueError: The string has neither format.

    >>> timestamp("2015-06-24T12:50:00+00:00") == timestamp("6/24/2015 12:50:00")
    True
    """
    if "/" in text:
        moment = datetime.strptime(text, "%m/%d/%Y %H:%M:%S").replace(tzinfo=UTC)
    else:
        moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


ID: Final = "[0-9]{1,20}"
"""Regular expression of a numeric id."""


def segment(name: int | str) -> str:
    """Return an id or an alias as one percent-encoded segment of a path.

    :raises InvalidInput: The id is empty, has another type, or is ``.`` or ``..``, which would
        lead to another path.

    >>> segment(712034), segment("Über uns/a")
    ('712034', '%C3%9Cber%20uns%2Fa')
    """
    if isinstance(name, int) and not isinstance(name, bool) and name > 0:
        return str(name)
    if isinstance(name, str) and name not in {"", ".", ".."}:
        with suppress(UnicodeEncodeError):
            return quote(name, safe="")
    raise InvalidInput(_not_an_id(name, "a positive integer or an alias"))


def numeric_segment(id: int | str) -> str:  # noqa: A002
    """Return the id of a unit, a judgment, an order or a contributor as one segment of a path.

    Unlike jobs these have no alias, and a word in this place would be another endpoint.

    :raises InvalidInput: The id is not a positive integer.

    >>> numeric_segment(698757970)
    '698757970'
    """
    text = segment(id)
    if not re.fullmatch(ID, text):
        raise InvalidInput(_not_an_id(id, "a positive integer"))
    return text


def _not_an_id(value: object, expected: str) -> str:
    advice = numpy_advice(value)
    return f"{value!r:.80} is not an id: expected {expected}{advice}"
