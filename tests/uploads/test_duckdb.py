"""Relations of DuckDB are uploaded."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from upload_tables import sent

from crowdflower.exceptions import InvalidInput
from crowdflower.rows.sources.row_sources import rows_in

if TYPE_CHECKING:
    from crowdflower.client import Client


@pytest.fixture
def duckdb() -> Any:
    return pytest.importorskip("duckdb").connect()


def test_every_type_of_duckdb_is_sent_as_documented(duckdb: Any) -> None:
    relation = duckdb.sql("""
        SELECT 170141183460469231731687303715884105727::HUGEINT AS huge,
               19.90::DECIMAL(10, 2) AS "decimal",
               'nan'::DOUBLE AS nan,
               NULL AS "null",
               DATE '2026-11-30' AS day,
               TIME '10:30:00' AS "time",
               TIMESTAMP '2026-11-30 10:00:00' AS moment,
               INTERVAL 90 SECOND AS delta,
               '00000000-0000-0000-0000-000000000007'::UUID AS uuid,
               'a'::ENUM('a', 'b') AS enum,
               {'n': 1, 'list': [1.5::DOUBLE, NULL]} AS struct,
               MAP {'S': 1} AS map,
               TRUE AS "is ""quoted"" too"
    """)

    assert sent(relation) == [
        {
            "huge": 2**127 - 1,
            "decimal": "19.90",
            "nan": None,
            "null": None,
            "day": "2026-11-30",
            "time": "10:30:00",
            "moment": "2026-11-30T10:00:00",
            "delta": 90,
            "uuid": "00000000-0000-0000-0000-000000000007",
            "enum": "a",
            "struct": {"n": 1, "list": [1.5, None]},
            "map": {"S": 1},
            'is "quoted" too': True,
        }
    ]


def test_times_of_duckdb_keep_their_zone_and_nanoseconds(duckdb: Any) -> None:
    duckdb.sql("SET TimeZone = 'Asia/Kolkata'")
    relation = duckdb.sql("""
        SELECT TIMESTAMPTZ '2026-11-30 10:00:00+00' AS zoned,
               TIMESTAMP_NS '2026-11-30 10:00:00.123456789' AS short
    """)

    [row] = sent(relation)

    assert dt.datetime.fromisoformat(row["zoned"]) == dt.datetime(2026, 11, 30, 10, tzinfo=dt.UTC)
    assert row["short"] == "2026-11-30T10:00:00.123456789"


def test_the_connection_can_be_used_while_rows_are_sent(duckdb: Any, client: Client) -> None:
    relation = duckdb.sql("SELECT range AS n FROM range(5000)")
    rows = iter(rows_in(relation))
    next(rows)

    assert duckdb.sql("SELECT 1 AS one").fetchall() == [(1,)]
    assert sum(1 for _ in rows) == 4999


def test_an_error_of_the_query_is_the_users_own(duckdb: Any, client: Client) -> None:
    relation = duckdb.sql("SELECT CAST(t AS INTEGER) AS n FROM (VALUES ('1'), ('x')) AS v(t)")

    with pytest.raises(pytest.importorskip("duckdb").ConversionException, match="'x'"):
        client.upload_job(relation)

    assert list(client.get_jobs()) == []


@pytest.mark.parametrize("statement", [None, "SELECT 1 AS n"])
def test_a_connection_of_duckdb_is_refused_with_advice(
    duckdb: Any, client: Client, statement: str | None
) -> None:
    data = duckdb.execute(statement) if statement else duckdb

    with pytest.raises(
        InvalidInput, match=r"DuckDBPyConnection; pass a relation, such as connection"
    ):
        client.upload_job(data)
