"""The columns of the rows of a job, and the check that the form prints no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import job_column

if TYPE_CHECKING:
    from crowdflower.cml import Form, Problem


def read_columns(tx: Transaction, job_id: int) -> list[str]:
    """List the columns of a job in the order in which they were added.

    A column stays when the only row that had it is changed or deleted.
    """
    query = select(job_column.c.name).where(job_column.c.job_id == job_id)
    return [row.name for row in tx.all(query.order_by(job_column.c.ordinal))]


def find_missing(tx: Transaction, job_id: int, form: Form) -> list[Problem]:
    """Return a problem for each column that the form prints and no row of the job has.

    A job without rows has none: which columns it will have is not known.
    """
    columns = read_columns(tx, job_id) if form.columns else []
    return form.missing_columns(columns) if columns else []
