"""Changes in place: what differs from what was read is sent, and only that."""

from __future__ import annotations

import copy
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdflower.exceptions import ApplicationError, InvalidInput
from crowdflower.job import Job
from crowdflower.models.json_values import changed_items, copy_json, is_same
from crowdflower.unit import Unit, UnitPromise

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import SentRequest
    from responses import RequestsMock

    from crowdflower.client import Client

JOB = "https://api.appen.com/v1/jobs/7.json"
UNIT = "https://api.appen.com/v1/jobs/7/units/3.json"
STATE = {
    "id": 7,
    "title": "Sentiment",
    "instructions": "Read.",
    "cml": "<cml:text label='a'/>",
    "options": {"front_load": False, "after_gold": 4, "keywords": None},
    "included_countries": [{"code": "FI", "name": "Finland"}],
    "minimum_requirements": {"skill_scores": {"level_1_contributors": 1}},
    "fields": {"sentiment": "agg"},
    "gold": {},
    "brand_new": {"a": [1]},
}


@pytest.fixture
def job(client: Client) -> Job:
    return Job(client).absorb(copy.deepcopy(STATE))


@pytest.fixture
def unit(job: Job) -> Unit:
    data = {"text": "hi", "tags": [1, {"deep": [2]}]}
    return Unit(job).absorb({"id": 3, "data": data, "results": {"judgments": [{}]}})


# What is sent


@pytest.mark.parametrize(
    ("change", "form"),
    [
        (
            lambda job: job.options.update(front_load=True),
            [("job[options][front_load]", "true")],
        ),
        (lambda job: job.options.pop("after_gold"), [("job[options][after_gold]", "")]),
        (lambda job: job.options.update(after_gold=True), [("job[options][after_gold]", "true")]),
        (
            lambda job: job.included_countries.append("DE"),
            [("job[included_countries][]", "FI"), ("job[included_countries][]", "DE")],
        ),
        (lambda job: job.included_countries.clear(), [("job[included_countries][]", "")]),
        (
            lambda job: job.minimum_requirements["skill_scores"].update(level_2_contributors=1),
            [
                ("job[minimum_requirements][skill_scores][level_1_contributors]", "1"),
                ("job[minimum_requirements][skill_scores][level_2_contributors]", "1"),
            ],
        ),
        (lambda job: job.fields.update(sentiment="all"), [("job[fields][sentiment]", "all")]),
        (lambda job: job["options"].update(track=1), [("job[options][track]", "1")]),
        (
            lambda job: job["brand_new"]["a"].append(2),
            [("job[brand_new][a][]", "1"), ("job[brand_new][a][]", "2")],
        ),
    ],
)
def test_a_change_in_place_is_sent_and_nothing_else(
    api: RequestsMock,
    job: Job,
    sent: list[SentRequest],
    change: Callable[[Job], object],
    form: list[tuple[str, str]],
) -> None:
    api.put(JOB, json={**STATE, "title": "taken"})

    change(job)
    job.update()
    job.update()

    assert [request.form for request in sent] == [form]
    assert job.title == "taken"


def test_what_was_only_read_is_not_sent(job: Job, unit: Unit, sent: list[SentRequest]) -> None:
    _ = job.options["front_load"], list(job.included_countries), job["brand_new"], unit.data["tags"]
    job.options["front_load"] = True
    job.options["front_load"] = False

    job.update()
    unit.update()

    assert sent == []


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(text="bye"),
        lambda data: data.update(more=None),
        lambda data: data.pop("text"),
        lambda data: data["tags"].append(3),
        lambda data: data["tags"][1].update(deep=[]),
        lambda data: data["tags"][1]["deep"].append(2),
        lambda data: data["tags"].__setitem__(0, True),
        lambda data: data["tags"].__setitem__(0, 1.0),
    ],
)
def test_the_whole_row_is_sent_if_any_part_of_it_changed(
    api: RequestsMock, unit: Unit, sent: list[SentRequest], change: Callable[[Any], object]
) -> None:
    api.put(UNIT, json={"id": 3, "data": {"text": "taken"}})
    expected = copy.deepcopy(unit.data)
    change(expected)

    change(unit.data)
    unit.update()

    assert json.loads(sent[0].body) == {"unit": {"data": expected}}
    assert unit.data == {"text": "taken"}


