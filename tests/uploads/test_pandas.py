"""Data frames of pandas are uploaded."""

from __future__ import annotations

import datetime as dt
import tracemalloc
import warnings
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from upload_tables import sent, stored

from crowdflower.exceptions import InvalidInput
from crowdflower.rows.json_lines import json_lines

if TYPE_CHECKING:
    from crowdflower.client import Client


@pytest.fixture
def pandas() -> Any:
    return pytest.importorskip("pandas")


def test_every_type_of_pandas_is_sent_as_documented(pandas: Any) -> None:
    numpy = pytest.importorskip("numpy")
    frame = pandas.DataFrame(
        {
            "int": [1, 2],
            "uint": numpy.array([2**64 - 1, 1], dtype="uint64"),
            "Int64": pandas.array([2**53 + 1, None], dtype="Int64"),
            "float": [1.0, None],
            "float32": numpy.array([0.5, numpy.nan], dtype="float32"),
            "boolean": pandas.array([True, None], dtype="boolean"),
            "object": [{"a": numpy.int64(1)}, [numpy.nan, pandas.NA]],
            "array": [numpy.array([1.0, numpy.nan]), None],
            "string": pandas.array(["a", None], dtype="string"),
            "category": pandas.Categorical(["a", None]),
            "bins": pandas.cut([1, 7], [0, 5, 10]),
            "moment": pandas.to_datetime(["2026-11-30 10:00", None]),
            "zoned": pandas.to_datetime(["2026-11-30 10:00", None], utc=True),
            "delta": pandas.to_timedelta(["90s", None]),
            "period": pandas.period_range("2026-11", periods=2, freq="M"),
            "sparse": pandas.arrays.SparseArray([1.0, numpy.nan]),
            "decimal": [Decimal("19.90"), Decimal("NaN")],
            "uuid": [UUID(int=7), None],
        }
    )

    assert sent(frame) == [
        {
            "int": 1,
            "uint": 2**64 - 1,
            "Int64": 2**53 + 1,
            "float": 1.0,
            "float32": 0.5,
            "boolean": True,
            "object": {"a": 1},
            "array": [1.0, None],
            "string": "a",
            "category": "a",
            "bins": "(0, 5]",
            "moment": "2026-11-30T10:00:00",
            "zoned": "2026-11-30T10:00:00+00:00",
            "delta": 90,
            "period": "2026-11",
            "sparse": 1.0,
            "decimal": "19.90",
            "uuid": "00000000-0000-0000-0000-000000000007",
        },
        {
            "int": 2,
            "uint": 1,
            "Int64": None,
            "float": None,
            "float32": None,
            "boolean": None,
            "object": [None, None],
            "array": None,
            "string": None,
            "category": None,
            "bins": "(5, 10]",
            "moment": None,
            "zoned": None,
            "delta": None,
            "period": "2026-12",
            "sparse": None,
            "decimal": None,
            "uuid": None,
        },
    ]


def test_columns_of_arrow_types_in_pandas_are_sent(pandas: Any) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(
        {
            "list": pandas.array(
                [[1], None], dtype=pandas.ArrowDtype(pyarrow.list_(pyarrow.int64()))
            ),
            "text": pandas.array(["a", None], dtype="string[pyarrow]"),
            "number": pandas.array([2**62 + 1, None], dtype="int64[pyarrow]"),
        }
    )

    assert sent(frame) == [
        {"list": [1], "text": "a", "number": 2**62 + 1},
        {"list": None, "text": None, "number": None},
    ]


def test_floats_of_pandas_stay_floats_except_as_the_key(pandas: Any, client: Client) -> None:
    frame = pandas.DataFrame({"id": [7, None, 9], "stars": [5, None, 4]})
    frame = frame.dropna(subset=["id"])
    job = client.create_job({"title": "Frames"})

    job.upload(frame, key="id")

    assert [type(unit.data["id"]) for unit in job.units] == [int, int]
    assert [type(unit.data["stars"]) for unit in job.units] == [float, float]
    assert sorted(dict(job.unit_ids("id"))) == ["7", "9"]
    again = pandas.DataFrame({"id": [9, 10], "stars": [4.0, 1.0]})
    assert job.upload(again, key="id").found == 1
    assert job.reload().units_count == 3


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([1.0, None], "row 2 has None as its 'id'; .*; every row needs one"),
        ([1.0, 2.5], "row 2 has 2.5 as its 'id'; a key must be a non-empty string or an integer$"),
        ([1.0, 1e17], r"row 2 has 1e\+17 .*; as a float, it has lost its last digits"),
        ([True, False], "row 1 has True as its 'id'"),
        ([1.0, 1.0], "rows 1 and 2 have the same 'id', '1'; keys must be unique"),
    ],
)
def test_a_float_that_is_no_key_is_refused(
    pandas: Any, client: Client, keys: list[Any], said: str
) -> None:
    job = client.create_job({"title": "Frames"})

    with pytest.raises(InvalidInput, match=said):
        job.upload(pandas.DataFrame({"id": keys}), key="id")

    assert job.reload().units_count == 0


