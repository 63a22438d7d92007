"""Answers that came after the time of their page: kept, listed, taken again or forgotten."""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING, Any, NamedTuple

from crowdflower.sandbox.pages.contributor.missed_questions import (
    answer_in_words,
    read_questions,
    row_text,
)
from crowdflower.sandbox.rules import quiz
from crowdflower.sandbox.rules.work import drafts, handout
from crowdflower.sandbox.store.fast import page_queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction


class LateLine(NamedTuple):
    """A row that was answered too late, as it is listed."""

    text: str
    answers: str
    is_free: bool


class LatePage(NamedTuple):
    """What a contributor sees whose answers came too late."""

    lines: Sequence[LateLine]
    minutes: int
    """For how long a page is kept."""

    has_open_page: bool
    can_work: bool

    @property
    def comes_next(self) -> bool:
        """Whether the contributor decides about these rows before they get another page."""
        return self.can_work and not self.has_open_page

    @property
    def free(self) -> int:
        """How many rows can be taken again."""
        return sum(line.is_free for line in self.lines)


def keep_answers(
    tx: Transaction,
    job_id: int,
    worker_id: int,
    page_id: int,
    token: str,
    answers: Mapping[int, Mapping[str, Sequence[str]]],
) -> bool:
    """Keep the answers to a page if its time is over.

    :param token: The token that came with the page.
    :returns: Whether they were too late, and are kept now.
    """
    page = page_queries.find_page(tx.driver, page_id)
    if page is None or (page.worker_id, page.job_id) != (worker_id, job_id):
        return False
    is_over = page.state == "expired" or (
        page.state == "open" and page.expires_at <= tx.clock.now()
    )
    if not is_over or not compare_digest(page.form_token.encode(), token.encode(errors="replace")):
        return False
    drafts.store(tx, job_id, worker_id, page_id, answers)
    return True


def read_late_page(tx: Transaction, job: Row[Any], contributor: Row[Any]) -> LatePage | None:
    """Return which rows a contributor answered too late; ``None`` if there are none."""
    if not drafts.read_rows(tx, job, contributor.id):
        return None
    handout.expire_pages(tx, job.id)
    lines = []
    for row in drafts.read_rows(tx, job, contributor.id):
        questions = read_questions(job.cml or "", row.data)
        words = [answer_in_words(questions.get(name), row.answers[name]) for name in row.answers]
        lines.append(LateLine(row_text(row.data), " · ".join(words), row.is_free))
    return LatePage(
        lines,
        round(quiz.page_timeout(job) / 60),
        page_queries.find_open_page(tx.driver, job.id, contributor.id) is not None,
        handout.find_refusal(tx, job, contributor) is None,
    )


def take_again(tx: Transaction, job: Row[Any], contributor: Row[Any]) -> None:
    """Take the rows again that are free; if none is any more, nothing changes."""
    try:
        drafts.take_again(tx, job, contributor)
    except handout.NoPageAvailable:
        return
