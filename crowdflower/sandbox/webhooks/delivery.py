"""Takes what a requester is to be told to where they asked for it, until somebody says yes.

What is told was written down and signed when it happened. Each job's notifications are delivered
in that order, one at a time: while the oldest cannot be delivered the others of its job wait, and
those of other jobs do not. One that nobody took is tried again after 1, 5, 25, 125, 625 seconds and
so on, give or take a tenth; after six hours the job's address is no longer tried, until it is saved
again. Every notification arrives at least once: after a crash, maybe twice.

Source: CrowdFlower, `Webhooks <http://crowdflower.com/docs/api/webhooks>`_, on the address that is
disabled after hours and enabled by saving the job. The steps between attempts are our own.
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

PATIENCE: Final = 6 * 60 * 60.0
"""Seconds for which an address may fail before it is not tried any more."""

FACTOR: Final = 5
"""How much longer each pause is than the one before it; the first is a second."""

JITTER: Final = 0.1
"""By what share of itself a pause is longer or shorter, so that not all try at once."""

LEASE: Final = 60.0
"""Seconds after which another process may try what one has begun to deliver."""

FORM: Final = "application/x-www-form-urlencoded"


class Notification(NamedTuple):
    """What a requester's server is sent."""

    uri: str
    """Where the job wants it."""

    signal: str
    """``job_data_processed``, ``new_judgments``, ``unit_complete`` or ``job_complete``."""

    payload: str
    """JSON: the job, the unit, or a list of judgments."""

    signature: str
    """SHA-1 of the payload with the account's key after it, in hexadecimal digits."""

    @property
    def body(self) -> bytes:
        """The same as it is posted, the fields in the order of the service's.

        >>> Notification("https://example.com/hook", "unit_complete", '{"id": 7}', "c0ffee").body
        b'signal=unit_complete&payload=%7B%22id%22%3A+7%7D&signature=c0ffee'
        """
        fields = ("signal", "payload", "signature")
        return urlencode([(name, getattr(self, name)) for name in fields]).encode()


class Attempt(NamedTuple):
    """One try to deliver a notification, and what came of it."""

    job_id: int
    signal: str
    uri: str
    problem: str | None
    """Why it was not taken; ``None`` when it was."""


class Receiver(Protocol):
    """Takes a notification; whatever it raises means that it did not."""

    def __call__(self, notification: Notification, /) -> object:
        """Take it."""


class Post:
    """Posts a notification to its address; any status of success takes it.

    :param allow_loopback: Whether the address may be on this machine.
    """

    def __init__(self, *, allow_loopback: bool) -> None:
        self._allow_loopback = allow_loopback

    def __call__(self, notification: Notification, /) -> None:
        """Post it.

        :raises outbound.NotDelivered: Nobody took it.
        """
        outbound.post(
            notification.uri,
            notification.body,
            FORM,
            allow_loopback=self._allow_loopback,
        )


class Courier:
    """Delivers what is due.

    :param database: Where what is told was written down.
    :param receiver: Who gets it.
    """

    def __init__(self, database: Database, receiver: Receiver) -> None:
        self._database = database
        self.receiver = receiver

    def deliver(self, ended: Callable[[], bool]) -> list[Attempt]:
        """Try once whatever is due, and of each job as much as is taken.

        The transaction is over while something is on its way, so a receiver may call the API.

        :param ended: Asked before every attempt whether to leave the rest for another round.
        :returns: What was tried, in this order.
        """
        tried = []
        with self._database.snapshot() as tx:
            waiting = _jobs_with_anything_due(tx)
        for job_id in waiting:
            while not ended() and (row := self._claimed(job_id)) is not None:
                tried.append(self._tried(row))
        return tried

    def drop(self) -> int:
        """Give up what has not been delivered; nobody is told of it any more.

        :returns: How many notifications that were.
        """
        waits = webhook_delivery.c.state == "pending"
        with self._database.transaction() as tx:
            dropped = update(webhook_delivery).where(waits).values(state="dropped")
            return int(tx.connection.execute(dropped).rowcount)

    def _claimed(self, job_id: int) -> Row[Any] | None:
        """Take the oldest notification of a job, if it is due, so that nobody else does."""
        with self._database.transaction() as tx:
            locks.lock_job(tx, job_id)
            row: Row[Any] | None = _oldest(tx, job_id)
            if row is None or row.next_at > tx.clock.now():
                return None
            _write(tx, row.id, next_at=tx.clock.now() + LEASE)
            return row

    def _tried(self, row: Row[Any]) -> Attempt:
        problem = None
        try:
            self.receiver(Notification(row.uri, row.signal, row.payload, row.signature))
        except outbound.NotDelivered as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - whatever a receiver raises is its answer
            problem = f"{type(error).__name__}: {error}"
        with self._database.transaction() as tx:
            locks.lock_job(tx, row.job_id)
            current = _again(tx, row)
            if problem is not None:
                _put_off(tx, current, problem)
            elif current is not None:
                _write(tx, row.id, state="sent", sent_at=tx.clock.now(), problem=None)
                _mark(tx, _judgments_in(row.payload))
        return Attempt(row.job_id, row.signal, row.uri, problem)


