"""The life of a row: new, ordered, judged and finalized; or a test question, or canceled."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy import delete as deleted
from sqlalchemy import update as updated

from crowdflower.sandbox.errors import Invalid, NotFound
from crowdflower.sandbox.rules import gold_answers, money
from crowdflower.sandbox.rules.completion import closing, forgiveness
from crowdflower.sandbox.rules.counters import GOLD_STATES, CounterChanges
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.results import webhook_events
from crowdflower.sandbox.rules.settings.value_types import truthy
from crowdflower.sandbox.rules.units import uploads
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.fast import bulk_queries
from crowdflower.sandbox.store.tables import assignment_unit, judgment
from crowdflower.sandbox.store.tables import job as jobs_table
from crowdflower.sandbox.store.tables import unit as units

MAX_PAGE_SIZE: Final = 1000
"""Rows on a page, at most."""

MAX_MORE_JUDGMENTS: Final = 1000
"""Judgments of a row that may be asked for at a time."""

SETTABLE_STATES: Final = ("new", "golden", "hidden_gold", "finalized", "canceled")
"""States that a row can be put into."""

GOLD_POOLS: Final = ("quiz", "work")
"""Where a test question may be asked alone."""

ALLOWED_FROM: Final = {
    "new": GOLD_STATES,
    "golden": frozenset({"new", "judgable", "finalized", "hidden_gold"}),
    "hidden_gold": frozenset({"new", "judgable", "finalized", "golden"}),
    "finalized": frozenset({"new", "judgable"}),
    "canceled": frozenset({"new", "judgable"}),
}
"""From which states a row can be put into one."""


def read_page(tx: Transaction, job: Row[Any], page: int = 1, limit: int = 1000) -> dict[int, Any]:
    """Read a page of rows in the order in which they came: ``{id: data}``, empty past the end."""
    return {number: json.loads(text) for number, text in _read_page(tx, job, page, limit)}


def read_page_json(tx: Transaction, job: Row[Any], page: int = 1, limit: int = 1000) -> str:
    """Read a page of units as :func:`read_page` does, as JSON text that is never decoded."""
    members = (f'"{number}":{text}' for number, text in _read_page(tx, job, page, limit))
    return "{" + ",".join(members) + "}"


def create(
    tx: Transaction, job: Row[Any], data: Mapping[str, Any], *, golden: bool = False
) -> Row[Any]:
    """Add one row after the others; columns the job does not have yet are added to it.

    :param golden: As a test question; so does a true value in column ``_golden``.
    :returns: The row; ordered already if the job orders by itself. If it should have been and could
        not be, a warning says why.
    :raises Invalid: The data is no JSON.
    """
    current = jobs.load_for_update(tx, job)
    state = "golden" if golden or truthy(data.get("_golden")) else "new"
    number = _insert(tx, current, data, state)
    orders.auto_order(tx, job)
    return _load(tx, number)


def find(tx: Transaction, job: Row[Any], unit_id: int) -> Row[Any]:
    """Find a row of a job.

    :raises NotFound: There is none, or it is another job's, or deleted.
    """
    found: Row[Any] | None = tx.one(
        select(units).where(units.c.id == unit_id, units.c.job_id == job.id)
    )
    if found is None:
        raise NotFound
    return found


def update(
    tx: Transaction,
    job: Row[Any],
    unit: Row[Any],
    *,
    data: Mapping[str, Any] | None = None,
    state: str | None = None,
    golden: bool | None = None,
    gold_pool: str | None = None,
) -> Row[Any]:
    """Change a row.

    :param data: Takes the place of all of the row's data.
    :param state: One of :data:`SETTABLE_STATES`.
    :param golden: Make it a test question, or a new row again.
    :param gold_pool: Where a test question is asked: one of :data:`GOLD_POOLS`; empty for both.
    :raises Invalid: The unit cannot change to that state, the data cannot be stored as JSON, the
        pool is unknown, or a pool is set for a unit that is not a test question.
    """
    current = jobs.load_for_update(tx, job)
    if data is not None:
        uploads.add_columns(tx, job.id, data)
        before = find(tx, job, unit.id).state
        values: dict[str, Any] = {"data": _check_data(current, data, before)}
        if before in GOLD_STATES and "_gold_pool" in data:
            values["gold_pool"] = _gold_pool(data)
        _update_columns(tx, unit, **values)
        forgiveness.regrade(tx, current, unit.id)
    if golden is not None and state is None:
        now_golden = find(tx, job, unit.id).state in GOLD_STATES
        if golden != now_golden:
            state = "golden" if golden else "new"
    if state is not None:
        set_state(tx, current, unit, state)
    if gold_pool is not None:
        _set_gold_pool(tx, find(tx, job, unit.id), gold_pool)
    return find(tx, job, unit.id)


def set_state(tx: Transaction, job: Row[Any], unit: Row[Any], state: str) -> None:
    """Put a row into a state, with all that follows for its job.

    :raises Invalid: There is no such state, or no way from the row's state to it.
    """
    if state not in SETTABLE_STATES:
        raise Invalid(f"state has to be one of {', '.join(SETTABLE_STATES)}, not {state}.")
    before = find(tx, job, unit.id)
    if before.state == state:
        return
    if before.state not in ALLOWED_FROM[state]:
        raise Invalid(f"Unit {unit.id} is {before.state} and cannot become {state}.")
    set_states(tx, job, [before], state)


def set_states(tx: Transaction, job: Row[Any], befores: Sequence[Row[Any]], state: str) -> None:
    """Put rows into a state that there is a way to, with all that follows for their job."""
    now = tx.clock.now()
    tally = CounterChanges()
    for before in befores:
        values: dict[str, Any] = {"state": state, "open_slots": 0, "updated_at": now}
        if state == "new":
            values |= {"needed": 0, "order_id": None, "gold_pool": None}
        if state == "finalized":
            values["finalized_at"] = now
        if state in GOLD_STATES:
            values["gold_pool"] = _gold_pool(before.data) or before.gold_pool
            values["data"] = gold_answers.with_lists(job.gold, before.data)
        tx.run(updated(units).where(units.c.id == before.id).values(values))
        tally.leave(before.state, needed=before.needed, trusted=before.judgments_count)
        tally.enter(state)
    tally.save(tx, job.id)
    if state == "finalized":
        webhook_events.queue_units_complete(tx, job.id, [before.id for before in befores])
    for before in befores:
        if before.missed_count:
            forgiveness.regrade(tx, job, before.id)
    closing.finish_if_done(tx, job.id)


def delete(tx: Transaction, job: Row[Any], unit: Row[Any]) -> None:
    """Remove a row that nobody has judged, from a job that is not at work.

    :raises Invalid: The job is neither unordered nor paused, or the row was judged or is on a page.
    """
    current = jobs.load_for_update(tx, job)
    if current.state not in {"unordered", "paused"}:
        raise Invalid(f"Job {job.id} is {current.state}: rows are deleted before launch or paused.")
    before = find(tx, job, unit.id)
    shown = select(assignment_unit.c.unit_id).where(assignment_unit.c.unit_id == unit.id).limit(1)
    judged = select(judgment.c.id).where(judgment.c.unit_id == unit.id).limit(1)
    if tx.one(judged) is not None or tx.one(shown) is not None:
        raise Invalid(f"Unit {unit.id} has been shown to contributors. Cancel it instead.")
    tx.run(deleted(units).where(units.c.id == unit.id))
    tally = CounterChanges()
    tally.leave(before.state, needed=before.needed, trusted=before.judgments_count)
    tally.save(tx, job.id)
    tx.run(updated(jobs_table).where(jobs_table.c.id == job.id).values(seq_dense=False))


def copy(
    tx: Transaction,
    job: Row[Any],
    unit: Row[Any],
    *,
    into: Row[Any] | None = None,
    data: Mapping[str, Any] | None = None,
) -> Row[Any]:
    """Add a row like another one; test questions stay what they are, other rows are new.

    :param into: The job that gets it; by default the same.
    :param data: Columns that differ.
    :returns: The new row.
    """
    source = find(tx, job, unit.id)
    target = jobs.load_for_update(tx, into if into is not None else job)
    state = source.state if source.state in GOLD_STATES else "new"
    number = _insert(tx, target, {**source.data, **(data or {})}, state)
    orders.auto_order(tx, target)
    return _load(tx, number)


def cancel(tx: Transaction, job: Row[Any], unit: Row[Any]) -> Row[Any]:
    """Take a row out of the work; what it was to cost stays with its order until that ends.

    :raises Invalid: The row is neither new nor judgable, or it has judgments.
    """
    current = jobs.load_for_update(tx, job)
    before = find(tx, job, unit.id)
    if before.judgments_count:
        raise Invalid(f"Unit {unit.id} has judgments and cannot be canceled.")
    set_state(tx, current, unit, "canceled")
    return find(tx, job, unit.id)


def request_more_judgments(tx: Transaction, job: Row[Any], unit: Row[Any], count: int) -> Row[Any]:
    """Collect more judgments on a row than it was ordered with; what they may cost is taken aside.

    :param count: How many more.
    :raises Invalid: The count is not from 1 to :data:`MAX_MORE_JUDGMENTS`, the unit was never
        ordered, or the job is over.
    :raises Unfunded: The account holds less than the cost.
    """
    current = jobs.load_for_update(tx, job)
    before = find(tx, job, unit.id)
    if not 0 < count <= MAX_MORE_JUDGMENTS:
        raise Invalid(
            f"nb_judgments is how many more judgments to collect: a number from 1 to "
            f"{MAX_MORE_JUDGMENTS}, not {count}."
        )
    if before.order_id is None or before.state not in {"judgable", "finalized"}:
        raise Invalid(f"Unit {unit.id} is {before.state}; order it first.")
    if current.state not in {"running", "paused", "finished"}:
        raise Invalid(f"Job {job.id} is {current.state} and collects no more judgments.")
    order = orders.find(tx, job, before.order_id)
    if not all(money.is_free(tx, channel) for channel in order.channels):
        aside = orders.estimate_cost(tx, current, 1, count)
        money.require_funds(tx, current.account_id, aside)
        money.reopen_order(tx, order)
        money.reserve(tx, order, aside)
    needed = max(before.needed, before.judgments_count) + count
    _update_columns(tx, unit, state="judgable", needed=needed, finalized_at=None)
    closing.recount_open_slots(tx, [unit.id])
    after = find(tx, job, unit.id)
    tally = CounterChanges()
    tally.move(before, after)
    tally.save(tx, job.id)
    if current.state == "finished":
        runs = {"state": "running", "completed_at": None}
        tx.run(updated(jobs_table).where(jobs_table.c.id == job.id).values(runs))
    return after


def split(tx: Transaction, job: Row[Any], columns: Sequence[str], separator: str = " ") -> int:
    """Make lists of the texts in some columns of every row.

    :param separator: What stands between the items.
    :returns: How many rows changed.
    :raises Invalid: The job has no such column, or one of them holds lists already.
    """
    jobs.load_for_update(tx, job)
    known = uploads.read_columns(tx, job.id)
    for name in columns:
        if name not in known:
            raise Invalid(f"The job has no column {name}; it has {', '.join(known)}.")
    if not separator:
        raise Invalid("Send what stands between the items.")
    changed = []
    for row in tx.all(select(units.c.id, units.c.data).where(units.c.job_id == job.id)):
        for name in columns:
            if isinstance(row.data.get(name), list):
                raise Invalid(f"Column {name} is split already: unit {row.id} has a list in it.")
        texts = {name: row.data[name] for name in columns if isinstance(row.data.get(name), str)}
        if texts:
            lists = {name: text.split(separator) for name, text in texts.items()}
            changed.append((uploads.to_json({**row.data, **lists}), tx.clock.now(), row.id))
    bulk_queries.update_data(tx.driver, changed)
    return len(changed)


def _read_page(tx: Transaction, job: Row[Any], page: int, limit: int) -> Any:
    return bulk_queries.read_units(tx.driver, job.id, max(page, 1), min(limit, MAX_PAGE_SIZE))


def _check_data(job: Row[Any], data: Mapping[str, Any], state: str) -> dict[str, Any]:
    """Check a row's data, and bring it into the form that its state has."""
    stored = gold_answers.with_lists(job.gold, data) if state in GOLD_STATES else dict(data)
    try:
        uploads.to_json(stored)
    except (TypeError, ValueError) as error:
        raise Invalid(f"The data cannot be stored as JSON: {error}.") from None
    return stored


