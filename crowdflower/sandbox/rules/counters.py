"""The counters of a job, changed together with the rows they count."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Row, case, update

from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.fast.page_queries import PageUnitRow
from crowdflower.sandbox.store.tables import job

GOLD_STATES = frozenset({"golden", "hidden_gold"})
"""Rows that are test questions."""

LARGE_PAGE = 20
"""Rows on a page from which on it has two test questions, unless the job says otherwise."""


def missing_judgments(state: str, needed: int, trusted: int) -> int:
    """Count the judgments a row still lacks.

    >>> (
    ...     missing_judgments("judgable", needed=3, trusted=1),
    ...     missing_judgments("finalized", needed=3, trusted=1),
    ... )
    (2, 0)
    """
    return max(0, needed - trusted) if state == "judgable" else 0


@dataclass
class CounterChanges:
    """By how much the counters of one job change.

    >>> tally = CounterChanges()
    >>> tally.leave("new")
    >>> tally.enter("judgable", needed=3)
    >>> tally.units, tally.judgable, tally.needed
    (0, 1, 3)
    """

    units: int = 0
    golds: int = 0
    judgable: int = 0
    finalized: int = 0
    needed: int = 0
    judgments: int = 0
    tainted: int = 0

    def enter(self, state: str, *, needed: int = 0, trusted: int = 0, rows: int = 1) -> None:
        """Count rows that have come into a state."""
        self.units += rows
        self.golds += rows * (state in GOLD_STATES)
        self.judgable += rows * (state == "judgable")
        self.finalized += rows * (state == "finalized")
        self.needed += rows * missing_judgments(state, needed, trusted)

    def leave(self, state: str, *, needed: int = 0, trusted: int = 0, rows: int = 1) -> None:
        """Count rows that are no longer in a state."""
        self.enter(state, needed=needed, trusted=trusted, rows=-rows)

    def move(self, before: Row[Any] | PageUnitRow, after: Row[Any] | PageUnitRow) -> None:
        """Count a row that was one thing and is another."""
        if before.state == after.state:
            self.needed += missing_judgments(after.state, after.needed, after.judgments_count)
            self.needed -= missing_judgments(before.state, before.needed, before.judgments_count)
            return
        self.leave(before.state, needed=before.needed, trusted=before.judgments_count)
        self.enter(after.state, needed=after.needed, trusted=after.judgments_count)

    def save(self, tx: Transaction, job_id: int) -> None:
        """Change the counters of the job.

        The first test questions also bring their number on a page, if the job does not have one:
        one for pages of up to 19 rows, two for larger ones.

        Source: Appen, `Guide to: Test Question Best Practices and Quiz Mode
        <https://success.appen.com/hc/en-us/articles/211363686>`_.
        """
        changes: dict[str, Any] = {
            f"{item.name}_count": job.c[f"{item.name}_count"] + getattr(self, item.name)
            for item in fields(self)
            if getattr(self, item.name)
        }
        if self.golds > 0:
            by_size = case((job.c.units_per_assignment < LARGE_PAGE, 1), else_=2)
            first = (job.c.golds_count == 0) & (job.c.gold_per_assignment == 0)
            changes["gold_per_assignment"] = case((first, by_size), else_=job.c.gold_per_assignment)
        changes["updated_at"] = tx.clock.now()
        tx.run(update(job).where(job.c.id == job_id).values(changes))
