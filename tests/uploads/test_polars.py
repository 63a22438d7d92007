"""Data frames of polars are uploaded."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from upload_tables import sent


@pytest.fixture
def polars() -> Any:
    return pytest.importorskip("polars")


def test_every_type_of_polars_is_sent_as_documented(polars: Any) -> None:
    moment = dt.datetime(2026, 11, 30, 10)  # noqa: DTZ001 - without a zone
    columns = {
        "int": polars.Series([2**63 - 1, None]),
        "uint": polars.Series([2**64 - 1, None], dtype=polars.UInt64),
        "float": [float("nan"), None],
        "day": [dt.date(2026, 11, 30), None],
        "moment": [moment, None],
        "zoned": [moment.replace(tzinfo=dt.UTC), None],
        "time": [dt.time(10, 30), None],
        "delta": [dt.timedelta(seconds=90), None],
        "decimal": polars.Series([Decimal("19.90"), None]),
        "category": polars.Series(["a", None], dtype=polars.Categorical),
        "enum": polars.Series(["a", None], dtype=polars.Enum(["a"])),
        "list": [[1.5, float("nan"), None], None],
        "struct": [{"day": dt.date(2026, 11, 30), "n": [1]}, None],
        "array": polars.Series([[1, 2], None], dtype=polars.Array(polars.Int64, 2)),
        "object": polars.Series([UUID(int=7), None], dtype=polars.Object),
        "null": [None, None],
    }

    first, second = sent(polars.DataFrame(columns))

    assert first == {
        "int": 2**63 - 1,
        "uint": 2**64 - 1,
        "float": None,
        "day": "2026-11-30",
        "moment": "2026-11-30T10:00:00",
        "zoned": "2026-11-30T10:00:00+00:00",
        "time": "10:30:00",
        "delta": 90,
        "decimal": "19.90",
        "category": "a",
        "enum": "a",
        "list": [1.5, None, None],
        "struct": {"day": "2026-11-30", "n": [1]},
        "array": [1, 2],
        "object": "00000000-0000-0000-0000-000000000007",
        "null": None,
    }
    assert second.keys() == first.keys()
    assert {str(value) for value in second.values()} <= {"None", "{'day': None, 'n': None}"}


def test_nanoseconds_of_polars_are_kept(polars: Any) -> None:
    def column(*values: int | None) -> Any:
        return polars.Series(values, dtype=polars.Int64)

    frame = polars.DataFrame(
        {
            "moment": column(1, None).cast(polars.Datetime("ns")),
            "zoned": column(-1, 0).cast(polars.Datetime("ns", "Asia/Kolkata")),
            "even": column(0, 1_000_000_000).cast(polars.Datetime("ns")),
            "time": column(1, None).cast(polars.Time),
            "delta": column(60_000_000_000, 1).cast(polars.Duration("ns")),
        }
    )

    assert sent(frame) == [
        {
            "moment": "1970-01-01T00:00:00.000000001",
            "zoned": "1970-01-01T05:29:59.999999999+05:30",
            "even": "1970-01-01T00:00:00",
            "time": "00:00:00.000000001",
            "delta": 60,
        },
        {
            "moment": None,
            "zoned": "1970-01-01T05:30:00+05:30",
            "even": "1970-01-01T00:00:01",
            "time": None,
            "delta": 1e-09,
        },
    ]
