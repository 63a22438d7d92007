"""Test questions: the quiz, trust, and contributors who run out of test questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Row

    from crowdflower.job import Job
    from crowdflower.sandbox.rules.work.handout import Page, PageUnit
    from tests.scenarios.conftest import Box

CML = """
<p>{{text}}</p>
<cml:radios label="What does it say?" name="says" validates="required" gold="true">
  <cml:radio label="good"/>
  <cml:radio label="fair"/>
  <cml:radio label="bad"/>
</cml:radios>
"""
GOLD = "known"


def launch_job(box: Box, rows: int, golds: int, **attributes: Any) -> Job:
    """Launch a job in which every correct answer is ``good``."""
    data = [{"text": f"text {place}"} for place in range(rows)]
    data += [
        {"text": f"{GOLD} {place}", "_golden": "TRUE", "says_gold": "good"}
        for place in range(golds)
    ]
    job = box.job(data, CML, **attributes)
    job.convert_test_questions()
    job.launch(rows)
    return job


def says(answer: str, *, missing: int = 0) -> Callable[[PageUnit], dict[str, str]]:
    """Give the same answers, but a number of test questions of a page wrong."""
    wrong = [missing]

    def fill(unit: PageUnit) -> Mapping[str, str]:
        if unit.data["text"].startswith(GOLD):
            wrong[0] -= 1
            return {"says": "bad" if wrong[0] >= 0 else "good"}
        return {"says": answer}

    return fill


def states(job: Job) -> list[str]:
    return [unit.state for unit in job.reload().units if not unit.data["text"].startswith(GOLD)]


def unit_ids(page: Page) -> list[int]:
    return [unit.id for unit in page.units]


def contributor_state(box: Box, job: Job, worker: Row[Any]) -> dict[str, Any]:
    found: dict[str, Any] = box.api("GET", f"/jobs/{job.id}/workers/{worker.id}.json").json()
    return found


def test_seven_of_ten_pass_the_quiz_and_six_fail_for_good_without_pay(box: Box) -> None:
    quiz = {"front_load": "true", "reject_at": 70}
    job = launch_job(box, 20, 13, units_per_assignment=10, options=quiz)
    passing, failing = box.contributor(), box.contributor()
    before = box.balance

    first, again = box.take(job, passing), box.take(job, passing)
    passed = box.submit(passing, first, says("good", missing=3))
    failed = box.work(job, failing, says("good", missing=4))

    assert unit_ids(first) == unit_ids(again)
    assert (first.mode, len(first.units)) == ("quiz", 10)
    assert (passed.passed, passed.trust, passed.pay_cents) == (True, 0.7, 0)
    assert (failed.passed, failed.trust, failed.pay_cents) == (False, 0.6, 0)
    assert box.refusal_reason(job, failing) == "failed_quiz"
    assert box.take(job, passing).mode == "work"
    assert box.balance == before
    assert not [line for line in box.sandbox.ledger() if line["kind"] == "charge"]
    tainted = {each.worker_id: each.tainted for each in job.judgments()}
    assert tainted == {passing.id: False, failing.id: True}


@pytest.mark.parametrize("remain", [False, True])
def test_a_contributor_who_loses_trust_has_all_judgments_tainted(box: Box, remain: bool) -> None:
    job = launch_job(
        box,
        12,
        8,
        judgments_per_unit=1,
        units_remain_finalized=remain,
        options={"after_gold": 2, "reject_at": 70},
    )
    honest, careless = box.contributor(), box.contributor()
    box.work(job, careless, says("bad"))
    assert states(job).count("finalized") == 4
    (wrong,) = {row["says"] for row in read_aggregated_report(box, job)}
    assert wrong == "bad"
    assert job.ping()["needed_judgments"] == 8

    removed = box.work(job, careless, says("bad", missing=1))

    assert (removed.state, removed.trust) == ("removed", 0.5)
    assert box.refusal_reason(job, careless) == "removed"
    full = box.client.get_report(job, "full")
    assert [row["_tainted"] for row in full] == ["true"] * 10
    assert job.ping()["tainted_judgments"] == 10
    reopened = 0 if remain else 4
    assert states(job).count("finalized") == 4 - reopened
    assert job.ping()["needed_judgments"] == 8 + reopened
    box.finish(job, honest, says("good"))
    says_now = [row["says"] for row in read_aggregated_report(box, job) if row["says"]]
    assert says_now == ["good"] * (8 + reopened)
    assert {event["kind"] for event in box.sandbox.events()} >= {"worker_removed"}


def read_aggregated_report(box: Box, job: Job) -> list[dict[str, Any]]:
    rows = box.client.get_report(job, "aggregated")
    return [row for row in rows if row["_golden"] == "false"]


def test_a_contributor_who_answered_the_last_test_question_gets_no_page(box: Box) -> None:
    with pytest.warns(UserWarning, match="they can do no more than 32 of the 100 rows"):
        job = launch_job(box, 100, 8, options={"after_gold": 8})
    worker = box.contributor()

    pages = [box.work(job, worker, says("good")) for _ in range(8)]

    assert all(page.judgments == 5 for page in pages)
    assert box.refusal_reason(job, worker) == "exhausted"
    assert contributor_state(box, job, worker)["golds_count"] == 8
    assert box.take(job, box.contributor()).mode == "work"


def test_a_corrected_test_question_is_forgiven_and_its_contributor_readmitted(box: Box) -> None:
    job = launch_job(box, 20, 8, options={"after_gold": 1, "reject_at": 70})
    worker = box.contributor()
    page = box.take(job, worker)
    (asked,) = (unit for unit in page.units if unit.data["text"].startswith(GOLD))
    box.submit(worker, page, says("good", missing=1))
    assert box.refusal_reason(job, worker) == "removed"
    before = box.client.get_unit(job, asked.id)
    assert (before.missed_count, before.judgments_count) == (1, 1)

    before.data = {**before.data, "says_gold": ["good", "bad"]}
    before.update()

    stands = contributor_state(box, job, worker)
    assert (stands["forgiven_count"], stands["trust_overall"]) == (1, 1.0)
    assert [judgment.tainted for judgment in job.judgments()] == [False] * 5
    assert box.take(job, worker).mode == "work"


def test_feedback_has_accepted_answers_and_reasons_except_of_hidden_questions(
    box: Box,
) -> None:
    job = launch_job(box, 20, 8, options={"after_gold": 8})
    golds = [unit for unit in job.units if unit.data["text"].startswith(GOLD)]
    for gold in golds:
        gold.data = {**gold.data, "says_gold_reason": "It says so."}
        gold.update()
    feedback = box.work(job, box.contributor(), says("good", missing=1)).feedback
    for gold in golds:
        gold.state = "hidden_gold"
        gold.update()

    untold = box.work(job, box.contributor(), says("good", missing=1)).feedback

    (about,) = feedback
    assert (about.accepted, about.reason) == (("good",), "It says so.")
    assert untold == ()
