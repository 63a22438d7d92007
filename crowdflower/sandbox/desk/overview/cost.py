"""What a job has cost, what is reserved for it, and what it will cost.

Estimates come from :func:`~crowdflower.sandbox.rules.jobs.orders.estimate_cost`, by which an order
reserves money, and from what a judgment has cost so far.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from crowdflower.sandbox.rules.jobs import caps, orders
from crowdflower.sandbox.store.fast import job_history, page_money

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

ENOUGH: Final = 20
"""Judgments from which on their cost, and their rate, tell something about those to come."""


class Cost(NamedTuple):
    """The money of a job, in thousandths of a US cent, with the fee."""

    spent: int
    """On pages and bonuses."""
    bonuses: int
    reserved: int
    """Held for pages that are to come, and those that are open."""
    remaining: int
    """What it costs to finish the rows that are ordered."""
    at_most: int
    """In the end, when every row takes as many judgments as the job allows; or the cap."""
    cap: int | None
    page_price: int
    """0 if only contributors who are not paid may work."""
    for_row: int | None
    """For a finished row, so far, in tenths of a cent; ``None`` without one."""

    @property
    def expected(self) -> int:
        """What the job costs in the end."""
        return self.spent + self.remaining

    @property
    def is_free(self) -> bool:
        """Whether the pages of the job are not paid."""
        return not self.page_price and not self.spent

    @property
    def free_under_cap(self) -> int:
        """What is neither spent nor reserved under the cap; 0 without a cap."""
        return 0 if self.cap is None else max(0, self.cap - self.spent - self.reserved)


class Estimate(NamedTuple):
    """What rows that are not ordered cost, in thousandths of a US cent."""

    expected: int
    at_most: int


def read_cost(tx: Transaction, job: Row[Any]) -> Cost:
    """Return the money of a job."""
    paid = page_money.read_spent(tx.driver, job.id)
    reserved, _ = page_money.read_funds(tx.driver, job.id)
    price = caps.page_price(tx, job)
    spent = paid.pages + paid.bonuses
    remaining = most = 0
    if price and job.needed_count:
        remaining = orders.estimate_cost(tx, job, job.needed_count, 1)
        useful = _useful_judgments(tx, job) if paid.pages else 0
        if useful >= ENOUGH:
            remaining = max(remaining, job.needed_count * paid.pages // useful)
        most = max(remaining, orders.estimate_cost(tx, job, job.judgable_count))
    return Cost(
        spent=spent,
        bonuses=paid.bonuses,
        reserved=reserved,
        remaining=remaining,
        at_most=spent + most if job.cap_mc is None else job.cap_mc,
        cap=job.cap_mc,
        page_price=price,
        for_row=100 * round(paid.pages / job.finalized_count / 100)
        if job.finalized_count
        else None,
    )


def estimate(tx: Transaction, job: Row[Any], rows: int) -> Estimate:
    """Return what it costs to order rows: as often as each is judged at least, and at most."""
    if not caps.page_price(tx, job):
        return Estimate(0, 0)
    judgments = job.expected_judgments_per_unit or job.judgments_per_unit
    expected = orders.estimate_cost(tx, job, rows, judgments)
    return Estimate(expected, max(expected, orders.estimate_cost(tx, job, rows)))


def _useful_judgments(tx: Transaction, job: Row[Any]) -> int:
    """Return the judgments that count, without those of test questions."""
    of_golds, _ = job_history.read_golds(tx.driver, job.id, ENOUGH)
    return int(job.judgments_count - job.tainted_count - of_golds)
