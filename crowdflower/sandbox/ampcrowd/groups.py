"""Groups of points, each of which is a job: create, find, cancel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from crowdflower.sandbox.ampcrowd.payload import NO_POOLS, InvalidGroup
from crowdflower.sandbox.ampcrowd.task_forms import TASK_FORMS
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
    from crowdflower.sandbox.ampcrowd.payload import GroupRequest
    from crowdflower.sandbox.store import Transaction

ACTIVE_STATES: Final = ("running", "paused")


def create(tx: Transaction, account: Row[Any], crowd: str, request: GroupRequest) -> JSONObject:
    """Create a group: a job that runs at once, costs nothing, and is open to all channels.

    :returns: The response to the requester.
    :raises InvalidGroup: The group id is in use, or the job cannot be created.
    """
    same_id = select(amp_group.c.id).where(
        amp_group.c.crowd == crowd, amp_group.c.group_id == request.group_id
    )
    if tx.one(same_id) is not None:
        raise InvalidGroup(f"Group id {request.group_id} is already in use.")
    number = tx.add(
        amp_group,
        {
            "crowd": crowd,
            "group_id": request.group_id,
            "task_type": request.task_type,
            "callback_url": request.callback_url,
            "quality_control": request.quality_control,
            "configuration": request.configuration,
            "group_context": request.context,
            "created_at": tx.clock.now(),
        },
    )
    if request.needs_pool:
        # The original, too, stores the group id before it checks for pools.
        return InvalidGroup(NO_POOLS).body
    for name in request.ignored_settings:
        tx.warn(f"{name} is stored and has no effect in the sandbox.")
    try:
        job = _launch(tx, account, request)
    except Refusal as refusal:
        raise InvalidGroup(refusal.message) from None
    tx.run(update(amp_group).where(amp_group.c.id == number).values(job_id=job.id))
    _create_batches(tx, number, job, request)
    return {"status": "ok"}


def purge(tx: Transaction, crowd: str) -> None:
    """Cancel all groups of a crowd; results that were not posted yet are dropped."""
    for group in tx.all(select(amp_group).where(amp_group.c.crowd == crowd)):
        if group.job_id is None:
            continue
        job = jobs.load(tx, group.job_id)
        if job.state in ACTIVE_STATES:
            jobs.cancel(tx, job)
        unposted = (amp_task.c.in_group == group.id, amp_task.c.state.in_(("open", "due")))
        tx.run(update(amp_task).where(*unposted).values(state="purged", due_at=None))


def find_job_id(tx: Transaction, crowd: str, group_id: str) -> int:
    """Return the id of a group's job.

    :raises LookupError: The crowd has no such group.
    """
    this_group = (amp_group.c.crowd == crowd, amp_group.c.group_id == group_id)
    found = tx.one(select(amp_group.c.job_id).where(*this_group))
    if found is None or found.job_id is None:
        raise LookupError(f"the crowd {crowd!r} has no group {group_id!r}")
    return int(found.job_id)


def running_job_ids(
    tx: Transaction, crowd: str | None = None, task_type: str | None = None
) -> list[int]:
    """Return the ids of the running jobs of groups, oldest first."""
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


def find_batch(tx: Transaction, crowd: str, task_id: str) -> Row[Any]:
    """Return a batch of a crowd, with the id of its job and its type of task.

    :raises NotFound: The crowd has no such batch.
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


def read_points(tx: Transaction, task_id: str) -> dict[str, int]:
    """Return the points of a batch: identifier to unit id."""
    query = select(amp_point).where(amp_point.c.task_id == task_id).order_by(amp_point.c.unit_id)
    return {row.identifier: int(row.unit_id) for row in tx.all(query)}


def _launch(tx: Transaction, account: Row[Any], request: GroupRequest) -> Row[Any]:
    form = TASK_FORMS[request.task_type]
    instruction = sanitize(str(request.context.get("instruction", "")))
    attributes = {
        "title": f"{form.title}: {request.group_id}"[:MAX_TITLE_LENGTH],
        "instructions": instruction or form.instructions,
        "cml": form.cml,
        "judgments_per_unit": request.assignments,
        "units_per_assignment": request.batch_size,
        "payment_cents": 0,
        "options": {WHOLE_BATCHES: True},
    }
    job = jobs.create(tx, account, attributes)
    uploads.append(tx, job, request.rows)
    # A group may have a single point, of which no warning is necessary.
    unlimited = replace(tx, limits=replace(tx.limits, min_units_to_launch=1))
    orders.place(unlimited, job, 0, [INTERNAL])
    channels.add(tx, job, channels.AVAILABLE)
    return job


def _create_batches(tx: Transaction, group: int, job: Row[Any], request: GroupRequest) -> None:
    """Store the batches, in the order of the points."""
    numbers = [
        row.id
        for row in tx.all(select(unit.c.id).where(unit.c.job_id == job.id).order_by(unit.c.seq))
    ]
    tasks, members = [], []
    for ordinal, begin in enumerate(range(0, len(numbers), request.batch_size)):
        name = tx.clock.token()
        tasks.append({"id": name, "in_group": group, "ordinal": ordinal, "state": "open"})
        end = begin + request.batch_size
        members += [
            {"unit_id": number, "task_id": name, "identifier": row["_amp_id"]}
            for number, row in zip(numbers[begin:end], request.rows[begin:end], strict=True)
        ]
    tx.connection.execute(insert(amp_task), tasks)
    tx.connection.execute(insert(amp_point), members)
