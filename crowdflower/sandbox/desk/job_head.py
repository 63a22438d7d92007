"""The head of a job's pages: its state, the link for contributors, how much each tab has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Row, func, select

from crowdflower.sandbox.desk.overview.cost import Estimate, estimate
from crowdflower.sandbox.pages.routes import work_path
from crowdflower.sandbox.rules.visibility import units_of
from crowdflower.sandbox.store.tables import orders, unit, worker_job

if TYPE_CHECKING:
    from crowdflower.sandbox.store import Transaction


class JobHead(NamedTuple):
    """What every page of a job shows about it."""

    title: str
    url: str
    """Path of the job on the desk."""
    work_path: str
    """Path at which contributors work; with the job's secret."""
    launched_at: float | None
    rows: int
    new_rows: int
    """Rows that are uploaded and not ordered."""
    cost_of_new: Estimate | None
    """What it costs to order all of them; ``None`` if there are none, or the job takes no order
    here: a draft is launched first."""
    people: int
    golds: int
    now: float


def read_head(tx: Transaction, job: Row[Any]) -> JobHead:
    """Read the head of a job."""
    first = select(func.min(orders.c.created_at)).where(orders.c.job_id == job.id)
    people = select(func.count()).select_from(worker_job).where(worker_job.c.job_id == job.id)
    rows = job.units_count - job.golds_count
    ordered = job.judgable_count + job.finalized_count
    new_rows = count_new_rows(tx, job) if rows > ordered else 0
    can_order = job.state not in {"unordered", "canceled"}
    return JobHead(
        title=job.title or f"Job {job.id}",
        url=f"/desk/jobs/{job.id}",
        work_path=work_path(tx, job.id),
        launched_at=tx.connection.scalar(first),
        rows=rows,
        new_rows=new_rows,
        cost_of_new=estimate(tx, job, new_rows) if can_order and new_rows else None,
        people=tx.connection.scalar(people) or 0,
        golds=job.golds_count,
        now=tx.clock.now(),
    )


def count_new_rows(tx: Transaction, job: Row[Any]) -> int:
    """Return how many rows of a job can be ordered."""
    is_new = (*units_of(tx, job.id), unit.c.state == "new")
    return tx.connection.scalar(select(func.count()).select_from(unit).where(*is_new)) or 0
