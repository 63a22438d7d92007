"""A table as a pandas data frame, with or without pyarrow."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from crowdflower.tables.arrow_tables import arrow_column
from crowdflower.tables.blocks import Kind, Nulls, Numbers
from crowdflower.tables.columns import TypedColumn
from crowdflower.tables.optional_packages import find, require

if TYPE_CHECKING:
    import pandas as pd


def pandas_frame(columns: dict[str, TypedColumn]) -> pd.DataFrame:
    """Return a data frame, and take the columns out of the dict: their memory is freed.

    Whole numbers are ``int64``, or ``Int64`` if some are missing; booleans ``bool`` or ``boolean``.
    """
    library = require("pandas", "pandas", "to_pandas")
    series = {name: _series(library, columns.pop(name)) for name in list(columns)}
    frame: pd.DataFrame = library.DataFrame(series, copy=False)
    return frame


def _series(pd: Any, column: TypedColumn) -> Any:
    kind = column.kind
    if kind is Kind.STRING:
        return _strings(pd, column)
    if kind is Kind.LIST:
        values = chain.from_iterable(block.to_list() for block in column.blocks)
        return pd.Series(list(values), dtype=object)
    np = require("numpy", "pandas", "to_pandas")
    if kind is Kind.CODE:
        names = pd.Index(column.categories, dtype=_string_type(pd))
        return pd.Series(pd.Categorical.from_codes(_numbers(np, column, "int32"), names))
    if kind is Kind.TIME:
        times = _numbers(np, column, "int64", missing=np.iinfo("int64").min)  # NaT
        return pd.Series(times.view("datetime64[us]")).dt.tz_localize("UTC")
    if kind is Kind.FLOAT:
        return pd.Series(_numbers(np, column, "float64", missing=np.nan))
    return pd.Series(_integers_or_booleans(pd, np, column))


def _integers_or_booleans(pd: Any, np: Any, column: TypedColumn) -> Any:
    are_integers = column.kind is Kind.INTEGER
    numbers = _numbers(np, column, "int64" if are_integers else "int8")
    if not are_integers:
        numbers = numbers.astype(bool)
    if not column.has_nulls:
        return numbers
    arrays = pd.arrays
    masked = arrays.IntegerArray if are_integers else arrays.BooleanArray
    return masked(numbers, _missing(np, column))


def _strings(pd: Any, column: TypedColumn) -> Any:
    """Return strings by the type that pandas would choose: ``str``, or before 3.0 ``object``."""
    string_type = _string_type(pd)
    pa = find("pyarrow")
    if pa is not None and str(string_type) == "str":
        return arrow_column(pa, column).to_pandas()
    values = chain.from_iterable(block.to_list() for block in column.blocks)
    return pd.Series(list(values), dtype=string_type)


def _string_type(pd: Any) -> Any:
    return pd.Series(["text"]).dtype


def _numbers(np: Any, column: TypedColumn, type_: str, missing: Any = 0) -> Any:
    """Return the values as one array.

    :param missing: What missing values become.
    """
    parts = [
        np.zeros(len(block), type_)
        if isinstance(block, Nulls)
        else np.frombuffer(block.values, dtype=type_)
        for block in column.blocks
        if isinstance(block, (Nulls, Numbers)) and len(block)
    ]
    numbers = np.concatenate(parts) if parts else np.zeros(0, type_)
    if missing and column.has_nulls:
        numbers[_missing(np, column)] = missing
    return numbers


def _missing(np: Any, column: TypedColumn) -> Any:
    """Return which values are missing, as an array of booleans."""
    parts = [
        np.ones(len(block), bool)
        if isinstance(block, Nulls)
        else np.zeros(len(block), bool)
        if block.valid is None
        else np.frombuffer(block.valid, dtype="uint8") == 0
        for block in column.blocks
        if len(block)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, bool)