def _insert(tx: Transaction, job: Row[Any], data: Mapping[str, Any], state: str) -> int:
    stored = _check_data(job, data, state)
    uploads.add_columns(tx, job.id, data)
    now = tx.clock.now()
    values = {
        "job_id": job.id,
        "seq": job.next_seq,
        "state": state,
        "data": stored,
        "gold_pool": _gold_pool(data) if state in GOLD_STATES else None,
        "created_at": now,
        "updated_at": now,
    }
    number = tx.add(units, values)
    tally = CounterChanges()
    tally.enter(state)
    tally.save(tx, job.id)
    ahead = {"next_seq": jobs_table.c.next_seq + 1}
    tx.run(updated(jobs_table).where(jobs_table.c.id == job.id).values(ahead))
    return number


def _set_gold_pool(tx: Transaction, unit: Row[Any], pool: str) -> None:
    if pool and pool not in GOLD_POOLS:
        raise Invalid(
            f"gold_pool has to be one of {', '.join(GOLD_POOLS)}, or empty, not {pool:.40}."
        )
    if unit.state not in GOLD_STATES:
        raise Invalid(f"Unit {unit.id} is {unit.state}: only test questions have a gold_pool.")
    _update_columns(tx, unit, gold_pool=pool or None)


def _gold_pool(data: Mapping[str, Any]) -> str | None:
    """Read where a test question is to be asked, when its row says so."""
    pool = data.get("_gold_pool")
    return pool if pool in GOLD_POOLS else None


def _load(tx: Transaction, unit_id: int) -> Row[Any]:
    found: Row[Any] = tx.one(select(units).where(units.c.id == unit_id))
    return found


def _update_columns(tx: Transaction, unit: Row[Any], **values: Any) -> None:
    values["updated_at"] = tx.clock.now()
    tx.run(updated(units).where(units.c.id == unit.id).values(values))
