"""Queues webhooks in the transaction of the change (transactional outbox).

Only jobs with a ``webhook_uri`` have webhooks. The payload is the object as it is at that moment,
signed with the account's key. :mod:`crowdflower.sandbox.webhooks.delivery` sends it.

Source: Appen, `Guide to: Webhooks
<https://success.appen.com/hc/en-us/articles/201856249>`_.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha1
from typing import Any, Final

from sqlalchemy import Row, func, insert, select, update

from crowdflower._types import Message
from crowdflower.sandbox.errors import Invalid, NotFound
from crowdflower.sandbox.rules.results import judgments, results, shapes
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.column_types import encode
from crowdflower.sandbox.store.outbox import webhook_delivery
from crowdflower.sandbox.store.tables import account, job, judgment, unit

TEST: Final = "test"
"""Signal of a webhook that only tests the receiver; the service has no such signal."""

NO_ADDRESS: Final = Message(
    "This job has no address to send webhooks to. Save one first.", "no_webhook_address"
)


def signature(payload: str, key: str) -> str:
    """Return the signature of a payload: the hexadecimal SHA-1 of the payload followed by the key.

    >>> signature("{}", "k")
    '361becec674aa8043b76aed2fec7d6107b2e7fd2'
    """
    return sha1((payload + key).encode(), usedforsecurity=False).hexdigest()


def queue_data_processed(tx: Transaction, job_id: int) -> None:
    """Queue a webhook for an upload that is done."""
    _queue_job(tx, "job_data_processed", job_id)


def queue_job_complete(tx: Transaction, job_id: int) -> None:
    """Queue a webhook for a job that finished."""
    _queue_job(tx, "job_complete", job_id)


def queue_units_complete(tx: Transaction, job_id: int, unit_ids: Collection[int]) -> None:
    """Queue a webhook for each finalized unit."""
    subscribed = _subscribed_job(tx, job_id) if unit_ids else None
    if subscribed is None:
        return
    for unit_id in unit_ids:
        row = tx.one(select(unit).where(unit.c.id == unit_id))
        _queue(tx, subscribed, "unit_complete", results.unit_json(tx, subscribed, row))


def queue_new_judgments(tx: Transaction, job_id: int, page_id: int) -> None:
    """Queue a webhook for a submitted page, if the job has ``send_judgments_webhook``."""
    subscribed = _subscribed_job(tx, job_id)
    if subscribed is None or not subscribed.send_judgments_webhook:
        return
    of_page = select(judgment.c.id).where(judgment.c.assignment_id == page_id)
    rows = tx.all(of_page.order_by(judgment.c.id))
    payload = [shapes.judgment(judgments.find(tx, subscribed, row.id)) for row in rows]
    _queue(tx, subscribed, "new_judgments", payload)


def retry_pending(tx: Transaction, job_id: int) -> None:
    """Retry pending webhooks from the start after ``webhook_uri`` was saved.

    An empty ``webhook_uri`` drops them. Webhooks that were disabled after too many failures are
    enabled again.
    """
    subscribed = _subscribed_job(tx, job_id)
    tx.run(update(job).where(job.c.id == job_id).values(webhook_disabled_at=None))
    pending = (webhook_delivery.c.job_id == job_id, webhook_delivery.c.state == "pending")
    values: dict[str, Any] = {"state": "dropped"}
    if subscribed is not None:
        values = {"attempts": 0, "failing_since": None, "next_at": tx.clock.now()}
    tx.run(update(webhook_delivery).where(*pending).values(values))


def queue_test(tx: Transaction, job_id: int) -> None:
    """Queue a webhook that tests the receiver: its signal is ``test``, its payload is the job.

    :raises Invalid: The job has no ``webhook_uri``, or it was disabled after too many failures.
    """
    _require_receiver(tx, job_id)
    _queue_job(tx, TEST, job_id)


def send_again(tx: Transaction, job_id: int, delivery_id: int) -> None:
    """Deliver a webhook again that was delivered or dropped, the same bytes.

    :raises NotFound: The job has no delivery with this id.
    :raises Invalid: It still waits for its delivery, or the job has no ``webhook_uri``, or it was
        disabled after too many failures.
    """
    is_it = (webhook_delivery.c.id == delivery_id, webhook_delivery.c.job_id == job_id)
    found = tx.one(select(webhook_delivery.c.state).where(*is_it))
    if found is None:
        raise NotFound
    _require_receiver(tx, job_id)
    if found.state == "pending":
        raise Invalid(
            Message("This webhook still waits: it is sent once more by itself.", "webhook_waits")
        )
    again = {"state": "pending", "attempts": 0, "failing_since": None, "next_at": tx.clock.now()}
    tx.run(update(webhook_delivery).where(*is_it).values(**again, problem=None, sent_at=None))


def retry_now(tx: Transaction, job_id: int) -> int:
    """Retry pending webhooks from the start, as if ``webhook_uri`` was saved again.

    :returns: How many there are.
    :raises Invalid: The job has no ``webhook_uri``.
    """
    if _subscribed_job(tx, job_id) is None:
        raise Invalid(NO_ADDRESS)
    retry_pending(tx, job_id)
    pending = (webhook_delivery.c.job_id == job_id, webhook_delivery.c.state == "pending")
    return int(tx.one(select(func.count()).where(*pending))[0])


def _require_receiver(tx: Transaction, job_id: int) -> None:
    subscribed = _subscribed_job(tx, job_id)
    if subscribed is None:
        raise Invalid(NO_ADDRESS)
    if subscribed.webhook_disabled_at is not None:
        text = (
            "Nothing is sent to this address, since it failed for hours. Save it again, or try the"
            " waiting webhooks again."
        )
        raise Invalid(Message(text, "webhook_given_up"))


def _queue_job(tx: Transaction, signal: str, job_id: int) -> None:
    subscribed = _subscribed_job(tx, job_id)
    if subscribed is not None:
        _queue(tx, subscribed, signal, shapes.job(subscribed))


def _subscribed_job(tx: Transaction, job_id: int) -> Row[Any] | None:
    """Read a job and its account's key, if the job has a ``webhook_uri``."""
    found: Row[Any] | None = tx.one(
        select(job, account.c.api_key)
        .join(account, account.c.id == job.c.account_id)
        .where(job.c.id == job_id, job.c.webhook_uri.is_not(None), job.c.webhook_uri != "")
    )
    return found


def _queue(tx: Transaction, subscribed: Row[Any], signal: str, body: object) -> None:
    now, payload = tx.clock.now(), encode(body)
    line = {
        "job_id": subscribed.id,
        "signal": signal,
        "payload": payload,
        "signature": signature(payload, subscribed.api_key),
        "next_at": now,
        "created_at": now,
    }
    tx.run(insert(webhook_delivery), line)
