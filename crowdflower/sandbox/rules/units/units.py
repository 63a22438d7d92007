"""Units: create, read, change, cancel, copy and delete them, and the states they can change to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy import delete as sql_delete
from sqlalchemy import update as sql_update

from crowdflower._types import Message
from crowdflower.sandbox.errors import Invalid, NotFound
from crowdflower.sandbox.rules import gold_answers, money, visibility
from crowdflower.sandbox.rules.completion import closing, forgiveness
from crowdflower.sandbox.rules.counters import GOLD_STATES, CounterChanges
from crowdflower.sandbox.rules.jobs import caps, jobs, orders
from crowdflower.sandbox.rules.results import webhook_events
from crowdflower.sandbox.rules.settings import questions
from crowdflower.sandbox.rules.settings.source_columns import read_columns
from crowdflower.sandbox.rules.settings.value_types import truthy
from crowdflower.sandbox.rules.units import uploads
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.fast import agreements, bulk_queries
from crowdflower.sandbox.store.tables import assignment_unit, judgment
from crowdflower.sandbox.store.tables import job as jobs_table
from crowdflower.sandbox.store.tables import unit as units

MAX_PAGE_SIZE: Final = 1000
"""Maximum number of units on a page of the list."""

MAX_MORE_JUDGMENTS: Final = 1000
"""Maximum number of further judgments of a unit to request at a time."""

SETTABLE_STATES: Final = ("new", "golden", "hidden_gold", "finalized", "canceled")
"""States that a request can set."""

GOLD_POOLS: Final = ("quiz", "work")
"""Values of ``gold_pool``: a test question is asked only in the quiz, or only in work."""

ALLOWED_FROM: Final = {
    "new": GOLD_STATES,
    "golden": frozenset({"new", "judgable", "finalized", "hidden_gold"}),
    "hidden_gold": frozenset({"new", "judgable", "finalized", "golden"}),
    "finalized": frozenset({"new", "judgable"}),
    "canceled": frozenset({"new", "judgable"}),
}
"""The states from which each state can be set."""


def read_page(tx: Transaction, job: Row[Any], page: int = 1, limit: int = 1000) -> dict[int, Any]:
    """Read a page of units in the order of upload: ``{id: data}``, empty past the end."""
    return {number: json.loads(text) for number, text in _read_page(tx, job, page, limit)}


def read_page_json(tx: Transaction, job: Row[Any], page: int = 1, limit: int = 1000) -> str:
    """Read a page of units as :func:`read_page` does, as JSON text that is never decoded."""
    members = (f'"{number}":{text}' for number, text in _read_page(tx, job, page, limit))
    return "{" + ",".join(members) + "}"


def create(
    tx: Transaction, job: Row[Any], data: Mapping[str, Any], *, golden: bool = False
) -> Row[Any]:
    """Add a unit to a job; columns that the job lacks are added to it.

    :param golden: Create a test question; a true value in column ``_golden`` does so, too.
    :returns: The unit, ordered already if the job has ``auto_order``. If the automatic order was
        not possible, a warning says why.
    :raises Invalid: The data cannot be stored as JSON.
    """
    current = jobs.load_for_update(tx, job)
    state = "golden" if golden or truthy(data.get("_golden")) else "new"
    number = _insert(tx, current, data, state)
    orders.auto_order(tx, job)
    return _load(tx, number)


def find(tx: Transaction, job: Row[Any], unit_id: int) -> Row[Any]:
    """Find a unit of a job.

    :raises NotFound: The job has no unit with this id.
    """
    found: Row[Any] | None = tx.one(
        select(units).where(units.c.id == unit_id, *visibility.units_of(tx, job.id))
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
    """Change a unit.

    :param data: Replaces all of the unit's data.
    :param state: One of :data:`SETTABLE_STATES`.
    :param golden: Make the unit a test question, or a new unit again.
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
    """Set the state of a unit, and update its job accordingly.

    :raises Invalid: The state is unknown, or the unit cannot change to it.
    """
    if state not in SETTABLE_STATES:
        raise Invalid(f"state must be one of {', '.join(SETTABLE_STATES)}, not {state}.")
    before = find(tx, job, unit.id)
    if before.state == state:
        return
    if before.state not in ALLOWED_FROM[state]:
        text = f"Unit {unit.id} is {before.state} and cannot become {state}."
        raise Invalid(Message(text, "wrong_state", row=before.seq, state=before.state))
    set_states(tx, job, [before], state)


