"""Jobs: create, find, list, change, pause, resume, cancel and delete them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hmac import compare_digest
from typing import Any, Final, Literal

from sqlalchemy import Row, exists, func, select
from sqlalchemy import update as sql_update

from crowdflower._types import Message
from crowdflower.sandbox import forms
from crowdflower.sandbox.errors import Declined, Invalid, NotFound
from crowdflower.sandbox.rules import money
from crowdflower.sandbox.rules.completion import closing
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.rules.jobs import caps
from crowdflower.sandbox.rules.jobs.copying import copy
from crowdflower.sandbox.rules.jobs.gold_faults import find_gold_faults
from crowdflower.sandbox.rules.results import webhook_events
from crowdflower.sandbox.rules.settings import settings
from crowdflower.sandbox.rules.visibility import JOB_IS_VISIBLE
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.ampcrowd_tables import amp_group
from crowdflower.sandbox.store.column_types import MAX_ID_DIGITS
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.fast import agreements
from crowdflower.sandbox.store.tables import account, job_tag, unit
from crowdflower.sandbox.store.tables import job as jobs

__all__ = [
    "cancel",
    "copy",
    "create",
    "delete",
    "find",
    "legend",
    "load",
    "load_for_update",
    "pause",
    "pause_automatically",
    "ping",
    "read_page",
    "reload",
    "resume",
    "running_job_ids",
    "update",
]

PAGE_SIZE: Final = 10
"""Jobs on a page of the list; fixed by the service."""

MAX_TAGS: Final = 100
"""Maximum number of tags to filter jobs by."""

LISTED_STATES: Final = ("unordered", "running", "canceled", "finished", "paused")
"""States to filter jobs by, in the order in which the service names them."""


def create(tx: Transaction, account: Row[Any], attributes: Mapping[str, Any]) -> Row[Any]:
    """Create a job, without units and channels; mistakes in its form are only warned about.

    :raises Declined: An attribute has an invalid value.
    :raises Unsupported: An attribute needs a feature that only the hosted service has.
    """
    return load(tx, tx.add(jobs, settings.new_job_values(tx, account, attributes)))


def find(tx: Transaction, account: Row[Any], reference: str) -> Row[Any]:
    """Find a job of an account by its id or alias; deleted jobs can still be read.

    :raises NotFound: The account has no job with this id or alias.
    """
    is_number = reference.isascii() and reference.isdecimal() and len(reference) <= MAX_ID_DIGITS
    number = int(reference) if is_number else None
    is_it = jobs.c.alias == reference if number is None else jobs.c.id == number
    found: Row[Any] | None = tx.one(
        select(jobs).where(is_it, jobs.c.account_id == account.id, JOB_IS_VISIBLE)
    )
    if found is None:
        raise NotFound
    return found


def reload(tx: Transaction, job: Row[Any]) -> Row[Any]:
    """Read a job again; a row does not change after it was read."""
    return load(tx, job.id)


def read_page(
    tx: Transaction,
    account: Row[Any],
    *,
    page: int = 1,
    state: str | None = None,
    tags: Sequence[str] = (),
    created_from: float | None = None,
    created_to: float | None = None,
    with_groups: bool = False,
) -> list[Row[Any]]:
    """Read a page of ten jobs, newest first; a page past the end is empty.

    :param state: Only jobs in this state; case-insensitive.
    :param tags: Only jobs that have all of these tags.
    :param created_from: Only jobs created at this time or later.
    :param created_to: Only jobs created at this time or earlier.
    :param with_groups: Include the jobs that are groups of AMPCrowd.
    :raises Invalid: The state is unknown, or there are too many tags.
    """
    query = select(jobs).where(jobs.c.account_id == account.id, jobs.c.deleted_at.is_(None))
    query = query.where(JOB_IS_VISIBLE)
    if not with_groups:
        is_group = select(amp_group.c.id).where(amp_group.c.job_id == jobs.c.id)
        query = query.where(~exists(is_group))
    if state is not None:
        if state.lower() not in LISTED_STATES:
            known = ", ".join(LISTED_STATES)
            raise Invalid(f"Invalid state param (must be one of - {known})")
        query = query.where(jobs.c.state == state.lower())
    if len(tags) > MAX_TAGS:
        raise Invalid(f"Filter jobs by at most {MAX_TAGS} tags, not {len(tags)}.")
    if tags:
        tagged = select(job_tag.c.job_id).where(job_tag.c.name.in_(tags))
        has_all = tagged.group_by(job_tag.c.job_id).having(func.count() == len({*tags}))
        query = query.where(jobs.c.id.in_(has_all))
    if created_from is not None:
        query = query.where(jobs.c.created_at >= created_from)
    if created_to is not None:
        query = query.where(jobs.c.created_at <= created_to)
    offset = (max(page, 1) - 1) * PAGE_SIZE
    return tx.all(query.order_by(jobs.c.id.desc()).limit(PAGE_SIZE).offset(offset))


def running_job_ids(tx: Transaction, key: str) -> list[int]:
    """List the running jobs of the account with this key, oldest first, without AMPCrowd groups."""
    is_group = select(amp_group.c.id).where(amp_group.c.job_id == jobs.c.id)
    query = select(jobs.c.id).join(account, account.c.id == jobs.c.account_id)
    running = query.where(account.c.api_key == key, jobs.c.state == "running", ~exists(is_group))
    return [row.id for row in tx.all(running.order_by(jobs.c.id))]


def update(tx: Transaction, job: Row[Any], attributes: Mapping[str, Any]) -> Row[Any]:
    """Change attributes of a job: all of them, or none if any is invalid.

    :raises Declined: An attribute has an invalid value, or the form has mistakes.
    :raises Invalid: A list of countries has the wrong format.
    :raises Unsupported: An attribute needs a feature that only the hosted service has.
    :raises NotFound: The job is deleted.
    """
    before = load_for_update(tx, job)
    values = settings.updated_values(tx, before, attributes)
    judgments = values.get("judgments_per_unit", before.judgments_per_unit)
    if judgments != before.judgments_per_unit and before.judgable_count:
        text = (
            "judgments_per_unit applies to units that are ordered from now on; to get more "
            "judgments of a unit that is ordered already, call request_more_judgments."
        )
        tx.warn(Message(text, "judgments_of_new_rows"))
    if values.keys() & {"auto_order", "auto_order_timeout"}:
        values["waiting_since"] = tx.clock.now()  # the timer of existing units starts now
    after = _update_columns(tx, job, **values) if values else reload(tx, job)
    if values.get("fields", before.fields) != before.fields:
        agreements.write_all(tx.driver, job.id, values["fields"] or {})
    if "cml" in values and after.cml:
        for fault in find_gold_faults(tx, after, forms.check_form(after.cml)):
            tx.warn(fault.describe())
    if "webhook_uri" in values:
        webhook_events.retry_pending(tx, job.id)
    return after


def delete(tx: Transaction, job: Row[Any]) -> None:
    """Delete a job from the list, and return its unspent money; it can still be read by id.

    :raises Invalid: The job is running.
    :raises NotFound: The job is deleted already.
    """
    current = load_for_update(tx, job)
    if current.state == "running":
        raise Invalid(f"Job {job.id} is running. Cancel it, then delete it.")
    closing.release_pages(tx, job.id)
    money.close_orders(tx, job.id, "canceled")
    _update_columns(tx, job, deleted_at=tx.clock.now(), alias=None)


def pause(tx: Transaction, job: Row[Any]) -> Row[Any]:
    """Pause a job: hand out no more pages; open pages can still be submitted.

    :raises Declined: The job is not running.
    """
    current = load_for_update(tx, job)
    if current.state == "unordered":
        raise Declined(Message("You can't pause a job that hasn't been launched.", "pause_draft"))
    if current.state != "running":
        raise Declined(Message("You can only pause jobs that are running.", "pause_not_running"))
    return _update_columns(tx, job, state="paused", pause_reason="requester")


def pause_automatically(tx: Transaction, job_id: int, reason: Literal["cap", "funds"]) -> None:
    """Pause a running job that cannot go on, and record an event.

    :param reason: ``cap``: what it may cost is spent. ``funds``: the balance is.
    """
    values = {"state": "paused", "pause_reason": reason, "updated_at": tx.clock.now()}
    is_running = (jobs.c.id == job_id, jobs.c.state == "running")
    if tx.run(sql_update(jobs).where(*is_running).values(values)):
        tx.record("cap_reached" if reason == "cap" else "funds_exhausted", job_id)


def resume(tx: Transaction, job: Row[Any]) -> Row[Any]:
    """Resume a job: hand out pages again.

    :raises Declined: The job is neither paused nor finished.
    :raises Invalid: The job is finished and has no judgable unit, or its cap is reached.
    """
    current = load_for_update(tx, job)
    if current.state not in {"paused", "finished"}:
        raise Declined(
            Message("You can only resume jobs that are paused or complete.", "resume_not_paused")
        )
    if current.state == "finished" and not current.judgable_count:
        raise Invalid(
            Message(
                "Every unit of this job is finalized. Order more units to resume it.",
                "resume_finalized",
            )
        )
    caps.require_room(tx, current)
    _update_columns(tx, job, state="running", pause_reason=None, completed_at=None)
    closing.finish_if_done(tx, job.id)
    return reload(tx, job)


def cancel(tx: Transaction, job: Row[Any]) -> Row[Any]:
    """Cancel a job for good: release its open pages and refund its unspent money.

    :raises Declined: The job is neither running nor paused.
    """
    current = load_for_update(tx, job)
    if current.state == "unordered":
        raise Declined(Message("You can't cancel a job that hasn't been launched.", "cancel_draft"))
    if current.state not in {"running", "paused"}:
        raise Declined(
            Message(
                f"You can't cancel a job that is {current.state}.",
                "cancel_ended",
                state=current.state,
            )
        )
    closing.release_pages(tx, job.id)
    money.close_orders(tx, job.id, "canceled")
    return _update_columns(tx, job, state="canceled", pause_reason=None)


def ping(tx: Transaction, job: Row[Any]) -> dict[str, Any]:
    """Return the progress of a job, from its counters and its test questions."""
    current = reload(tx, job)
    query = select(
        func.count().filter(unit.c.judgments_count >= current.judgments_per_unit).label("done"),
        func.coalesce(func.sum(unit.c.judgments_count + unit.c.tainted_count), 0).label(
            "judgments"
        ),
    ).where(unit.c.job_id == job.id, unit.c.state.in_(sorted(GOLD_STATES)))
    golds = tx.one(query)
    return {
        "golden_units": current.golds_count,
        "all_units": current.units_count,
        "ordered_units": current.judgable_count + current.finalized_count,
        "completed_units_estimate": current.finalized_count + golds.done,
        "aggregated_units_cached": False,
        "needed_judgments": current.needed_count,
        "all_judgments": current.judgments_count,
        "golden_judgments": int(golds.judgments),
        "tainted_judgments": current.tainted_count,
        "completed_gold_estimate": golds.done,
        "completed_non_gold_estimate": current.finalized_count,
    }


def legend(tx: Transaction, job: Row[Any]) -> dict[str, dict[str, Any]]:
    """Return the questions of a job: ``{name: {label: {value: label of the value}}}``.

    A question whose name depends on the unit is ``{"dynamic": True}``.
    """
    cml = reload(tx, job).cml
    return dict(forms.check_form(cml).legend()) if cml else {}


def load_for_update(tx: Transaction, job: Row[Any]) -> Row[Any]:
    """Lock a job until the transaction ends, and read it again, to change it.

    :raises NotFound: The job is deleted.
    """
    locks.lock_job(tx, job.id)
    current = reload(tx, job)
    if current.deleted_at is not None:
        raise NotFound
    return current


def load(tx: Transaction, job_id: int) -> Row[Any]:
    """Read a job by id, of any account; the job must exist."""
    found: Row[Any] = tx.one(select(jobs).where(jobs.c.id == job_id))
    return found


def find_by_secret(tx: Transaction, job_id: int, secret: str) -> Row[Any]:
    """Find a job by its id and secret, of any account.

    :raises NotFound: The id is unknown, the job is deleted, or the secret is wrong.
    """
    found: Row[Any] | None = tx.one(
        select(jobs).where(jobs.c.id == job_id, jobs.c.deleted_at.is_(None))
    )
    if found is None or not compare_digest(
        found.secret.encode(), secret.encode("utf-8", "replace")
    ):
        raise NotFound
    return found


def _update_columns(tx: Transaction, job: Row[Any], **values: Any) -> Row[Any]:
    values.setdefault("updated_at", tx.clock.now())
    tx.run(sql_update(jobs).where(jobs.c.id == job.id).values(values))
    return reload(tx, job)
