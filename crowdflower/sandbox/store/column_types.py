"""The column types of the tables, and JSON encoding for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Dialect, Double, Integer, types
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.types import TypeDecorator

from crowdflower.sandbox.errors import BadRequest

try:
    import orjson
except ModuleNotFoundError:
    orjson = None  # type: ignore[assignment]

ID = BigInteger().with_variant(Integer, "sqlite")
"""A row id; on SQLite it is the rowid, which needs no index of its own."""

MAX_ID_DIGITS: Final = 18
"""Digits of the longest row id; a number with more is the id of nothing."""

Int64 = Integer().with_variant(BigInteger, "postgresql")
"""An integer of up to 64 bits; an SQLite INTEGER always is one."""

MilliCents = BigInteger
"""Money, in thousandths of a US cent: pay may be a fraction of a cent, and sums must be exact."""

Timestamp = Double
"""A time, in seconds since 1970 UTC."""


class UnstorableText(BadRequest, DontWrapMixin):
    """A string that holds U+0000, which the database cannot store."""


class Text(TypeDecorator[str]):
    """A string without U+0000: PostgreSQL cannot store it, so SQLite refuses it too."""

    impl = types.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Refuse a string with U+0000, in values and in conditions."""
        if isinstance(value, str) and "\0" in value:
            raise UnstorableText(
                "A string contains the character U+0000, which cannot be stored. Remove it."
            )
        return value


class Json(TypeDecorator[Any]):
    """A JSON value, stored as text; the text of a unit's data is inserted into responses as is."""

    impl = types.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Encode a value; ``None`` is NULL, never the text ``null``."""
        return None if value is None else encode(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Decode a value."""
        return None if value is None else json.loads(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder()


def encode(value: object) -> str:
    """Return a value as compact JSON, without escapes for characters beyond ASCII.

    :raises ValueError: The value contains NaN or an infinity, which JSON cannot express.
    :raises TypeError: The value contains an object of a type that JSON does not have.

    >>> encode({"text": "würde", "stars": 5})
    '{"text":"würde","stars":5}'
    """
    return _ENCODER.encode(value)


def decode(text: str) -> Any:
    """Decode a value that :func:`encode` or :func:`encode_row` made, faster than :mod:`json` does.

    >>> decode('{"text":"würde","stars":5}')
    {'text': 'würde', 'stars': 5}
    """
    return _DECODER.raw_decode(text)[0]


def encode_row(data: Mapping[str, Any]) -> str:
    """Return the data of a row as JSON, as :func:`encode` does, and check that UTF-8 can encode it.

    With orjson installed, a row without lists and objects takes a quarter of the time. orjson may
    write a very large or small number in another form: ``1e-7`` instead of ``1e-07``.

    :raises ValueError: As :func:`encode`; or a string contains a lone surrogate.
    :raises TypeError: As :func:`encode`.

    >>> encode_row({"text": "würde", "stars": 5})
    '{"text":"würde","stars":5}'
    """
    return encode_line(data)[:-1].decode()


def encode_line(data: Mapping[str, Any]) -> bytes:
    r"""Return the data of a row as :func:`encode_row` does, as a line in UTF-8.

    >>> encode_line({"text": "würde", "stars": 5})
    b'{"text":"w\xc3\xbcrde","stars":5}\n'
    """
    if orjson is not None and _PLAIN.issuperset(map(type, data.values())):
        try:
            line: bytes = orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE)
        except TypeError:
            pass  # an integer of more than 64 bits, or a value that encode() refuses too
        else:
            # orjson turns NaN and infinities into null.
            if line.find(b"null") < 0 or all(map(_is_finite, data.values())):
                return line
    return f"{encode(dict(data))}\n".encode()


def _is_finite(value: object) -> bool:
    return not isinstance(value, float) or isfinite(value)


_PLAIN = frozenset({str, int, float, bool, type(None)})


def counter(name: str, start: int = 0) -> Column[int]:
    """Return a counter column: never NULL, ``start`` by default."""
    return Column(name, Int64, nullable=False, default=start, server_default=str(start))


def money(name: str, start: int = 0) -> Column[int]:
    """Return a column of money in thousandths of a cent: never NULL, ``start`` by default."""
    return Column(name, MilliCents, nullable=False, default=start, server_default=str(start))


def flag(name: str, start: bool = False) -> Column[bool]:
    """Return a boolean column: never NULL, ``start`` by default."""
    return Column(name, Boolean, nullable=False, default=start, server_default=str(int(start)))


def timestamp(name: str, *, required: bool = False) -> Column[float]:
    """Return a timestamp column; NULL for what has not happened yet."""
    return Column(name, Timestamp, nullable=not required)