def set_states(tx: Transaction, job: Row[Any], rows: Sequence[Row[Any]], state: str) -> None:
    """Set the state of units that can all change to it, and update their job accordingly."""
    now = tx.clock.now()
    changes = CounterChanges()
    if rows and state in GOLD_STATES:
        job = _with_gold_columns(tx, job)
    for before in rows:
        values: dict[str, Any] = {
            "state": state,
            "open_slots": 0,
            "agreement": None,
            "updated_at": now,
        }
        if state == "new":
            values |= {"needed": 0, "order_id": None, "gold_pool": None}
        if state == "finalized":
            values["finalized_at"] = now
        if state in GOLD_STATES:
            values["gold_pool"] = _gold_pool(before.data) or before.gold_pool
            values["data"] = gold_answers.with_lists(job.gold, before.data)
        tx.run(sql_update(units).where(units.c.id == before.id).values(values))
        changes.leave(before.state, needed=before.needed, trusted=before.judgments_count)
        changes.enter(state)
    changes.save(tx, job.id)
    if state == "finalized":
        finalized = [before.id for before in rows]
        agreements.write_agreements(tx.driver, job.fields or {}, finalized)
        webhook_events.queue_units_complete(tx, job.id, finalized)
    for before in rows:
        if before.missed_count:
            forgiveness.regrade(tx, job, before.id)
    closing.finish_if_done(tx, job.id)


def delete(tx: Transaction, job: Row[Any], unit: Row[Any]) -> None:
    """Delete a unit without judgments from a job that is unordered or paused.

    :raises Invalid: The job is neither unordered nor paused, or the unit was judged or on a page.
    """
    current = jobs.load_for_update(tx, job)
    if current.state not in {"unordered", "paused"}:
        raise Invalid(f"Job {job.id} is {current.state}. Pause it before you delete a unit.")
    before = find(tx, job, unit.id)
    pages = select(assignment_unit.c.unit_id).where(assignment_unit.c.unit_id == unit.id).limit(1)
    judgments = select(judgment.c.id).where(judgment.c.unit_id == unit.id).limit(1)
    if tx.one(judgments) is not None or tx.one(pages) is not None:
        raise Invalid(f"Unit {unit.id} was on a contributor's page. Cancel it instead.")
    tx.run(sql_delete(units).where(units.c.id == unit.id))
    changes = CounterChanges()
    changes.leave(before.state, needed=before.needed, trusted=before.judgments_count)
    changes.save(tx, job.id)
    tx.run(sql_update(jobs_table).where(jobs_table.c.id == job.id).values(seq_dense=False))


def copy(
    tx: Transaction,
    job: Row[Any],
    unit: Row[Any],
    *,
    into: Row[Any] | None = None,
    data: Mapping[str, Any] | None = None,
) -> Row[Any]:
    """Copy a unit; a test question stays a test question, any other unit becomes new.

    :param into: The job to copy it to; by default the same job.
    :param data: Columns to change in the copy.
    :returns: The new unit.
    """
    source = find(tx, job, unit.id)
    target = jobs.load_for_update(tx, into if into is not None else job)
    state = source.state if source.state in GOLD_STATES else "new"
    number = _insert(tx, target, {**source.data, **(data or {})}, state)
    orders.auto_order(tx, target)
    return _load(tx, number)


def cancel(tx: Transaction, job: Row[Any], unit: Row[Any]) -> Row[Any]:
    """Cancel a unit; its order keeps the reserved cost until the job ends.

    :raises Invalid: The unit is neither new nor judgable, or it has judgments.
    """
    current = jobs.load_for_update(tx, job)
    before = find(tx, job, unit.id)
    if before.judgments_count or before.tainted_count:
        text = f"Unit {unit.id} has judgments and cannot be canceled."
        raise Invalid(Message(text, "has_judgments", row=before.seq))
    set_state(tx, current, unit, "canceled")
    return find(tx, job, unit.id)


