"""The kinds of columns the tables are made of."""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import isfinite
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Dialect, Double, Integer, types
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.types import TypeDecorator

from crowdflower.sandbox.errors import BadRequest

try:
    import orjson
except ModuleNotFoundError:
    orjson = None  # type: ignore[assignment]

ID = BigInteger().with_variant(Integer, "sqlite")
"""A number that names a row; on SQLite the row's own number, so that it needs no second index."""

Int64 = Integer().with_variant(BigInteger, "postgresql")
"""A number of up to 64 bits, which on SQLite every number may have."""

MilliCents = BigInteger
"""Money, in thousandths of a US cent: pay may be a fraction of a cent, sums may not drift."""

Timestamp = Double
"""A time, in seconds since 1970 UTC."""


class UnstorableText(BadRequest, DontWrapMixin):
    """A text that cannot be kept."""


class Text(TypeDecorator[str]):
    """A text without the character U+0000, which PostgreSQL has no way to keep; so none has."""

    impl = types.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Refuse what cannot be kept, or looked for."""
        if isinstance(value, str) and "\0" in value:
            raise UnstorableText(
                "A text holds the character U+0000, which cannot be kept. Send none."
            )
        return value


class Json(TypeDecorator[Any]):
    """A JSON value, kept as text; the text of a row's data is spliced into answers as it is."""

    impl = types.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Encode on the way in; ``None`` is NULL, never the text ``null``."""
        return None if value is None else encode(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Decode on the way out."""
        return None if value is None else json.loads(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def encode(value: object) -> str:
    """Write a value as compact JSON, other alphabets as they are.

    :raises ValueError: The value holds NaN or an infinity, which JSON has no words for.
    :raises TypeError: The value holds something that JSON cannot.

    >>> encode({"text": "würde", "stars": 5})
    '{"text":"würde","stars":5}'
    """
    return _ENCODER.encode(value)


def encode_row(data: dict[str, Any]) -> str:
    """Write the data of a row as :func:`encode` does, and see that UTF-8 can carry it.

    With orjson installed a row without lists and objects takes a quarter of the time. It may write
    a very large or small number another way, ``1e-7`` where it is ``1e-07`` without.

    :raises ValueError: Of :func:`encode`; or a text holds half a surrogate pair.
    :raises TypeError: Of :func:`encode`.

    >>> encode_row({"text": "würde", "stars": 5})
    '{"text":"würde","stars":5}'
    """
    if orjson is not None and _is_plain(data.values()):
        try:
            return orjson.dumps(data).decode()
        except TypeError:
            pass  # a number of more than 64 bits, or what encode() knows words for
    text = encode(data)
    if not text.isascii():
        text.encode()
    return text


def _is_plain(values: Iterable[object]) -> bool:
    """Tell whether orjson means the same by all of them; it makes ``null`` of NaN."""
    for value in values:
        if not (isfinite(value) if isinstance(value, float) else type(value) in _PLAIN):
            return False
    return True


_PLAIN = frozenset({str, int, bool, type(None)})


def counter(name: str, start: int = 0) -> Column[int]:
    """Make a counter: never NULL, from ``start`` on."""
    return Column(name, Int64, nullable=False, default=start, server_default=str(start))


def money(name: str, start: int = 0) -> Column[int]:
    """Make an amount of money, in thousandths of a cent: never NULL, from ``start`` on."""
    return Column(name, MilliCents, nullable=False, default=start, server_default=str(start))


def flag(name: str, start: bool = False) -> Column[bool]:
    """Make a yes or no: never NULL, from ``start`` on."""
    return Column(name, Boolean, nullable=False, default=start, server_default=str(int(start)))


def timestamp(name: str, *, required: bool = False) -> Column[float]:
    """Make a time; NULL for what has not happened yet."""
    return Column(name, Timestamp, nullable=not required)
