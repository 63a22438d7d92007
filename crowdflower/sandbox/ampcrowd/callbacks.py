"""Answers on their way back: posted to the requester, and again until somebody takes them.

An attempt is written down before it is made, so that two who deliver at once do not post the same
batch, and what becomes of it afterwards. A receiver that took a batch and died before it could say
so gets it once more: nobody can know better.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from sqlalchemy import Row, select, update

from crowdflower.sandbox.ampcrowd.batch_results import ABANDONED, gather
from crowdflower.sandbox.store.ampcrowd_tables import amp_group, amp_task
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.webhooks import outbound

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from crowdflower.sandbox.store import Database, Transaction

MOST_ATTEMPTS: Final = 30
"""After so many, over some twenty hours, a batch is given up."""

LONGEST_WAIT: Final = 3600.0
"""Seconds between two attempts, at most; the first wait is one second, and each doubles."""

TURN: Final = "ampcrowd callbacks"
"""What those who deliver take turns at, whatever process they are in."""

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
    """One attempt to post the answers of a batch."""

    group_id: str
    url: str

    data: dict[str, Any]
    """What was posted, as JSON in the field ``data``."""

    attempt: int
    """Counted from 1."""

    problem: str | None
    """Why it did not arrive; ``None`` if it did."""

    again_in: float | None
    """Seconds, on the sandbox's clock, until the next attempt; ``None`` when there is none."""


def wait_after(attempt: int) -> float | None:
    """Return how many seconds to wait after an attempt that failed; ``None`` to give up.

    >>> [wait_after(attempt) for attempt in (1, 2, 5, 13, 30)]
    [1.0, 2.0, 16.0, 3600.0, None]
    """
    return None if attempt >= MOST_ATTEMPTS else min(2.0 ** (attempt - 1), LONGEST_WAIT)


def deliver(
    database: Database, *, allow_loopback: bool, timeout: float, ended: Callable[[], bool]
) -> list[Delivery]:
    """Post what is due, each batch once, oldest first.

    No transaction is open while somebody is waited for. Who does not answer is not asked again in
    the same round: their other batches stay due.

    :param allow_loopback: Whether receivers may be on this machine.
    :param timeout: Seconds after which a receiver has had its chance.
    :param ended: Asked before every attempt whether to leave the rest for another round.
    """
    with database.transaction() as tx:
        locks.lock_name(tx, TURN)
        gather(tx)
    made: list[Delivery] = []
    unreachable: set[str] = set()
    while not ended():
        with database.transaction() as tx:
            locks.lock_name(tx, TURN)
            task = _next(tx, unreachable, lease=3 * timeout + 1)
        if task is None:
            break
        data = _data(task)
        problem = _posted(task.callback_url, data, allow_loopback=allow_loopback, timeout=timeout)
        if problem is not None:
            unreachable.add(task.callback_url)
        attempt = task.attempts + 1
        again_in = wait_after(attempt) if problem is not None else None
        with database.transaction() as tx:
            _note(tx, task, problem, again_in)
        made.append(Delivery(task.group_id, task.callback_url, data, attempt, problem, again_in))
    return made


def delivered(tx: Transaction, job_id: int) -> list[dict[str, Any]]:
    """Return what has arrived of a group, in the order of its batches."""
    query = _BATCHES.where(amp_task.c.state == "delivered", amp_group.c.job_id == job_id)
    return [_data(task) for task in tx.all(query.order_by(amp_task.c.ordinal))]


def _next(tx: Transaction, unreachable: Collection[str], *, lease: float) -> Row[Any] | None:
    """Take the batch that is due for longest, for so many seconds, and note that it is posted."""
    now = tx.clock.now()
    query = (
        _BATCHES.where(amp_task.c.state == "due", amp_task.c.due_at <= now)
        .where(amp_group.c.callback_url.not_in(unreachable))
        .order_by(amp_task.c.due_at, amp_task.c.in_group, amp_task.c.ordinal)
        .limit(1)
    )
    task: Row[Any] | None = tx.one(query)
    if task is not None:
        begun = {"attempts": task.attempts + 1, "due_at": now + lease}
        tx.run(update(amp_task).where(amp_task.c.id == task.id).values(begun))
    return task


def _data(task: Row[Any]) -> dict[str, Any]:
    begun = datetime.fromtimestamp(task.created_at, timezone.utc)
    return {
        "group_id": task.group_id,
        "group_start_time": begun.isoformat(timespec="microseconds"),
        "answers": task.answers,
    }


def _posted(url: str, data: dict[str, Any], *, allow_loopback: bool, timeout: float) -> str | None:
    """Post the answers of a batch; return why that failed, if it did."""
    body = urlencode({"data": json.dumps(data)}).encode("ascii")
    form = "application/x-www-form-urlencoded"
    try:
        outbound.post(url, body, form, allow_loopback=allow_loopback, timeout=timeout)
    except outbound.NotDelivered as error:
        return str(error)
    return None


def _note(tx: Transaction, task: Row[Any], problem: str | None, again_in: float | None) -> None:
    values: dict[str, Any] = {"state": "delivered", "due_at": None, "problem": problem}
    if problem is not None:
        values["state"] = "abandoned" if again_in is None else "due"
        values["due_at"] = None if again_in is None else tx.clock.now() + again_in
        kind = ABANDONED if again_in is None else "callback_failed"
        tx.record(kind, task.job_id, group_id=task.group_id, problem=problem)
    # A purge meanwhile has the last word.
    is_it = (amp_task.c.id == task.id, amp_task.c.state == "due")
    tx.run(update(amp_task).where(*is_it).values(values))