def request_more_judgments(tx: Transaction, job: Row[Any], unit: Row[Any], count: int) -> Row[Any]:
    """Collect more judgments of a unit than it was ordered with, and reserve their cost.

    :param count: The number of further judgments.
    :raises Invalid: The count is not from 1 to :data:`MAX_MORE_JUDGMENTS`, the unit was never
        ordered, or the job is over or at its cap.
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
        text = f"Unit {unit.id} is {before.state}; order it first."
        raise Invalid(Message(text, "not_ordered_row", row=before.seq))
    if current.state not in {"running", "paused", "finished"}:
        text = f"Job {job.id} is {current.state} and collects no more judgments."
        raise Invalid(Message(text, "no_more_judgments"))
    caps.require_room(tx, current)
    order = orders.find(tx, job, before.order_id)
    if not all(money.is_free(tx, channel) for channel in order.channels):
        cost = orders.estimate_cost(tx, current, 1, count)
        money.require_funds(tx, current.account_id, cost)
        money.reopen_order(tx, order)
        money.reserve(tx, order, cost)
    needed = max(before.needed, before.judgments_count) + count
    _update_columns(tx, unit, state="judgable", needed=needed, finalized_at=None, agreement=None)
    closing.recount_open_slots(tx, [unit.id])
    after = find(tx, job, unit.id)
    changes = CounterChanges()
    changes.move(before, after)
    changes.save(tx, job.id)
    if current.state == "finished":
        values = {"state": "running", "completed_at": None}
        tx.run(sql_update(jobs_table).where(jobs_table.c.id == job.id).values(values))
    return after


def split(tx: Transaction, job: Row[Any], columns: Sequence[str], separator: str = " ") -> int:
    """Split the strings in some columns of every unit into lists.

    :param separator: The string between the items.
    :returns: The number of units changed.
    :raises Invalid: A column is unknown or has lists already, or the separator is empty.
    """
    jobs.load_for_update(tx, job)
    known = read_columns(tx, job.id)
    for name in columns:
        if name not in known:
            raise Invalid(f"The job has no column {name}; it has {', '.join(known)}.")
    if not separator:
        raise Invalid("Send the separator between the items.")
    lines = []
    for row in tx.all(select(units.c.id, units.c.data).where(*visibility.units_of(tx, job.id))):
        for name in columns:
            if isinstance(row.data.get(name), list):
                raise Invalid(f"Column {name} is split already: unit {row.id} has a list in it.")
        texts = {name: row.data[name] for name in columns if isinstance(row.data.get(name), str)}
        if texts:
            lists = {name: text.split(separator) for name, text in texts.items()}
            lines.append((uploads.to_json({**row.data, **lists}), tx.clock.now(), row.id))
    bulk_queries.update_data(tx.driver, lines)
    return len(lines)


def _read_page(tx: Transaction, job: Row[Any], page: int, limit: int) -> Any:
    return bulk_queries.read_units(tx.driver, job.id, max(page, 1), min(limit, MAX_PAGE_SIZE))


def _check_data(job: Row[Any], data: Mapping[str, Any], state: str) -> dict[str, Any]:
    """Return the data as it is stored in this state; a test question has lists of answers.

    :raises Invalid: The data cannot be stored as JSON.
    """
    stored = gold_answers.with_lists(job.gold, data) if state in GOLD_STATES else dict(data)
    try:
        uploads.to_json(stored)
    except (TypeError, ValueError) as error:
        text = f"The data cannot be stored as JSON: {error}."
        raise Invalid(Message(text, "not_storable")) from None
    return stored


def _with_gold_columns(tx: Transaction, job: Row[Any]) -> Row[Any]:
    """Return a job that has ``gold``; a reset has removed it, and new test questions need it."""
    columns = {} if job.gold else questions.gold_columns(job)
    if not columns:
        return job
    tx.run(sql_update(jobs_table).where(jobs_table.c.id == job.id).values(gold=columns))
    return jobs.reload(tx, job)


def _insert(tx: Transaction, job: Row[Any], data: Mapping[str, Any], state: str) -> int:
    if state in GOLD_STATES:
        job = _with_gold_columns(tx, job)
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
    changes = CounterChanges()
    changes.enter(state)
    changes.save(tx, job.id)
    ahead = {"next_seq": jobs_table.c.next_seq + 1}
    tx.run(sql_update(jobs_table).where(jobs_table.c.id == job.id).values(ahead))
    return number


def _set_gold_pool(tx: Transaction, unit: Row[Any], pool: str) -> None:
    if pool and pool not in GOLD_POOLS:
        raise Invalid(
            f"gold_pool must be one of {', '.join(GOLD_POOLS)}, or empty, not {pool:.40}."
        )
    if unit.state not in GOLD_STATES:
        raise Invalid(f"Unit {unit.id} is {unit.state}: only test questions have a gold_pool.")
    _update_columns(tx, unit, gold_pool=pool or None)


def _gold_pool(data: Mapping[str, Any]) -> str | None:
    """Return the pool that column ``_gold_pool`` names, if it is a known one."""
    pool = data.get("_gold_pool")
    return pool if pool in GOLD_POOLS else None


def _load(tx: Transaction, unit_id: int) -> Row[Any]:
    found: Row[Any] = tx.one(select(units).where(units.c.id == unit_id))
    return found


def _update_columns(tx: Transaction, unit: Row[Any], **values: Any) -> None:
    values["updated_at"] = tx.clock.now()
    tx.run(sql_update(units).where(units.c.id == unit.id).values(values))
