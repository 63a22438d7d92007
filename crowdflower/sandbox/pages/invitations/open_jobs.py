"""The jobs that people can be invited to, with the addresses of their pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import select

from crowdflower.sandbox.pages.routes import work_path
from crowdflower.sandbox.store.tables import job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crowdflower.sandbox.store import Transaction

STATES: Final = ("unordered", "running", "paused")
"""States of jobs that have pages, now or later."""


class Invitation(NamedTuple):
    """A job, and the path of its page with the secret: who knows it may answer."""

    job_id: int
    title: str
    path: str


def read_invitations(tx: Transaction, limit: int) -> Sequence[Invitation]:
    """Return the latest jobs that are not at their end, the newest first."""
    is_open = (job.c.state.in_(STATES), job.c.deleted_at.is_(None))
    latest = select(job.c.id, job.c.title).where(*is_open).order_by(job.c.id.desc()).limit(limit)
    return [
        Invitation(row.id, row.title or f"Job {row.id}", work_path(tx, row.id))
        for row in tx.all(latest)
    ]
