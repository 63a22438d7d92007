"""The list of jobs: what each is, how far it is, what it has cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import String, case, cast, exists, func, or_, select

from crowdflower.sandbox.desk.desk_request import DeskRequest
from crowdflower.sandbox.desk.fields.typed_text import read_search
from crowdflower.sandbox.desk.paging import PageOf, page_of, read_page_number
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules.jobs.jobs import LISTED_STATES
from crowdflower.sandbox.rules.visibility import JOB_IS_VISIBLE
from crowdflower.sandbox.store.ampcrowd_tables import amp_group
from crowdflower.sandbox.store.tables import job, job_tag, ledger, orders, unit, worker_job

if TYPE_CHECKING:
    from flask import Response
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

SORTS: Final = ("activity", "newest", "spent", "agreement")


class ListedJob(NamedTuple):
    """A line of the list."""

    id: int
    title: str | None
    tags: tuple[str, ...]
    state: str
    pause_reason: str | None
    finished: int
    ordered: int
    rows: int
    spent_mc: int
    cap_mc: int | None
    agreement: float | None
    """Mean agreement of its finalized rows, from 0 to 1."""
    active_at: float
    """When a contributor last did something, or else when the job was last changed."""


_BONUSES = (
    select(func.coalesce(-func.sum(ledger.c.amount_mc), 0))
    .where(ledger.c.job_id == job.c.id, ledger.c.kind == "bonus")
    .scalar_subquery()
)
_SPENT = (
    select(func.coalesce(func.sum(orders.c.spent_mc), 0))
    .where(orders.c.job_id == job.c.id)
    .scalar_subquery()
) + _BONUSES
_AGREEMENT = (
    select(func.avg(unit.c.agreement))
    .where(unit.c.job_id == job.c.id, unit.c.agreement.is_not(None))
    .scalar_subquery()
)
_ACTIVE_AT = func.coalesce(
    select(func.max(worker_job.c.last_at)).where(worker_job.c.job_id == job.c.id).scalar_subquery(),
    job.c.updated_at,
)


def read_jobs(
    tx: Transaction,
    account: Row[Any],
    *,
    text: str = "",
    state: str = "",
    sort: str = "activity",
    page: int = 1,
) -> PageOf[ListedJob]:
    """Read a page of the account's jobs.

    :param text: Only jobs whose title, tag or number has it.
    :param state: Only jobs in this state.
    :param sort: One of :data:`SORTS`.
    """
    query = select(job.c.id).where(job.c.account_id == account.id, job.c.deleted_at.is_(None))
    query = query.where(JOB_IS_VISIBLE, ~exists().where(amp_group.c.job_id == job.c.id))
    if state in LISTED_STATES:
        query = query.where(job.c.state == state)
    if text:
        tagged = select(job_tag.c.job_id).where(job_tag.c.name.icontains(text, autoescape=True))
        query = query.where(
            or_(
                job.c.title.icontains(text, autoescape=True),
                cast(job.c.id, String).contains(text, autoescape=True),
                job.c.id.in_(tagged),
            )
        )
    total = tx.connection.scalar(select(func.count()).select_from(query.subquery())) or 0
    order = {
        "newest": job.c.id.desc(),
        "spent": _SPENT.desc(),
        "agreement": case((_AGREEMENT.is_(None), 2), else_=_AGREEMENT),
    }.get(sort, _ACTIVE_AT.desc())
    place: PageOf[ListedJob] = page_of(total, page)
    columns = (
        job,
        _SPENT.label("spent_mc"),
        _AGREEMENT.label("agreement"),
        _ACTIVE_AT.label("active_at"),
    )
    rows = tx.all(
        query.with_only_columns(*columns)
        .order_by(order, job.c.id.desc())
        .limit(place.size)
        .offset(place.offset)
    )
    tags: dict[int, list[str]] = {}
    tag_query = select(job_tag).where(job_tag.c.job_id.in_([row.id for row in rows]))
    for tag in tx.all(tag_query.order_by(job_tag.c.ordinal)):
        tags.setdefault(tag.job_id, []).append(tag.name)
    return place.filled([_listed(row, tags.get(row.id, [])) for row in rows])


def _listed(row: Row[Any], tags: list[str]) -> ListedJob:
    return ListedJob(
        id=row.id,
        title=row.title,
        tags=tuple(tags),
        state=row.state,
        pause_reason=row.pause_reason,
        finished=row.finalized_count,
        ordered=row.judgable_count + row.finalized_count,
        rows=row.units_count - row.golds_count,
        spent_mc=int(row.spent_mc),
        cap_mc=row.cap_mc,
        agreement=row.agreement,
        active_at=row.active_at,
    )


def show(request: DeskRequest) -> Response:
    """Show the list of jobs."""
    args = request.args
    found = read_jobs(
        request.tx,
        request.account,
        text=read_search(args),
        state=args.get("state", ""),
        sort=args.get("sort", ""),
        page=read_page_number(args),
    )
    return request.page(
        "jobs.html",
        heading=gettext("Jobs"),
        found=found,
        query=read_search(args),
        state=args.get("state", ""),
        sort=args.get("sort", ""),
        states=LISTED_STATES,
        now=request.tx.clock.now(),
        address=request.address,
    )
