"""Delivers webhooks to the servers of requesters, at least once, with retries.

A notification is stored and signed when its event happens. Notifications of one job are delivered
in that order, one at a time: while the oldest cannot be delivered the others of its job wait, and
those of other jobs do not. A failed delivery is retried after 1, 5, 25, 125, 625 seconds and so on,
plus or minus a tenth; after six hours of failures the job's ``webhook_uri`` is disabled until it is
saved again. Every notification arrives at least once; after a crash, maybe twice.

Source: CrowdFlower, `Webhooks <http://crowdflower.com/docs/api/webhooks>`_, for disabling the
address after hours of failures and enabling it by saving the job. The retry intervals are our own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import urlencode

from sqlalchemy import func, select, update

from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.outbox import webhook_delivery
from crowdflower.sandbox.store.tables import job, judgment
from crowdflower.sandbox.webhooks import outbound

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Row

    from crowdflower.sandbox.store import Database, Transaction

MAX_FAILING_TIME: Final = 6 * 60 * 60.0
"""Seconds for which deliveries to an address may fail before it is disabled."""

BACKOFF_FACTOR: Final = 5
"""Ratio of each retry delay to the one before it; the first is one second."""

JITTER: Final = 0.1
"""Random share by which a retry delay is longer or shorter, so that retries spread out."""

LEASE: Final = 60.0
"""Seconds after which another process may retry a delivery that was begun."""

FORM: Final = "application/x-www-form-urlencoded"


class Notification(NamedTuple):
    """A webhook request to a requester's server."""

    uri: str
    """The ``webhook_uri`` of the job."""

    signal: str
    """``job_data_processed``, ``new_judgments``, ``unit_complete`` or ``job_complete``."""

    payload: str
    """JSON: the job, the unit, or a list of judgments."""

    signature: str
    """SHA-1 of the payload followed by the account's API key, in hexadecimal."""

    @property
    def body(self) -> bytes:
        """The form-encoded request body, its fields in the order of the service.

        >>> Notification("https://example.com/hook", "unit_complete", '{"id": 7}', "c0ffee").body
        b'signal=unit_complete&payload=%7B%22id%22%3A+7%7D&signature=c0ffee'
        """
        fields = ("signal", "payload", "signature")
        return urlencode([(name, getattr(self, name)) for name in fields]).encode()


class Attempt(NamedTuple):
    """One attempt to deliver a notification, and its result."""

    job_id: int
    signal: str
    uri: str
    problem: str | None
    """Why it failed; ``None`` after a success."""


class Receiver(Protocol):
    """Receives notifications; any exception means that the delivery failed."""

    def __call__(self, notification: Notification, /) -> object:
        """Receive a notification."""


class HttpReceiver:
    """Posts a notification to its address over HTTP; any 2xx status is a success.

    :param allow_loopback: Whether the address may be on this machine.
    """

    def __init__(self, *, allow_loopback: bool) -> None:
        self._allow_loopback = allow_loopback

    def __call__(self, notification: Notification, /) -> None:
        """Post a notification.

        :raises outbound.DeliveryError: No response with a 2xx status came.
        """
        outbound.post(
            notification.uri,
            notification.body,
            FORM,
            allow_loopback=self._allow_loopback,
        )


class WebhookSender:
    """Delivers the notifications that are due.

    :param database: The database with the stored notifications.
    :param receiver: Receives each notification.
    """

    def __init__(self, database: Database, receiver: Receiver) -> None:
        self._database = database
        self.receiver = receiver

    def deliver(self, stop: Callable[[], bool]) -> list[Attempt]:
        """Deliver the notifications that are due; a failure ends the turn of its job.

        No transaction is open during a delivery, so a receiver may call the API.

        :param stop: Called before every attempt; when it returns true, the rest is left for the
            next call.
        :returns: The attempts, in order.
        """
        attempts = []
        with self._database.snapshot() as tx:
            job_ids = _jobs_due(tx)
        for job_id in job_ids:
            while not stop() and (row := self._claim(job_id)) is not None:
                attempts.append(self._attempt(row))
        return attempts

    def drop(self) -> int:
        """Drop all notifications that have not been delivered.

        :returns: How many were dropped.
        """
        is_pending = webhook_delivery.c.state == "pending"
        with self._database.transaction() as tx:
            drop = update(webhook_delivery).where(is_pending).values(state="dropped")
            return int(tx.connection.execute(drop).rowcount)

    def _claim(self, job_id: int) -> Row[Any] | None:
        """Lease the oldest notification of a job, if it is due: no other process takes it."""
        with self._database.transaction() as tx:
            locks.lock_job(tx, job_id)
            row: Row[Any] | None = _oldest(tx, job_id)
            if row is None or row.next_at > tx.clock.now():
                return None
            _write(tx, row.id, next_at=tx.clock.now() + LEASE)
            return row

    def _attempt(self, row: Row[Any]) -> Attempt:
        problem = None
        try:
            self.receiver(Notification(row.uri, row.signal, row.payload, row.signature))
        except outbound.DeliveryError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - any exception is a failed delivery
            problem = f"{type(error).__name__}: {error}"
        with self._database.transaction() as tx:
            locks.lock_job(tx, row.job_id)
            current = _reload(tx, row)
            if problem is not None:
                _schedule_retry(tx, current, problem)
            elif current is not None:
                _write(tx, row.id, state="sent", sent_at=tx.clock.now(), problem=None)
                _mark_sent(tx, _judgment_ids(row.payload))
        return Attempt(row.job_id, row.signal, row.uri, problem)


