"""Which units and jobs are visible while large uploads are being stored.

The units of a large upload are in the table before the upload is complete. They are a range of
``seq``, which its row in ``upload`` names. All of them become visible when that row is deleted.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, select

from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import job, unit, upload

JOB_IS_VISIBLE = ~exists(
    select(upload.c.id).where(upload.c.job_id == job.c.id, upload.c.creates_job).correlate(job)
)
"""Condition for a query of jobs: the file that creates the job is stored."""


def is_loading(tx: Transaction, job_id: int) -> bool:
    """Return whether a large upload into a job is being stored."""
    found = select(upload.c.id).where(upload.c.job_id == job_id).limit(1)
    return tx.one(found) is not None


def units_of(tx: Transaction, job_id: int) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for a query of the visible units of a job."""
    ranges = select(upload.c.first_seq, upload.c.end_seq).where(upload.c.job_id == job_id)
    hidden = [~unit.c.seq.between(row.first_seq, row.end_seq - 1) for row in tx.all(ranges)]
    return (unit.c.job_id == job_id, *hidden)
