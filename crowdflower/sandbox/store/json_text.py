r"""JSON from strangers: what :mod:`json` takes and the sandbox does not is refused, with its place.

Beyond the grammar this refuses what would make trouble later: numbers that no float holds, ``NaN``
and infinities, nesting that only an attack needs, halves of surrogate pairs (no UTF-8 can carry
them) and ``\u0000`` (no text column of PostgreSQL does).
"""

from __future__ import annotations

import re
from json import JSONDecodeError, JSONDecoder
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, NoReturn

try:
    import orjson
except ModuleNotFoundError:
    orjson = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crowdflower._types import JSON

MAX_NESTING: Final = 64
"""Objects and lists inside one another."""

_DIGITS: Final = 308
"""Of the largest whole number; a float of more overflows."""

_BLANKS: Final = " \t\n\r"
_BLANK = re.compile(f"[{_BLANKS}]*")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?(?:Infinity|NaN|\d[\d.eE+-]*)|[][{}]', re.DOTALL)
_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


_STEPS: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


class _BadNumber(ValueError):
    """A number's text, without its place: the decoder does not say."""


def decode(text: str) -> JSON:
    r"""Decode one JSON text.

    :raises json.JSONDecodeError: It is none, or none that the sandbox takes; the message names
        line, column and character.

    >>> decode('{"title": "Caf\u00e9"}')
    {'title': 'Café'}
    >>> decode('{"amount": 1e400}')
    Traceback (most recent call last):
    json.decoder.JSONDecodeError: 1e400 is not a number that fits: line 1 column 12 (char 11)
    """
    value, end = decode_at(text, 0)
    end = skip_whitespace(text, end)
    if end != len(text):
        raise JSONDecodeError("Extra data", text, end)
    return value


def decode_at(text: str, start: int) -> tuple[JSON, int]:
    """Decode the JSON value that begins at ``start``, blanks before it allowed.

    :returns: The value, and where it ends.
    :raises json.JSONDecodeError: As :func:`decode`.

    >>> decode_at('{"a": 1}{"a": 2}', 0)
    ({'a': 1}, 8)
    """
    start = skip_whitespace(text, start)
    try:
        value, end = _DECODER.raw_decode(text, start)
    except _BadNumber as error:
        token = str(error)
        found = (at for at, each in _tokens(text, start, len(text)) if each == token)
        message = f"{token:.20} is not a number that fits"
        raise JSONDecodeError(message, text, next(found, start)) from None
    except RecursionError:
        _refuse_depth(text, start, len(text))
        raise
    if text.count("[", start, end) + text.count("{", start, end) > MAX_NESTING:
        _refuse_depth(text, start, end)
    if _SUSPECT.search(text, start, end):
        _refuse_characters(text, start, end)
    return value, end


def decode_flat_object(line: str) -> dict[str, Any] | None:
    """Decode a text that is one object of texts and numbers, if orjson is there to do it quickly.

    :returns: ``None`` for all that orjson reads otherwise than :func:`decode`, or that may be so:
        whole numbers of more than 63 bits, lists and objects in the object, whatever is escaped by
        number, and what is no such object.

    >>> decode_flat_object('{"a": [1]}')
    """
    if orjson is None or "\\u" in line:
        return None
    try:
        value = orjson.loads(line)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    for each in value.values():
        kind = type(each)
        if kind is float or kind is int:
            if not -_LARGE < each < _LARGE:
                return None
        elif kind not in _PLAIN:
            return None
    return value


_PLAIN: Final = frozenset({str, bool, type(None)})
_LARGE: Final = 2**63


def skip_whitespace(text: str, start: int) -> int:
    """Find the first character at or after ``start`` that is no blank.

    >>> skip_whitespace("  {}", 0)
    2
    """
    if text[start : start + 1] not in _BLANKS:  # as it is nearly everywhere
        return start
    match = _BLANK.match(text, start)
    return match.end() if match else start


def _tokens(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    return ((match.start(), match[0]) for match in _TOKEN.finditer(text, start, end))


def _refuse_depth(text: str, start: int, end: int) -> None:
    depth = 0
    for at, token in _tokens(text, start, end):
        depth += _STEPS.get(token, 0)
        if depth > MAX_NESTING:
            raise JSONDecodeError(f"More than {MAX_NESTING} levels of nesting", text, at)


def _refuse_characters(text: str, start: int, end: int) -> None:
    for at, token in _tokens(text, start, end):
        if _SUSPECT.search(token):
            content, _ = _DECODER.raw_decode(token)
            if "\0" in content:
                raise JSONDecodeError("A text holds the character \\u0000", text, at)
            if any("\ud800" <= character <= "\udfff" for character in content):
                raise JSONDecodeError("A text holds half a surrogate pair", text, at)


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise _BadNumber(digits)
    return int(digits)


def _fraction(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise _BadNumber(digits)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _BadNumber(name)


_DECODER = JSONDecoder(parse_int=_whole, parse_float=_fraction, parse_constant=_refuse_constant)
