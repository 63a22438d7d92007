"""Groups of points, each of which is a job: made, found, ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from crowdflower.sandbox.ampcrowd.payload import NO_POOLS, Wrong
from crowdflower.sandbox.ampcrowd.task_forms import KINDS
from crowdflower.sandbox.errors import NotFound, Refusal
from crowdflower.sandbox.forms.sanitizer import sanitize
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.settings import channels
from crowdflower.sandbox.rules.settings.settings import MAX_TITLE_LENGTH
from crowdflower.sandbox.rules.units import uploads
from crowdflower.sandbox.rules.work.handout import WHOLE_BATCHES
from crowdflower.sandbox.store.ampcrowd_tables import amp_group, amp_point, amp_task
from crowdflower.sandbox.store.tables import job as jobs_table
from crowdflower.sandbox.store.tables import unit
from crowdflower.states import INTERNAL

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower._types import JSONObject
    from crowdflower.sandbox.ampcrowd.payload import Asked
    from crowdflower.sandbox.store import Transaction

AT_WORK: Final = ("running", "paused")


def create(tx: Transaction, account: Row[Any], crowd: str, asked: Asked) -> JSONObject:
    """Make a group: a job that runs at once, free of charge, open to contributors of all channels.

    :returns: What the requester is answered.
    :raises Wrong: The name is taken, or the job cannot be made.
    """
    taken = select(amp_group.c.id).where(
        amp_group.c.crowd == crowd, amp_group.c.group_id == asked.group_id
    )
    if tx.one(taken) is not None:
        raise Wrong(f"Group id {asked.group_id} is already in use.")
    number = tx.add(
        amp_group,
        {
            "crowd": crowd,
            "group_id": asked.group_id,
            "task_type": asked.task_type,
            "callback_url": asked.callback_url,
            "quality_control": asked.quality_control,
            "configuration": asked.configuration,
            "group_context": asked.context,
            "created_at": tx.clock.now(),
        },
    )
    if asked.wants_pool:
        # The original, too, has written the name down before it finds that there are no pools.
        return Wrong(NO_POOLS).body
    for name in asked.without_effect:
        tx.warn(f"{name} is kept and has no effect here.")
    try:
        job = _launched(tx, account, asked)
    except Refusal as refusal:
        raise Wrong(refusal.message) from None
    tx.run(update(amp_group).where(amp_group.c.id == number).values(job_id=job.id))
    _divide(tx, number, job, asked)
    return {"status": "ok"}


def purge(tx: Transaction, crowd: str) -> None:
    """End all that a crowd works on; what has not been delivered yet will not be."""
    for group in tx.all(select(amp_group).where(amp_group.c.crowd == crowd)):
        if group.job_id is None:
            continue
        job = jobs.load(tx, group.job_id)
        if job.state in AT_WORK:
            jobs.cancel(tx, job)
        left = (amp_task.c.in_group == group.id, amp_task.c.state.in_(("open", "due")))
        tx.run(update(amp_task).where(*left).values(state="purged", due_at=None))


def job_of(tx: Transaction, crowd: str, group_id: str) -> int:
    """Return the number of the job that a group is.

    :raises LookupError: There is no such group.
    """
    is_it = (amp_group.c.crowd == crowd, amp_group.c.group_id == group_id)
    found = tx.one(select(amp_group.c.job_id).where(*is_it))
    if found is None or found.job_id is None:
        raise LookupError(f"the crowd {crowd!r} has no group {group_id!r}")
    return int(found.job_id)


def running(tx: Transaction, crowd: str | None = None, task_type: str | None = None) -> list[int]:
    """List the jobs of groups that are being worked on, the oldest first."""
    query = (
        select(amp_group.c.job_id)
        .join(jobs_table, jobs_table.c.id == amp_group.c.job_id)
        .where(jobs_table.c.state == "running")
        .order_by(amp_group.c.id)
    )
    if crowd is not None:
        query = query.where(amp_group.c.crowd == crowd)
    if task_type is not None:
        query = query.where(amp_group.c.task_type == task_type)
    return [int(row.job_id) for row in tx.all(query)]


def task(tx: Transaction, crowd: str, task_id: str) -> Row[Any]:
    """Find a batch of a crowd, with the number of its job and its type.

    :raises NotFound: There is none.
    """
    query = (
        select(amp_task, amp_group.c.job_id, amp_group.c.task_type)
        .join(amp_group, amp_group.c.id == amp_task.c.in_group)
        .where(amp_task.c.id == task_id, amp_group.c.crowd == crowd)
    )
    found: Row[Any] | None = tx.one(query)
    if found is None:
        raise NotFound
    return found


def points(tx: Transaction, task_id: str) -> dict[str, int]:
    """Return the points of a batch: identifier to the number of the unit."""
    query = select(amp_point).where(amp_point.c.task_id == task_id).order_by(amp_point.c.unit_id)
    return {row.identifier: int(row.unit_id) for row in tx.all(query)}


def _launched(tx: Transaction, account: Row[Any], asked: Asked) -> Row[Any]:
    kind = KINDS[asked.task_type]
    instruction = sanitize(str(asked.context.get("instruction", "")))
    attributes = {
        "title": f"{kind.title}: {asked.group_id}"[:MAX_TITLE_LENGTH],
        "instructions": instruction or kind.instructions,
        "cml": kind.cml,
        "judgments_per_unit": asked.assignments,
        "units_per_assignment": asked.batch_size,
        "payment_cents": 0,
        "options": {WHOLE_BATCHES: True},
    }
    job = jobs.create(tx, account, attributes)
    uploads.append(tx, job, asked.rows)
    # A group may be as small as one point, and costs nothing whoever works on it.
    few = replace(tx, limits=replace(tx.limits, min_units_to_launch=1))
    orders.place(few, job, 0, [INTERNAL])
    channels.add(tx, job, channels.AVAILABLE)
    return job


def _divide(tx: Transaction, group: int, job: Row[Any], asked: Asked) -> None:
    """Make the batches, in the order of the points."""
    numbers = [
        row.id
        for row in tx.all(select(unit.c.id).where(unit.c.job_id == job.id).order_by(unit.c.seq))
    ]
    tasks, members = [], []
    for ordinal, begin in enumerate(range(0, len(numbers), asked.batch_size)):
        name = tx.clock.token()
        tasks.append({"id": name, "in_group": group, "ordinal": ordinal, "state": "open"})
        end = begin + asked.batch_size
        members += [
            {"unit_id": number, "task_id": name, "identifier": row["_amp_id"]}
            for number, row in zip(numbers[begin:end], asked.rows[begin:end], strict=True)
        ]
    tx.connection.execute(insert(amp_task), tasks)
    tx.connection.execute(insert(amp_point), members)
