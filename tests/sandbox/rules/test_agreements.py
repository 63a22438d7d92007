"""The stored agreement of units: what it is, and that it follows every change of their judgments.

The checks at the end of every test of the rules compare it with the judgments.
"""

from __future__ import annotations

from typing import Any

import pytest

from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.results import results
from crowdflower.sandbox.rules.units import units
from crowdflower.sandbox.rules.work import handout, review, submission, workers
from crowdflower.sandbox.store.fast import agreements

TWO_QUESTIONS = """
<cml:radios label="Sentiment?" name="sentiment" validates="required">
  <cml:radio label="positive"/><cml:radio label="neutral"/><cml:radio label="negative"/>
</cml:radios>
<cml:select label="Topic?" name="topic" validates="required">
  <cml:option label="tea"/><cml:option label="jam"/>
</cml:select>
"""


def agreement(world: Any, job: Any) -> float | None:
    """Return the stored agreement of the first unit of a job."""
    stored: float | None = world.units(job)[0].agreement
    return stored


def split_unit(world: Any) -> Any:
    """Launch a job whose first unit is finalized with the answers +, +, -."""
    job = world.launch_job(6)
    answers = zip(world.crowd(3), ["positive", "positive", "negative"], strict=True)
    world.judge(job, world.units(job)[0].id, *answers)
    return job


def test_it_is_unknown_until_the_unit_is_finalized(world: Any) -> None:
    job = world.launch_job(6)
    first = world.units(job)[0].id
    one, two, three = world.crowd(3)

    world.judge(job, first, (one, "positive"), (two, "positive"))
    assert agreement(world, job) is None

    world.judge(job, first, (three, "negative"))
    assert agreement(world, job) == pytest.approx(0.6667)


def test_it_is_that_of_the_api_for_one_question(world: Any) -> None:
    job = split_unit(world)

    shown = world.do(results.unit_json, job, world.units(job)[0])

    assert agreement(world, job) == shown["agreement"]


def test_it_is_that_of_the_least_agreed_question(world: Any) -> None:
    job = world.launch_job(6, cml=TWO_QUESTIONS)
    first = world.units(job)[0].id
    for worker, topic in zip(world.crowd(3), ["tea", "jam", "jam"], strict=True):
        page = world.take(job, worker, only=[first])
        answers = {first: {"sentiment": "positive", "topic": topic}}
        world.do(submission.submit, worker, page.assignment_id, page.token, answers)

    assert agreement(world, job) == pytest.approx(0.6667)
    assert world.do(results.unit_json, job, world.units(job)[0])["agreement"] == 0.8333


def test_more_judgments_make_it_unknown_again(world: Any) -> None:
    job = split_unit(world)

    world.do(units.request_more_judgments, job, world.units(job)[0], 1)
    assert agreement(world, job) is None

    world.judge(job, world.units(job)[0].id, (world.worker(), "positive"))
    assert agreement(world, job) == 0.75


def test_a_rejected_judgment_no_longer_counts(world: Any) -> None:
    job = split_unit(world)
    wrong = world.judgments(job)[-1]

    world.do(review.reject_judgment, job, wrong.id)
    assert agreement(world, job) is None  # the unit reopened

    world.judge(job, world.units(job)[0].id, (world.worker(), "positive"))
    assert agreement(world, job) == 1


def test_a_rejected_judgment_counts_no_longer_in_a_unit_that_stays_finalized(world: Any) -> None:
    job = world.launch_job(6, units_remain_finalized=True)
    people = world.crowd(3)
    first = world.units(job)[0].id
    world.judge(job, first, *zip(people, ["positive", "positive", "negative"], strict=True))

    world.do(workers.reject, job, people[2].id)

    assert agreement(world, job) == 1
    assert world.units(job)[0].state == "finalized"


def test_a_page_that_was_open_when_the_unit_was_finalized_counts(world: Any) -> None:
    job = split_unit(world)
    row, late = world.units(job)[0], world.worker()
    world.do(units.request_more_judgments, job, row, 1)
    page = world.take(job, late, only=[row.id])
    world.do(review.update_judgment, job, world.judgments(job)[0].id, tainted=True)
    world.do(units.set_state, world.reload(job), world.units(job)[0], "finalized")
    assert agreement(world, job) == pytest.approx(0.6667)

    world.submit(late, page, "positive")

    assert agreement(world, job) == 0.75


def test_a_judgment_that_lost_trust_counts_as_in_the_api(world: Any) -> None:
    job = world.launch_job(6, units_remain_finalized=True)
    first = world.units(job)[0].id
    answers = zip(world.crowd(3), ["positive", "positive", "negative"], strict=True)
    world.judge(job, first, *answers)

    world.do(review.update_judgment, job, world.judgments(job)[-1].id, tainted=True)

    assert agreement(world, job) == pytest.approx(0.6667)
    assert world.do(results.unit_json, job, world.units(job)[0])["agreement"] == 0.6667


def test_it_follows_a_change_of_the_aggregations(world: Any) -> None:
    job = split_unit(world)

    world.do(jobs.update, job, {"fields": {"sentiment": "all"}})
    assert agreement(world, job) is None

    world.do(jobs.update, job, {"fields": {"sentiment": "agg"}})
    assert agreement(world, job) == pytest.approx(0.6667)


def test_a_test_question_has_none(world: Any) -> None:
    job = split_unit(world)

    world.do(units.set_state, world.reload(job), world.units(job)[0], "golden")

    assert agreement(world, job) is None


@pytest.mark.parametrize(
    ("how", "answers", "expected"),
    [
        ("agg", [["a", "b"], ["a"], ["b"], ["b"]], 0.75),
        ("agg_2", [["a"], ["a"], ["b"]], 2 / 3),
        ("cagg_0.5", [["a"], ["a"], ["b"]], 2 / 3),
        ("cagg_0.9", [["a"], ["a"], ["b"]], None),
        ("agg", [[], []], None),
        ("all", ["a", "a"], None),
        ("avg", ["1", "1"], None),
    ],
)
def test_aggregations_decide_what_agreement_is(
    how: str, answers: list[Any], expected: float | None
) -> None:
    found = agreements.question_agreements({"q": how}, [{"q": each} for each in answers])

    assert found.get("q") == pytest.approx(expected)


def test_questions_of_a_loop_count_from_the_first_row_that_has_them(world: Any) -> None:
    cml = """{% for each in names %}<cml:radios label="{{ each }}" name="is_{{ each }}"
      validates="required">
      <cml:radio label="y"/><cml:radio label="n"/></cml:radios>{% endfor %}"""
    job = world.job(6, judgments_per_unit=1)
    row = world.units(job)[0]
    world.do(units.update, job, row, data={"text": "x", "names": ["ada"]})
    job = world.do(jobs.update, job, {"cml": cml})
    world.do(orders.place, job, 0, ["on_demand"])
    worker = world.worker()
    page = world.do(handout.take_page, world.reload(job), worker, only=[row.id])

    answers = {row.id: {"is_ada": "y"}}
    world.do(submission.submit, worker, page.assignment_id, page.token, answers)

    assert agreement(world, job) == 1
