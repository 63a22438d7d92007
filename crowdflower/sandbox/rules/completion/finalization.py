"""Applies the stopping rule: finalizes and reopens units whose judgments change."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Row, select, update

from crowdflower.sandbox.rules.completion import closing, stopping_rule
from crowdflower.sandbox.rules.counters import CounterChanges
from crowdflower.sandbox.rules.results import aggregation, webhook_events
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import unit

ACTIVE_STATES: Final = frozenset({"running", "paused"})
"""States of a job in which a row can open again."""


def change_counts(
    tx: Transaction, job: Row[Any], unit_ids: Collection[int], *, trusted: int = 0, tainted: int = 0
) -> None:
    """Change how many judgments each of some rows has, and open or close the rows accordingly.

    A finalized row that lacks judgments opens again while its job is at work, unless the job says
    that rows remain finalized. An open row that has enough is finalized.

    :param trusted: By how many trusted judgments each row changes.
    :param tainted: By how many judgments that do not count each row changes.
    """
    if not unit_ids:
        return
    now = tx.clock.now()
    reopens = job.state in ACTIVE_STATES and not job.units_remain_finalized
    tally = CounterChanges()
    complete: list[int] = []
    ids = sorted(unit_ids)
    for at in range(0, len(ids), closing.BATCH_SIZE):
        some = ids[at : at + closing.BATCH_SIZE]
        named = unit.c.id.in_(some)
        rows = select(unit).where(named).order_by(unit.c.id)
        befores = tx.all(rows)
        changed = {
            "judgments_count": unit.c.judgments_count + trusted,
            "tainted_count": unit.c.tainted_count + tainted,
            "updated_at": now,
        }
        tx.run(update(unit).where(named).values(changed))
        judgments = aggregation.read_trusted(tx, some)
        for before in befores:
            state, needed = stopping_rule.next_state(
                job,
                before.state,
                before.needed,
                before.judgments_count + trusted,
                judgments.get(before.id, ()),
                may_reopen=reopens and before.order_id is not None,
            )
            moved: dict[str, Any] = {"state": state, "needed": needed}
            if state != before.state:
                moved |= {"finalized_at": now if state == "finalized" else None, "open_slots": 0}
            if state != before.state or needed != before.needed:
                tx.run(update(unit).where(unit.c.id == before.id).values(moved))
        closing.recount_open_slots(tx, some)
        for before, after in zip(befores, tx.all(rows), strict=True):
            tally.move(before, after)
            if after.state == "finalized" != before.state:
                complete.append(after.id)
    tally.save(tx, job.id)
    webhook_events.queue_units_complete(tx, job.id, complete)
    closing.finish_if_done(tx, job.id)
