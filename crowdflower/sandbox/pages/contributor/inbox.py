"""What a contributor is told: messages, and decisions about test questions they contested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import select, update

from crowdflower.sandbox.pages.rendering import ago, dollars
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules.money import CENT
from crowdflower.sandbox.store.contributor_tables import contest
from crowdflower.sandbox.store.tables import bonus, job, message

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

MAX_LETTERS: Final = 30
"""Letters of an inbox that are shown, the latest ones."""


class Letter(NamedTuple):
    """A message or a decision, as it is shown."""

    at: float
    title: str
    text: str
    kind: str
    """``message``, ``bonus``, ``accepted`` or ``declined``."""

    age: str
    is_new: bool


def read_letters(tx: Transaction, worker_id: int) -> list[Letter]:
    """Return the latest letters of a contributor, newest first; they count as read afterwards."""
    found = _letters(tx, worker_id, is_new=False)
    _mark_as_read(tx, worker_id)
    return found


def take_new_letters(tx: Transaction, worker_id: int) -> list[Letter]:
    """Return a contributor's unread letters, oldest first, and mark them as read."""
    found = _letters(tx, worker_id, is_new=True)
    if found:
        _mark_as_read(tx, worker_id)
    return found[::-1]


def _letters(tx: Transaction, worker_id: int, *, is_new: bool) -> list[Letter]:
    messages = (
        select(message, job.c.title, bonus.c.amount_cents, bonus.c.reason)
        .join(job, job.c.id == message.c.job_id)
        .outerjoin(bonus, bonus.c.id == message.c.bonus_id)
        .where(message.c.worker_id == worker_id)
    )
    decisions = (
        select(contest, job.c.title)
        .join(job, job.c.id == contest.c.job_id)
        .where(contest.c.worker_id == worker_id, contest.c.decided_at.is_not(None))
    )
    if is_new:
        messages = messages.where(message.c.read_at.is_(None))
        decisions = decisions.where(contest.c.read_at.is_(None))
    now = tx.clock.now()
    latest = messages.order_by(message.c.id.desc()).limit(MAX_LETTERS)
    letters = [_message(row, now) for row in tx.all(latest)]
    decided = decisions.order_by(contest.c.decided_at.desc(), contest.c.id.desc())
    letters += [_decision(row, now) for row in tx.all(decided.limit(MAX_LETTERS))]
    return sorted(letters, key=lambda letter: -letter.at)[:MAX_LETTERS]


def _mark_as_read(tx: Transaction, worker_id: int) -> None:
    now = tx.clock.now()
    unread = (message.c.worker_id == worker_id, message.c.read_at.is_(None))
    tx.run(update(message).where(*unread).values(read_at=now))
    unseen = (contest.c.decided_at.is_not(None), contest.c.read_at.is_(None))
    tx.run(update(contest).where(contest.c.worker_id == worker_id, *unseen).values(read_at=now))


def _message(row: Row[Any], now: float) -> Letter:
    kind, text = "message", row.text
    title = gettext("Message about “%(job)s”") % {"job": _job_title(row)}
    if row.amount_cents is not None:
        amount = {"amount": dollars(row.amount_cents * CENT), "job": _job_title(row)}
        kind, title = "bonus", gettext("Bonus of %(amount)s") % amount
        text = gettext("You received a bonus of %(amount)s for “%(job)s”.") % amount
        text = f"{text} {row.reason}" if row.reason else text
    age = ago(row.created_at, now)
    return Letter(row.created_at, title, text, kind, age, row.read_at is None)


def _decision(row: Row[Any], now: float) -> Letter:
    if row.accepted:
        kind, title = "accepted", gettext("You were right about a test question")
        text = gettext(
            "The owner of “%(job)s” agrees with you: “%(text)s” Your answer counts as correct now."
        )
    else:
        kind, title = "declined", gettext("The correct answer of a test question stays")
        text = gettext("The owner of “%(job)s” read what you wrote and does not agree: “%(text)s”")
    text %= {"job": _job_title(row), "text": row.text}
    return Letter(row.decided_at, title, text, kind, ago(row.decided_at, now), row.read_at is None)


def _job_title(row: Row[Any]) -> str:
    return row.title or gettext("Job %(number)d") % {"number": row.job_id}
