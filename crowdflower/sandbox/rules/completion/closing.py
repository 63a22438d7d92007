"""Closes what is open: releases and expires pages, and finishes jobs without judgable units."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, case, func, select, update

from crowdflower.sandbox.rules import money
from crowdflower.sandbox.rules.results import webhook_events
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.tables import assignment, assignment_unit, job, unit

BATCH_SIZE = 500
"""Units per statement; databases limit the number of parameters."""


def release_pages(
    tx: Transaction, job_id: int, worker_id: int | None = None, page_id: int | None = None
) -> int:
    """Release open pages of a job, so that other contributors can get their units.

    :param worker_id: Only the page of this contributor; by default all.
    :param page_id: Only this page; by default all.
    :returns: The number of pages released.
    """
    locks.lock_job(tx, job_id)
    where = [assignment.c.job_id == job_id, assignment.c.state == "open"]
    if worker_id is not None:
        where.append(assignment.c.worker_id == worker_id)
    if page_id is not None:
        where.append(assignment.c.id == page_id)
    return _close_pages(tx, where, "released")


def expire_pages(tx: Transaction, job_id: int) -> int:
    """Expire up to 100 open pages of a job whose time is over, and return how many."""
    expired = (
        select(assignment.c.id)
        .where(assignment.c.job_id == job_id, assignment.c.state == "open")
        .where(assignment.c.expires_at <= tx.clock.now())
        .limit(100)
    )
    return _close_pages(tx, [assignment.c.id.in_(expired)], "expired")


def recount_open_slots(tx: Transaction, unit_ids: Iterable[int]) -> None:
    """Recompute how many more pages each of these judgable units can be put on."""
    reserved = (
        select(func.count())
        .where(assignment_unit.c.unit_id == unit.c.id, assignment_unit.c.resolved.is_(False))
        .scalar_subquery()
    )
    free = unit.c.needed - unit.c.judgments_count - reserved
    statement = update(unit).values(open_slots=case((free > 0, free), else_=0))
    ids = sorted(set(unit_ids))
    for start in range(0, len(ids), BATCH_SIZE):
        batch = ids[start : start + BATCH_SIZE]
        tx.run(statement.where(unit.c.id.in_(batch), unit.c.state == "judgable"))


def finish_if_done(tx: Transaction, job_id: int) -> bool:
    """Finish a launched job without judgable units, and return its unspent money.

    :returns: Whether the job finished.
    """
    found = tx.one(select(job.c.state, job.c.judgable_count, job.c.title).where(job.c.id == job_id))
    if found.state not in {"running", "paused"} or found.judgable_count:
        return False
    release_pages(tx, job_id)
    money.close_orders(tx, job_id, "fulfilled")
    now = tx.clock.now()
    done = {"state": "finished", "pause_reason": None, "completed_at": now, "updated_at": now}
    tx.run(update(job).where(job.c.id == job_id).values(done))
    tx.record("job_complete", job_id, title=found.title)
    webhook_events.queue_job_complete(tx, job_id)
    return True


def _close_pages(tx: Transaction, where: list[ColumnElement[bool]], state: str) -> int:
    page_ids = [row.id for row in tx.all(select(assignment.c.id).where(*where))]
    for page_id in page_ids:
        on_page = assignment_unit.c.assignment_id == page_id
        units = tx.all(select(assignment_unit.c.unit_id).where(on_page))
        tx.run(update(assignment_unit).where(on_page).values(resolved=True))
        tx.run(update(assignment).where(assignment.c.id == page_id).values(state=state))
        recount_open_slots(tx, (row.unit_id for row in units))
    return len(page_ids)
