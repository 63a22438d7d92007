"""Tables of every library are stored as their rows, with a key and without."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from upload_tables import (
    TABLES,
    MakeTable,
    arrow_batch,
    arrow_capsule,
    arrow_dataset,
    arrow_reader,
    arrow_table,
    duckdb_relation,
    pandas_frame,
    parquet_file,
    polars_frame,
    sent,
    upload,
)

from crowdflower.exceptions import InvalidInput
from crowdflower.rows.sources.arrow_rows import read_parquet
from crowdflower.rows.sources.row_sources import rows_in
from crowdflower.rows.sources.table_rows import TableRows, rows_per_block

if TYPE_CHECKING:
    from crowdflower.client import Client


@pytest.mark.parametrize("key", [None, "sku"])
@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_stored_as_its_rows(client: Client, table: MakeTable, key: str | None) -> None:
    day = dt.date(2026, 11, 30)
    columns = {
        "sku": ["A-1", "A-2", "A-3"],
        "review": ["Grüße 💐", None, 'He said "no",\nand left.'],
        "stars": [5, 4, 1],
        "price": [1.5, 2.0, 0.25],
        "is_new": [True, False, True],
        "day": [day, None, day],
    }

    found = upload(client, table(columns), key)

    assert found == [
        {
            "sku": "A-1",
            "review": "Grüße 💐",
            "stars": 5,
            "price": 1.5,
            "is_new": True,
            "day": "2026-11-30",
        },
        {
            "sku": "A-2",
            "review": None,
            "stars": 4,
            "price": 2.0,
            "is_new": False,
            "day": None,
        },
        {
            "sku": "A-3",
            "review": 'He said "no",\nand left.',
            "stars": 1,
            "price": 0.25,
            "is_new": True,
            "day": "2026-11-30",
        },
    ]


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 2500])
@pytest.mark.parametrize("table", [*TABLES, parquet_file])
def test_blocks_lose_and_repeat_no_row(table: MakeTable, count: int) -> None:
    data = table({"n": list(range(count)), "text": [f"row {n}" for n in range(count)]})
    if table is parquet_file:
        data = read_parquet(data)

    assert [row["n"] for row in rows_in(data)] == list(range(count))


@pytest.mark.parametrize("table", [pandas_frame, polars_frame, arrow_table])
def test_a_wide_table_has_blocks_of_few_rows(
    table: MakeTable,
) -> None:
    width = 20_000
    columns = {f"column {number}": [number, None, number + 1] for number in range(width)}

    rows = list(rows_in(table(columns)))

    assert rows_per_block(width) == 2
    assert [len(row) for row in rows] == [width] * 3
    assert rows[2]["column 19999"] == 20_000


@pytest.mark.parametrize("table", TABLES)
def test_a_table_without_rows_is_refused(client: Client, table: MakeTable) -> None:
    full = table({"sku": ["A-1"]})
    if table is duckdb_relation:
        data = full.filter("sku = 'none'")
    elif table is arrow_dataset:
        data = arrow_dataset({"sku": []})
    elif table is arrow_reader:
        data = full
        list(data)
    elif table is arrow_capsule:
        data = arrow_capsule({"sku": []})
    elif table is arrow_batch:
        data = full.slice(0, 0)
    else:
        data = full.head(0) if hasattr(full, "head") else full.slice(0, 0)

    with pytest.raises(InvalidInput, match=r"^no rows to upload: the .* has none$"):
        client.upload_job(data)

    assert list(client.get_jobs()) == []


def test_a_reader_is_read_once(client: Client) -> None:
    reader = arrow_reader({"sku": ["A-1", "A-2", "A-3"]})
    client.upload_job(reader)

    with pytest.raises(InvalidInput, match="the reader, which can be read once, has none"):
        client.upload_job(reader)


def test_a_relation_and_a_frame_are_read_again(client: Client) -> None:
    for table in (duckdb_relation, pandas_frame, polars_frame):
        data = table({"sku": ["A-1", "A-2"]})
        assert upload(client, data, None) == upload(client, data, "sku")


@pytest.mark.parametrize("table", [pandas_frame, polars_frame, arrow_table, duckdb_relation])
def test_a_bad_cell_is_named_and_nothing_is_sent(client: Client, table: MakeTable) -> None:
    if table is duckdb_relation:
        duckdb = pytest.importorskip("duckdb")
        data = duckdb.sql(
            "SELECT i AS sku, CASE WHEN i = 1201 THEN 'infinity'::DOUBLE ELSE 1.5 END AS score"
            " FROM range(1, 3000) AS t(i)"
        )
    else:
        data = table(
            {"sku": list(range(3000)), "score": [1.5] * 1200 + [float("inf")] + [1.5] * 1799}
        )
    said = r"^row 1201, column 'score': the float inf is not JSON; send None .* or a finite number"

    for key in (None, "sku"):
        job = client.create_job({"title": "Frames"})
        with pytest.raises(InvalidInput, match=said) as caught:
            job.upload(data, key=key)
        assert caught.value.row == 1201
        assert job.reload().units_count == 0


@pytest.mark.parametrize("table", [*TABLES, parquet_file])
def test_a_key_that_is_not_a_column_is_named(client: Client, table: MakeTable) -> None:
    job = client.create_job({"title": "Frames"})
    data = table({"sku": ["A-1"], "text": ["Good."]})
    send = job.upload_file if table is parquet_file else job.upload

    with pytest.raises(
        InvalidInput,
        match=r"has no column 'skuu', the key; its columns are: sku, text; did you mea",
    ):
        send(data, key="skuu")


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_a_time_beyond_the_calendar_is_named(library: str) -> None:
    package = pytest.importorskip(library)
    values = [0] * 1500 + [10**18]
    if library == "polars":
        moments = package.Series(values, dtype=package.Int64).cast(package.Datetime("us"))
        data = package.DataFrame({"n": values, "moment": moments})
    else:
        data = package.table(
            {"n": values, "moment": package.array(values, package.timestamp("us"))}
        )

    said = "row 1501, column 'moment': .* out of range; convert the column to text"
    with pytest.raises(InvalidInput, match=said) as caught:
        sent(data)

    assert caught.value.row == 1501


def test_table_rows_are_consumed_once() -> None:
    rows = TableRows("frame", ["n"], [[[1, 2]]])

    assert list(rows_in(rows)) == [{"n": 1}, {"n": 2}]
    with pytest.raises(InvalidInput, match="the frame has none"):
        list(rows)
