"""More time for an open page, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import update

from crowdflower.sandbox.errors import Conflict
from crowdflower.sandbox.rules import quiz
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.fast import page_queries
from crowdflower.sandbox.store.tables import assignment

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

_ROUNDING: Final = 1.0
"""Seconds by which the time of a page may differ from the job's setting."""


def is_extended(job: Row[Any], started_at: float, expires_at: float) -> bool:
    """Return whether a page got more time already."""
    return expires_at - started_at > quiz.page_timeout(job) + _ROUNDING


def extend_page(tx: Transaction, job: Row[Any], worker_id: int, page_id: int) -> None:
    """Add the time for a page to the time that is left for an open one.

    :raises Conflict: The page is not open, got more time before, or the job does not run.
    """
    locks.lock_job(tx, job.id)
    page = page_queries.find_page(tx.driver, page_id)
    is_open = (
        page is not None
        and (page.worker_id, page.job_id, page.state) == (worker_id, job.id, "open")
        and page.expires_at > tx.clock.now()
    )
    if page is None or not is_open:
        raise Conflict("This page is no longer open: it was submitted or skipped, or is too late.")
    if job.state != "running":
        raise Conflict("This job is paused, so that a page gets no more time.")
    if is_extended(job, page.started_at, page.expires_at):
        raise Conflict("This page got more time before; a page gets it once.")
    expires_at = page.expires_at + quiz.page_timeout(job)
    tx.run(update(assignment).where(assignment.c.id == page_id).values(expires_at=expires_at))
