"""Copies a job, with or without its units."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, case, func, insert, literal, select, update

from crowdflower.sandbox.rules import visibility
from crowdflower.sandbox.rules.counters import GOLD_STATES, CounterChanges
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import account, job_column, unit
from crowdflower.sandbox.store.tables import job as jobs

NOT_COPIED: Final = frozenset(
    {
        "id",
        "alias",
        "state",
        "project_number",
        "units_count",
        "golds_count",
        "judgable_count",
        "finalized_count",
        "needed_count",
        "judgments_count",
        "tainted_count",
        "upload_error",
        "waiting_since",
        "webhook_disabled_at",
        "crowd_costs_mc",
        "next_seq",
        "seq_dense",
        "cap_mc",
        "pause_reason",
        "completed_at",
        "deleted_at",
    }
)
"""Columns that a copy starts with their defaults; the secret of a copy is new, too."""

FORM_DRAFT: Final = "form_draft"
"""Key in ``extras`` of a form that is being written; neither the API nor a copy of a job has it."""

NOT_COPIED_EXTRAS: Final = frozenset({"team_id", FORM_DRAFT})

KEPT_STATES: Final = (*sorted(GOLD_STATES), "canceled")
"""States that a copied unit keeps; every other unit becomes new."""


def copy(
    tx: Transaction,
    job: Row[Any],
    *,
    all_units: bool = False,
    gold: bool = False,
    only_new_and_judgable: bool = False,
) -> Row[Any]:
    """Copy a job: its settings, form and columns, but no judgments, channels or tags.

    :param all_units: Copy every unit, with canceled ones and test questions; overrides the others.
    :param gold: Copy the test questions.
    :param only_new_and_judgable: Copy the units that are not finalized.
    :returns: The new job.
    """
    source = tx.one(select(jobs).where(jobs.c.id == job.id))
    now = tx.clock.now()
    owner = tx.one(select(account.c.email).where(account.c.id == source.account_id))
    values = {name: value for name, value in source._mapping.items() if name not in NOT_COPIED}  # noqa: SLF001
    values |= {
        "secret": tx.clock.job_secret(),
        "support_email": owner.email,
        "options": {**source.options, "mail_to": owner.email},
        "extras": {
            name: value for name, value in source.extras.items() if name not in NOT_COPIED_EXTRAS
        },
        "copied_from": source.id,
        "created_at": now,
        "updated_at": now,
    }
    copy_id = tx.add(jobs, values)
    columns = select(literal(copy_id), job_column.c.name, job_column.c.ordinal)
    tx.run(
        insert(job_column).from_select(
            ["job_id", "name", "ordinal"], columns.where(job_column.c.job_id == job.id)
        )
    )
    if all_units:
        _copy_units(tx, job.id, copy_id, None)
    elif gold:
        _copy_units(tx, job.id, copy_id, sorted(GOLD_STATES))
    elif only_new_and_judgable:
        _copy_units(tx, job.id, copy_id, ["new", "judgable"])
    created: Row[Any] = tx.one(select(jobs).where(jobs.c.id == copy_id))
    return created


def _copy_units(tx: Transaction, source: int, target: int, states: list[str] | None) -> None:
    now = tx.clock.now()
    seq = func.row_number().over(order_by=unit.c.seq)
    state = case((unit.c.state.in_(KEPT_STATES), unit.c.state), else_="new")
    rows = (
        select(
            literal(target),
            seq,
            state,
            unit.c.data,
            unit.c.gold_pool,
            literal(now),
            literal(now),
        )
        .where(*visibility.units_of(tx, source))
        .order_by(unit.c.seq)
    )
    if states is not None:
        rows = rows.where(unit.c.state.in_(states))
    into = ["job_id", "seq", "state", "data", "gold_pool", "created_at", "updated_at"]
    tx.run(insert(unit).from_select(into, rows))
    changes = CounterChanges()
    by_state = select(unit.c.state, func.count().label("units")).where(unit.c.job_id == target)
    for row in tx.all(by_state.group_by(unit.c.state)):
        changes.enter(row.state, count=row.units)
    tx.run(update(jobs).where(jobs.c.id == target).values(next_seq=changes.units + 1))
    changes.save(tx, target)
