r"""A strict JSON decoder for untrusted input; errors name line, column and character.

Beyond invalid JSON it refuses what :mod:`json` accepts and what would fail later: numbers that do
not fit into a float, ``NaN`` and infinities, deep nesting, lone surrogates (UTF-8 cannot encode
them) and ``\u0000`` (PostgreSQL cannot store it in text).
"""

from __future__ import annotations

import re
from collections import Counter
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


class SameName(ValueError):
    """A name that an object has twice, so that one of the values would be lost."""


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


def decode_at(text: str, start: int, *, unique_names: bool = False) -> tuple[JSON, int]:
    """Decode the JSON value that begins at ``start``, after optional whitespace.

    :param unique_names: Refuse an object with the same name twice; by default the last one counts.
    :returns: The value, and the index after it.
    :raises json.JSONDecodeError: As :func:`decode`.
    :raises SameName: An object has the same name twice.

    >>> decode_at('{"a": 1}{"a": 2}', 0)
    ({'a': 1}, 8)
    """
    start = skip_whitespace(text, start)
    decoder = _UNIQUE_DECODER if unique_names else _DECODER
    try:
        value, end = decoder.raw_decode(text, start)
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


def decode_flat_object(line: bytes) -> dict[str, Any] | None:
    r"""Decode an object of strings and numbers with orjson, which is faster.

    :param line: The object in UTF-8, and nothing else.
    :returns: ``None`` without orjson, and for everything that it may read differently than
        :func:`decode` does: integers of more than 63 bits, nested lists and objects, ``\u``
        escapes, and whatever is not such an object. Also ``None`` if a name may be there twice.

    >>> decode_flat_object(b'{"a": [1]}')
    """
    if orjson is None:
        return None
    try:
        value = orjson.loads(line)
    except ValueError:
        return None
    text = line.decode()
    if not isinstance(value, dict) or not _has_names(text, len(value)) or "\\u" in text:
        return None
    for each in value.values():
        kind = type(each)
        if kind is str or kind in _PLAIN:
            continue
        if kind not in _NUMBER or not -_INT_LIMIT < each < _INT_LIMIT:
            return None
    return value


def _has_names(text: str, count: int) -> bool:
    """Return whether a flat object surely has no more names than this.

    Each name is followed by a colon, and a string may contain some too. So if there are not more
    colons than names, or not more behind quotation marks and none behind blanks, no name is there
    twice.
    """
    if text.count(":") == count:
        return True
    return (
        text.count('":') == count
        and " :" not in text
        and "\n:" not in text
        and ("\t" not in text or "\t:" not in text)
        and ("\r" not in text or "\r:" not in text)
    )


_PLAIN: Final = frozenset({bool, type(None)})
_NUMBER: Final = frozenset({int, float})
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


def _object_of_unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise SameName(name)
    return found


_DECODER = JSONDecoder(
    parse_int=_parse_int, parse_float=_parse_float, parse_constant=_refuse_constant
)
_UNIQUE_DECODER = JSONDecoder(
    object_pairs_hook=_object_of_unique_names,
    parse_int=_parse_int,
    parse_float=_parse_float,
    parse_constant=_refuse_constant,
)
