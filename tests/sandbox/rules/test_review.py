"""Single judgments, added, changed and rejected by hand; all counters stay correct."""

from __future__ import annotations

from typing import Any

import pytest

from crowdflower.sandbox.errors import Conflict, Invalid, NotFound
from crowdflower.sandbox.rules.results import judgments
from crowdflower.sandbox.rules.units import units
from crowdflower.sandbox.rules.work import review, workers


def test_a_judgment_added_by_hand_counts_like_any_other(world: Any) -> None:
    job = world.launch_job(6)
    row, worker = world.units(job)[0], world.worker()

    given = world.do(review.submit_judgment, job, row.id, worker.id, {"sentiment": "neutral"})

    assert (given.unit_id, given.worker_id, given.data) == (
        row.id,
        worker.id,
        {"sentiment": "neutral"},
    )
    assert world.reload(job).judgments_count == 1
    assert world.ledger("charge") == -12
    world.check()


def test_a_judgment_with_an_invalid_answer_is_refused(world: Any) -> None:
    job = world.launch_job(6)
    row, worker = world.units(job)[0], world.worker()

    with pytest.raises(Invalid) as caught:
        world.do(review.submit_judgment, job, row.id, worker.id, {"sentiment": "splendid"})

    assert set(caught.value.fields) == {row.id}
    assert world.judgments(job) == []
    world.check()


def test_a_second_judgment_or_one_beside_an_open_page_is_refused(world: Any) -> None:
    job = world.launch_job(12)
    first, second, *_ = world.units(job)
    worker, other = world.crowd(2)
    world.do(review.submit_judgment, job, first.id, worker.id, {"sentiment": "positive"})
    world.take(job, other)

    for who, row in ((worker, first), (other, second)):
        with pytest.raises(Conflict):
            world.do(review.submit_judgment, job, row.id, who.id, {"sentiment": "positive"})

    assert len(world.judgments(job)) == 1
    world.check()


def test_a_unit_that_cannot_be_judged_is_refused_with_the_reason(world: Any) -> None:
    job = world.launch_job(6, judgments_per_unit=1)
    done, canceled, *_ = world.units(job)
    first, second = world.crowd(2)
    world.do(review.submit_judgment, job, done.id, first.id, {"sentiment": "positive"})
    world.do(units.cancel, job, canceled)

    for row, worker, why in [
        (done, first, f"Contributor {first.id} has judged unit {done.id} already"),
        (done, second, f"Unit {done.id} is finalized and cannot be judged"),
        (canceled, second, f"Unit {canceled.id} is canceled and cannot be judged"),
    ]:
        with pytest.raises(Conflict, match=why):
            world.do(review.submit_judgment, job, row.id, worker.id, {"sentiment": "positive"})


def test_an_unknown_worker_or_unit_cannot_be_judged(world: Any) -> None:
    job = world.launch_job(6)

    with pytest.raises(NotFound):
        world.do(review.submit_judgment, job, world.units(job)[0].id, 7, {"sentiment": "positive"})
    with pytest.raises(NotFound):
        world.do(review.submit_judgment, job, 7, world.worker().id, {"sentiment": "positive"})


def test_a_unit_reopens_when_a_judgment_is_tainted_and_is_finalized_when_it_counts_again(
    world: Any,
) -> None:
    job = world.launch_job(6, judgments_per_unit=2)
    row, *_ = world.units(job)
    world.judge(job, row.id, *((worker, "positive") for worker in world.crowd(2)))
    judgment, _ = world.judgments(job)

    world.do(review.update_judgment, job, judgment.id, tainted=True)
    without = world.do(units.find, job, row.id)
    world.check()
    world.do(review.update_judgment, job, judgment.id, tainted=False)
    again = world.do(units.find, job, row.id)

    assert (without.state, without.judgments_count, without.tainted_count) == ("judgable", 1, 1)
    assert (again.state, again.judgments_count, again.tainted_count) == ("finalized", 2, 0)
    world.check()


def test_a_rejected_judgment_cannot_be_changed(world: Any) -> None:
    job = world.launch_job(6, judgments_per_unit=2)
    row, *_ = world.units(job)
    world.judge(job, row.id, *((worker, "positive") for worker in world.crowd(2)))
    judgment, _ = world.judgments(job)

    world.do(review.reject_judgment, job, judgment.id)
    world.do(review.reject_judgment, job, judgment.id)

    found = world.do(judgments.find, job, judgment.id)
    assert (found.rejected, found.tainted) == (True, True)
    assert world.do(units.find, job, row.id).state == "judgable"
    assert world.reload(job).judgments_count == 1
    with pytest.raises(Invalid):
        world.do(review.update_judgment, job, judgment.id, tainted=False)
    world.check()


def test_an_answer_to_a_test_question_can_be_forgiven_and_marked_as_missed_again(
    world: Any,
) -> None:
    job = world.launch_job(10, golds=10, options={"front_load": False, "after_gold": 50})
    worker = world.worker()
    world.work(job, worker, "positive")
    golden = next(each for each in world.judgments(job) if each.golden)

    def read_trust() -> tuple[float, int, int]:
        standing = world.do(workers.find_in_job, job, worker.id)
        world.check()
        return standing.trust, standing.golds_missed, standing.golds_forgiven

    trusts = [read_trust()]
    for missed in (True, True, False, True):
        world.do(review.update_judgment, job, golden.id, missed=missed)
        trusts.append(read_trust())

    assert trusts == [(1.0, 0, 0), (0.0, 1, 0), (0.0, 1, 0), (1.0, 1, 1), (0.0, 1, 0)]


@pytest.mark.parametrize("before", [[], [True], [True, False]])
def test_an_unanswered_test_question_counts_against_no_one(world: Any, before: list[bool]) -> None:
    job = world.launch_job(10, golds=10, options={"front_load": False, "after_gold": 50})
    worker = world.worker()
    world.work(job, worker, "positive")
    golden = next(each for each in world.judgments(job) if each.golden)
    for missed in before:
        world.do(review.update_judgment, job, golden.id, missed=missed)

    world.do(review.reject_judgment, job, golden.id)

    standing = world.do(workers.find_in_job, job, worker.id)
    counts = (standing.golds_seen, standing.golds_missed, standing.golds_forgiven)
    assert counts == (0, 0, 0)
    assert standing.trust == 1.0
    world.check()


def test_only_test_questions_can_be_missed(world: Any) -> None:
    job = world.launch_job(6)
    row, worker = world.units(job)[0], world.worker()
    given = world.do(review.submit_judgment, job, row.id, worker.id, {"sentiment": "neutral"})

    with pytest.raises(Invalid):
        world.do(review.update_judgment, job, given.id, missed=True)

    assert world.do(review.update_judgment, job, given.id, reviewed=True).reviewed is True
