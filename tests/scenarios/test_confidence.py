"""Worked examples of trust and confidence, through the API.

Each contributor earns trust with a number of correct test questions, and then answers one unit.

Sources: Figure Eight, `How to Calculate a Confidence Score
<https://success.figure-eight.com/hc/en-us/articles/201855939>`_, for the meals; Appen, `Guide to:
Dynamic Judgments <https://success.appen.com/hc/en-us/articles/203219205>`_, for when one more
judgment is collected. The other numbers are calculated by hand with the same formulas.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.job import Job
    from tests.scenarios.conftest import Box

ROWS = 5
EXTRA_GOLD = 3
"""Test questions that a job must have beyond a page of them."""

FORM = """
<p>{{text}}</p>
%s
<cml:radios label="Read it?" name="read" validates="required" gold="true">
  <cml:radio label="yes"/><cml:radio label="no"/>
</cml:radios>
"""
SELECT = '<cml:select label="Which?" name="which" gold="false">{}</cml:select>'.format(
    "".join(f'<cml:option label="{name}"/>' for name in ("yes", "no", "beef", "chicken", "veggie"))
)
CHECKBOXES = """<cml:checkboxes label="Which?" name="which" gold="false" aggregation="{}">
  <cml:checkbox label="cat"/><cml:checkbox label="dog"/><cml:checkbox label="bird"/>
</cml:checkboxes>"""
RATINGS = '<cml:ratings label="Which?" name="which" points="5" gold="false"/>'
LINKED = """<cml:group multiple="true" group_name="people" aggregation="true">
  <cml:text label="Enter First Name:" name="first_name"/>
  <cml:text label="Enter Last Name:" name="last_name"/>
