"""Errors about values that cannot be sent name the row, the column, the value and the remedy."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import InvalidInput
from crowdflower.http.encoding import encode_form, encode_json
from crowdflower.http.json_problems import find_problem
from crowdflower.rows.json_lines import json_lines
from crowdflower.rows.upload_keys import of_rows
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from conftest import SentRequest

    from crowdflower.job import Job

LONG = 10**5000

CONVERTED = [
    (math.nan, "the float nan is not JSON; send None for a missing value"),
    (datetime(2015, 6, 24, tzinfo=UTC), "a datetime, which is not JSON; send .*isoformat"),
    (date(2015, 6, 24), r"a date, which is not JSON; send .*isoformat\(\)"),
    (time(12, 50), "a time, which is not JSON; send .*isoformat"),
    (timedelta(days=1), r"a timedelta, .*total_seconds\(\)"),
    (Decimal("1.10"), r"Decimal\('1.10'\) is a Decimal, .*send str\(value\).*float\(value\)"),
]
"""What rows may have, and what is not JSON elsewhere."""

PROBLEMS = [
    (math.inf, "the float inf is not JSON; send None for a missing value, or a finite number"),
    (-math.inf, "the float -inf is not JSON"),
    (b"text", r"b'text' is a bytes, .*decode\(\)"),
    ({1, 2}, r"a set, .*list\(value\)"),
    (MappingProxyType({"a": 1}), r"a mappingproxy, .*dict\(value\)"),
    (object(), r"an object, .*str\(value\)"),
    ("\ud800", "the string '.ud800' has a lone surrogate at position 0"),
    ({"\ud800": 1}, "the name '.ud800' has a lone surrogate"),
    ({(1, 2): 1}, r"the name \(1, 2\) is a tuple, not a string"),
    (LONG, "the int has too many digits; send a string"),
    (Decimal("Infinity"), "a Decimal, which is not JSON"),
]
IDS = [f"{type(value).__name__}-{index}" for index, (value, _) in enumerate(PROBLEMS)]


@pytest.mark.parametrize(("value", "said"), PROBLEMS, ids=IDS)
def test_a_row_says_which_column_has_which_value_and_what_to_do(value: Any, said: str) -> None:
    rows = [{"text": "fine"}, {"text": "fine", "score": value}]

    with pytest.raises(InvalidInput, match=f"^row 2, column 'score': .*{said}") as caught:
        list(json_lines(rows))

    assert caught.value.row == 2
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("value", "said"), PROBLEMS, ids=IDS)
@pytest.mark.parametrize(
    "send",
    [
        lambda job, data: job.add_unit(data),
        lambda job, data: Unit(job, id=3).copy(data=data),
        lambda job, data: setattr(unit := Unit(job, id=3), "data", data) or unit.update(),
    ],
    ids=["add", "copy", "update"],
)
def test_a_unit_says_so_too(
    job: Job, sent: list[SentRequest], send: Any, value: Any, said: str
) -> None:
    with pytest.raises(InvalidInput, match=f"^column 'score': .*{said}"):
        send(job, {"text": "fine", "score": value})

    assert sent == []


@pytest.mark.parametrize(("value", "said"), CONVERTED, ids=lambda value: type(value).__name__)
def test_what_only_rows_may_have_is_named_elsewhere(value: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=rf"encoded as JSON: \['when'\]: .*{said}"):
        encode_json({"when": value})


def test_the_place_within_a_cell_is_named() -> None:
    rows = [{"text": "fine", "scores": {"all": [1.0, math.inf]}}]

    with pytest.raises(InvalidInput, match=r"row 1, column 'scores': at \['all'\]\[1\], the float"):
        list(json_lines(rows))


def test_a_value_that_contains_itself_is_named() -> None:
    loop: list[Any] = []
    loop.append(loop)

    assert find_problem({"a": loop}) == ((), "it contains itself, or is nested too deeply")


@pytest.mark.parametrize(
    "value",
    [None, True, 7, 1.5, "Grüße", [1, [2.5]], (1, 2), {"a": {1: None, None: 2}}],
    ids=repr,
)
def test_what_json_has_is_no_problem(value: Any) -> None:
    assert find_problem(value) is None
    assert list(json_lines([{"a": value}]))


# What numpy and pandas have


def test_scalars_of_numpy_are_named_outside_of_rows() -> None:
    numpy = pytest.importorskip("numpy")

    for value, advice in [
        (numpy.int64(7), r"np.int64\(7\) is a numpy.int64, which is not JSON; convert with .item"),
        (numpy.bool_(True), r"a numpy.bool_?, .*\.item\(\)"),
        (numpy.float32(0.5), r"a numpy.float32, .*\.item\(\)"),
        (numpy.datetime64("2015-06-24"), r"a numpy.datetime64, .*str\(value\)"),
        (numpy.array([1, 2]), r"a numpy.ndarray, .*\.tolist\(\)"),
        (numpy.float64("nan"), "the float nan is not JSON; send None"),
    ]:
        with pytest.raises(InvalidInput, match=rf"\['n'\]: .*{advice}"):
            encode_json({"n": value})


def test_scalars_of_numpy_are_named_as_names_numbers_and_ids(job: Job) -> None:
    numpy = pytest.importorskip("numpy")
    seven = numpy.int64(7)

    with pytest.raises(InvalidInput, match=r"row 1, the column name np.int64\(7\) is a numpy.int"):
        list(json_lines([{seven: "a"}]))
    with pytest.raises(InvalidInput, match=r"the name np.int64\(7\) is a numpy.int64, not a str"):
        list(json_lines([{"a": {seven: "a"}}]))
    with pytest.raises(InvalidInput, match=r"units_count .* not np.int64\(7\); .*\.item\(\)"):
        job.launch(seven)
    with pytest.raises(InvalidInput, match=r"np.int64\(7\) is not an id: .*\.item\(\)"):
        job.client.get_job(seven)
    with pytest.raises(InvalidInput, match=r"job\[payment_cents\] is np.int64\(7\).*\.item\(\)"):
        encode_form({"job": {"payment_cents": seven}})


def test_missing_values_of_pandas_are_named_outside_of_rows() -> None:
    pandas = pytest.importorskip("pandas")

    for value in (pandas.NaT, pandas.NA):
        with pytest.raises(InvalidInput, match=r"\['n'\]: .*; send None for a missing value"):
            encode_json({"n": value})
    with pytest.raises(InvalidInput, match=r"\['n'\]: .*a Timestamp, .*isoformat\(\)"):
        encode_json({"n": pandas.Timestamp("2015-06-24")})
    with pytest.raises(InvalidInput, match=r"a key must be .*; every row needs one"):
        list(of_rows([{"id": pandas.NA}], "id", force=False).rows)


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (7.0, r"convert it with int\(\)"),
        (float(10**17), "as a float, it has lost its last digits"),
        (math.nan, "every row needs one"),
        (None, "every row needs one"),
        (b"7", "decode"),
    ],
)
def test_a_value_that_is_not_a_key_comes_with_advice(value: Any, advice: str) -> None:
    with pytest.raises(InvalidInput, match=f"row 1 has .* as its 'id'; .*{advice}"):
        list(of_rows([{"id": value}], "id", force=False).rows)
