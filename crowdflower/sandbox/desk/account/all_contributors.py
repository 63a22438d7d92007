"""The contributors of all jobs of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import String, cast, func, or_, select

from crowdflower.sandbox.desk.paging import PageOf, page_of
from crowdflower.sandbox.store.tables import account_flag, job, worker, worker_job

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction


class Contributor(NamedTuple):
    """A contributor, and what they did in all jobs of the account."""

    id: int
    name: str | None
    channel: str
    country: str | None
    jobs: int
    latest_job_id: int
    latest_job_title: str | None
    judgments: int
    """Judgments that were not removed."""
    accuracy: float | None
    """Share of test questions answered right, from 0 to 1; ``None`` if they saw none."""
    earned_mc: int
    """Pay and bonuses, in thousandths of a cent."""
    is_flagged: bool
    """Whether they get no more pages of any job."""
    flagged_jobs: int
    """Jobs of which they get no more pages."""
    rejected_jobs: int
    """Jobs in which all their judgments were removed."""
    last_at: float


def read_contributors(
    tx: Transaction, account: Row[Any], *, text: str = "", page: int = 1
) -> PageOf[Contributor]:
    """Read a page of the contributors of an account, those who were there last first.

    :param text: Only those whose name or number has it.
    """
    mine = (
        select(worker_job)
        .join(job, job.c.id == worker_job.c.job_id)
        .where(job.c.account_id == account.id)
    )
    if text:
        named = or_(
            worker.c.display_name.icontains(text, autoescape=True),
            cast(worker.c.id, String).contains(text, autoescape=True),
        )
        mine = mine.join(worker, worker.c.id == worker_job.c.worker_id).where(named)
    found = mine.subquery()
    total = tx.connection.scalar(select(func.count(found.c.worker_id.distinct()))) or 0
    place: PageOf[Contributor] = page_of(total, page)
    seen = func.sum(found.c.golds_seen)
    last_at = func.max(found.c.last_at)
    totals = (
        select(
            found.c.worker_id,
            func.count().label("jobs"),
            func.sum(found.c.judgments_count).label("judgments"),
            seen.label("seen"),
            (seen - func.sum(found.c.golds_missed) + func.sum(found.c.golds_forgiven)).label(
                "right"
            ),
            func.sum(found.c.earned_mc + found.c.bonus_mc).label("earned_mc"),
            func.count(found.c.flagged_at).label("flagged_jobs"),
            func.count(found.c.rejected_at).label("rejected_jobs"),
            last_at.label("last_at"),
        )
        .group_by(found.c.worker_id)
        .order_by(last_at.desc(), found.c.worker_id)
        .limit(place.size)
        .offset(place.offset)
    )
    rows = tx.all(totals)
    ids = [row.worker_id for row in rows]
    people = {row.id: row for row in tx.all(select(worker).where(worker.c.id.in_(ids)))}
    flags = select(account_flag.c.worker_id).where(
        account_flag.c.account_id == account.id, account_flag.c.worker_id.in_(ids)
    )
    flagged = {row.worker_id for row in tx.all(flags)}
    latest = _latest_jobs(tx, account, ids)
    return place.filled(
        [
            Contributor(
                id=row.worker_id,
                name=people[row.worker_id].display_name,
                channel=people[row.worker_id].channel,
                country=people[row.worker_id].country,
                jobs=row.jobs,
                latest_job_id=latest[row.worker_id].job_id,
                latest_job_title=latest[row.worker_id].title,
                judgments=int(row.judgments),
                accuracy=int(row.right) / int(row.seen) if row.seen else None,
                earned_mc=int(row.earned_mc),
                is_flagged=row.worker_id in flagged,
                flagged_jobs=row.flagged_jobs,
                rejected_jobs=row.rejected_jobs,
                last_at=row.last_at,
            )
            for row in rows
        ]
    )


def _latest_jobs(tx: Transaction, account: Row[Any], ids: list[int]) -> dict[int, Row[Any]]:
    """Return for each contributor the job that they were at last."""
    query = (
        select(worker_job.c.worker_id, worker_job.c.job_id, job.c.title)
        .join(job, job.c.id == worker_job.c.job_id)
        .where(job.c.account_id == account.id, worker_job.c.worker_id.in_(ids))
        .order_by(worker_job.c.last_at, worker_job.c.job_id)
    )
    return {row.worker_id: row for row in tx.all(query)}
