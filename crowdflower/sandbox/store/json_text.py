r"""A strict JSON decoder for untrusted input; errors name line, column and character.

Beyond invalid JSON it refuses what :mod:`json` accepts and what would fail later: numbers that do
not fit into a float, ``NaN`` and infinities, deep nesting, lone surrogates (UTF-8 cannot encode
them) and ``\u0000`` (PostgreSQL cannot store it in text).
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
"""Levels of objects and lists; only an attack needs more."""

_MAX_DIGITS: Final = 308
"""Digits of an integer; a float of more digits overflows."""

_WHITESPACE: Final = " \t\n\r"
_WHITESPACE_RUN = re.compile(f"[{_WHITESPACE}]*")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?(?:Infinity|NaN|\d[\d.eE+-]*)|[][{}]', re.DOTALL)
_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


_DEPTH_CHANGES: Final = {"[": 1, "{": 1, "]": -1, "}": -1}


class _BadNumber(ValueError):
    """A number that is refused, as text; the decoder does not report its position."""


def decode(text: str) -> JSON:
    r"""Decode a JSON document.

    :raises json.JSONDecodeError: The text is not valid JSON, or holds a value that the sandbox
        refuses; the message names line, column and character.

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
    """Decode the JSON value that begins at ``start``, after optional whitespace.

    :returns: The value, and the index after it.
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
    r"""Decode an object of strings and numbers with orjson, which is faster.

    :returns: ``None`` without orjson, and for everything that it may read differently than
        :func:`decode` does: integers of more than 63 bits, nested lists and objects, ``\u``
        escapes, and whatever is not such an object.

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
            if not -_INT_LIMIT < each < _INT_LIMIT:
                return None
        elif kind not in _PLAIN:
            return None
    return value


_PLAIN: Final = frozenset({str, bool, type(None)})
_INT_LIMIT: Final = 2**63


def skip_whitespace(text: str, start: int) -> int:
    """Return the index of the first character at or after ``start`` that is not whitespace.

    >>> skip_whitespace("  {}", 0)
    2
    """
    if text[start : start + 1] not in _WHITESPACE:  # the common case
        return start
    match = _WHITESPACE_RUN.match(text, start)
    return match.end() if match else start


def _tokens(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    return ((match.start(), match[0]) for match in _TOKEN.finditer(text, start, end))


def _refuse_depth(text: str, start: int, end: int) -> None:
    depth = 0
    for at, token in _tokens(text, start, end):
        depth += _DEPTH_CHANGES.get(token, 0)
        if depth > MAX_NESTING:
            raise JSONDecodeError(f"More than {MAX_NESTING} levels of nesting", text, at)


def _refuse_characters(text: str, start: int, end: int) -> None:
    for at, token in _tokens(text, start, end):
        if _SUSPECT.search(token):
            content, _ = _DECODER.raw_decode(token)
            if "\0" in content:
                raise JSONDecodeError("A string contains the character \\u0000", text, at)
            if any("\ud800" <= character <= "\udfff" for character in content):
                raise JSONDecodeError("A string contains a lone surrogate", text, at)


def _parse_int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise _BadNumber(digits)
    return int(digits)


def _parse_float(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise _BadNumber(digits)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _BadNumber(name)


_DECODER = JSONDecoder(
    parse_int=_parse_int, parse_float=_parse_float, parse_constant=_refuse_constant
)
