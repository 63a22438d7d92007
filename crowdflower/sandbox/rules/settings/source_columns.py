"""The columns of the rows of a job, and the check that the form prints no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import job_column, unit

if TYPE_CHECKING:
    from crowdflower.cml import Form, Problem


_ROWS_AT_ONCE: Final = 1000


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
    gone = _without_row(tx, job_id, [name for name in form.columns if name in columns])
    columns = [name for name in columns if name not in gone]
    return form.missing_columns(columns) if columns else []


def _without_row(tx: Transaction, job_id: int, names: list[str]) -> set[str]:
    """Return the columns that rows had, and no row has any more; rarely more than a row is read."""
    gone, last = set(names), 0
    query = select(unit.c.seq, unit.c.data).where(unit.c.job_id == job_id).order_by(unit.c.seq)
    size = 1
    while gone and (rows := tx.all(query.where(unit.c.seq > last).limit(size))):
        gone.difference_update(*(row.data for row in rows))
        last, size = rows[-1].seq, _ROWS_AT_ONCE
    return gone if last else set()
