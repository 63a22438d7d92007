"""The life of a job: it is made, filled, launched, paused and resumed, and finished or canceled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hmac import compare_digest
from typing import Any, Final

from sqlalchemy import Row, exists, func, select
from sqlalchemy import update as updated

from crowdflower.sandbox import forms
from crowdflower.sandbox.errors import Declined, Invalid, NotFound
from crowdflower.sandbox.rules import money
from crowdflower.sandbox.rules.completion import closing
from crowdflower.sandbox.rules.jobs.copying import copy
from crowdflower.sandbox.rules.results import webhook_events
from crowdflower.sandbox.rules.settings import settings
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.ampcrowd_tables import amp_group
from crowdflower.sandbox.store.engines import locks
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
"""Jobs on a page of the list; the service does not let it be changed."""

MAX_TAGS: Final = 100
"""Tags that a list of jobs can be narrowed by."""

LISTED_STATES: Final = ("unordered", "running", "canceled", "finished", "paused")
"""States that the list can be narrowed to, in the order in which the service names them."""


def create(tx: Transaction, account: Row[Any], attributes: Mapping[str, Any]) -> Row[Any]:
    """Make a job. It has no rows and no channels, and mistakes in its form are not refused yet.

    :raises Declined: An attribute has a value that cannot be.
    :raises Unsupported: The job asks for what only the hosted service has.
    """
    return load(tx, tx.add(jobs, settings.new_job_values(tx, account, attributes)))


def find(tx: Transaction, account: Row[Any], reference: str) -> Row[Any]:
    """Find a job of an account by its number or its alias; deleted ones can still be read.

    :raises NotFound: There is none, or it is another account's.
    """
    number = int(reference) if reference.isascii() and reference.isdecimal() else None
    is_it = jobs.c.alias == reference if number is None else jobs.c.id == number
    found: Row[Any] | None = tx.one(select(jobs).where(is_it, jobs.c.account_id == account.id))
    if found is None:
        raise NotFound
    return found


def reload(tx: Transaction, job: Row[Any]) -> Row[Any]:
    """Read a job anew; the row at hand is what it was when it was read."""
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
    """List a page of ten jobs, newest first; past the end there are none.

    :param state: Only jobs in this state, in capitals or not.
    :param tags: Only jobs that have all of these.
    :param created_from: Only jobs made at this time or later.
    :param created_to: Only jobs made at this time or earlier.
    :param with_groups: Also the jobs that are groups of AMPCrowd.
    :raises Invalid: There is no such state, or the tags are too many.
    """
    query = select(jobs).where(jobs.c.account_id == account.id, jobs.c.deleted_at.is_(None))
    if not with_groups:
        is_group = select(amp_group.c.id).where(amp_group.c.job_id == jobs.c.id)
        query = query.where(~exists(is_group))
    if state is not None:
        if state.lower() not in LISTED_STATES:
            known = ", ".join(LISTED_STATES)
            raise Invalid(f"Invalid state param (must be one of - {known})")
        query = query.where(jobs.c.state == state.lower())
    if len(tags) > MAX_TAGS:
        raise Invalid(f"Jobs can be listed by {MAX_TAGS} tags at most, not by {len(tags)}.")
    if tags:
        tagged = select(job_tag.c.job_id).where(job_tag.c.name.in_(tags))
        has_all = tagged.group_by(job_tag.c.job_id).having(func.count() == len({*tags}))
        query = query.where(jobs.c.id.in_(has_all))
    if created_from is not None:
        query = query.where(jobs.c.created_at >= created_from)
    if created_to is not None:
        query = query.where(jobs.c.created_at <= created_to)
    begin = (max(page, 1) - 1) * PAGE_SIZE
    return tx.all(query.order_by(jobs.c.id.desc()).limit(PAGE_SIZE).offset(begin))


def running_job_ids(tx: Transaction, key: str) -> list[int]:
    """List the jobs of a key's account that are at work, the oldest first, without groups."""
    is_group = select(amp_group.c.id).where(amp_group.c.job_id == jobs.c.id)
    theirs = select(jobs.c.id).join(account, account.c.id == jobs.c.account_id)
    at_work = theirs.where(account.c.api_key == key, jobs.c.state == "running", ~exists(is_group))
    return [row.id for row in tx.all(at_work.order_by(jobs.c.id))]


def update(tx: Transaction, job: Row[Any], attributes: Mapping[str, Any]) -> Row[Any]:
    """Change a job: everything that was asked for, or after any mistake nothing.

    :raises Declined: An attribute has a value that cannot be, or the form has mistakes.
    :raises Invalid: A list of countries has another format.
    :raises Unsupported: It asks for what only the hosted service has.
    :raises NotFound: The job is deleted.
    """
    before = load_for_update(tx, job)
    values = settings.updated_values(tx, before, attributes)
    judgments = values.get("judgments_per_unit", before.judgments_per_unit)
    if judgments != before.judgments_per_unit and before.judgable_count:
        tx.warn(
            "judgments_per_unit counts for rows that are ordered from now on; ask for more on a "
            "row that is out with request_more_judgments."
        )
    if values.keys() & {"auto_order", "auto_order_timeout"}:
        values["waiting_since"] = tx.clock.now()  # rows that are there wait from now on
    changed = _update_columns(tx, job, **values) if values else reload(tx, job)
    if "webhook_uri" in values:
        webhook_events.retry_pending(tx, job.id)
    return changed


