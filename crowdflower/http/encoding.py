"""Python to wire and back: bracketed parameters, JSON, timestamps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, Final, NoReturn
from urllib.parse import quote, urlencode

from crowdflower._types import JSON
from crowdflower.exceptions import InvalidInput

try:
    import orjson
except ModuleNotFoundError:
    orjson = None  # type: ignore[assignment]

FORM: Final = "application/x-www-form-urlencoded"
"""Content type of an encoded form."""


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
        return form(data), {"Content-Type": FORM}
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


def can_be_written(text: str) -> bool:
    """Tell a text from one with half a character, which JSON may hold and no encoding has."""
    return text.isascii() or len(text.encode("utf-8", "ignore").decode("utf-8")) == len(text)


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


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


def timestamp(text: str) -> datetime:
    """Read a point in time, in either of the two ways in which the service writes it.

    JSON carries ISO 8601 with an offset, reports carry ``M/D/YYYY HH:MM:SS`` in UTC.

    :returns: An aware :class:`~datetime.datetime`.
    :raises ValueError: It is neither.

    >>> timestamp("2015-06-24T12:50:00+00:00") == timestamp("6/24/2015 12:50:00")
    True
    """
    if "/" in text:
        moment = datetime.strptime(text, "%m/%d/%Y %H:%M:%S").replace(tzinfo=UTC)
    else:
        moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


ID: Final = "[0-9]{1,20}"
"""What an id looks like."""


def segment(name: int | str) -> str:
    """Return an id or a name as one segment of a path, percent-encoded.

    :raises InvalidInput: It is empty, no id, or would climb out of its place.

    >>> segment(712034), segment("Über uns/a")
    ('712034', '%C3%9Cber%20uns%2Fa')
    """
    if isinstance(name, int) and not isinstance(name, bool) and name > 0:
        return str(name)
    if isinstance(name, str) and name not in {"", ".", ".."}:
        with suppress(UnicodeEncodeError):
            return quote(name, safe="")
    raise InvalidInput(f"{name!r} is no id; ids are whole numbers from 1 on, or an alias")


def number(id: int | str) -> str:  # noqa: A002
    """Return the id of a unit, a judgment, an order or a contributor, as one segment of a path.

    Unlike a job these have no alias: another word after them would be another endpoint.

    :raises InvalidInput: It is no whole number.

    >>> number(698757970)
    '698757970'
    """
    text = segment(id)
    if not re.fullmatch(ID, text):
        raise InvalidInput(f"{id!r:.80} is no id; ids are whole numbers from 1 on")
    return text
