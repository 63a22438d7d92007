"""Values of JSON as an Arrow array of a planned type; a value that does not fit is an error."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, Final

from crowdflower.exceptions import MalformedResponse
from crowdflower.tables.blocks import as_text
from crowdflower.tables.columns import microseconds
from crowdflower.tables.optional_packages import require

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)", re.ASCII)
"""Text that is the same after it was read as a number: not 007, which may be a code."""

_UNFIT: Final = (ArithmeticError, TypeError, ValueError, MalformedResponse)
"""What is raised for a value that does not fit: pyarrow's errors are TypeErrors and ValueErrors."""


class UnfitCell(ValueError):
    """A value that the type of its column does not hold.

    :ivar position: Where it is among the values, from 0.
    """

    def __init__(self, position: int, value: object) -> None:
        super().__init__(f"{value!r:.80}")
        self.position = position


def arrow_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return values of JSON as an array.

    Nothing is rounded, cut or dropped. Text holds everything: what is not a string is written as
    JSON. A number may come as text, as all cells of a CSV do; times are in ISO 8601.

    :raises UnfitCell: A value is not of this type.

    >>> import pyarrow
    >>> arrow_array(["7", 8, None], pyarrow.int64()).to_pylist()
    [7, 8, None]
    >>> arrow_array([1, 1.5], pyarrow.int64())
    Traceback (most recent call last):
      ...
    crowdflower.tables.partitions.arrow_cells.UnfitCell: 1.5
    """
    try:
        return _convert(values, kind)
    except _UNFIT:
        for position, value in enumerate(values):
            try:
                _convert([value], kind)
            except _UNFIT:
                raise UnfitCell(position, value) from None
        raise


def _convert(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    pyarrow = require("pyarrow", "arrow", "read_partition")
    types = pyarrow.types
    if types.is_dictionary(kind):
        return _convert(values, kind.value_type).dictionary_encode().cast(kind)
    if types.is_timestamp(kind) or types.is_date(kind):
        return _times(pyarrow, values, kind)
    if is_list(pyarrow, kind):
        return _lists(pyarrow, values, kind)
    return pyarrow.array(_prepare(pyarrow, values, kind), kind)


def is_list(pyarrow: Any, kind: Any) -> bool:
    """Return whether a type is one of lists."""
    types = pyarrow.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def is_text(pyarrow: Any, kind: Any) -> bool:
    """Return whether a type is one of strings."""
    types = pyarrow.types
    is_view = getattr(types, "is_string_view", lambda _: False)
    return bool(types.is_string(kind) or types.is_large_string(kind) or is_view(kind))


def _prepare(pyarrow: Any, values: Sequence[Any], kind: Any) -> Sequence[Any]:
    """Return values that pyarrow takes as they are; it would cut 1.5 to 1, and take True as 1."""
    found = set(map(type, values)) - {type(None)}
    types = pyarrow.types
    read: Callable[[Any], Any]
    if is_text(pyarrow, kind):
        texts = values if found <= {str} else list(map(as_text, values))
        if "".join(each for each in texts if each).isascii():
            return texts
        return [None if each is None else _encodable(each) for each in texts]
    if types.is_integer(kind):
        is_exact, read = found <= {int}, _whole
    elif types.is_floating(kind):
        is_exact, read = found <= {int, float}, _number
    elif types.is_boolean(kind):
        is_exact, read = found <= {bool}, _flag
    elif types.is_decimal(kind):
        is_exact, read = found <= {Decimal}, _decimal
    else:
        return values
    return values if is_exact else [None if each is None else read(each) for each in values]


def _encodable(text: str) -> str:
    """Return a string that UTF-8 can hold: a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _whole(value: Any) -> int:
    if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(value)
    if isinstance(value, str):
        number = float(value)
        if not math.isfinite(number) or "_" in value:
            raise ValueError(value)
        return number
    return value


def _flag(value: Any) -> bool:
    text = value.strip().lower() if isinstance(value, str) else value
    if text in ("true", "false"):
        return bool(text == "true")
    if isinstance(value, bool):
        return value
    raise ValueError(value)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise TypeError(value)
    try:
        return Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise ValueError(value) from None


def _lists(pyarrow: Any, values: Sequence[Any], kind: Any) -> Any:
    """Return an array of lists; pyarrow would take a string as a list of its characters."""
    if not {type(value) for value in values} <= {list, type(None)}:
        raise TypeError(values)
    items = arrow_array(list(chain.from_iterable(each or () for each in values)), kind.value_type)
    ends = accumulate((len(each or ()) for each in values), initial=0)
    missing = [each is None for each in values]
    return pyarrow.LargeListArray.from_arrays(
        pyarrow.array(list(ends), pyarrow.int64()),
        items,
        mask=pyarrow.array(missing, pyarrow.bool_()),
    ).cast(kind)


def _times(pyarrow: Any, values: Sequence[Any], kind: Any) -> Any:
    moments = [None if value in (None, "") else _microseconds(value) for value in values]
    exact = pyarrow.array(moments, pyarrow.int64()).cast(pyarrow.timestamp("us", "UTC"))
    if not pyarrow.types.is_timestamp(kind):
        naive = exact.cast(pyarrow.timestamp("us"))
        days = naive.cast(kind)
        if not days.cast(naive.type).equals(naive):
            raise ValueError(values)
        return days
    if kind.tz is None:
        exact = exact.cast(pyarrow.timestamp("us"))
    return exact.cast(kind)


def _microseconds(value: Any) -> int:
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError(value)
        return microseconds(value.isoformat())
    if isinstance(value, date):
        return microseconds(datetime.combine(value, time(), UTC).isoformat())
    return microseconds(value)
