"""Submitted pages: judgments, trust, finalized units and pay."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from crowdflower.sandbox.errors import Expired, Invalid
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.results import results
from crowdflower.sandbox.rules.units import gold, units
from crowdflower.sandbox.rules.work import submission, workers
from crowdflower.sandbox.store import Transaction, tables


def events(world: Any, kind: str) -> Any:
    """Read the events."""
    return world.do(Transaction.all, select(tables.event).where(tables.event.c.kind == kind))


def answer_correctly(count: int) -> Any:
    """Answer a number of test questions correctly, and the others incorrectly."""
    left = [count]

    def answer(unit: Any) -> str:
        if unit.data["text"].startswith("row"):
            return "neutral"
        left[0] -= 1
        return "positive" if left[0] >= 0 else "negative"

    return answer


def test_a_page_becomes_one_judgment_per_unit(world: Any) -> None:
    job = world.launch_job()
    worker = world.worker(country="FI", region="13", city="Helsinki", ip="198.51.100.7")
    page = world.take(job, worker)
    world.clock.advance(seconds=40)

    receipt = world.submit(worker, page, "neutral")

    judgments = world.judgments(job)
    assert receipt.judgments == len(judgments) == 5
    assert {judgment.unit_id for judgment in judgments} == {unit.id for unit in page.units}
    first = judgments[0]
    assert first.data == {"sentiment": "neutral"}
    assert first.created_at - first.started_at == 40
    assert (first.country, first.region, first.city) == ("FIN", "13", "Helsinki")
    assert (first.golden, first.missed, first.tainted, first.rejected) == (
        False,
        None,
        False,
        False,
    )


def test_a_page_with_a_mistake_stores_nothing_and_stays_open(world: Any) -> None:
    job, worker = world.launch_job(), world.worker()
    page = world.take(job, worker)
    good, bad = page.units[0].id, page.units[1].id
    answers = {unit.id: {"sentiment": "positive"} for unit in page.units}
    answers[bad] = {"sentiment": "angry"}
    del answers[good]

    with pytest.raises(Invalid) as caught:
        world.do(submission.submit, worker, page.assignment_id, page.token, answers)

    assert caught.value.fields.keys() == {good, bad}
    assert caught.value.body["error"]["fields"].keys() == {str(good), str(bad)}
    assert caught.value.fields[good].keys() == {"sentiment"}
    assert world.judgments(job) == []
    assert world.submit(worker, page).judgments == 5


def test_a_unit_of_another_page_is_refused(world: Any) -> None:
    job, worker = world.launch_job(), world.worker()
    page = world.take(job, worker)
    other = {unit.id for unit in world.units(job)} - {unit.id for unit in page.units}
    answers = {unit.id: {"sentiment": "positive"} for unit in page.units}
    answers[min(other)] = {"sentiment": "positive"}

    with pytest.raises(Invalid, match=str(min(other))):
        world.do(submission.submit, worker, page.assignment_id, page.token, answers)


def test_a_page_submitted_twice_is_stored_once_and_returns_the_same_receipt(world: Any) -> None:
    job, worker = world.launch_job(40, golds=8), world.worker()
    page = world.take(job, worker)
    first = world.submit(worker, page, "negative")
    world.work(job, worker)

    second = world.submit(worker, page, "positive")

    assert second == first
    assert len(first.feedback) == 1
    assert len(world.judgments(job)) == 10
    assert world.ledger("charge") == -24


def test_a_unit_is_finalized_by_its_last_judgment(world: Any) -> None:
    job = world.launch_job(5)
    crowd = world.crowd(3)

    states = []
    for worker in crowd:
        world.work(job, worker)
        states.append({unit.state for unit in world.units(job)})

    assert states == [{"judgable"}, {"judgable"}, {"finalized"}]
    assert all(unit.finalized_at for unit in world.units(job))


def test_the_last_unit_finishes_the_job(world: Any) -> None:
    job = world.launch_job(20)

    world.finish(job, world.crowd(3))

    done = world.reload(job)
    assert (done.state, done.completed_at) == ("finished", world.clock.now())
    assert len(events(world, "job_complete")) == 1


def test_seven_of_ten_pass_a_quiz(world: Any) -> None:
    job = world.launch_job(
        20, golds=13, units_per_assignment=10, options={"front_load": True, "reject_at": "70"}
    )
    worker = world.worker()
    page = world.take(job, worker)

    receipt = world.submit(worker, page, answer_correctly(7))

    assert (page.mode, len(page.units)) == ("quiz", 10)
    assert (receipt.passed, receipt.state, receipt.trust) == (True, "working", 0.7)
    assert receipt.pay_cents == 0
    assert world.take(job, worker).mode == "work"


def test_six_of_ten_fail_the_quiz_for_good_without_pay(world: Any) -> None:
    job = world.launch_job(20, golds=13, units_per_assignment=10, options={"front_load": "1"})
    worker = world.worker()

    receipt = world.work(job, worker, answer_correctly(6))

    assert (receipt.passed, receipt.state, receipt.trust) == (False, "failed_quiz", 0.6)
    assert world.refusal_reason(job, worker) == "failed_quiz"
    assert all(judgment.tainted for judgment in world.judgments(job))
    assert world.ledger("charge") == 0


def test_missed_test_questions_get_feedback_in_work(world: Any) -> None:
    job, worker = world.launch_job(20, golds=8), world.worker()
    asked = world.units(job)[-1]
    world.do(
        units.update,
        job,
        asked,
        data={**asked.data, "sentiment_gold_reason": ["It says so."]},
    )
    page = world.take(job, worker, only=[asked.id, world.units(job)[0].id])

    receipt = world.submit(worker, page, "negative")

    assert receipt.feedback == (
        submission.Feedback(asked.id, "sentiment", ("positive",), "It says so."),
    )
    assert receipt.trust == 0.0


def test_hidden_test_questions_and_hide_correct_answers_give_no_feedback(world: Any) -> None:
    silent = world.launch_job(20, golds=8, options={"hide_correct_answers": "true"})
    hidden = world.launch_job(20, golds=8)
    for unit in world.units(hidden):
        if unit.state == "golden":
            world.do(units.update, hidden, unit, state="hidden_gold")

    receipts = [world.work(job, world.worker(), "negative") for job in (silent, hidden)]

    assert [receipt.feedback for receipt in receipts] == [(), ()]
    assert [receipt.trust for receipt in receipts] == [0.0, 0.0]


def test_a_contributor_below_the_minimum_accuracy_is_removed_and_tainted(
    world: Any,
) -> None:
    job = world.launch_job(20, golds=8, options={"after_gold": "4"})
    sloppy = world.worker()
    for _ in range(3):
        assert world.work(job, sloppy, "negative").state == "working"

    receipt = world.work(job, sloppy, "negative")

    judgments = world.judgments(job)
    assert receipt.state == "removed"
    assert len(judgments) == 20
    assert all(judgment.tainted for judgment in judgments)
    assert world.refusal_reason(job, sloppy) == "removed"
    assert world.ledger("charge") == -48
    assert len(events(world, "worker_removed")) == 1


def finalize_a_unit_and_remove_a_contributor(world: Any, **attributes: Any) -> Any:
    """Finalize a unit, then remove one of its contributors for low trust; return job and unit."""
    job = world.launch_job(20, golds=8, options={"after_gold": "4"}, **attributes)
    number = world.units(job)[0].id
    sloppy, careful, steady = world.crowd(3)
    world.judge(job, number, (sloppy, "negative"), (careful, "positive"), (steady, "positive"))
    assert world.do(units.find, job, number).state == "finalized"
    for _ in range(4):
        world.work(job, sloppy, "negative")
    return job, number


def test_units_that_lose_a_judgment_reopen(world: Any) -> None:
    before = world.do(jobs.ping, world.launch_job())["needed_judgments"]

    job, number = finalize_a_unit_and_remove_a_contributor(world)

    unit = world.do(units.find, job, number)
    assert (unit.state, unit.judgments_count, unit.tainted_count) == ("judgable", 2, 1)
    assert (unit.open_slots, unit.finalized_at) == (1, None)
    assert world.do(jobs.ping, job)["needed_judgments"] == before - 2
    assert world.do(jobs.ping, job)["tainted_judgments"] == 21


def test_units_remain_finalized_keeps_units_finalized(world: Any) -> None:
    job, number = finalize_a_unit_and_remove_a_contributor(world, units_remain_finalized=True)

    unit = world.do(units.find, job, number)

    assert (unit.state, unit.judgments_count) == ("finalized", 2)


def test_a_contributor_removed_by_a_bad_test_question_returns_when_it_is_corrected(
    world: Any,
) -> None:
    job, number = finalize_a_unit_and_remove_a_contributor(world)
    removed = next(row for row in world.do(workers.list_all, job) if row.state == "removed")
    missed = [unit for unit in world.units(job) if unit.missed_count]

    for unit in missed:
        data = {**unit.data, "sentiment_gold": ["positive", "negative"]}
        world.do(units.update, job, unit, data=data)

    standing = world.do(workers.find_in_job, job, removed.worker_id)
    assert (standing.state, standing.trust) == ("working", 1.0)
    assert (standing.golds_missed, standing.golds_forgiven) == (4, 4)
    assert not any(judgment.tainted for judgment in world.judgments(job))
    assert world.do(units.find, job, number).state == "finalized"


def test_test_questions_that_are_converted_back_are_forgiven(world: Any) -> None:
    job, worker = world.launch_job(20, golds=8), world.worker()
    world.work(job, worker, "negative")

    world.do(gold.reset, job)

    standing = world.do(workers.find_in_job, job, worker.id)
    assert (standing.trust, standing.golds_forgiven) == (1.0, 1)


@pytest.mark.parametrize(
    ("fourth", "confidence", "collected"), [("positive", 0.7647, 4), ("negative", 0.5909, 5)]
)
def test_dynamic_judgments_continue_until_an_answer_has_enough_confidence(
    world: Any, fourth: str, confidence: float, collected: int
) -> None:
    job = world.launch_job(
        5,
        variable_judgments_mode="auto_confidence",
        max_judgments_per_unit=5,
        min_unit_confidence=0.7,
    )
    number = world.units(job)[0].id
    crowd = world.trusted_workers(job, 0.9, 0.8, 0.7, 1.0, 1.0)
    answers = ["positive", "negative", "positive", fourth, "positive"]
    given = list(zip(crowd, answers, strict=True))

    world.judge(job, number, *given[:3])
    after_three = world.do(units.find, job, number)
    world.judge(job, number, *given[3:collected])

    done = world.do(units.find, job, number)
    shown = world.do(results.unit_json, world.reload(job), done)
    assert (after_three.state, after_three.needed, after_three.open_slots) == ("judgable", 4, 1)
    assert (done.state, done.judgments_count) == ("finalized", collected)
    assert shown["results"]["sentiment"] == {"agg": "positive", "confidence": confidence}


def test_dynamic_judgments_stop_when_enough_contributors_agree(world: Any) -> None:
    job = world.launch_job(
        5,
        judgments_per_unit=1,
        variable_judgments_mode="auto_confidence",
        options={"dynamic_matching": 2},
    )
    number = world.units(job)[0].id
    first, second, third = world.crowd(3)

    world.judge(job, number, (first, "positive"), (second, "negative"))
    apart = world.do(units.find, job, number).state
    world.judge(job, number, (third, "negative"))

    assert apart == "judgable"
    assert world.do(units.find, job, number).state == "finalized"


def test_a_confidence_equal_to_the_minimum_is_enough(world: Any) -> None:
    job = world.launch_job(
        5,
        judgments_per_unit=4,
        variable_judgments_mode="auto_confidence",
        min_unit_confidence=0.75,
    )
    number = world.units(job)[0].id
    answers = ["positive", "positive", "negative", "positive"]

    world.judge(job, number, *zip(world.crowd(4), answers, strict=True))

    assert world.do(units.find, job, number).state == "finalized"


def test_an_expired_page_is_refused_even_if_no_one_took_its_units(world: Any) -> None:
    job, worker = world.launch_job(), world.worker()
    page = world.take(job, worker)

    world.clock.advance(seconds=1800)

    with pytest.raises(Expired):
        world.submit(worker, page)
    assert world.judgments(job) == []
    assert world.take(job, worker).assignment_id != page.assignment_id
