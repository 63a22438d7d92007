"""Answers that came too late are kept for a day, never as judgments."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from crowdflower.sandbox.errors import Expired
from crowdflower.sandbox.rules.work import drafts, handout, workers
from crowdflower.sandbox.store.contributor_tables import draft
from crowdflower.sandbox.store.tables import job as jobs

LATE = {"sentiment": ["negative"]}


def be_late(world: Any, job: Any, worker: Any) -> handout.Page:
    """Take a page, let its time pass, and keep the answers to it."""
    page: handout.Page = world.take(job, worker)
    world.clock.advance(minutes=31)
    with pytest.raises(Expired):
        world.submit(worker, page)
    answers = {unit.id: LATE for unit in page.units} | {1: LATE}
    world.do(drafts.store, job.id, worker.id, page.assignment_id, answers)
    return page


def late_rows(world: Any, job: Any, worker: Any) -> list[drafts.LateRow]:
    rows: list[drafts.LateRow] = world.do(drafts.read_rows, job, worker.id)
    return rows


def test_free_rows_are_taken_again_with_their_answers(world: Any) -> None:
    job, worker = world.launch_job(20), world.worker()
    page = be_late(world, job, worker)

    rows = late_rows(world, job, worker)
    again = world.do(drafts.take_again, job, worker)

    assert [row.unit_id for row in rows] == [unit.id for unit in page.units]
    assert {(row.is_free, row.answers["sentiment"][0]) for row in rows} == {(True, "negative")}
    assert {unit.id for unit in again.units} == {unit.id for unit in page.units}
    assert again.assignment_id != page.assignment_id
    assert world.judgments(job) == []
    world.submit(worker, again)
    assert late_rows(world, job, worker) == []


def test_rows_of_others_are_not_free_and_are_forgotten(world: Any) -> None:
    job, (late, quick) = world.launch_job(5, judgments_per_unit=1), world.crowd(2)
    page = be_late(world, job, late)
    taken = world.take(job, quick, only=[unit.id for unit in page.units[:2]])

    free = {row.unit_id for row in late_rows(world, job, late) if row.is_free}
    again = world.do(drafts.take_again, job, late)

    assert len(free) == 3
    assert free | {unit.id for unit in taken.units} == {unit.id for unit in page.units}
    assert {unit.id for unit in again.units} == free
    assert {row.unit_id for row in late_rows(world, job, late)} == free


def test_nothing_is_handed_out_when_no_row_is_free(world: Any) -> None:
    job, (late, quick) = world.launch_job(5, judgments_per_unit=1), world.crowd(2)
    be_late(world, job, late)
    world.work(job, quick)

    assert not any(row.is_free for row in late_rows(world, job, late))
    with pytest.raises(handout.NoPageAvailable):
        world.do(drafts.take_again, job, late)


def test_a_test_question_looks_like_the_other_rows(world: Any) -> None:
    job = world.launch_job(4, golds=8, units_per_assignment=5, judgments_per_unit=1)
    world.do(lambda tx: tx.run(jobs.update().values(gold_per_assignment=1)))
    late, quick = world.crowd(2)
    page = be_late(world, job, late)
    assert {unit.data["text"][:3] for unit in page.units} == {"row", "gol"}

    before = late_rows(world, job, late)
    world.take(job, quick)
    after = late_rows(world, job, late)

    assert {row.is_free for row in before} == {True}
    assert {row.is_free for row in after} == {False}
    assert not any("sentiment_gold" in row.data for row in before)


def test_another_open_page_is_not_replaced(world: Any) -> None:
    job, worker = world.launch_job(20), world.worker()
    page = be_late(world, job, worker)
    other = world.take(job, worker, only=[unit.id for unit in world.units(job)[-2:]])

    again = world.do(drafts.take_again, job, worker)

    assert again.assignment_id == other.assignment_id
    assert len(late_rows(world, job, worker)) == len(page.units)


def test_drafts_are_forgotten(world: Any) -> None:
    job, (first, second) = world.launch_job(20), world.crowd(2)
    page = be_late(world, job, first)
    be_late(world, job, second)

    world.do(drafts.forget_page, first.id, page.assignment_id)
    assert late_rows(world, job, first) == []
    assert len(late_rows(world, job, second)) == 5
    world.do(drafts.forget, job.id, second.id)
    assert late_rows(world, job, second) == []


def test_a_draft_lives_a_day_at_most(world: Any) -> None:
    job, (first, second) = world.launch_job(20), world.crowd(2)
    be_late(world, job, first)

    world.clock.advance(hours=24)
    assert late_rows(world, job, first) == []
    be_late(world, job, second)
    assert {row.worker_id for row in world.do(lambda tx: tx.all(select(draft)))} == {second.id}


def test_a_contributor_who_may_not_work_is_told_why(world: Any) -> None:
    job, worker = world.launch_job(20), world.worker()
    world.work(job, worker)
    assert world.do(handout.find_refusal, job, worker) is None

    world.do(workers.flag, job, worker.id)

    assert world.do(handout.find_refusal, job, worker) == "flagged"
