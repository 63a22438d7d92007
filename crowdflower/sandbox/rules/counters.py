"""The counters of a job, updated in the transaction that changes the units they count."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from sqlalchemy import Row, case, update

from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.fast.page_queries import PageUnitRow
from crowdflower.sandbox.store.tables import job

GOLD_STATES = frozenset({"golden", "hidden_gold"})
"""States of test questions."""

LARGE_PAGE = 20
"""Units per page from which a page has two test questions by default, instead of one."""


def missing_judgments(state: str, needed: int, trusted: int) -> int:
    """Return how many trusted judgments a unit still needs.

    >>> (
    ...     missing_judgments("judgable", needed=3, trusted=1),
    ...     missing_judgments("finalized", needed=3, trusted=1),
    ... )
    (2, 0)
    """
    return max(0, needed - trusted) if state == "judgable" else 0


class CountedUnit(NamedTuple):
    """What a unit counts for; a row of a unit has the same attributes."""

    state: str
    needed: int
    judgments_count: int


@dataclass
class CounterChanges:
    """Differences to add to the counters of one job.

    >>> changes = CounterChanges()
    >>> changes.leave("new")
    >>> changes.enter("judgable", needed=3)
    >>> changes.units, changes.judgable, changes.needed
    (0, 1, 3)
    """

    units: int = 0
    golds: int = 0
    judgable: int = 0
    finalized: int = 0
    needed: int = 0
    judgments: int = 0
    tainted: int = 0

    def enter(self, state: str, *, needed: int = 0, trusted: int = 0, count: int = 1) -> None:
        """Count units that enter a state."""
        self.units += count
        self.golds += count * (state in GOLD_STATES)
        self.judgable += count * (state == "judgable")
        self.finalized += count * (state == "finalized")
        self.needed += count * missing_judgments(state, needed, trusted)

    def leave(self, state: str, *, needed: int = 0, trusted: int = 0, count: int = 1) -> None:
        """Count units that leave a state."""
        self.enter(state, needed=needed, trusted=trusted, count=-count)

    def move(self, before: Row[Any] | PageUnitRow, after: Row[Any] | CountedUnit) -> None:
        """Count a unit that changed."""
        if before.state == after.state:
            self.needed += missing_judgments(after.state, after.needed, after.judgments_count)
            self.needed -= missing_judgments(before.state, before.needed, before.judgments_count)
            return
        self.leave(before.state, needed=before.needed, trusted=before.judgments_count)
        self.enter(after.state, needed=after.needed, trusted=after.judgments_count)

    def save(self, tx: Transaction, job_id: int) -> None:
        """Add the differences to the counters of a job.

        The first test questions of a job also set ``gold_per_assignment``, if it is 0: to one for
        pages of up to 19 units, to two for larger pages.

        Source: Appen, `Guide to: Test Question Best Practices and Quiz Mode
        <https://success.appen.com/hc/en-us/articles/211363686>`_.
        """
        values: dict[str, Any] = {
            f"{item.name}_count": job.c[f"{item.name}_count"] + getattr(self, item.name)
            for item in fields(self)
            if getattr(self, item.name)
        }
        if self.golds > 0:
            by_size = case((job.c.units_per_assignment < LARGE_PAGE, 1), else_=2)
            first = (job.c.golds_count == 0) & (job.c.gold_per_assignment == 0)
            values["gold_per_assignment"] = case((first, by_size), else_=job.c.gold_per_assignment)
        values["updated_at"] = tx.clock.now()
        tx.run(update(job).where(job.c.id == job_id).values(values))
