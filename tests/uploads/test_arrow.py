"""Arrow tables and streams are uploaded."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from upload_tables import sent

from crowdflower.exceptions import InvalidInput

if TYPE_CHECKING:
    from crowdflower.client import Client


@pytest.fixture
def pyarrow() -> Any:
    return pytest.importorskip("pyarrow")


def test_every_type_of_arrow_is_sent_as_documented(pyarrow: Any) -> None:
    table = pyarrow.table(
        {
            "null": pyarrow.nulls(1),
            "half": pyarrow.array([1.5], pyarrow.float16()),
            "nan": pyarrow.array([float("nan")]),
            "decimal": pyarrow.array([Decimal("19.90")]),
            "date64": pyarrow.array([86_400_000], pyarrow.date64()),
            "dictionary": pyarrow.array(["a"]).dictionary_encode(),
            "list": pyarrow.array([[1, None]]),
            "struct": pyarrow.array([{"day": dt.date(2026, 11, 30)}]),
            "map": pyarrow.array([[("S", 1)]], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
            "uint": pyarrow.array([2**64 - 1], pyarrow.uint64()),
            "runs": pyarrow.RunEndEncodedArray.from_arrays([1], ["a"]),
            "text": pyarrow.array(["a"], pyarrow.large_string()),
            "zoned": pyarrow.array([0], pyarrow.timestamp("s", "Europe/Berlin")),
            "delta": pyarrow.array([90_000], pyarrow.duration("ms")),
        }
    )

    assert sent(table) == [
        {
            "null": None,
            "half": 1.5,
            "nan": None,
            "decimal": "19.90",
            "date64": "1970-01-02",
            "dictionary": "a",
            "list": [1, None],
            "struct": {"day": "2026-11-30"},
            "map": [["S", 1]],
            "uint": 2**64 - 1,
            "runs": "a",
            "text": "a",
            "zoned": "1970-01-01T01:00:00+01:00",
            "delta": 90,
        }
    ]


def test_nanoseconds_of_arrow_are_kept(pyarrow: Any) -> None:
    table = pyarrow.table(
        {
            "moment": pyarrow.array([1, None, 0], pyarrow.timestamp("ns")),
            "zoned": pyarrow.array([-1, 0, None], pyarrow.timestamp("ns", "Asia/Kolkata")),
            "time": pyarrow.array([1, 3_600_000_000_000, None], pyarrow.time64("ns")),
            "delta": pyarrow.array([60_000_000_000, 1, None], pyarrow.duration("ns")),
        }
    )

    assert sent(table) == [
        {
            "moment": "1970-01-01T00:00:00.000000001",
            "zoned": "1970-01-01T05:29:59.999999999+05:30",
            "time": "00:00:00.000000001",
            "delta": 60,
        },
        {
            "moment": None,
            "zoned": "1970-01-01T05:30:00+05:30",
            "time": "01:00:00",
            "delta": 1e-09,
        },
        {"moment": "1970-01-01T00:00:00", "zoned": None, "time": None, "delta": None},
    ]


def test_bytes_and_intervals_of_arrow_are_refused(pyarrow: Any, client: Client) -> None:
    with pytest.raises(InvalidInput, match=r"row 1, column 'a': b'x' is a bytes, .*base64"):
        client.upload_job(pyarrow.table({"a": [b"x"]}))
    intervals = pyarrow.array([(1, 2, 3)], pyarrow.month_day_nano_interval())
    with pytest.raises(InvalidInput, match="column 'a' has intervals of months, days and nanosec"):
        client.upload_job(pyarrow.table({"a": intervals}))


def test_a_stream_of_values_is_not_a_table(pyarrow: Any, client: Client) -> None:
    with pytest.raises(InvalidInput, match="the Arrow data is not a table with columns: "):
        client.upload_job(pyarrow.chunked_array([[1]]))


def test_the_index_that_pandas_stores_in_arrow_is_not_sent(pyarrow: Any) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"sku": ["A-2"]}, index=[7])
    table = pyarrow.Table.from_pandas(frame)
    assert "__index_level_0__" in table.column_names

    assert sent(table) == [{"sku": "A-2"}]


def test_two_arrow_columns_of_one_name_are_refused(pyarrow: Any) -> None:
    with pytest.raises(InvalidInput, match="the table has the column 'a' twice"):
        sent(pyarrow.table([[1], [2]], names=["a", "a"]))