def test_an_index_is_not_sent_and_a_named_one_is_warned_about(pandas: Any, client: Client) -> None:
    frame = pandas.DataFrame({"sku": ["A-1", "A-2"], "text": ["a", "b"]})

    with pytest.warns(
        UserWarning, match="the index 'sku' of the frame is not sent; .*reset_in"
    ) as w:
        job = client.upload_job(frame.set_index("sku"))

    assert [warning.filename for warning in w] == [__file__]
    assert stored(job) == [{"text": "a"}, {"text": "b"}]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        job = client.upload_job(frame.iloc[1:])
    assert stored(job) == [{"sku": "A-2", "text": "b"}]


@pytest.mark.filterwarnings("ignore:the index")
def test_a_key_that_is_the_index_comes_with_advice(pandas: Any, client: Client) -> None:
    job = client.create_job({"title": "Frames"})
    frame = pandas.DataFrame({"sku": ["A-1"], "text": ["a"]}).set_index("sku")

    with pytest.raises(
        InvalidInput, match=r"no column 'sku'.*; the index is not sent, call reset_i"
    ):
        job.upload(frame, key="sku")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([0, 1], r"column name 0, an int; names must be strings, .*frame.columns.map\(str\)"),
        (["a", "a"], "has the column 'a' twice, and a row can have it once; rename or drop"),
        (["a", None], "column name nan, a float|column name None, None"),
        ([("a", "b"), ("a", "c")], r"several levels, such as \('a', 'b'\); give each one name"),
        ([dt.date(2026, 11, 30), "a"], r"column name datetime.date\(2026, 11, 30\), a date"),
    ],
    ids=repr,
)
def test_column_names_that_a_row_cannot_have_are_refused(
    pandas: Any, client: Client, columns: list[Any], said: str
) -> None:
    frame = pandas.DataFrame([[1, 2]])
    is_nested = isinstance(columns[0], tuple)
    frame.columns = pandas.MultiIndex.from_tuples(columns) if is_nested else columns

    with pytest.raises(InvalidInput, match=said):
        client.upload_job(frame)

    assert list(client.get_jobs()) == []


def test_the_advice_about_column_names_helps(pandas: Any) -> None:
    frame = pandas.DataFrame([[1, 2]])
    frame.columns = pandas.MultiIndex.from_tuples([("a", "b"), ("a", "c")])

    frame.columns = frame.columns.map("_".join)
    assert sent(frame) == [{"a_b": 1, "a_c": 2}]
    frame = pandas.DataFrame([[1, 2]])
    frame.columns = frame.columns.map(str)
    assert sent(frame) == [{"0": 1, "1": 2}]


@pytest.mark.parametrize("columns", [{}, []])
def test_a_frame_without_columns_is_refused(pandas: Any, client: Client, columns: Any) -> None:
    with pytest.raises(InvalidInput, match="no rows to upload: the frame has no columns"):
        client.upload_job(pandas.DataFrame(columns, index=[1, 2]))


def test_a_subclass_of_a_frame_is_a_frame(pandas: Any) -> None:
    class Reviews(pandas.DataFrame):  # type: ignore[misc, name-defined]
        pass

    assert sent(Reviews({"text": ["a"]})) == [{"text": "a"}]


def test_a_large_frame_takes_little_memory(pandas: Any) -> None:
    frame = pandas.DataFrame({"n": range(200_000), "text": "It does what it should do so far."})

    tracemalloc.start()
    try:
        size = sum(map(len, json_lines(frame)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert size > 10 << 20
    assert peak < 5 << 20
