"""Contributors contest test questions that they missed, and the owner of the job decides."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from crowdflower.sandbox.errors import Conflict, Invalid, NotFound
from crowdflower.sandbox.reports import rows
from crowdflower.sandbox.rules.units import units
from crowdflower.sandbox.rules.work import contests, workers
from crowdflower.sandbox.store import contributor_tables as t


def missed(world: Any, **options: Any) -> tuple[Any, Any, list[int]]:
    """Return a job, a contributor who missed test questions of it, and these test questions."""
    job = world.launch_job(20, golds=8, units_per_assignment=5, options=options)
    worker = world.worker()
    receipt = world.work(job, worker, "negative")
    return job, worker, [each.unit_id for each in receipt.feedback]


def contest(world: Any, job: Any, worker: Any, unit_id: int, text: str = "It is bad.") -> Any:
    return world.do(contests.submit, job, worker.id, unit_id, "sentiment", text)


def in_job(world: Any, job: Any, worker: Any) -> Any:
    return world.do(workers.find_in_job, job, worker.id)


def test_an_accepted_contest_puts_the_accuracy_right(world: Any) -> None:
    job, worker, (unit, *_) = missed(world, after_gold=50)
    seen = in_job(world, job, worker).golds_seen

    contested = contest(world, job, worker, unit)
    assert in_job(world, job, worker).trust == 0
    decided = world.do(contests.decide, contested, accepted=True)

    assert (decided.accepted, decided.decided_at is None) == (True, False)
    assert in_job(world, job, worker).trust == pytest.approx(1 / seen)
    (judgment,) = (each for each in world.judgments(job) if each.unit_id == unit)
    assert judgment.missed is False


def test_a_declined_contest_changes_nothing_else(world: Any) -> None:
    job, worker, (unit, *_) = missed(world)

    decided = world.do(contests.decide, contest(world, job, worker, unit), accepted=False)

    assert decided.accepted is False
    assert in_job(world, job, worker).golds_forgiven == 0


def test_accepted_contests_readmit_a_contributor_who_failed_the_quiz(world: Any) -> None:
    job, worker, units = missed(world, front_load=True)
    assert in_job(world, job, worker).state == "failed_quiz"

    for unit in units:
        world.do(contests.decide, contest(world, job, worker, unit), accepted=True)

    assert len(units) == 5
    assert in_job(world, job, worker).state == "working"
    assert not any(each.tainted for each in world.judgments(job))
    assert world.take(job, worker).mode == "work"


def test_a_decision_is_made_once(world: Any) -> None:
    job, worker, (unit, *_) = missed(world, after_gold=50)
    contested = contest(world, job, worker, unit)

    decided = world.do(contests.decide, contested, accepted=True)

    assert world.do(contests.decide, contested, accepted=True) == decided
    with pytest.raises(Conflict, match="decided before"):
        world.do(contests.decide, contested, accepted=False)
    assert in_job(world, job, worker).golds_forgiven == 1


def test_an_answer_that_was_forgiven_meanwhile_is_not_forgiven_twice(world: Any) -> None:
    job, worker, (unit, *_) = missed(world, after_gold=50)
    contested = contest(world, job, worker, unit)
    (row,) = (each for each in world.units(job) if each.id == unit)

    world.do(units.update, job, row, data={**row.data, "sentiment_gold": "negative"})
    world.do(contests.decide, contested, accepted=True)

    assert in_job(world, job, worker).golds_forgiven == 1


def test_a_question_is_contested_once(world: Any) -> None:
    job, worker, (unit, *_) = missed(world)

    first = contest(world, job, worker, unit, " It is bad.\r\nReally.\n")

    assert first.text == "It is bad.\nReally."
    assert contest(world, job, worker, unit, "It is bad.\nReally.") == first
    with pytest.raises(Conflict, match="once"):
        contest(world, job, worker, unit, "I changed my mind.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "write why"),
        (" \n ", "write why"),
        ("x" * 501, "at most 500 characters; these are 501"),
        ("a\x00b", "control characters"),
        ("a\u202eb", "control characters"),
        ("\ud800", "control characters"),
    ],
)
def test_a_text_that_cannot_be_shown_is_refused(world: Any, text: str, message: str) -> None:
    job, worker, (unit, *_) = missed(world)

    with pytest.raises(Invalid, match=message):
        contest(world, job, worker, unit, text)


def test_only_what_was_missed_can_be_contested(world: Any) -> None:
    job, worker, (unit, *_) = missed(world)
    other_job, other = world.launch_job(20), world.worker()
    plain = next(each.unit_id for each in world.judgments(job) if not each.golden)

    for where, who, what, field in [
        (job, other, unit, "sentiment"),
        (other_job, worker, unit, "sentiment"),
        (job, worker, plain, "sentiment"),
        (job, worker, unit, "topics"),
        (job, worker, 2**70, "sentiment"),
    ]:
        with pytest.raises(NotFound):
            world.do(contests.submit, where, who.id, what, field, "No.")
    assert world.do(lambda tx: tx.all(select(t.contest))) == []


def test_rejected_answers_cannot_be_contested(world: Any) -> None:
    job, worker, (unit, *_) = missed(world)
    world.do(workers.reject, job, worker.id)

    with pytest.raises(Conflict, match="removed your answers"):
        contest(world, job, worker, unit)


def test_the_report_has_the_share_and_the_texts_of_contests(world: Any) -> None:
    job = world.launch_job(20, golds=8, units_per_assignment=5, options={"front_load": True})
    first, second = world.crowd(2)
    receipts = {each.id: world.work(job, each, "negative") for each in (first, second)}
    both = {each.unit_id for each in receipts[first.id].feedback}
    unit = min(both & {each.unit_id for each in receipts[second.id].feedback})

    contest(world, job, first, unit, "One.\nTwo.")
    found = {each.id: each for each in world.do(lambda tx: [*rows.read_golds(tx, job)])}

    assert (found[unit].contested_count, found[unit].judgments) == (1, 2)
    assert found[unit].contention == ["One.\nTwo."]
    assert sum(each.contested_count for each in found.values()) == 1
