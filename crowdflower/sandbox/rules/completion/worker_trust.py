"""Contributors lose and regain trust: their judgments stop to count, or count again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, select, update

from crowdflower.sandbox.rules.completion import closing, finalization
from crowdflower.sandbox.rules.counters import CounterChanges
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import judgment, unit, worker_job


def taint_judgments(tx: Transaction, job: Row[Any], worker_id: int) -> int:
    """Taint every judgment of a contributor in a job; rows that need others open again.

    :returns: How many judgments stop to count.
    """
    units = _unit_ids(tx, job, worker_id, judgment.c.tainted.is_(False))
    _update_judgments(tx, job, worker_id, tainted=True)
    tally = CounterChanges(tainted=len(units))
    tally.save(tx, job.id)
    finalization.change_counts(tx, job, units, trusted=-1, tainted=1)
    return len(units)


def restore_judgments(tx: Transaction, job: Row[Any], worker_id: int) -> int:
    """Let every judgment of a contributor in a job count again.

    :returns: How many do.
    """
    units = _unit_ids(tx, job, worker_id, judgment.c.tainted.is_(True))
    _update_judgments(tx, job, worker_id, tainted=False)
    tally = CounterChanges(tainted=-len(units))
    tally.save(tx, job.id)
    finalization.change_counts(tx, job, units, trusted=1, tainted=-1)
    return len(units)


def withdraw_judgments(tx: Transaction, job: Row[Any], worker_id: int) -> int:
    """Remove the judgments of a contributor from every count; reports still show them as tainted.

    :returns: How many there were.
    """
    counted = _unit_ids(tx, job, worker_id, judgment.c.tainted.is_(False))
    tainted = _unit_ids(tx, job, worker_id, judgment.c.tainted.is_(True))
    missed = _unit_ids(tx, job, worker_id, judgment.c.missed.is_(True))
    gone = len(counted) + len(tainted)
    _update_judgments(tx, job, worker_id, tainted=True, rejected=True)
    fewer = {"missed_count": unit.c.missed_count - 1}
    tx.run(update(unit).where(unit.c.id.in_(missed)).values(fewer))
    changed = {"judgments_count": worker_job.c.judgments_count - gone}
    theirs = (worker_job.c.job_id == job.id, worker_job.c.worker_id == worker_id)
    tx.run(update(worker_job).where(*theirs).values(changed))
    tally = CounterChanges(judgments=-gone, tainted=-len(tainted))
    tally.save(tx, job.id)
    closing.release_pages(tx, job.id, worker_id)
    finalization.change_counts(tx, job, tainted, tainted=-1)
    finalization.change_counts(tx, job, counted, trusted=-1)
    return gone


def _unit_ids(
    tx: Transaction, job: Row[Any], worker_id: int, where: ColumnElement[bool]
) -> list[int]:
    query = select(judgment.c.unit_id).where(
        judgment.c.job_id == job.id,
        judgment.c.worker_id == worker_id,
        judgment.c.rejected.is_(False),
        where,
    )
    return [row.unit_id for row in tx.all(query)]


def _update_judgments(tx: Transaction, job: Row[Any], worker_id: int, **values: bool) -> None:
    theirs = (judgment.c.job_id == job.id, judgment.c.worker_id == worker_id)
    standing = (*theirs, judgment.c.rejected.is_(False))
    tx.run(update(judgment).where(*standing).values(**values))
