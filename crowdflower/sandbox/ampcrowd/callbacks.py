"""Posts the results of batches to the requester, with retries (at least once).

An attempt is stored before it is made, so that two processes do not post the same batch at the same
time; its outcome is stored afterwards. A receiver that takes a batch and crashes before it responds
gets the batch again, since the outcome of that attempt is unknown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from sqlalchemy import Row, select, update

from crowdflower.sandbox.ampcrowd.batch_results import ABANDONED, aggregate_batches
from crowdflower.sandbox.store.ampcrowd_tables import amp_group, amp_task
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.webhooks import outbound

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from crowdflower.sandbox.store import Database, Transaction

MAX_ATTEMPTS: Final = 30
"""Then a batch is given up, after some twenty hours."""

MAX_DELAY: Final = 3600.0
"""Seconds between two attempts; the first delay is one second, and each one is doubled."""

LOCK_NAME: Final = "ampcrowd callbacks"
"""Name of the lock that serializes the deliveries of all processes."""

_BATCHES: Final = select(
    amp_task.c.id,
    amp_task.c.answers,
    amp_task.c.attempts,
    amp_group.c.group_id,
    amp_group.c.callback_url,
    amp_group.c.created_at,
    amp_group.c.job_id,
).join(amp_group, amp_group.c.id == amp_task.c.in_group)


@dataclass(frozen=True)
class Delivery:
    """One attempt to post the results of a batch."""

    group_id: str
    url: str

    data: dict[str, Any]
    """The payload; posted as JSON in the form field ``data``."""

    attempt: int
    """Counted from 1."""

    problem: str | None
    """Why the attempt failed; ``None`` if it succeeded."""

    retry_in: float | None
    """Seconds, on the sandbox's clock, until the next attempt; ``None`` if there is none."""

    @property
    def again_in(self) -> float | None:
        """The name of :attr:`retry_in` in version 1.0.0."""
        return self.retry_in


def retry_delay(attempt: int) -> float | None:
    """Return the seconds to wait after a failed attempt; ``None`` to give up.

    >>> [retry_delay(attempt) for attempt in (1, 2, 5, 13, 30)]
    [1.0, 2.0, 16.0, 3600.0, None]
    """
    return None if attempt >= MAX_ATTEMPTS else min(2.0 ** (attempt - 1), MAX_DELAY)


def deliver(
    database: Database, *, allow_loopback: bool, timeout: float, should_stop: Callable[[], bool]
) -> list[Delivery]:
    """Post the results that are due, each batch once, oldest first.

    No transaction is open while a request is under way. A receiver that fails gets no other batches
    in the same round; they stay due.

    :param allow_loopback: Whether receivers may be on this machine.
    :param timeout: Seconds until a request times out.
    :param should_stop: Called before every attempt; if it returns ``True``, the rest is left for
        another round.
    """
    with database.transaction() as tx:
        locks.lock_name(tx, LOCK_NAME)
        aggregate_batches(tx)
    deliveries: list[Delivery] = []
    failed_urls: set[str] = set()
    while not should_stop():
        with database.transaction() as tx:
            locks.lock_name(tx, LOCK_NAME)
            task = _claim_next(tx, failed_urls, lease=3 * timeout + 1)
        if task is None:
            break
        data = _payload(task)
        problem = _post(task.callback_url, data, allow_loopback=allow_loopback, timeout=timeout)
        if problem is not None:
            failed_urls.add(task.callback_url)
        attempt = task.attempts + 1
        retry_in = retry_delay(attempt) if problem is not None else None
        with database.transaction() as tx:
            _save_outcome(tx, task, problem, retry_in)
        deliveries.append(
            Delivery(task.group_id, task.callback_url, data, attempt, problem, retry_in)
        )
    return deliveries


def posted_results(tx: Transaction, job_id: int) -> list[dict[str, Any]]:
    """Return the results of a group that were posted successfully, in the order of its batches."""
    query = _BATCHES.where(amp_task.c.state == "delivered", amp_group.c.job_id == job_id)
    return [_payload(task) for task in tx.all(query.order_by(amp_task.c.ordinal))]


def _claim_next(tx: Transaction, failed_urls: Collection[str], *, lease: float) -> Row[Any] | None:
    """Claim the batch that has been due longest, for ``lease`` seconds, and count the attempt."""
    now = tx.clock.now()
    query = (
        _BATCHES.where(amp_task.c.state == "due", amp_task.c.due_at <= now)
        .where(amp_group.c.callback_url.not_in(failed_urls))
        .order_by(amp_task.c.due_at, amp_task.c.in_group, amp_task.c.ordinal)
        .limit(1)
    )
    task: Row[Any] | None = tx.one(query)
    if task is not None:
        claim = {"attempts": task.attempts + 1, "due_at": now + lease}
        tx.run(update(amp_task).where(amp_task.c.id == task.id).values(claim))
    return task


def _payload(task: Row[Any]) -> dict[str, Any]:
    created = datetime.fromtimestamp(task.created_at, UTC)
    return {
        "group_id": task.group_id,
        "group_start_time": created.isoformat(timespec="microseconds"),
        "answers": task.answers,
    }


def _post(url: str, data: dict[str, Any], *, allow_loopback: bool, timeout: float) -> str | None:
    """Post a payload; return why that failed, or ``None``."""
    body = urlencode({"data": json.dumps(data)}).encode("ascii")
    form = "application/x-www-form-urlencoded"
    try:
        outbound.post(url, body, form, allow_loopback=allow_loopback, timeout=timeout)
    except outbound.DeliveryError as error:
        return str(error)
    return None


def _save_outcome(
    tx: Transaction, task: Row[Any], problem: str | None, retry_in: float | None
) -> None:
    values: dict[str, Any] = {"state": "delivered", "due_at": None, "problem": problem}
    if problem is not None:
        values["state"] = "abandoned" if retry_in is None else "due"
        values["due_at"] = None if retry_in is None else tx.clock.now() + retry_in
        kind = ABANDONED if retry_in is None else "callback_failed"
        tx.record(kind, task.job_id, group_id=task.group_id, problem=problem)
    # If the batch was purged during the request, it stays purged.
    still_due = (amp_task.c.id == task.id, amp_task.c.state == "due")
    tx.run(update(amp_task).where(*still_due).values(values))
