"""What a requester's own server is told: put down in the transaction in which it happens.

A job that names a ``webhook_uri`` is told of; any other costs nothing. What is told is the object
as it is at that moment, signed with the account's key. Sending it is somebody else's work.

Source: Appen, `Guide to: Webhooks
<https://success.appen.com/hc/en-us/articles/201856249>`_.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha1
from typing import Any

from sqlalchemy import Row, insert, select, update

from crowdflower.sandbox.rules.results import judgments, results, shapes
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.column_types import encode
from crowdflower.sandbox.store.outbox import webhook_delivery
from crowdflower.sandbox.store.tables import account, job, judgment, unit


def signature(payload: str, key: str) -> str:
    """Sign a text: the SHA-1 of the text with the key after it, as 40 hexadecimal digits.

    >>> signature("{}", "k")
    '361becec674aa8043b76aed2fec7d6107b2e7fd2'
    """
    return sha1((payload + key).encode(), usedforsecurity=False).hexdigest()


def queue_data_processed(tx: Transaction, job_id: int) -> None:
    """Tell that a file of rows is through."""
    _queue_job(tx, "job_data_processed", job_id)


def queue_job_complete(tx: Transaction, job_id: int) -> None:
    """Tell that a job has nothing left to judge."""
    _queue_job(tx, "job_complete", job_id)


def queue_units_complete(tx: Transaction, job_id: int, unit_ids: Collection[int]) -> None:
    """Tell of rows that are finalized, one by one."""
    about = _subscribed_job(tx, job_id) if unit_ids else None
    if about is None:
        return
    for number in unit_ids:
        row = tx.one(select(unit).where(unit.c.id == number))
        _queue(tx, about, "unit_complete", results.unit_json(tx, about, row))


def queue_new_judgments(tx: Transaction, job_id: int, page_id: int) -> None:
    """Tell of a page that was handed in, if the job wants to know of each."""
    about = _subscribed_job(tx, job_id)
    if about is None or not about.send_judgments_webhook:
        return
    of_it = select(judgment.c.id).where(judgment.c.assignment_id == page_id)
    found = tx.all(of_it.order_by(judgment.c.id))
    shown = [shapes.judgment(judgments.find(tx, about, row.id)) for row in found]
    _queue(tx, about, "new_judgments", shown)


def retry_pending(tx: Transaction, job_id: int) -> None:
    """Begin anew with what was not delivered, after the address was saved; or drop it, without one.

    Whatever was wrong with the address before is forgotten.
    """
    about = _subscribed_job(tx, job_id)
    tx.run(update(job).where(job.c.id == job_id).values(webhook_disabled_at=None))
    pending = (webhook_delivery.c.job_id == job_id, webhook_delivery.c.state == "pending")
    values: dict[str, Any] = {"state": "dropped"}
    if about is not None:
        values = {"attempts": 0, "failing_since": None, "next_at": tx.clock.now()}
    tx.run(update(webhook_delivery).where(*pending).values(values))


def _queue_job(tx: Transaction, signal: str, job_id: int) -> None:
    about = _subscribed_job(tx, job_id)
    if about is not None:
        _queue(tx, about, signal, shapes.job(about))


def _subscribed_job(tx: Transaction, job_id: int) -> Row[Any] | None:
    """Read a job, if anybody is told of it."""
    found: Row[Any] | None = tx.one(
        select(job, account.c.api_key)
        .join(account, account.c.id == job.c.account_id)
        .where(job.c.id == job_id, job.c.webhook_uri.is_not(None), job.c.webhook_uri != "")
    )
    return found


def _queue(tx: Transaction, about: Row[Any], signal: str, thing: object) -> None:
    now, payload = tx.clock.now(), encode(thing)
    line = {
        "job_id": about.id,
        "signal": signal,
        "payload": payload,
        "signature": signature(payload, about.api_key),
        "next_at": now,
        "created_at": now,
    }
    tx.run(insert(webhook_delivery), line)
