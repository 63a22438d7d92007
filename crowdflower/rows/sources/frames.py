"""Reads data frames of pandas and polars, and relations of DuckDB; imports only what is passed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from crowdflower.exceptions import warn
from crowdflower.rows.sources.table_rows import (
    NANOSECONDS,
    Block,
    TableRows,
    read_column,
    rows_per_block,
    seconds_of,
)


def read_pandas(frame: Any) -> TableRows:
    """Return the rows of a data frame of pandas; its index is not sent.

    Warns of an index that has a name.
    """
    index = [str(name) for name in frame.index.names if name is not None]
    rows = TableRows("frame", frame.columns, _pandas_blocks(frame), index=index)
    if index:
        names = " and ".join(map(repr, index))
        warn(f"the index {names} of the frame is not sent; frame.reset_index() makes it a column")
    return rows


def _pandas_blocks(frame: Any) -> Iterator[Block]:
    width = len(frame.columns)
    size = rows_per_block(width)
    for start in range(0, len(frame), size):
        block = frame.iloc[start : start + size]
        yield [block.iloc[:, position].tolist() for position in range(width)]


def read_polars(frame: Any) -> TableRows:
    """Return the rows of a data frame of polars."""
    return TableRows("frame", frame.columns, _polars_blocks(frame))


def _polars_blocks(frame: Any) -> Iterator[Block]:
    size = rows_per_block(frame.width)
    for start in range(0, frame.height, size):
        yield [
            read_column(column.name, column, _polars_values)
            for column in frame.slice(start, size).get_columns()
        ]


def _polars_values(column: Any) -> list[Any]:
    """Return the values of a column.

    Its times may have nanoseconds and Python's own have microseconds; where digits would be lost,
    times become text and durations seconds.
    """
    import polars as pl  # noqa: PLC0415 - the frame is one of polars

    kind = column.dtype
    has_nanoseconds = kind == pl.Time or getattr(kind, "time_unit", "") == "ns"
    counts = column.cast(pl.Int64) if has_nanoseconds else None
    values: list[Any]
    if counts is None or not (counts % NANOSECONDS != 0).any():
        values = column.to_list()
    elif kind == pl.Duration:
        values = seconds_of(counts.to_list())
    else:
        day = "" if kind == pl.Time else "%Y-%m-%dT"
        zone = "%:z" if getattr(kind, "time_zone", None) else ""
        values = column.dt.strftime(f"{day}%H:%M:%S%.f{zone}").to_list()
    return values


def read_relation(relation: Any) -> TableRows:
    """Return the rows of a relation of DuckDB, which runs once.

    Times with nanoseconds are read as text, since Python's own have microseconds.
    """
    names, kinds = list(relation.columns), list(map(str, relation.types))
    return TableRows("relation", names, _relation_blocks(relation, names, kinds))


def _relation_blocks(relation: Any, names: list[str], kinds: list[str]) -> Iterator[Block]:
    quoted = ['"{}"'.format(name.replace('"', '""')) for name in names]
    read = [
        f"replace(CAST({name} AS VARCHAR), ' ', 'T') AS {name}" if kind in _SHORT_TIMES else name
        for name, kind in zip(quoted, kinds, strict=True)
    ]
    result = relation.project(", ".join(read))
    size = rows_per_block(len(names))
    rows = _iterate(result, size)
    while block := list(islice(rows, size)):
        yield [list(values) for values in zip(*block, strict=True)]


def _iterate(relation: Any, size: int) -> Iterator[tuple[Any, ...]]:
    """Run a relation and yield its rows; DuckDB keeps the result until they are read.

    Otherwise, before release 2, another query of the connection would end the rows.
    """
    if hasattr(type(relation), "iter_rows"):  # since release 2
        yield from relation.iter_rows(size)
        return
    result = relation.execute()
    while block := result.fetchmany(size):
        yield from block


_SHORT_TIMES: Final = frozenset({"TIMESTAMP_NS", "TIME_NS"})
"""Types of DuckDB with nanoseconds."""
