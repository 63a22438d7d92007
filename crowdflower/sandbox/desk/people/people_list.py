"""The list of a job's contributors: searched, filtered, sorted and in pages. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Text, and_, cast, exists, func, or_, select

from crowdflower.sandbox.desk.paging import PageOf, page_of
from crowdflower.sandbox.desk.people.contributor_names import contributor_name
from crowdflower.sandbox.desk.people.work_figures import (
    UsualSpeed,
    read_figures,
    read_usual_speed,
)
from crowdflower.sandbox.rules import quiz
from crowdflower.sandbox.store.tables import account_flag, assignment, worker, worker_job

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Row, Select

    from crowdflower.sandbox.store import Transaction

_IS_FLAGGED = or_(worker_job.c.flagged_at.is_not(None), account_flag.c.worker_id.is_not(None))

_SORTS: Final[dict[str, Any]] = {
    "trust": worker_job.c.trust,
    "name": func.lower(func.coalesce(worker.c.display_name, "")),
    "judgments": worker_job.c.judgments_count,
    "earned": worker_job.c.earned_mc + worker_job.c.bonus_mc,
    "seen": worker_job.c.last_at,
}

DEFAULT_SORT: Final = "-trust"

SORTS: Final = frozenset(f"{sign}{name}" for sign in ("", "-") for name in _SORTS)
"""What the list can be sorted by; a minus is for the largest first."""

FILTERS: Final = (
    "now",
    "working",
    "quiz",
    "low",
    "fast",
    "removed",
    "failed_quiz",
    "flagged",
    "rejected",
)
"""Who can be shown alone, as in the address of the page."""


class PeopleQuery(NamedTuple):
    """Which part of the list is shown."""

    text: str = ""
    """Part of a name, or the beginning of a number."""

    state: str = ""
    """One of :data:`FILTERS`; empty for everyone."""

    sort: str = DEFAULT_SORT
    page: int = 1


class Person(NamedTuple):
    """A contributor to a job."""

    number: int
    name: str
    channel: str

    state: str
    """``quiz``, ``working``, ``removed`` (below accuracy), ``failed_quiz``, ``flagged`` or
    ``rejected`` (their judgments were removed)."""

    is_at_work: bool
    """Whether a page of theirs is open."""

    flag_reason: str | None
    trust: float
    golds_seen: int
    golds_right: int
    judgments: int

    seconds: float | None
    """Median time for a row, in seconds."""

    times_faster: int | None
    """How many times faster than usual, if that is unusual."""

    agreement: float | None
    """Fraction of their answers that are the result."""

    agreement_rows: int
    """Rows that were compared for it."""

    earned_mc: int
    """For pages, without bonuses."""

    bonus_mc: int
    last_at: float


def read_people(tx: Transaction, job: Row[Any], query: PeopleQuery) -> PageOf[Person]:
    """Read a page of a job's contributors; the last page if there are fewer pages."""
    speed = read_usual_speed(tx, job)
    conditions = _conditions(tx, job, query, speed)
    counted = _joined(job, select(func.count().label("total"))).where(*conditions)
    place: PageOf[Person] = page_of(tx.one(counted).total, query.page)
    column = _SORTS[query.sort.removeprefix("-")]
    order = column.desc() if query.sort.startswith("-") else column.asc()
    chosen = _select_people(tx, job).where(*conditions).order_by(order, worker_job.c.worker_id)
    rows = tx.all(chosen.limit(place.size).offset(place.offset))
    figures = read_figures(tx, job, [row.worker_id for row in rows])
    people = []
    for row in rows:
        seconds, agreement, compared = figures[row.worker_id]
        people.append(
            Person(
                row.worker_id,
                contributor_name(row.display_name, row.worker_id),
                row.channel,
                _state(row),
                bool(row.is_at_work),
                row.flag_reason or row.account_reason,
                row.trust,
                row.golds_seen,
                row.golds_seen - max(0, row.golds_missed - row.golds_forgiven),
                row.judgments_count,
                seconds,
                speed.times_faster(seconds),
                agreement,
                compared,
                row.earned_mc,
                row.bonus_mc,
                row.last_at,
            )
        )
    return place.filled(people)


def read_names(tx: Transaction, job: Row[Any], numbers: Collection[int]) -> dict[int, str | None]:
    """Return what some contributors call themselves; those who are not in the job are missing."""
    in_job = (worker_job.c.job_id == job.id, worker_job.c.worker_id.in_(numbers))
    joined = select(worker.c.id, worker.c.display_name).join(
        worker_job, worker.c.id == worker_job.c.worker_id
    )
    return {row.id: row.display_name for row in tx.all(joined.where(*in_job))}


def _conditions(
    tx: Transaction, job: Row[Any], query: PeopleQuery, speed: UsualSpeed
) -> list[ColumnElement[bool]]:
    found = [_filter(tx, job, query.state, speed)] if query.state else []
    if query.text:
        named = worker.c.display_name.icontains(query.text, autoescape=True)
        numbered = cast(worker_job.c.worker_id, Text).startswith(query.text, autoescape=True)
        found.append(or_(named, numbered))
    return found


def _filter(tx: Transaction, job: Row[Any], state: str, speed: UsualSpeed) -> ColumnElement[bool]:
    if state == "now":
        return _is_at_work(tx, job)
    if state == "fast":
        return worker_job.c.worker_id.in_(sorted(speed.fast))
    if state == "flagged":
        return _IS_FLAGGED
    if state == "low":
        return and_(worker_job.c.golds_seen > 0, worker_job.c.trust < quiz.min_trust(job))
    if state == "rejected":
        return worker_job.c.state == state
    return and_(worker_job.c.state == state, ~_IS_FLAGGED)


def _select_people(tx: Transaction, job: Row[Any]) -> Select[Any]:
    query = select(
        worker_job,
        worker.c.display_name,
        worker.c.channel,
        account_flag.c.worker_id.label("account_flag"),
        account_flag.c.reason.label("account_reason"),
        _is_at_work(tx, job).label("is_at_work"),
    )
    return _joined(job, query)


def _joined(job: Row[Any], query: Select[Any]) -> Select[Any]:
    is_flag = (account_flag.c.account_id == job.account_id) & (
        account_flag.c.worker_id == worker_job.c.worker_id
    )
    joined = query.select_from(worker_job).join(worker, worker.c.id == worker_job.c.worker_id)
    return joined.outerjoin(account_flag, is_flag).where(worker_job.c.job_id == job.id)


def _is_at_work(tx: Transaction, job: Row[Any]) -> ColumnElement[bool]:
    return exists(
        select(assignment.c.id).where(
            assignment.c.job_id == job.id,
            assignment.c.worker_id == worker_job.c.worker_id,
            assignment.c.state == "open",
            assignment.c.expires_at > tx.clock.now(),
        )
    )


def _state(row: Row[Any]) -> str:
    is_flagged = row.flagged_at is not None or row.account_flag is not None
    if is_flagged and row.state != "rejected":
        return "flagged"
    return str(row.state)
