"""Reads Arrow tables and streams, and Parquet files; pyarrow is imported where they are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from os import PathLike
from typing import IO, Any, Final

from crowdflower.exceptions import InvalidInput
from crowdflower.rows.sources.table_rows import (
    NANOSECONDS,
    Block,
    TableRows,
    read_column,
    rows_per_block,
    seconds_of,
)

INDEX_COLUMN: Final = re.compile(r"__index_level_\d+__")
"""Columns in which pandas stores an index without a name."""


def read_arrow(table: Any) -> TableRows:
    """Return the rows of a table, a record batch, or another stream of Arrow data.

    :raises InvalidInput: The stream has values in place of columns.
    :raises ImportError: pyarrow is not installed.
    """
    pyarrow = _import_pyarrow("an Arrow table")
    if isinstance(table, pyarrow.Table):
        reader = table.to_reader()
    elif isinstance(table, pyarrow.RecordBatch):
        reader = pyarrow.RecordBatchReader.from_batches(table.schema, [table])
    elif isinstance(table, pyarrow.RecordBatchReader):
        reader = table
    else:
        reader = _open_stream(pyarrow, table)
    kind = "reader, which can be read once," if reader is table else "table"
    return _rows(kind, reader.schema, reader)


def read_dataset(dataset: Any) -> TableRows:
    """Return the rows of a dataset of pyarrow, or of a scanner of one."""
    scanner = dataset.scanner() if hasattr(dataset, "scanner") else dataset
    return read_arrow(scanner.to_reader())


def read_parquet(file: str | PathLike[str] | IO[Any]) -> TableRows:
    """Return the rows of a Parquet file.

    :raises InvalidInput: The file is not Parquet, or damaged.
    :raises ImportError: pyarrow is not installed.
    """
    _import_pyarrow("a Parquet file")
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - optional

    with _ParquetErrors():
        parquet = ParquetFile(file)
        schema = parquet.schema_arrow
    return _rows("file", schema, _parquet_batches(parquet, rows_per_block(len(schema))))


def _import_pyarrow(what: str) -> Any:
    try:
        import pyarrow as pa  # noqa: PLC0415 - optional
    except ImportError as missing:
        raise ImportError(
            f"to read {what} needs pyarrow, which is not installed:"
            " pip install 'crowdflower-client[arrow]'"
        ) from missing
    return pa


def _open_stream(pyarrow: Any, table: Any) -> Any:
    try:
        return pyarrow.RecordBatchReader.from_stream(table)
    except pyarrow.ArrowInvalid as error:
        problem = str(error)
    raise InvalidInput(f"the Arrow data is not a table with columns: {problem}")


def _parquet_batches(parquet: Any, size: int) -> Iterator[Any]:
    with _ParquetErrors(), parquet:
        yield from parquet.iter_batches(batch_size=size)


class _ParquetErrors:
    """Names the file as the cause of an error while it is read; a file that is missing stays so."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        is_ours = isinstance(error, (ValueError, TypeError, OSError))
        if is_ours and not isinstance(error, InvalidInput) and not getattr(error, "errno", None):
            raise InvalidInput(f"the file cannot be read as Parquet: {error}") from error


def _rows(kind: str, schema: Any, batches: Iterable[Any]) -> TableRows:
    sent = [
        position for position, name in enumerate(schema.names) if not INDEX_COLUMN.fullmatch(name)
    ]
    for position in sent:
        if "interval" in str(schema.field(position).type):
            raise InvalidInput(
                f"column {schema.names[position]!r:.80} has intervals of months, days and"
                " nanoseconds, which are not JSON; send it as text or as a number"
            )
    return TableRows(kind, [schema.names[position] for position in sent], _blocks(batches, sent))


def _blocks(batches: Iterable[Any], sent: list[int]) -> Iterator[Block]:
    size = rows_per_block(len(sent))
    for batch in batches:
        names = batch.schema.names
        for start in range(0, batch.num_rows, size):
            part = batch.slice(start, size)
            yield [read_column(names[at], part.column(at), _values) for at in sent]


def _values(column: Any) -> list[Any]:
    values: list[Any] = _read_nanoseconds(column) or column.to_pylist()
    return values


def _read_nanoseconds(column: Any) -> list[Any] | None:
    """Return times with nanoseconds as text, and durations as seconds; ``None`` for other columns.

    Python's own types have microseconds. pyarrow would return types of pandas, if that is
    installed, and otherwise refuse.
    """
    import pyarrow as pa  # noqa: PLC0415 - the column is one of pyarrow

    kind = column.type
    types = pa.types
    if getattr(kind, "unit", "") != "ns" or types.is_interval(kind):
        return None
    counts = column.cast(pa.int64()).to_pylist()
    if types.is_duration(kind):
        return seconds_of(counts)
    rounded = pa.time64("us") if types.is_time(kind) else pa.timestamp("us", tz=kind.tz)
    whole = [None if count is None else count // NANOSECONDS for count in counts]
    moments = pa.array(whole, pa.int64()).cast(rounded).to_pylist()
    return [
        None if moment is None else _with_nanoseconds(moment, count % NANOSECONDS)
        for moment, count in zip(moments, counts, strict=True)
    ]


def _with_nanoseconds(moment: Any, rest: int) -> str:
    """Return a time in ISO 8601, with what is left of its nanoseconds after its microseconds.

    >>> from datetime import time
    >>> _with_nanoseconds(time(10), 0), _with_nanoseconds(time(10), 5)
    ('10:00:00', '10:00:00.000000005')
    """
    if not rest:
        return str(moment.isoformat())
    text = moment.isoformat(timespec="microseconds")
    end = text.index(".") + 7
    return f"{text[:end]}{rest:03d}{text[end:]}"
