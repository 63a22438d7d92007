"""The kinds of columns the tables are made of."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Dialect, Double, Integer, Text
from sqlalchemy.types import TypeDecorator

ID = BigInteger().with_variant(Integer, "sqlite")
"""A number that names a row; on SQLite the row's own number, so that it needs no second index."""

Milli = BigInteger
"""Money, in thousandths of a US cent: pay may be a fraction of a cent, sums may not drift."""

Moment = Double
"""A time, in seconds since 1970 UTC."""


class Json(TypeDecorator[Any]):
    """A JSON value, kept as text; the text of a row's data is spliced into answers as it is."""

    impl = Text
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


def count(name: str, start: int = 0) -> Column[int]:
    """Make a counter: never NULL, from ``start`` on."""
    return Column(name, Integer, nullable=False, default=start, server_default=str(start))


def money(name: str, start: int = 0) -> Column[int]:
    """Make an amount of money, in thousandths of a cent: never NULL, from ``start`` on."""
    return Column(name, Milli, nullable=False, default=start, server_default=str(start))


def flag(name: str, start: bool = False) -> Column[bool]:
    """Make a yes or no: never NULL, from ``start`` on."""
    return Column(name, Boolean, nullable=False, default=start, server_default=str(int(start)))


def moment(name: str, *, required: bool = False) -> Column[float]:
    """Make a time; NULL for what has not happened yet."""
    return Column(name, Moment, nullable=not required)