def _jobs_due(tx: Transaction) -> list[int]:
    is_due = (
        webhook_delivery.c.state == "pending",
        webhook_delivery.c.next_at <= tx.clock.now(),
    )
    found = select(webhook_delivery.c.job_id, func.min(webhook_delivery.c.id)).where(*is_due)
    by_age = found.group_by(webhook_delivery.c.job_id).order_by(func.min(webhook_delivery.c.id))
    return [row.job_id for row in tx.all(by_age)]


def _oldest(tx: Transaction, job_id: int) -> Any:
    """Return the oldest pending notification of a job, unless its address is disabled."""
    return tx.one(
        select(webhook_delivery, job.c.webhook_uri.label("uri"))
        .join(job, job.c.id == webhook_delivery.c.job_id)
        .where(webhook_delivery.c.job_id == job_id, webhook_delivery.c.state == "pending")
        .where(job.c.webhook_disabled_at.is_(None))
        .order_by(webhook_delivery.c.id)
        .limit(1)
    )


def _judgment_ids(payload: str) -> list[int]:
    """Return the ids of the judgments in a payload: at its top level, or in the results of a unit.

    >>> _judgment_ids('{"id": 7, "results": {"judgments": [{"id": 8}]}}'), _judgment_ids("{}")
    ([8], [])
    """
    judgments = json.loads(payload)
    if isinstance(judgments, dict):
        judgments = judgments.get("results", {}).get("judgments", [])
    return [each["id"] for each in judgments]


def _mark_sent(tx: Transaction, judgment_ids: list[int]) -> None:
    """Set ``webhook_sent_at`` of these judgments, where it is not set yet."""
    unsent = (judgment.c.id.in_(judgment_ids), judgment.c.webhook_sent_at.is_(None))
    tx.run(update(judgment).where(*unsent).values(webhook_sent_at=tx.clock.now()))


def _reload(tx: Transaction, row: Row[Any]) -> Row[Any] | None:
    """Read a notification again; after a reset it is gone, or another one has its id."""
    same = (webhook_delivery.c.id == row.id, webhook_delivery.c.signature == row.signature)
    found: Row[Any] | None = tx.one(select(webhook_delivery).where(*same))
    return found


def _schedule_retry(tx: Transaction, row: Row[Any] | None, problem: str) -> None:
    """Schedule the next attempt, or after hours of failures disable the job's address."""
    if row is None or row.state != "pending":
        return
    now = tx.clock.now()
    since = now if row.failing_since is None else row.failing_since
    ends = since + MAX_FAILING_TIME
    jitter = 1 + JITTER * tx.clock.random("webhook", row.id, row.attempts).uniform(-1, 1)
    next_at = min(now + BACKOFF_FACTOR**row.attempts * jitter, ends) if now < ends else now
    failure = {"attempts": row.attempts + 1, "failing_since": since, "next_at": next_at}
    _write(tx, row.id, problem=problem, **failure)
    if now >= ends:
        tx.run(update(job).where(job.c.id == row.job_id).values(webhook_disabled_at=now))
        tx.record("webhook_disabled", row.job_id, problem=problem)


def _write(tx: Transaction, number: int, **values: Any) -> None:
    tx.run(update(webhook_delivery).where(webhook_delivery.c.id == number).values(values))