</cml:group>"""

Given = list[tuple[Any, int, int]]
"""Answers, each with the test questions that its giver got right, and saw; 0 for none."""


def launch_job(box: Box, question: str, golds: int, **attributes: Any) -> Job:
    data = [{"text": f"text {place}"} for place in range(ROWS)]
    known = {"_golden": "TRUE", "read_gold": "yes"}
    data += [{"text": f"known {place}", **known} for place in range(golds)]
    options = {"front_load": bool(golds), "reject_at": 0, "after_gold": 1000}
    job = box.job(data, FORM % question, options=options)
    job.convert_test_questions()
    box.client.update_job(job.id, {"gold_per_assignment": 0, **attributes})
    job.launch(ROWS)
    return job


def add_contributor(box: Box, job: Job, right: int, seen: int) -> Row[Any]:
    """Add a contributor who answers a number of test questions of the quiz correctly."""
    worker = box.contributor()
    if seen:
        box.client.update_job(job.id, {"units_per_assignment": seen})
        page = box.take(job, worker)
        known = {unit.id for unit in page.units[:right]}
        quiz = box.submit(worker, page, lambda unit: {"read": "yes" if unit.id in known else "no"})
        assert (page.mode, len(page.units), quiz.trust) == ("quiz", seen, round(right / seen, 4))
    return worker


def answer(box: Box, job: Job, given: Given) -> None:
    """Answer the first unit, one contributor after the other."""
    for which, right, seen in given:
        worker = add_contributor(box, job, right, seen)
        box.judge(job, job.units[0].id, worker, which=which, read="yes")


def result(box: Box, job: Job) -> dict[str, Any]:
    """Read the aggregate from the unit, and check that the API shows the same elsewhere."""
    unit = box.client.get_unit(job, job.units[0].id)
    found: dict[str, Any] = unit.results["which"]
    page = box.api("GET", f"/jobs/{job.id}/judgments.json").json()[str(unit.id)]["which"]
    assert {name: page[name] for name in found} == found
    return found


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            [
                ("beef", 5, 6),
                ("beef", 6, 7),
                ("chicken", 4, 4),
                ("beef", 10, 11),
                ("veggie", 12, 13),
                ("beef", 14, 15),
                ("chicken", 6, 7),
                ("beef", 15, 16),
            ],
            {"agg": "beef", "confidence": 0.6166},
        ),
        ([("yes", 10, 10), ("no", 8, 10), ("yes", 7, 10)], {"agg": "yes", "confidence": 0.68}),
        ([("yes", 10, 20), ("yes", 9, 20), ("no", 20, 20)], {"agg": "no", "confidence": 0.5128}),
        ([("yes", 0, 0), ("yes", 0, 0), ("no", 0, 0)], {"agg": "yes", "confidence": 0.6667}),
    ],
    ids=["the vendor's meals", "three people", "trust beats the majority", "no test questions"],
)
def test_confidence_is_the_fraction_of_trust_behind_an_answer(
    box: Box, given: Given, expected: dict[str, Any]
) -> None:
    golds = max(seen for *_, seen in given)
    job = launch_job(box, SELECT, golds + EXTRA_GOLD if golds else 0, judgments_per_unit=len(given))

    answer(box, job, given)

    assert result(box, job) == expected


def test_trust_is_the_fraction_of_correct_test_questions_with_forgiven_ones(
    box: Box,
) -> None:
    job = launch_job(box, SELECT, 44 + EXTRA_GOLD)
    worker = add_contributor(box, job, 39, 44)
    at = f"/jobs/{job.id}/workers/{worker.id}.json"
    before = box.api("GET", at).json()["trust_overall"]
    missed = next(unit for unit in job.results() if unit.missed_count)

    missed.data = {**missed.data, "read_gold": ["yes", "no"]}
    missed.update()

    assert (before, box.api("GET", at).json()["trust_overall"]) == (0.8864, 0.9091)


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("agg", {"agg": "cat", "confidence": 0.7727}),
        ("agg_2", {"agg": ["cat", "dog"], "confidence": [0.7727, 0.6364]}),
        ("cagg_0.5", {"agg": ["cat", "dog"], "confidence": [0.7727, 0.6364]}),
        ("cagg_0.2", {"agg": ["cat", "dog", "bird"], "confidence": [0.7727, 0.6364, 0.2273]}),
    ],
)
def test_each_of_several_answers_has_its_own_confidence(
    box: Box, aggregation: str, expected: dict[str, Any]
) -> None:
    job = launch_job(box, CHECKBOXES.format(aggregation), 10 + EXTRA_GOLD)

    answer(box, job, [(["cat", "dog"], 9, 10), (["cat"], 8, 10), (["dog", "bird"], 5, 10)])

    assert result(box, job) == expected


def test_an_average_ignores_trust(box: Box) -> None:
    job = launch_job(box, RATINGS, 10 + EXTRA_GOLD)

    answer(box, job, [("4", 10, 10), ("4", 5, 10), ("3", 9, 10)])

    assert result(box, job) == {"avg": 3.6667, "variance": 0.2222}


def test_linked_answers_have_the_fraction_of_contributors_as_confidence(box: Box) -> None:
    """One of two contributors enters Johnny Appleseed: 0.5, whatever trust either of them has.

    Source: Appen, `Guide to cml:group and multiple="true" Aggregation
    <https://success.appen.com/hc/en-us/articles/360044427991>`_.
    """
    job = launch_job(box, LINKED, 10 + EXTRA_GOLD, judgments_per_unit=2)
    first = job.units[0].id
    entered = [
        (9, {"first_name": ["Johnny"], "last_name": ["Appleseed"]}),
        (5, {"first_name": ["John", "Ada"], "last_name": ["Chapman", "Lovelace"]}),
    ]

    for right, names in entered:
        box.judge(job, first, add_contributor(box, job, right, 10), read="yes", **names)

    johnny = {"first_name": "Johnny", "last_name": "Appleseed", "confidence": 0.5}
    people = box.client.get_unit(job, first).results["people"]
    rows = box.client.get_report(job, "aggregated")
    assert people[0] == johnny
    assert len(people) == 3
    assert [json.loads(row["people"]) for row in rows if row["_unit_id"] == str(first)] == [people]
    assert {row["people"] for row in rows if row["_golden"] == "true"} == {""}


@pytest.mark.parametrize(
    ("fourth", "confidence", "needed"), [("yes", 0.7647, 4), ("no", 0.5294, 5)]
)
def test_judgments_are_added_until_confidence_or_the_maximum_is_reached(
    box: Box, fourth: str, confidence: float, needed: int
) -> None:
    job = launch_job(box, SELECT, 10 + EXTRA_GOLD)
    job.collect_dynamically(["which"], min_confidence=0.7, max_judgments=5)
    row = job.units[0].id

    answer(box, job, [("yes", 9, 10), ("no", 8, 10), ("yes", 7, 10)])
    assert box.client.get_unit(job, row).state == "judgable"
    assert result(box, job) == {"agg": "yes", "confidence": 0.6667}
    answer(box, job, [(fourth, 10, 10)])

    assert result(box, job) == {"agg": fourth, "confidence": confidence}
    if needed > 4:
        assert box.client.get_unit(job, row).state == "judgable"
        answer(box, job, [("yes", 10, 10)])
    unit = box.client.get_unit(job, row)
    assert (unit.state, unit.judgments_count) == ("finalized", needed)
