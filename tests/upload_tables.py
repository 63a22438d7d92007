"""The same columns as a table of each library, and what is sent and stored of them."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from crowdflower.rows.json_lines import json_lines

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.job import Job

Columns: TypeAlias = dict[str, list[Any]]
MakeTable: TypeAlias = Callable[[Columns], Any]


def stored(job: Job) -> list[dict[str, Any]]:
    """Return what the units of a job hold, as the sandbox has stored it."""
    return [unit.data for unit in job.reload().units]


def upload(client: Client, data: Any, key: str | None) -> list[dict[str, Any]]:
    """Upload rows, with a key or without one; return what is stored."""
    if key is None:
        return stored(client.upload_job(data))
    job = client.create_job({"title": "Frames"})
    job.upload(data, key=key)
    return stored(job)


def pandas_frame(columns: Columns) -> Any:
    return pytest.importorskip("pandas").DataFrame(columns)


def polars_frame(columns: Columns) -> Any:
    return pytest.importorskip("polars").DataFrame(columns, strict=False)


def lazy_frame(columns: Columns) -> Any:
    return polars_frame(columns).lazy()


def arrow_table(columns: Columns) -> Any:
    return pytest.importorskip("pyarrow").table(columns)


def arrow_batch(columns: Columns) -> Any:
    return arrow_table(columns).combine_chunks().to_batches()[0]


def arrow_reader(columns: Columns) -> Any:
    return arrow_table(columns).to_reader(max_chunksize=2)


def arrow_dataset(columns: Columns) -> Any:
    return pytest.importorskip("pyarrow.dataset").dataset(arrow_table(columns))


class Capsule:
    """A table of another library, which offers Arrow data and nothing else."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def arrow_capsule(columns: Columns) -> Any:
    return Capsule(arrow_table(columns))


def duckdb_relation(columns: Columns) -> Any:
    duckdb = pytest.importorskip("duckdb")
    names = ", ".join(f'"{name}"' for name in columns)
    rows = ", ".join(
        f"({', '.join(map(literal, cells))})" for cells in zip(*columns.values(), strict=True)
    )
    query = f"SELECT * FROM (VALUES {rows}) AS v({names})"  # noqa: S608 - of the test itself
    return duckdb.sql(query)


def literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, dt.date):
        return f"DATE '{value}'"
    if isinstance(value, float):  # without the cast it is a decimal
        return f"{value!r}::DOUBLE"
    return f"'{value}'" if isinstance(value, str) else f"{value!r}"


def parquet_file(columns: Columns) -> Any:
    parquet = pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    parquet.write_table(arrow_table(columns), file)
    file.seek(0)
    file.name = "rows.parquet"
    return file


TABLES: list[MakeTable] = [
    pandas_frame,
    polars_frame,
    lazy_frame,
    arrow_table,
    arrow_batch,
    arrow_reader,
    arrow_dataset,
    arrow_capsule,
    duckdb_relation,
]


def sent(data: Any) -> list[dict[str, Any]]:
    """Return the rows of a table as they are sent."""
    return [json.loads(line) for block in json_lines(data) for line in block.splitlines()]
