"""Figures that a contributor sees: what a job offers, and how far they got in it."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from crowdflower.sandbox.rules import money, quiz
from crowdflower.sandbox.rules.settings.value_types import truthy
from crowdflower.sandbox.store.tables import assignment, worker_job
from crowdflower.states import INTERNAL

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction


class Offer(NamedTuple):
    """What a job offers to somebody who opens its page for the first time."""

    pay_mc: int
    """Pay for a page, in thousandths of a cent; 0 if pages are not paid."""

    rows_per_page: int
    seconds_per_page: float
    pages_left: int

    pages_for_one: int | None
    """Pages for one contributor; ``None`` if they may do all."""

    has_quiz: bool

    has_tests: bool
    """Whether pages of work have test questions."""

    explains_tests: bool
    """Whether contributors see which test question they missed."""

    checked_page: int | None
    """Page of work after which low accuracy first ends the work; ``None`` if it never does."""

    accuracy_needed: float


def read_offer(tx: Transaction, job: Row[Any]) -> Offer:
    """Return what a job offers, to a contributor of the requester's own channel."""
    rows = quiz.units_per_page(job)
    has_tests = quiz.gold_per_page(job) > 0
    has_quiz = quiz.is_quiz_enabled(job)
    limits = []
    if job.max_judgments_per_worker is not None:
        limits.append(ceil(job.max_judgments_per_worker / rows))
    if has_tests:
        golds = job.golds_count - has_quiz * job.units_per_assignment
        limits.append(max(0, golds) // quiz.gold_per_page(job))
    pages = ceil(max(0, job.needed_count) / rows)
    return Offer(
        pay_mc=0 if money.is_free(tx, INTERNAL) else job.payment_mc,
        rows_per_page=job.units_per_assignment,
        seconds_per_page=quiz.page_timeout(job),
        pages_left=pages,
        pages_for_one=min(limits) if limits and min(limits) < pages else None,
        has_quiz=has_quiz,
        has_tests=has_tests,
        explains_tests=not truthy(job.options.get("hide_correct_answers")),
        checked_page=quiz.first_checked_page(job),
        accuracy_needed=quiz.min_trust(job),
    )


class Standing(NamedTuple):
    """What a contributor has done in a job."""

    pages: int
    judgments: int
    earned_mc: int
    trust: float
    golds_seen: int
    golds_missed: int
    accuracy_needed: float
    has_quiz: bool
    """Whether their judgments are those of a quiz, too, which is not one of the pages."""

    @property
    def next_page(self) -> int:
        """The number of the page that they work on, from 1."""
        return self.pages + 1

    @property
    def golds_right(self) -> int:
        """Test questions that they answered correctly."""
        return self.golds_seen - self.golds_missed


def read_standing(tx: Transaction, job: Row[Any], worker_id: int) -> Standing:
    """Return what a contributor has done in a job; quiz pages do not count as pages."""
    pages = select(func.count()).where(
        assignment.c.worker_id == worker_id,
        assignment.c.state == "submitted",
        assignment.c.job_id == job.id,
        assignment.c.mode == "work",
    )
    row = tx.one(
        select(worker_job).where(worker_job.c.job_id == job.id, worker_job.c.worker_id == worker_id)
    )
    needed, has_quiz = quiz.min_trust(job), quiz.is_quiz_enabled(job)
    done = tx.one(pages)[0]
    if row is None:
        return Standing(done, 0, 0, 1.0, 0, 0, needed, has_quiz)
    missed = max(0, row.golds_missed - row.golds_forgiven)
    earned = row.earned_mc + row.bonus_mc
    tests = (row.golds_seen, missed)
    return Standing(done, row.judgments_count, earned, row.trust, *tests, needed, has_quiz)
