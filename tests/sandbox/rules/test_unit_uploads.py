"""Uploads: rows become units, all or none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdflower.cml.names import column_name
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.settings import channels
from crowdflower.sandbox.rules.settings.source_columns import read_columns
from crowdflower.sandbox.rules.units import units, uploads

SIX = [{"glitter_color": f"colour {n}", "price": n} for n in range(6)]


def upload(world: Any, *data: dict[str, Any]) -> Any:
    return world.do(uploads.create_job, world.account, data)


def read_data(world: Any, job: Any) -> list[dict[str, Any]]:
    return [unit.data for unit in world.units(job)]


def test_rows_keep_their_order_and_their_values(world: Any) -> None:
    data = [
        {"text": "würde wieder kaufen", "stars": 4.5, "tags": ["a", "b"], "more": {"x": None}},
        {"text": 'quote " and\nline', "stars": -1, "tags": [], "more": {}},
        {"text": "\u0000 and \U0001f600", "stars": True, "tags": None, "more": {"y": [1]}},
    ]

    job = upload(world, *data)

    assert read_data(world, job) == data
    assert list(world.do(units.read_page, job).values()) == data
    assert job.units_count == 3


def test_a_job_of_rows_has_the_default_channels_and_no_title(world: Any) -> None:
    job = upload(world, *SIX)

    assert job.title is None
    assert world.do(channels.read, job)[0] == ["cf_internal"]
    assert world.do(uploads.progress, job) == {"done": True, "count": 6}


def test_a_second_upload_comes_after_the_first(world: Any) -> None:
    job = upload(world, *SIX)

    added = world.do(uploads.append, job, SIX)

    assert added == 6
    assert read_data(world, job) == SIX + SIX
    assert world.do(uploads.progress, job) == {"done": True, "count": 12}


def test_rows_are_iterated_once(world: Any) -> None:
    def stream() -> Iterator[dict[str, Any]]:
        for number in range(2500):
            yield {"number": number}

    job = world.do(uploads.create_job, world.account, stream())

    assert [row["number"] for row in read_data(world, job)] == list(range(2500))


def test_columns_that_the_job_lacks_are_refused(world: Any) -> None:
    job = upload(world, *SIX)

    with pytest.raises(Invalid) as caught:
        world.do(uploads.append, job, [{"glitter_color": "red", "size": "XL"}])

    assert "lacks price" in caught.value.message
    assert "adds size" in caught.value.message
    assert read_data(world, job) == SIX


def test_force_accepts_other_columns(world: Any) -> None:
    job = upload(world, *SIX)

    world.do(uploads.append, job, [{"glitter_color": "red", "size": "XL"}], force=True)
    world.do(uploads.append, job, [{"glitter_color": "red", "price": 1, "size": "S"}])

    assert read_data(world, job)[6:] == [
        {"glitter_color": "red", "size": "XL"},
        {"glitter_color": "red", "price": 1, "size": "S"},
    ]
    assert "size" not in read_data(world, job)[0]


def test_a_new_column_in_a_later_row_is_refused_with_its_row_number(world: Any) -> None:
    job = upload(world, *SIX)

    with pytest.raises(Invalid, match=r"Row 2 has a column .*: size"):
        world.do(uploads.append, job, [SIX[0], {**SIX[1], "size": "XL"}])

    assert read_data(world, job) == SIX


def test_a_column_that_a_later_row_omits_is_empty(world: Any) -> None:
    job = upload(world, SIX[0], {"price": 3})

    assert read_data(world, job)[1] == {"glitter_color": None, "price": 3}


def test_rows_with_many_sets_of_columns_are_stored_as_they_are(world: Any) -> None:
    data = [{f"column {number % 1100}": number} for number in range(2300)]
    job = world.do(uploads.create_job, world.account, [])

    world.do(uploads.append, job, data, force=True)

    assert read_data(world, job)[1:] == [{"column 0": None, **row} for row in data[1:]]
    assert len(world.do(read_columns, job.id)) == 1100


def test_columns_of_test_questions_are_optional(world: Any) -> None:
    golden = {"text": "b", "_golden": "TRUE", "f_gold": "x\ny", "f_gold_reason": "so"}
    job = upload(world, {"text": "a"}, golden, {"text": "c"})

    world.do(uploads.append, job, [{"text": "d", "_golden": None}])

    assert read_data(world, job) == [
        {"text": "a"},
        golden,
        {"text": "c"},
        {"text": "d", "_golden": None},
    ]


@pytest.mark.parametrize(
    "bad",
    [
        {"text": float("nan")},
        {"text": {1, 2}},
        {"text": "\ud800"},
        ["text"],
        {7: "text"},
        None,
    ],
)
def test_a_row_that_cannot_be_stored_undoes_the_upload_and_is_named(world: Any, bad: Any) -> None:
    job = upload(world, {"text": "before"})

    with pytest.raises(Invalid, match="Row 3 "):
        world.do(uploads.append, job, [{"text": "one"}, {"text": "two"}, bad, {"text": "four"}])

    assert read_data(world, job) == [{"text": "before"}]
    assert world.reload(job) == job


def test_a_stream_that_breaks_leaves_nothing(world: Any) -> None:
    def failing_rows() -> Iterator[dict[str, Any]]:
        yield {"text": "one"}
        raise Invalid("Unable to parse row 2. Please be sure your file is UTF-8 encoded.")

    with pytest.raises(Invalid, match="row 2"):
        world.do(uploads.create_job, world.account, failing_rows())

    assert world.do(jobs.read_page, world.account) == []


def test_an_upload_above_the_unit_limit_is_refused(make_world: Any) -> None:
    world = make_world(rows_per_job=7)
    job = upload(world, *SIX)

    with pytest.raises(Invalid, match="Row 2 exceeds the maximum number of units"):
        world.do(uploads.append, job, SIX)
    world.do(uploads.append, job, SIX[:1])

    assert world.reload(job).units_count == 7


def test_an_empty_upload_creates_a_job_without_units(world: Any) -> None:
    job = upload(world)

    assert world.do(uploads.progress, job) == {"done": True, "count": 0}
    assert world.do(units.read_page, job) == {}


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Glitter Color", "glitter_color"),
        (" Retailer URL ", "retailer_url"),
        ("x:confidence", "xconfidence"),
        ("_golden", "_golden"),
        ("Straße (km)", "straße_km"),
        ("a  b", "a_b"),
        ("!", ""),
    ],
)
def test_headers_are_converted_to_column_names(header: str, name: str) -> None:
    assert column_name(header) == name


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text('aä\0\n"\\\u2028\U0001f600', max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab"), inner, max_size=2),
    max_leaves=4,
)


# No time limit: a busy machine must not fail the test.
@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.lists(st.fixed_dictionaries({"a": values, "b": values}), max_size=4))
def test_rows_are_read_back_as_uploaded(world: Any, data: list[dict[str, Any]]) -> None:
    world.database.reset()
    world.account = world.do(accounts.open_account, key="k")

    job = world.do(uploads.create_job, world.account, data)

    assert list(world.do(units.read_page, job).values()) == data
