"""Answers that came after the time of their page: kept for a day, never as judgments.

The contributor takes the rows again that are still free, with the answers filled in, or forgets
them. A draft is forgotten when its row is submitted or skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import and_, delete, insert, select

from crowdflower.sandbox.rules import gold_answers
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.rules.work import handout
from crowdflower.sandbox.store.contributor_tables import draft
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.fast import page_queries
from crowdflower.sandbox.store.tables import assignment_unit, judgment, unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row

    from crowdflower.sandbox.rules.work.handout import Page
    from crowdflower.sandbox.store import Transaction

    Answers = Mapping[str, Sequence[str]]

LIFETIME: Final = 24 * 3600
"""Seconds for which a draft is kept."""

_is_on_page = and_(
    assignment_unit.c.assignment_id == draft.c.assignment_id,
    assignment_unit.c.unit_id == draft.c.unit_id,
)


class LateRow(NamedTuple):
    """A row that a contributor answered too late."""

    unit_id: int
    data: dict[str, Any]
    """What the contributor sees of it."""

    answers: Answers
    """Question to answers, as they were sent."""

    is_free: bool
    """Whether the contributor can take it again."""


def store(
    tx: Transaction, job_id: int, worker_id: int, page_id: int, answers: Mapping[int, Answers]
) -> None:
    """Keep the answers to a page whose time is over, in place of earlier ones to its rows.

    :param answers: Row to question to answers; of rows that are not on the page, none is kept.
    """
    locks.lock_job(tx, job_id)
    handout.expire_pages(tx, job_id)
    now = tx.clock.now()
    tx.run(delete(draft).where(draft.c.created_at <= now - LIFETIME))
    forget_page(tx, worker_id, page_id)
    for each in page_queries.read_page_units(tx.driver, page_id, with_data=False):
        given = answers.get(each.id, {})
        values = {
            "worker_id": worker_id,
            "unit_id": each.id,
            "job_id": job_id,
            "assignment_id": page_id,
            "answers": {name: [*values] for name, values in given.items() if any(values)},
            "created_at": now,
        }
        tx.run(insert(draft), values)


def read_rows(tx: Transaction, job: Row[Any], worker_id: int) -> list[LateRow]:
    """Return the rows of a job that a contributor answered too late and did not answer since.

    They are in the order of the page.

    A test question is free as long as another row is, so that nobody can tell it from the others.
    """
    is_judged = (
        select(judgment.c.id)
        .where(judgment.c.unit_id == draft.c.unit_id, judgment.c.worker_id == worker_id)
        .exists()
    )
    query = (
        select(unit.c.id, unit.c.data, unit.c.state, unit.c.open_slots, draft.c.answers)
        .join(draft, draft.c.unit_id == unit.c.id)
        .join(assignment_unit, _is_on_page)
        .where(*_is_of(job.id, worker_id), ~is_judged)
        .where(draft.c.created_at > tx.clock.now() - LIFETIME)
        .order_by(draft.c.assignment_id, assignment_unit.c.position)
    )
    rows = tx.all(query)
    is_free = {row.id: row.state == "judgable" and row.open_slots > 0 for row in rows}
    golds = {row.id for row in rows if row.state in GOLD_STATES}
    if any(is_free.values()) or len(golds) == len(rows):
        is_free |= dict.fromkeys(golds, True)
    hidden = gold_answers.hidden_columns(job.gold)
    return [
        LateRow(row.id, gold_answers.visible_data(row.data, hidden), row.answers, is_free[row.id])
        for row in rows
    ]


def take_again(tx: Transaction, job: Row[Any], worker: Row[Any]) -> Page:
    """Hand out the free rows of a contributor's drafts as a page, and forget the other drafts.

    :returns: The page; a page that they have open already is returned instead, and nothing is
        forgotten.
    :raises NoPageAvailable: No row is free any more, or the contributor may not work.
    """
    handout.expire_pages(tx, job.id)
    rows = read_rows(tx, job, worker.id)
    page = handout.take_page(tx, job, worker, only={row.unit_id for row in rows if row.is_free})
    on_page = {each.id for each in page.units}
    if on_page <= {row.unit_id for row in rows}:
        tx.run(delete(draft).where(*_is_of(job.id, worker.id), draft.c.unit_id.not_in(on_page)))
    return page


def forget(tx: Transaction, job_id: int, worker_id: int) -> None:
    """Forget all drafts of a contributor in a job."""
    tx.run(delete(draft).where(*_is_of(job_id, worker_id)))


def forget_page(tx: Transaction, worker_id: int, page_id: int) -> None:
    """Forget the drafts of the rows on a page."""
    on_page = select(assignment_unit.c.unit_id).where(assignment_unit.c.assignment_id == page_id)
    tx.run(delete(draft).where(draft.c.worker_id == worker_id, draft.c.unit_id.in_(on_page)))


def _is_of(job_id: int, worker_id: int) -> tuple[Any, Any]:
    return draft.c.worker_id == worker_id, draft.c.job_id == job_id
