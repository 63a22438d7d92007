"""What can be assigned, and that no two models share a value that can be changed in place."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import InvalidInput, UnknownAttribute
from crowdflower.job import Job
from crowdflower.unit import Unit
from crowdflower.worker import Worker

if TYPE_CHECKING:
    from conftest import SentRequest

    from crowdflower.client import Client

STATE = {
    "id": 7,
    "title": "Sentiment",
    "instructions": "Read.",
    "cml": "<cml:text label='a'/>",
    "options": {"reject_at": 70},
    "gold": {"a": "a_gold"},
}


@pytest.mark.parametrize("name", ["judgments", "launch", "update", "copy"])
def test_a_method_cannot_be_replaced_by_a_value(client: Client, name: str) -> None:
    for model in (Job(client, **STATE), Unit(Job(client, id=7), id=3)):
        if hasattr(model, name):
            with pytest.raises(UnknownAttribute, match=f"{name} cannot be assigned"):
                setattr(model, name, 5)
            assert callable(getattr(model, name))


def test_a_property_without_a_setter_cannot_be_assigned(client: Client) -> None:
    job: Any = Job(client, **STATE)
    with pytest.raises(AttributeError):
        job.units = []


def test_models_of_the_same_json_share_nothing(client: Client, sent: list[SentRequest]) -> None:
    given = copy.deepcopy(STATE)
    one, other = Job(client).absorb(given), Job(client).absorb(given)

    one.options["reject_at"] = 5

    assert (other.options, given) == (STATE["options"], STATE)
    given["options"]["reject_at"] = 6  # type: ignore[index]
    assert (one.options, other.options) == ({"reject_at": 5}, STATE["options"])
    other.update()
    assert sent == []


def test_what_is_read_only_cannot_be_changed_in_place(client: Client) -> None:
    job = Job(client).absorb(STATE)

    job.gold["zz"] = "y"
    job["gold"]["zz"] = "y"

    assert job.gold == job.json["gold"] == {"a": "a_gold"}


def test_a_number_of_numpy_is_refused_with_advice(client: Client, sent: list[SentRequest]) -> None:
    numpy = pytest.importorskip("numpy")
    job = Job(client).absorb(STATE)

    with pytest.raises(InvalidInput, match=r"; convert it with \.item\(\)$"):
        Worker(job, id=5).bonus(numpy.int64(3))
    with pytest.raises(InvalidInput, match=r"; convert it with \.item\(\)$"):
        job.launch(3, max_cost_cents=numpy.int64(5))

    assert sent == []
