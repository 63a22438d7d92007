"""Taints, restores and withdraws all judgments of a contributor in a job."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, select, update

from crowdflower.sandbox.rules.completion import closing, finalization
from crowdflower.sandbox.rules.counters import CounterChanges
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import judgment, unit, worker_job


def taint_judgments(tx: Transaction, job: Row[Any], worker_id: int) -> int:
    """Taint every judgment of a contributor in a job; units that lack judgments reopen.

    :returns: The number of judgments that no longer count.
    """
    units = _unit_ids(tx, job, worker_id, judgment.c.tainted.is_(False))
    _update_judgments(tx, job, worker_id, tainted=True)
    CounterChanges(tainted=len(units)).save(tx, job.id)
    finalization.change_counts(tx, job, units, trusted=-1, tainted=1)
    return len(units)


def restore_judgments(tx: Transaction, job: Row[Any], worker_id: int) -> int:
    """Let every judgment of a contributor in a job count again.

    :returns: The number of judgments that count again.
    """
    units = _unit_ids(tx, job, worker_id, judgment.c.tainted.is_(True))
    _update_judgments(tx, job, worker_id, tainted=False)
    CounterChanges(tainted=-len(units)).save(tx, job.id)
    finalization.change_counts(tx, job, units, trusted=1, tainted=-1)
    return len(units)


def withdraw_judgments(tx: Transaction, job: Row[Any], worker_id: int) -> int:
    """Remove a contributor's judgments from every count; reports still show them as tainted.

    :returns: The number of judgments removed.
    """
    trusted = _unit_ids(tx, job, worker_id, judgment.c.tainted.is_(False))
    tainted = _unit_ids(tx, job, worker_id, judgment.c.tainted.is_(True))
    missed = _unit_ids(tx, job, worker_id, judgment.c.missed.is_(True))
    removed = len(trusted) + len(tainted)
    _update_judgments(tx, job, worker_id, tainted=True, rejected=True)
    fewer = {"missed_count": unit.c.missed_count - 1}
    tx.run(update(unit).where(unit.c.id.in_(missed)).values(fewer))
    values = {"judgments_count": worker_job.c.judgments_count - removed}
    is_worker = (worker_job.c.job_id == job.id, worker_job.c.worker_id == worker_id)
    tx.run(update(worker_job).where(*is_worker).values(values))
    CounterChanges(judgments=-removed, tainted=-len(tainted)).save(tx, job.id)
    closing.release_pages(tx, job.id, worker_id)
    finalization.change_counts(tx, job, tainted, tainted=-1)
    finalization.change_counts(tx, job, trusted, trusted=-1)
    return removed


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
    by_worker = (judgment.c.job_id == job.id, judgment.c.worker_id == worker_id)
    not_rejected = judgment.c.rejected.is_(False)
    tx.run(update(judgment).where(*by_worker, not_rejected).values(**values))
