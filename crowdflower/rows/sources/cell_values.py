"""What the values of cells are sent as: NumPy scalars, dates, decimals and others become JSON.

The page :doc:`/uploads` has the table. It is the same for rows of dicts and for data frames. A
value that is not in it stays as it is, and is refused when it is encoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from crowdflower.http.json_problems import is_missing, is_numpy

PLAIN: Final = frozenset({str, int, bool, type(None)})
"""Types of values that are sent as they are."""

_NUMBERS: Final = PLAIN | {float}
_MAX_EXPONENT: Final = 1000
"""Zeros that the digits of a decimal may be padded with."""


def convert(value: Any) -> Any:
    """Return what a value is sent as.

    >>> from datetime import date
    >>> convert({"when": date(2026, 11, 30), "price": Decimal("19.90"), "score": float("nan")})
    {'when': '2026-11-30', 'price': '19.90', 'score': None}
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is float:
        return value if value == value else None  # noqa: PLR0124 - NaN differs from itself
    if isinstance(value, dict):
        return {name: convert(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [convert(inner) for inner in value]
    return _convert_other(value)


def convert_column(values: list[Any]) -> list[Any]:
    """Return what the values of a column are sent as.

    >>> convert_column([1.5, float("nan"), None])
    [1.5, None, None]
    """
    kinds = set(map(type, values))
    if kinds <= PLAIN:
        return values
    if kinds <= _NUMBERS:
        return [value if value == value else None for value in values]  # noqa: PLR0124 - NaN
    return [value if type(value) in PLAIN else convert_cell(value) for value in values]


def convert_row(row: Any) -> Any:
    """Return a row with its values converted; what is not a row stays as it is.

    >>> convert_row({"id": UUID(int=7), "seconds": timedelta(minutes=1, milliseconds=500)})
    {'id': '00000000-0000-0000-0000-000000000007', 'seconds': 60.5}
    """
    if isinstance(row, Mapping):
        return {name: convert_cell(value) for name, value in row.items()}
    return row


def convert_cell(value: Any) -> Any:
    """Return what a value is sent as; one that contains itself stays as it is."""
    try:
        return convert(value)
    except RecursionError:
        return value


def _convert_other(value: Any) -> Any:  # noqa: C901, PLR0911 - a table
    if is_missing(value):
        return None
    if is_numpy(value):
        return _convert_numpy(value)
    if isinstance(value, Enum):
        return convert(value.value)
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return whole_seconds(value.total_seconds())
    if isinstance(value, Decimal):
        return _digits(value)
    if isinstance(value, UUID):
        return str(value)
    package = type(value).__module__.partition(".")[0]
    if package == "pandas" and type(value).__name__ in {"Interval", "Period"}:
        return str(value)
    if package == "pyarrow" and hasattr(value, "as_py"):
        return convert(value.as_py())
    return value


def whole_seconds(seconds: float) -> int | float:
    """Return seconds as an integer if they are one."""
    return int(seconds) if seconds.is_integer() else seconds


def _digits(number: Decimal) -> Decimal | str | None:
    """Return a decimal with all its digits: a JSON number is stored as a 64-bit float."""
    if number.is_nan():
        return None
    if not number.is_finite():
        return number
    return f"{number:f}" if abs(number.adjusted()) < _MAX_EXPONENT else str(number)


def _convert_numpy(value: Any) -> Any:  # noqa: PLR0911 - a table
    """Convert a scalar or an array of NumPy; an array becomes a list, its masked values null."""
    if not hasattr(value, "dtype"):
        return value
    kind = value.dtype.kind
    if value.shape:
        return [convert(part) for part in (value.tolist() if kind in "biu" else value)]
    if getattr(value, "mask", False):
        return None
    if type(value).__name__.endswith("array"):  # of one value
        return convert(value[()])
    if kind in "biuU":
        return value.item()
    if kind == "f":
        return convert(float(value))
    if kind in "mM":
        return _convert_time(value)
    return value


def _convert_time(value: Any) -> Any:
    """Convert a point in time or a duration of NumPy."""
    if str(value) == "NaT":
        return None
    unit = value.dtype.str[3:]
    if value.dtype.kind == "M":
        moment = value.astype("datetime64[us]")
        if unit in _DATES or moment != value or not isinstance(moment.item(), datetime):
            return str(value)  # a date, or more digits or years than Python has
        return moment.item().isoformat()
    if unit in {"", "[M]", "[Y]"}:  # no length
        return value
    import numpy as np  # noqa: PLC0415 - the value is one of NumPy

    return whole_seconds(float(value / np.timedelta64(1, "s")))


_DATES: Final = frozenset({"[D]", "[W]", "[M]", "[Y]"})
