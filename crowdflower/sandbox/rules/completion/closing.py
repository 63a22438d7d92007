"""How work ends: pages are taken back or run out, a job has nothing left to judge."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, case, func, select, update

from crowdflower.sandbox.rules import money
from crowdflower.sandbox.rules.results import webhook_events
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.tables import assignment, assignment_unit, job, unit

BATCH_SIZE = 500
"""Rows named in one statement; databases limit how many."""


def release_pages(
    tx: Transaction, job_id: int, worker_id: int | None = None, page_id: int | None = None
) -> int:
    """Take back the pages that are being worked on; what is on them goes to others.

    :param worker_id: Only this contributor's; everybody's when ``None``.
    :param page_id: Only this one; all of them when ``None``.
    :returns: How many there were.
    """
    locks.lock_job(tx, job_id)
    where = [assignment.c.job_id == job_id, assignment.c.state == "open"]
    if worker_id is not None:
        where.append(assignment.c.worker_id == worker_id)
    if page_id is not None:
        where.append(assignment.c.id == page_id)
    return _close_pages(tx, where, "released")


def expire_pages(tx: Transaction, job_id: int) -> int:
    """Close pages whose time is over, a hundred at most; what is on them goes to others."""
    late = (
        select(assignment.c.id)
        .where(assignment.c.job_id == job_id, assignment.c.state == "open")
        .where(assignment.c.expires_at <= tx.clock.now())
        .limit(100)
    )
    return _close_pages(tx, [assignment.c.id.in_(late)], "expired")


def recount_open_slots(tx: Transaction, unit_ids: Iterable[int]) -> None:
    """Count anew on how many more pages each judgable row may be put."""
    reserved = (
        select(func.count())
        .where(assignment_unit.c.unit_id == unit.c.id, assignment_unit.c.resolved.is_(False))
        .scalar_subquery()
    )
    free = unit.c.needed - unit.c.judgments_count - reserved
    statement = update(unit).values(open_slots=case((free > 0, free), else_=0))
    ids = sorted(set(unit_ids))
    for at in range(0, len(ids), BATCH_SIZE):
        some = ids[at : at + BATCH_SIZE]
        tx.run(statement.where(unit.c.id.in_(some), unit.c.state == "judgable"))


def finish_if_done(tx: Transaction, job_id: int) -> bool:
    """Finish a launched job that has no row left to judge, and give back what it did not spend."""
    found = tx.one(select(job.c.state, job.c.judgable_count, job.c.title).where(job.c.id == job_id))
    if found.state not in {"running", "paused"} or found.judgable_count:
        return False
    release_pages(tx, job_id)
    money.close_orders(tx, job_id, "fulfilled")
    now = tx.clock.now()
    done = {"state": "finished", "completed_at": now, "updated_at": now}
    tx.run(update(job).where(job.c.id == job_id).values(done))
    tx.record("job_complete", job_id, title=found.title)
    webhook_events.queue_job_complete(tx, job_id)
    return True


def _close_pages(tx: Transaction, where: list[ColumnElement[bool]], state: str) -> int:
    pages = [row.id for row in tx.all(select(assignment.c.id).where(*where))]
    for page in pages:
        places = assignment_unit.c.assignment_id == page
        shown = tx.all(select(assignment_unit.c.unit_id).where(places))
        tx.run(update(assignment_unit).where(places).values(resolved=True))
        tx.run(update(assignment).where(assignment.c.id == page).values(state=state))
        recount_open_slots(tx, (row.unit_id for row in shown))
    return len(pages)
