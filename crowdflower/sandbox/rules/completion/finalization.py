"""When a row has judgments enough, and what follows when it gains or loses some.

Source: Appen, `Guide to: Dynamic Judgments
<https://success.appen.com/hc/en-us/articles/203219205>`_.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Row, select, update

from crowdflower.sandbox.rules.completion import closing
from crowdflower.sandbox.rules.counters import Tally
from crowdflower.sandbox.rules.results import aggregation, webhook_events
from crowdflower.sandbox.rules.results.aggregation import Given
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import unit

AT_WORK: Final = frozenset({"running", "paused"})
"""States of a job in which a row can open again."""


def is_final(job: Any, given: Collection[Given]) -> bool:
    """Tell whether a row whose trusted judgments are all in needs no more of them.

    Without dynamic judgments it never does. With them, one more is collected until each question
    that decides has an answer of confidence enough, or ``options.dynamic_matching`` contributors
    who agree, or until the row has as many judgments as a row may have.

    :param job: A row of it, or what handing out pages reads of it.
    :param given: The trusted judgments of the row, as many as it was to have.
    """
    if job.variable_judgments_mode == "none":
        return True
    most = job.max_judgments_per_unit
    if most is not None and len(given) >= most:
        return True
    alike = job.options.get("dynamic_matching")
    if alike:
        return all(
            aggregation.most_alike(name, given) >= alike for name in aggregation.deciding(job)
        )
    least = job.min_unit_confidence or 0.0
    confidences = (aggregation.confidence(job, name, given) for name in aggregation.deciding(job))
    return all(sure is None or sure >= least for sure in confidences)


def shift(
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
    tally = Tally()
    complete: list[int] = []
    ids = sorted(unit_ids)
    for at in range(0, len(ids), closing.AT_ONCE):
        some = ids[at : at + closing.AT_ONCE]
        named = unit.c.id.in_(some)
        rows = select(unit).where(named).order_by(unit.c.id)
        befores = tx.all(rows)
        changed = {
            "judgments_count": unit.c.judgments_count + trusted,
            "tainted_count": unit.c.tainted_count + tainted,
            "updated_at": now,
        }
        tx.run(update(unit).where(named).values(changed))
        given = aggregation.read_all(tx, some)
        for before in befores:
            enough = given.get(before.id, [])
            state, needed = _next(job, before, before.judgments_count + trusted, enough)
            moved: dict[str, Any] = {"state": state, "needed": needed}
            if state != before.state:
                moved |= {"finalized_at": now if state == "finalized" else None, "open_slots": 0}
            if state != before.state or needed != before.needed:
                tx.run(update(unit).where(unit.c.id == before.id).values(moved))
        closing.count_slots(tx, some)
        for before, after in zip(befores, tx.all(rows), strict=True):
            tally.move(before, after)
            if after.state == "finalized" != before.state:
                complete.append(after.id)
    tally.save(tx, job.id)
    webhook_events.units_complete(tx, job.id, complete)
    closing.finish_if_done(tx, job.id)


def _next(
    job: Row[Any], before: Row[Any], trusted: int, given: Collection[Given]
) -> tuple[str, int]:
    """Say what a row becomes that has so many trusted judgments, and how many it is to have."""
    state, needed = str(before.state), int(before.needed)
    if state == "finalized" and trusted < needed:
        reopens = job.state in AT_WORK and not job.units_remain_finalized and before.order_id
        return ("judgable" if reopens else state), needed
    if state == "judgable" and trusted >= needed:
        return ("finalized", needed) if is_final(job, given) else (state, trusted + 1)
    return state, needed
