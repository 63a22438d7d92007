"""The webhooks of a job: what was sent, what waits, and why it was not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, select

from crowdflower.sandbox.desk.paging import PageOf, page_of
from crowdflower.sandbox.errors import NotFound
from crowdflower.sandbox.store.outbox import webhook_delivery

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

MAX_SHOWN: Final = 100_000
"""Characters of a payload that the page shows."""


class Webhook(NamedTuple):
    """A webhook: its delivery so far."""

    id: int
    signal: str
    state: str
    """``sent``, ``waiting``, ``behind`` (an older one of the job waits), ``given_up``, ``dropped``.
    """
    attempts: int
    """Attempts to deliver it, the successful one included."""
    problem: str | None
    """Why the last attempt failed."""
    next_at: float | None
    """When it is tried next, at the earliest."""
    created_at: float
    sent_at: float | None


class Payload(NamedTuple):
    """The payload of a webhook, to be shown as text."""

    webhook: Webhook
    text: str
    size: int
    """Characters, of which :data:`MAX_SHOWN` are shown."""


class WebhookLog(NamedTuple):
    """The webhooks of a job, newest first, and how many of all of them wait."""

    page: PageOf[Webhook]
    waiting: int


def read_webhook_log(tx: Transaction, job: Row[Any], page: int) -> WebhookLog:
    """Read a page of the webhooks of a job."""
    of_job = webhook_delivery.c.job_id == job.id
    counts = select(webhook_delivery.c.state, func.count().label("number")).where(of_job)
    by_state = {row.state: row.number for row in tx.all(counts.group_by(webhook_delivery.c.state))}
    place: PageOf[Webhook] = page_of(sum(by_state.values()), page)
    columns = [column for column in webhook_delivery.c if column.name not in _LONG]
    newest = select(*columns).where(of_job).order_by(webhook_delivery.c.id.desc())
    rows = tx.all(newest.limit(place.size).offset(place.offset))
    oldest = _oldest_waiting(tx, job)
    webhooks = [_webhook(job, row, oldest) for row in rows]
    return WebhookLog(place.filled(webhooks), by_state.get("pending", 0))


def read_payload(tx: Transaction, job: Row[Any], number: int) -> Payload:
    """Read a webhook with its payload.

    :raises NotFound: The job has no webhook with this id.
    """
    is_it = (webhook_delivery.c.id == number, webhook_delivery.c.job_id == job.id)
    row = tx.one(select(webhook_delivery).where(*is_it))
    if row is None:
        raise NotFound
    webhook = _webhook(job, row, _oldest_waiting(tx, job))
    return Payload(webhook, row.payload[:MAX_SHOWN], len(row.payload))


_LONG: Final = frozenset({"payload", "signature"})
"""Columns that the list does not need."""


def _oldest_waiting(tx: Transaction, job: Row[Any]) -> int | None:
    is_waiting = (webhook_delivery.c.job_id == job.id, webhook_delivery.c.state == "pending")
    found: int | None = tx.one(select(func.min(webhook_delivery.c.id)).where(*is_waiting))[0]
    return found


def _webhook(job: Row[Any], row: Row[Any], oldest: int | None) -> Webhook:
    state = row.state
    if state == "pending":
        state = "waiting" if row.id == oldest else "behind"
        state = "given_up" if job.webhook_disabled_at is not None else state
    return Webhook(
        id=row.id,
        signal=row.signal,
        state=state,
        attempts=row.attempts + (state == "sent"),
        problem=row.problem,
        next_at=row.next_at if state == "waiting" else None,
        created_at=row.created_at,
        sent_at=row.sent_at,
    )
