"""What rows can be uploaded from: iterables of dicts, and tables; anything else, with advice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from os import PathLike
from typing import Any, Final

from crowdflower._types import Row, describe_type
from crowdflower.exceptions import InvalidInput
from crowdflower.http.json_problems import is_numpy
from crowdflower.rows.sources.arrow_rows import read_arrow, read_dataset
from crowdflower.rows.sources.frames import read_pandas, read_polars, read_relation
from crowdflower.rows.sources.table_rows import TableRows


def rows_in(data: object) -> Iterable[Row]:
    """Return the rows of what was passed to an upload, to be consumed once.

    :raises InvalidInput: The argument does not hold rows, or is known to yield something else.
    :raises ImportError: An Arrow table needs pyarrow, which is not installed.

    >>> rows_in({"text": "Hi"})
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: rows must be a list ... not a dict; put one row in a list
    """
    if isinstance(data, TableRows):
        return data
    names = _class_names(data)
    for name, read in _TABLES.items():
        if name in names:
            return read(data)
    if hasattr(type(data), "__arrow_c_stream__") and not _SERIES & names:
        return read_arrow(data)
    advice = _advice(data, names)
    if not advice and isinstance(data, Iterable):
        return data
    given = f"the class {data.__name__}" if isinstance(data, type) else describe_type(data)
    raise InvalidInput(
        "rows must be a list or another iterable of dicts, a data frame, an Arrow table or a path,"
        f" not {given}{advice}"
    )


def _class_names(value: object) -> set[tuple[str, str]]:
    """Return package and name of the classes of a value: libraries are not imported for a check."""
    return {
        (base.__module__.partition(".")[0].lstrip("_"), base.__name__)
        for base in type(value).__mro__
    }


_TABLES: Final[dict[tuple[str, str], Callable[[Any], TableRows]]] = {
    ("pandas", "DataFrame"): read_pandas,
    ("polars", "DataFrame"): read_polars,
    ("polars", "LazyFrame"): lambda frame: read_polars(frame.collect()),
    ("duckdb", "DuckDBPyRelation"): read_relation,
    ("pyarrow", "Dataset"): read_dataset,
    ("pyarrow", "Scanner"): read_dataset,
}

_SERIES: Final = frozenset({("pandas", "Series"), ("polars", "Series")})


def _advice(data: object, names: set[tuple[str, str]]) -> str:  # noqa: C901, PLR0911 - a table
    """Return what to pass instead; empty if rows may be in it."""
    if isinstance(data, type):
        return "; call it first"
    if isinstance(data, Mapping):
        has_columns = any(
            hasattr(value, "__len__") and not isinstance(value, str) for value in data.values()
        )
        if has_columns:
            return "; put one row in a list, and make columns a data frame: pandas.DataFrame(data)"
        return "; put one row in a list"
    if ("pandas", "TextFileReader") in names:
        return "; upload its file by its path, or each of its frames"
    if isinstance(data, (str, PathLike)) or callable(getattr(data, "read", None)):
        return "; to upload a file, call upload_file, or the client's upload_job_file"
    if isinstance(data, (bytes, bytearray, memoryview)):
        return "; to upload the content of a file, pass io.BytesIO(content) to upload_file"
    if _SERIES & names:
        return "; make it a frame with to_frame()"
    if ("duckdb", "DuckDBPyConnection") in names:
        return "; pass a relation, such as connection.sql('SELECT …')"
    if is_numpy(data):
        return "; name its columns: pandas.DataFrame(array, columns=[…])"
    if ("pyarrow", "Array") in names:
        return "; name it: pyarrow.table({'text': array})"
    if any(name == "DataFrame" for _, name in names):  # iterating over one may yield its columns
        return "; make it a data frame of pandas or polars, or write it to a Parquet file"
    return ""


def describe_item(item: object) -> str:
    """Return what an item of the rows is, and how to make it a row.

    >>> describe_item(("Good!", 5))
    'a tuple, not a dict from column to value; call dict(zip(columns, row))'
    """
    advice = _item_advice(item)
    return f"{describe_type(item)}, not a dict from column to value{advice and '; '}{advice}"


def _item_advice(item: object) -> str:  # noqa: PLR0911 - a table
    names = {name for _, name in _class_names(item)}
    if is_dataclass(item):
        return "call dataclasses.asdict(row)"
    if hasattr(item, "_asdict"):
        return "call row._asdict()"
    if hasattr(type(item), "model_dump"):
        return "call row.model_dump()"
    if hasattr(type(item), "__attrs_attrs__"):
        return "call attrs.asdict(row)"
    if not names.isdisjoint({"DataFrame", "LazyFrame", "Table", "RecordBatch"}):
        return "upload one table at a time, or join them first"
    if "Series" in names:
        return "pass the data frame itself"
    if hasattr(item, "keys"):
        return "call dict(row)"
    if isinstance(item, (list, tuple)):
        return "call dict(zip(columns, row))"
    return ""
