"""Units of a list, of which nothing is made before it is read."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import MalformedResponse, UnknownAttribute
from crowdflower.job import Job
from crowdflower.models import shapes
from crowdflower.unit import Unit, UnitPromise

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import SentRequest
    from responses import RequestsMock

    from crowdflower.client import Client

API = "https://api.appen.com/v1"
ROWS = {"101": {"text": "Fine.", "tags": ["a"]}, "102": {"text": "Poor."}}
LOADED = {"id": 101, "data": ROWS["101"], "state": "finalized", "judgments_count": 3}


@pytest.fixture
def units(api: RequestsMock, client: Client) -> list[UnitPromise]:
    """Two units of a list; nothing of them was read."""
    api.get(f"{API}/jobs/7/units.json?page=1", json=ROWS)
    api.get(f"{API}/jobs/7/units.json?page=2", json={})
    return list(client.get_units(Job(client, id=7)))


def made(unit: UnitPromise) -> bool:
    return "_state" in vars(unit)


def test_nothing_of_a_unit_is_made_before_it_is_read(units: list[UnitPromise]) -> None:
    assert not any(map(made, units))
    assert [unit.id for unit in units] == [101, 102]
    assert all(map(made, units))


READS: dict[str, Callable[[UnitPromise], Any]] = {
    "id": lambda unit: unit.id,
    "data": lambda unit: unit.data["text"],
    "item": lambda unit: unit["data"],
    "json": lambda unit: unit.json,
    "job": lambda unit: unit.job.id,
    "client": lambda unit: unit.client is unit.job.client,
    "repr": repr,
    "table": lambda unit: unit._repr_html_(),
    "completions": lambda unit: unit._ipython_key_completions_(),
    "type": type,
    "pending": lambda unit: unit._pending(),
    "names": lambda unit: [name for name in dir(unit) if not name.startswith("__")] and None,
}


@pytest.mark.parametrize("read", READS)
def test_a_unit_reads_like_one_that_was_built(
    units: list[UnitPromise], client: Client, read: str
) -> None:
    built = UnitPromise(Job(client, id=7), client, id=101, data=ROWS["101"])

    assert READS[read](units[0]) == READS[read](built)


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda unit: pickle.loads(pickle.dumps(unit))],  # noqa: S301 - our own
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_unit_that_was_never_read_can_be_copied(
    units: list[UnitPromise], duplicate: Callable[[UnitPromise], UnitPromise]
) -> None:
    twin = duplicate(units[0])

    assert type(twin) is UnitPromise
    assert (twin.id, twin.data, twin.job.id) == (101, ROWS["101"], 7)
    assert vars(twin)["_client"] is None


def test_equality_and_hash_are_those_of_the_object(units: list[UnitPromise]) -> None:
    unit = units[0]
    before = hash(unit)

    assert unit.id == 101
    assert hash(unit) == before
    assert unit == unit  # noqa: PLR0124 - what is tested
    assert unit != units[1]
    assert len({*units, *units}) == 2


def test_a_change_of_a_unit_that_was_never_read_is_kept(units: list[UnitPromise]) -> None:
    units[0].data = {"text": "Better."}
    units[1].data["text"] = "Worse."

    assert units[0]._pending() == {"data": {"text": "Better."}}
    assert units[1]._pending() == {"data": {"text": "Worse."}}
    assert units[0].id == 101


def test_the_attributes_of_a_unit_that_was_never_read_can_be_assigned_as_before(
    units: list[UnitPromise], client: Client
) -> None:
    other = Job(client, id=8)

    units[0].job = other

    assert units[0].job is other
    with pytest.raises(UnknownAttribute, match="has no attribute 'dat'"):
        units[1].dat = 1  # type: ignore[attr-defined]
    with pytest.raises(UnknownAttribute, match="cannot be assigned"):
        units[1].reload = 1  # type: ignore[method-assign, assignment]
    with pytest.raises(AttributeError, match="no attribute 'dat'"):
        _ = units[1].dat  # type: ignore[attr-defined]


def test_json_that_came_another_way_replaces_the_row_of_the_list(
    units: list[UnitPromise],
) -> None:
    units[0].absorb({"id": 101, "state": "judging"})

    assert (units[0].json, units[0].state) == ({"id": 101, "state": "judging"}, "judging")
    assert units[0].job.id == 7


def test_a_field_that_was_not_in_the_list_loads_the_unit_once(
    api: RequestsMock, units: list[UnitPromise], sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/7/units/101.json", json=LOADED)

    assert (units[0].state, units[0].judgments_count) == ("finalized", 3)
    assert [request.line for request in sent][2:] == ["GET /jobs/7/units/101.json"]


def test_threads_that_read_a_unit_first_see_the_same_row(units: list[UnitPromise]) -> None:
    with ThreadPoolExecutor(8) as threads:
        rows = list(threads.map(lambda _: units[0].data, range(64)))

    assert all(row is units[0].data for row in rows)


def test_units_can_be_referenced_weakly_and_free_their_rows(units: list[UnitPromise]) -> None:
    alive = weakref.ref(units[0])
    assert units[0].id == 101

    units.clear()
    gc.collect()

    assert alive() is None


def test_a_subclass_is_a_unit_with_attributes_of_its_own(client: Client) -> None:
    class Labelled(UnitPromise):
        def __init__(self, job: Job, label: str, **data: Any) -> None:
            super().__init__(job, **data)
            self.label = label

    unit = Labelled(Job(client, id=7), "good", id=5, data={})

    assert (unit.label, unit.id, isinstance(unit, Unit)) == ("good", 5, True)


def test_without_a_job_a_unit_has_none() -> None:
    with pytest.raises(AttributeError, match="no attribute 'job'"):
        _ = UnitPromise.__new__(UnitPromise).job


@pytest.mark.parametrize("key", ["", "x", "-1", "1.0", "٢", " 1", "1_0", "1" * 21])
def test_a_page_with_anything_but_ids_is_refused(key: str) -> None:
    page: Any = {"1": {}, key: {}}

    with pytest.raises(MalformedResponse, match="keyed by unit id"):
        shapes.page_by_unit(page)


@pytest.mark.parametrize("row", [None, [], "x", 1])
def test_a_page_with_anything_but_rows_is_refused(row: Any) -> None:
    with pytest.raises(MalformedResponse, match="got '2' in it"):
        shapes.page_by_unit({"1": {}, "2": row})


def test_the_ids_of_a_page_are_integers_in_order() -> None:
    page: Any = {"3": {"a": 1}, "1": {}, "9" * 20: {}}

    assert list(shapes.page_by_unit(page).items()) == [(3, {"a": 1}), (1, {}), (10**20 - 1, {})]
    assert shapes.page_by_unit({}) == shapes.page_by_unit([]) == {}