def delete(tx: Transaction, job: Row[Any]) -> None:
    """Take a job off the list; it can still be read. What it holds of the money comes back.

    :raises Invalid: It is running.
    :raises NotFound: It is deleted already.
    """
    current = load_for_update(tx, job)
    if current.state == "running":
        raise Invalid(f"Job {job.id} is running. Cancel it, then delete it.")
    closing.release_pages(tx, job.id)
    money.close_orders(tx, job.id, "canceled")
    _update_columns(tx, job, deleted_at=tx.clock.now(), alias=None)


def pause(tx: Transaction, job: Row[Any]) -> Row[Any]:
    """Hand out no more pages. Those being worked on may still be handed in.

    :raises Declined: The job is not running.
    """
    current = load_for_update(tx, job)
    if current.state == "unordered":
        raise Declined("You can't pause a job that hasn't been launched.")
    if current.state != "running":
        raise Declined("You can only pause jobs that are running.")
    return _update_columns(tx, job, state="paused")


def pause_automatically(tx: Transaction, job_id: int, why: str) -> None:
    """Pause a job that cannot go on by itself, and record why."""
    stopped = {"state": "paused", "updated_at": tx.clock.now()}
    is_running = (jobs.c.id == job_id, jobs.c.state == "running")
    if tx.run(updated(jobs).where(*is_running).values(stopped)):
        tx.record(why, job_id)


def resume(tx: Transaction, job: Row[Any]) -> Row[Any]:
    """Hand out pages again.

    :raises Declined: The job is neither paused nor finished.
    :raises Invalid: It is finished, and no row is left to judge.
    """
    current = load_for_update(tx, job)
    if current.state not in {"paused", "finished"}:
        raise Declined("You can only resume jobs that are paused or complete.")
    if current.state == "finished" and not current.judgable_count:
        raise Invalid("Every row of this job is judged. Order more rows to resume it.")
    _update_columns(tx, job, state="running", completed_at=None)
    closing.finish_if_done(tx, job.id)
    return reload(tx, job)


def cancel(tx: Transaction, job: Row[Any]) -> Row[Any]:
    """End a job for good. Open pages are taken back, and what was not judged is refunded.

    :raises Declined: The job is neither running nor paused.
    """
    current = load_for_update(tx, job)
    if current.state == "unordered":
        raise Declined("You can't cancel a job that hasn't been launched.")
    if current.state not in {"running", "paused"}:
        raise Declined(f"You can't cancel a job that is {current.state}.")
    closing.release_pages(tx, job.id)
    money.close_orders(tx, job.id, "canceled")
    return _update_columns(tx, job, state="canceled")


def ping(tx: Transaction, job: Row[Any]) -> dict[str, Any]:
    """Count how far a job has come, from counters and its test questions alone."""
    now = reload(tx, job)
    judged = (
        select(func.count().label("golds"))
        .where(unit.c.job_id == job.id, unit.c.state.in_(("golden", "hidden_gold")))
        .where(unit.c.judgments_count >= now.judgments_per_unit)
    )
    golds = tx.one(judged).golds
    return {
        "golden_units": now.golds_count,
        "all_units": now.units_count,
        "ordered_units": now.judgable_count + now.finalized_count,
        "completed_units_estimate": now.finalized_count + golds,
        "aggregated_units_cached": False,
        "needed_judgments": now.needed_count,
        "all_judgments": now.judgments_count,
        "tainted_judgments": now.tainted_count,
        "completed_gold_estimate": golds,
        "completed_non_gold_estimate": now.finalized_count,
    }


def legend(tx: Transaction, job: Row[Any]) -> dict[str, dict[str, Any]]:
    """Name the questions of a job: ``{name: {label: {value: what people see}}}``.

    A question whose name depends on the row is ``{"dynamic": True}``.
    """
    cml = reload(tx, job).cml
    return dict(forms.check_form(cml).legend()) if cml else {}


def load_for_update(tx: Transaction, job: Row[Any]) -> Row[Any]:
    """Read a job anew, to change it, and have it alone until the transaction ends.

    :raises NotFound: It is deleted.
    """
    locks.lock_job(tx, job.id)
    current = reload(tx, job)
    if current.deleted_at is not None:
        raise NotFound
    return current


def load(tx: Transaction, job_id: int) -> Row[Any]:
    """Read a job that is there, whoever's it is."""
    found: Row[Any] = tx.one(select(jobs).where(jobs.c.id == job_id))
    return found


def find_by_secret(tx: Transaction, job_id: int, secret: str) -> Row[Any]:
    """Find a job for somebody who was given its secret, whoever's it is.

    :raises NotFound: There is none, it is deleted, or its secret is another.
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
    tx.run(updated(jobs).where(jobs.c.id == job.id).values(values))
    return reload(tx, job)