def test_changes_of_both_kinds_are_sent_together(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.put(JOB, json=STATE)

    job.options["front_load"] = True
    job.title = "Mood"
    job.update()

    assert sent[0].form == [("job[title]", "Mood"), ("job[options][front_load]", "true")]


def test_an_assigned_value_may_be_changed_in_place(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.put(JOB, json=STATE)

    job.options["after_gold"] = 9
    job.options = {"reject_at": 70}
    job.options["front_load"] = True
    job.update()

    assert sent[0].form == [("job[options][reject_at]", "70"), ("job[options][front_load]", "true")]


def test_a_value_that_json_lacks_is_refused_by_its_column(
    unit: Unit, sent: list[SentRequest]
) -> None:
    unit.data["text"] = {1, 2}

    with pytest.raises(InvalidInput, match=r"^column 'text': "):
        unit.update()

    assert sent == []


# What keeps and what drops changes


def test_reading_the_object_again_keeps_a_change_in_place(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.get("https://api.appen.com/v1/jobs/7/pause.json", json={"success": "Paused."})
    api.get(JOB, json={**STATE, "state": "paused", "options": {**STATE["options"], "reject_at": 8}})
    api.put(JOB, json=STATE)

    job.options["front_load"] = True
    job.pause()
    assert job.state == "paused"
    assert job.json["options"]["front_load"] is False
    job.update()

    assert sent[-1].form == [("job[options][front_load]", "true")]


def test_loading_a_promise_keeps_a_change_in_place(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.get(UNIT, json={"id": 3, "data": {"text": "hi"}, "state": "new"})
    api.put(UNIT, json={"id": 3})
    promise = UnitPromise(job, id=3, data={"text": "hi"})

    promise.data["text"] = "bye"
    assert promise.state == "new"
    promise.update()

    assert json.loads(sent[-1].body) == {"unit": {"data": {"text": "bye"}}}


def test_absorbing_drops_a_change_in_place(job: Job, sent: list[SentRequest]) -> None:
    job.options["front_load"] = True

    job.absorb(STATE)
    job.update()

    assert job.options == STATE["options"]
    assert sent == []


def test_a_refused_change_in_place_is_undone(
    api: RequestsMock, job: Job, unit: Unit, sent: list[SentRequest]
) -> None:
    api.put(JOB, json={"errors": ["No such country"]})
    api.put(UNIT, json={"error": "The unit has judgments"})
    job.included_countries.append("XX")
    unit.data["tags"].append(3)

    for changed in (job, unit):
        with pytest.raises(ApplicationError, match="must be assigned again"):
            changed.update()
        changed.update()

    assert job.included_countries == STATE["included_countries"]
    assert unit.data["tags"] == [1, {"deep": [2]}]
    assert len(sent) == 2


def test_the_json_shows_no_change_and_cannot_be_changed(job: Job, sent: list[SentRequest]) -> None:
    job.options["front_load"] = True
    assert job.json == STATE
    job.options["front_load"] = False

    job.json["options"]["front_load"] = True
    job.json["fields"]["sentiment"] = "all"
    job.update()

    assert sent == []


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))],  # noqa: S301 - ours
)
def test_a_copy_has_its_own_changes_in_place(
    api: RequestsMock, client: Client, job: Job, sent: list[SentRequest], duplicate: Any
) -> None:
    api.put(JOB, json=STATE)
    job.options["front_load"] = True

    twin = duplicate(job)
    twin.options["after_gold"] = 5
    twin.__dict__["_client"] = client
    twin.update()

    assert sorted(sent[0].form) == [
        ("job[options][after_gold]", "5"),
        ("job[options][front_load]", "true"),
    ]
    assert job.options["after_gold"] == 4


# What it costs


def test_only_what_was_read_is_copied(client: Client) -> None:
    """A list of 100,000 units holds no second copy of their rows."""
    unit = UnitPromise(Job(client, id=7), id=3, data={"text": "hi"})

    assert set(vars(unit)) == {"job", "_client", "_state", "_changes"}
    assert unit.data is unit.data
    assert list(vars(unit)["_originals"]) == ["data"]


def test_what_only_the_server_writes_is_not_copied(unit: Unit) -> None:
    assert unit.results["judgments"] == [{}]

    assert "_originals" not in vars(unit)


# The comparison

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 1) | st.sampled_from([0.0, 1.0, "", "a"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)


@given(VALUES, VALUES)
def test_two_values_are_the_same_if_their_json_is(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

    assert is_same(one, other) == same


@given(
    st.dictionaries(st.sampled_from("abc"), VALUES), st.dictionaries(st.sampled_from("abc"), VALUES)
)
def test_changed_items_lead_from_one_object_to_the_other(
    before: dict[str, Any], now: dict[str, Any]
) -> None:
    changed = changed_items(before, now)

    absent = {name: None for name in before if name not in now}
    names = before.keys() | now.keys()
    both = before.keys() & now.keys()
    assert is_same({**before, **changed}, {**now, **absent})
    assert changed.keys() == names - {n for n in both if is_same(before[n], now[n])}


@given(st.dictionaries(st.sampled_from("ab"), VALUES))
def test_a_copy_is_the_same_and_shares_nothing_that_can_change(value: dict[str, Any]) -> None:
    before = json.dumps(value)
    copied = copy_json(value)
    assert is_same(copied, value)

    waiting = [copied]
    while waiting:
        part = waiting.pop()
        inner = part.values() if isinstance(part, dict) else part
        waiting += [each for each in inner if isinstance(each, (dict, list))]
        part.clear()

    assert json.dumps(value) == before
