"""Names of questions that contain Liquid: their answers reach every result and report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import ApiError
from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from crowdflower.job import Job
    from tests.scenarios.conftest import Box

# ``name="answer_{{chunk_00}}"`` is from a published pipeline; its report has ``answer_chunk_00``.
FORM = """
<p>{{ text }}</p>
<cml:radios label="Is {{chunk_00}} a name?" name="answer_{{chunk_00}}" validates="required">
  <cml:radio label="Yes" value="yes"/><cml:radio label="No" value="no"/>
</cml:radios>
<cml:text label="Whose?" name="who_{{ chunk_00 | downcase }}_{{kind}}" validates="required"
  only-if="answer_{{ chunk_00 }}:[yes]"/>
"""
ANSWER, WHO = "answer_chunk_00", "who_chunk_00__downcase_kind"
ROWS = [
    {"text": "Ada slept.", "chunk_00": "Ada", "kind": "a"},
    {"text": "The cat slept.", "chunk_00": "The cat: (all) + more", "kind": None},
    {"text": "It rained.", "chunk_00": '<b>"It"</b>', "kind": "{{ text }}"},
    {"text": "Ada woke.", "chunk_00": "Ada", "kind": "a"},
    {"text": "Nothing.", "chunk_00": None, "kind": "d"},
]

LOOP = """
<p>{{ text }}</p>
{% for id in ids %}
  <cml:radios label="Item {{ id }}?" name="item_{{ id }}" validates="required">
    <cml:radio label="Good" value="good"/><cml:radio label="Bad" value="bad"/>
  </cml:radios>
{% endfor %}
"""


def launch(box: Box, rows: list[dict[str, Any]], form: str) -> Job:
    job = box.job(rows, form, judgments_per_unit=1, units_per_assignment=5)
    job.launch(5)
    return job.reload()


def columns(report: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in report]


def test_one_column_has_the_answers_of_all_rows_everywhere(box: Box) -> None:
    job = launch(box, ROWS, FORM)
    assert job.fields == {ANSWER: "agg", WHO: "all"}
    assert job.gold == {ANSWER: f"{ANSWER}_gold", WHO: f"{WHO}_gold"}
    assert list(job.legend()) == [ANSWER, WHO]

    said = {"Ada": {ANSWER: "yes", WHO: "Ada's"}}
    worker = box.contributor()
    box.work(job, worker, lambda unit: said.get(unit.data["chunk_00"], {ANSWER: "no"}))

    expected = [("yes", "Ada's"), ("no", ""), ("no", ""), ("yes", "Ada's"), ("no", "")]
    for kind in ("full", "aggregated"):
        assert columns(list(box.client.get_report(job, kind)), ANSWER, WHO) == expected, kind
    results = list(job.results())
    assert [unit.get_aggregate(ANSWER) for unit in results] == [each for each, _ in expected]
    assert [unit.results[ANSWER]["agg"] for unit in job.units] == [each for each, _ in expected]
    assert [unit.get_judgments()[0].data.get(WHO, "") for unit in job.units] == [
        each for _, each in expected
    ]
    assert [answer for *_, answer in job.votes(ANSWER)] == [each for each, _ in expected]
    page = box.api("GET", f"/jobs/{job.id}/judgments.json").json()
    assert [unit[ANSWER]["res"] for unit in page.values()] == [[each] for each, _ in expected]
    assert [unit[WHO] for unit in page.values()][:2] == [["Ada's"], [None]]


def test_questions_in_a_loop_have_a_column_for_each_name_that_was_answered(box: Box) -> None:
    job = launch(box, [{"text": f"{n}", "ids": ["a", "b"][: 1 + n % 2]} for n in range(5)], LOOP)

    box.work(
        job, box.contributor(), lambda unit: {f"item_{name}": "good" for name in unit.data["ids"]}
    )

    assert job.reload().fields == {"item_a": "agg", "item_b": "agg"}
    expected = [("good", "good" if n % 2 else "") for n in range(5)]
    for kind in ("full", "aggregated"):
        assert columns(list(box.client.get_report(job, kind)), "item_a", "item_b") == expected
    assert [answer for *_, answer in job.votes("item_b")] == ["good"] * 2
    assert next(iter(job.results())).get_aggregate("item_a") == "good"
    page = box.api("GET", f"/jobs/{job.id}/judgments.json").json()
    assert [unit["item_b"]["res"] for unit in page.values()] == [
        [value or None] for _, value in expected
    ]


def test_a_form_that_is_saved_again_keeps_the_columns_of_its_loops(box: Box) -> None:
    job = launch(box, [{"text": f"{n}", "ids": ["a"]} for n in range(5)], LOOP)
    box.work(job, box.contributor(), {"item_a": "good"})

    box.client.update_job(job.id, {"cml": LOOP.replace("Item", "Thing")})
    kept = job.reload().fields
    box.client.update_job(job.id, {"cml": '<cml:text name="why" validates="required"/>'})

    assert kept == {"item_a": "agg"}
    assert job.reload().fields == {"why": "all"}


@pytest.mark.parametrize(("value", "problem"), [("_id", "reserved"), ("?", "has no name")])
def test_a_row_that_makes_a_bad_name_is_refused_before_it_costs_anything(
    box: Box, value: str, problem: str
) -> None:
    form = LOOP.replace("item_{{ id }}", "{{ id }}")
    job = box.job([{"text": f"{n}", "ids": [value]} for n in range(5)], form)
    balance = box.balance

    with pytest.raises(ApiError, match=problem):
        job.launch(5)

    assert box.balance == balance


def test_a_simulated_crowd_answers_the_same_column() -> None:
    with Sandbox(seed=4) as box:
        box.crowd.add(3, profile="perfect", truth={ANSWER: {"no": 1}})
        job = box.client().upload_job(ROWS)
        job.title, job.instructions, job.cml = "What is a name?", "Look.", FORM
        job.update()
        job.launch(5)

        box.crowd.run(job)

        assert {unit.get_aggregate(ANSWER) for unit in job.results()} == {"no"}
        assert job.aggregate("majority", ANSWER).labels == dict.fromkeys(
            (unit.id for unit in job.units), "no"
        )
