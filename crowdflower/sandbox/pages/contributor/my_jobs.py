"""The jobs that a contributor joined, with what is left for them in each, and what they earned."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from sqlalchemy import and_, case, func, select

from crowdflower.sandbox.rules import money, quiz
from crowdflower.sandbox.rules.work import handout
from crowdflower.sandbox.store.fast import page_queries
from crowdflower.sandbox.store.tables import assignment, job, judgment, unit, worker_job

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.rules.work.handout import Reason
    from crowdflower.sandbox.store import Transaction

JOBS_PER_PAGE: Final = 25
"""Jobs on one page of a contributor's home."""

_DAY: Final = 24 * 3600

_submitted = worker_job.c.judgments_count.label("submitted_count")

Step = Literal["go_on", "take_quiz", "wait", "closed", "done"]


class JoinedJob(NamedTuple):
    """A job that a contributor joined."""

    row: Row[Any]
    """The job's columns, and the contributor's in it."""

    step: Step
    """What the contributor can do there now."""

    reason: Reason | None
    """Why they get no page now."""

    pages_left: int
    """Pages that they may still get, at most."""

    pay_mc: int
    rows_per_page: int

    @property
    def has_work(self) -> bool:
        """Whether there is a page for them now."""
        return self.step in {"go_on", "take_quiz"}

    @property
    def earned_mc(self) -> int:
        """What they earned in it, bonuses included."""
        return int(self.row.earned_mc + self.row.bonus_mc)

    @property
    def golds_right(self) -> int:
        """Test questions that they answered correctly."""
        return int(self.row.golds_seen - max(0, self.row.golds_missed - self.row.golds_forgiven))


class Totals(NamedTuple):
    """What a contributor did in all jobs."""

    jobs: int
    judgments: int
    earned_mc: int
    bonus_mc: int
    golds_seen: int
    golds_right: int
    pages_of_a_day: int
    earned_in_a_day_mc: int


def read_totals(tx: Transaction, worker_id: int) -> Totals:
    """Return what a contributor did in all jobs, and in the last 24 hours."""
    is_there = case((job.c.deleted_at.is_(None), 1), else_=0)
    wrong = worker_job.c.golds_missed - worker_job.c.golds_forgiven
    sums = [
        worker_job.c.judgments_count,
        worker_job.c.earned_mc + worker_job.c.bonus_mc,
        worker_job.c.bonus_mc,
        worker_job.c.golds_seen,
        worker_job.c.golds_seen - case((wrong > 0, wrong), else_=0),
    ]
    sums = [func.coalesce(func.sum(each), 0) for each in (is_there, *sums)]
    in_all = select(*sums).join(job, job.c.id == worker_job.c.job_id)
    pages = select(func.count(), func.coalesce(func.sum(assignment.c.pay_mc), 0)).where(
        assignment.c.worker_id == worker_id,
        assignment.c.state == "submitted",
        assignment.c.submitted_at > tx.clock.now() - _DAY,
    )
    found = tx.one(in_all.where(worker_job.c.worker_id == worker_id))
    return Totals(*map(int, (*found, *tx.one(pages))))


def read_jobs(tx: Transaction, contributor: Row[Any], page: int = 1) -> list[JoinedJob]:
    """Return the jobs that a contributor joined: those with work first, then the latest.

    :param page: Which :data:`JOBS_PER_PAGE` of them, from 1.
    """
    names = ("flagged_at", "trust", "golds_seen", "golds_missed", "golds_forgiven", "last_at")
    mine = [worker_job.c[name] for name in (*names, "earned_mc", "bonus_mc")]
    is_open = and_(
        job.c.state == "running",
        worker_job.c.state.not_in(handout.BLOCKED_STATES),
        worker_job.c.flagged_at.is_(None),
    )
    query = (
        select(job, *mine, worker_job.c.state.label("standing"), _submitted)
        .join(worker_job, worker_job.c.job_id == job.c.id)
        .where(worker_job.c.worker_id == contributor.id, job.c.deleted_at.is_(None))
        .order_by(case((is_open, 0), else_=1), worker_job.c.last_at.desc(), job.c.id.desc())
        .limit(JOBS_PER_PAGE)
        .offset((page - 1) * JOBS_PER_PAGE)
    )
    found = [_joined_job(tx, row, contributor) for row in tx.all(query)]
    return sorted(found, key=lambda each: not each.has_work)


def _joined_job(tx: Transaction, row: Row[Any], contributor: Row[Any]) -> JoinedJob:
    reason = handout.find_refusal(tx, row, contributor)
    in_quiz = row.standing == "quiz" and quiz.is_quiz_enabled(row)
    pages = 0
    if reason is None:
        pages, reason = _pages_left(tx, row, contributor.id, in_quiz=in_quiz)
        if page_queries.find_open_page(tx.driver, row.id, contributor.id):
            pages, reason = max(1, pages), None
    step: Step = "take_quiz" if in_quiz else "go_on"
    if reason in {"job_not_running", "no_work", "account_age"}:
        is_over = row.state in {"finished", "canceled"}
        step = "done" if is_over else "wait"
    elif reason is not None:
        step = "done" if reason in {"maxed", "exhausted"} else "closed"
    pay_mc = 0 if money.is_free(tx, contributor.channel) else row.payment_mc
    return JoinedJob(row, step, reason, pages, pay_mc, row.units_per_assignment)


def _pages_left(
    tx: Transaction, row: Row[Any], worker_id: int, *, in_quiz: bool
) -> tuple[int, Reason | None]:
    """Return how many pages a contributor may still get, and why there is none."""
    rows_per_page, golds = quiz.units_per_page(row), quiz.gold_per_page(row)
    judged = (
        select(func.count())
        .select_from(judgment)
        .join(unit, unit.c.id == judgment.c.unit_id)
        .where(judgment.c.job_id == row.id, judgment.c.worker_id == worker_id)
        .where(unit.c.state == "judgable")
    )
    rows = min(row.needed_count, row.judgable_count - tx.one(judged)[0])
    pages = ceil(max(0, rows) / rows_per_page)
    if row.max_judgments_per_worker is not None:
        rest = row.max_judgments_per_worker - (row.submitted_count - row.golds_seen)
        if rest <= 0:
            return 0, "maxed"
        pages = min(pages, ceil(rest / rows_per_page))
    if golds:
        rest = row.golds_count - row.golds_seen - in_quiz * row.units_per_assignment
        if rest <= 0:
            return 0, "exhausted"
        pages = min(pages, ceil(rest / golds))
    if not pages or not _has_free_row(tx, row.id, worker_id):
        return pages, "no_work"
    return pages, None


def _has_free_row(tx: Transaction, job_id: int, worker_id: int) -> bool:
    is_judged = select(judgment.c.id).where(
        judgment.c.unit_id == unit.c.id, judgment.c.worker_id == worker_id
    )
    is_open = (unit.c.job_id == job_id, unit.c.state == "judgable", unit.c.open_slots > 0)
    return tx.one(select(unit.c.id).where(*is_open, ~is_judged.exists()).limit(1)) is not None
