"""A job like another one, with as many of its rows as asked for."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, case, func, insert, literal, select, update

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
        "completed_at",
        "deleted_at",
    }
)
"""What a copy does not take over but begins anew; besides, it has a secret of its own."""

KEPT_STATES: Final = (*sorted(GOLD_STATES), "canceled")
"""States that a copied row keeps; every other row is new again."""


def copy(
    tx: Transaction,
    job: Row[Any],
    *,
    all_units: bool = False,
    gold: bool = False,
    only_new_and_judgable: bool = False,
) -> Row[Any]:
    """Make a job with the same settings, form and columns; no judgments, no channels, no tags.

    :param all_units: With every row, canceled ones and test questions too; goes before the others.
    :param gold: With the test questions.
    :param only_new_and_judgable: With the rows that have no result yet.
    :returns: The new job.
    """
    source = tx.one(select(jobs).where(jobs.c.id == job.id))
    now = tx.clock.now()
    owner = tx.one(select(account.c.email).where(account.c.id == source.account_id))
    values = {name: value for name, value in source._mapping.items() if name not in NOT_COPIED}  # noqa: SLF001
    values |= {
        "secret": tx.clock.job_secret(),
        "support_email": owner.email,
        "options": {name: value for name, value in source.options.items() if name != "mail_to"},
        "copied_from": source.id,
        "created_at": now,
        "updated_at": now,
    }
    number = tx.add(jobs, values)
    columns = select(literal(number), job_column.c.name, job_column.c.ordinal)
    tx.run(
        insert(job_column).from_select(
            ["job_id", "name", "ordinal"], columns.where(job_column.c.job_id == job.id)
        )
    )
    if all_units:
        _copy_units(tx, job.id, number, None)
    elif gold:
        _copy_units(tx, job.id, number, sorted(GOLD_STATES))
    elif only_new_and_judgable:
        _copy_units(tx, job.id, number, ["new", "judgable"])
    copied: Row[Any] = tx.one(select(jobs).where(jobs.c.id == number))
    return copied


def _copy_units(tx: Transaction, source: int, target: int, states: list[str] | None) -> None:
    now = tx.clock.now()
    place = func.row_number().over(order_by=unit.c.seq)
    state = case((unit.c.state.in_(KEPT_STATES), unit.c.state), else_="new")
    rows = (
        select(
            literal(target),
            place,
            state,
            unit.c.data,
            unit.c.gold_pool,
            literal(now),
            literal(now),
        )
        .where(unit.c.job_id == source)
        .order_by(unit.c.seq)
    )
    if states is not None:
        rows = rows.where(unit.c.state.in_(states))
    into = ["job_id", "seq", "state", "data", "gold_pool", "created_at", "updated_at"]
    tx.run(insert(unit).from_select(into, rows))
    tally = CounterChanges()
    counted = select(unit.c.state, func.count().label("rows")).where(unit.c.job_id == target)
    for row in tx.all(counted.group_by(unit.c.state)):
        tally.enter(row.state, rows=row.rows)
    tx.run(update(jobs).where(jobs.c.id == target).values(next_seq=tally.units + 1))
    tally.save(tx, target)