def _jobs_with_anything_due(tx: Transaction) -> list[int]:
    is_due = (
        webhook_delivery.c.state == "pending",
        webhook_delivery.c.next_at <= tx.clock.now(),
    )
    found = select(webhook_delivery.c.job_id, func.min(webhook_delivery.c.id)).where(*is_due)
    by_age = found.group_by(webhook_delivery.c.job_id).order_by(func.min(webhook_delivery.c.id))
    return [row.job_id for row in tx.all(by_age)]


def _oldest(tx: Transaction, job_id: int) -> Any:
    """Find the oldest notification of a job that waits, unless its address is disabled."""
    return tx.one(
        select(webhook_delivery, job.c.webhook_uri.label("uri"))
        .join(job, job.c.id == webhook_delivery.c.job_id)
        .where(webhook_delivery.c.job_id == job_id, webhook_delivery.c.state == "pending")
        .where(job.c.webhook_disabled_at.is_(None))
        .order_by(webhook_delivery.c.id)
        .limit(1)
    )


def _judgments_in(payload: str) -> list[int]:
    """List the judgments that a notification holds: by themselves, or in the results of a unit.

    >>> _judgments_in('{"id": 7, "results": {"judgments": [{"id": 8}]}}'), _judgments_in("{}")
    ([8], [])
    """
    told = json.loads(payload)
    if isinstance(told, dict):
        told = told.get("results", {}).get("judgments", [])
    return [each["id"] for each in told]


def _mark(tx: Transaction, judgments: list[int]) -> None:
    """Write down that a requester's server has seen these, unless it had before."""
    unseen = (judgment.c.id.in_(judgments), judgment.c.webhook_sent_at.is_(None))
    tx.run(update(judgment).where(*unseen).values(webhook_sent_at=tx.clock.now()))


def _again(tx: Transaction, row: Row[Any]) -> Row[Any] | None:
    """Read a notification anew; after a reset there is none, or another of the same number."""
    is_it = (webhook_delivery.c.id == row.id, webhook_delivery.c.signature == row.signature)
    found: Row[Any] | None = tx.one(select(webhook_delivery).where(*is_it))
    return found


def _put_off(tx: Transaction, row: Row[Any] | None, problem: str) -> None:
    """Try again later, or after hours of failure no more."""
    if row is None or row.state != "pending":
        return
    now = tx.clock.now()
    since = now if row.failing_since is None else row.failing_since
    ends = since + PATIENCE
    shaken = 1 + JITTER * tx.clock.chance("webhook", row.id, row.attempts).uniform(-1, 1)
    again = min(now + FACTOR**row.attempts * shaken, ends) if now < ends else now
    failed = {"attempts": row.attempts + 1, "failing_since": since, "next_at": again}
    _write(tx, row.id, problem=problem, **failed)
    if now >= ends:
        tx.run(update(job).where(job.c.id == row.job_id).values(webhook_disabled_at=now))
        tx.record("webhook_disabled", row.job_id, problem=problem)


def _write(tx: Transaction, number: int, **values: Any) -> None:
    tx.run(update(webhook_delivery).where(webhook_delivery.c.id == number).values(values))
