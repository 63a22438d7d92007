"""Applies the stopping rule: finalizes and reopens units whose judgments change."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Row, select, update

from crowdflower.sandbox.rules.completion import closing, stopping_rule
from crowdflower.sandbox.rules.counters import CounterChanges
from crowdflower.sandbox.rules.results import aggregation, webhook_events
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.fast import agreements
from crowdflower.sandbox.store.tables import unit

ACTIVE_STATES: Final = frozenset({"running", "paused"})
"""States of a job in which a finalized unit can reopen."""


def change_counts(
    tx: Transaction, job: Row[Any], unit_ids: Collection[int], *, trusted: int = 0, tainted: int = 0
) -> None:
    """Change the judgment counts of some units, and finalize or reopen the units accordingly.

    A judgable unit with enough judgments is finalized. A finalized unit that lacks judgments
    reopens while its job is active, unless the job has ``units_remain_finalized``.

    :param trusted: Added to the number of trusted judgments of each unit.
    :param tainted: Added to the number of tainted judgments of each unit.
    """
    if not unit_ids:
        return
    now = tx.clock.now()
    reopens = job.state in ACTIVE_STATES and not job.units_remain_finalized
    changes = CounterChanges()
    finalized: list[int] = []
    ids = sorted(unit_ids)
    for start in range(0, len(ids), closing.BATCH_SIZE):
        batch = ids[start : start + closing.BATCH_SIZE]
        in_batch = unit.c.id.in_(batch)
        query = select(unit).where(in_batch).order_by(unit.c.id)
        units = tx.all(query)
        counts: dict[str, Any] = {
            "judgments_count": unit.c.judgments_count + trusted,
            "tainted_count": unit.c.tainted_count + tainted,
        }
        if trusted + tainted:  # otherwise no column of the unit's JSON changes
            counts["updated_at"] = now
        tx.run(update(unit).where(in_batch).values(counts))
        judgments = aggregation.read_trusted(tx, batch)
        for before in units:
            state, needed = stopping_rule.next_state(
                job,
                before.state,
                before.needed,
                before.judgments_count + trusted,
                judgments.get(before.id, ()),
                may_reopen=reopens and before.order_id is not None,
            )
            values: dict[str, Any] = {"state": state, "needed": needed}
            if state != before.state:
                values |= {"finalized_at": now if state == "finalized" else None, "open_slots": 0}
                values |= {"updated_at": now, "agreement": None}
            if state != before.state or needed != before.needed:
                tx.run(update(unit).where(unit.c.id == before.id).values(values))
        closing.recount_open_slots(tx, batch)
        agreed = []
        for before, after in zip(units, tx.all(query), strict=True):
            changes.move(before, after)
            if after.state == "finalized" != before.state:
                finalized.append(after.id)
            # A judgment counts for the agreement with or without trust, until it is rejected.
            if after.state == "finalized" and (trusted + tainted or before.state != "finalized"):
                agreed.append(after.id)
        agreements.write_agreements(tx.driver, job.fields or {}, agreed)
    changes.save(tx, job.id)
    webhook_events.queue_units_complete(tx, job.id, finalized)
    closing.finish_if_done(tx, job.id)
