"""What a job has cost, what is reserved for it, and what it will cost.

Estimates come from :func:`~crowdflower.sandbox.rules.jobs.orders.estimate_cost`, by which an order
reserves money, and from what a judgment has cost so far.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import select

from crowdflower.sandbox.rules.jobs import caps, orders
from crowdflower.sandbox.rules.money import CENT
from crowdflower.sandbox.store.fast import job_history, page_money
from crowdflower.sandbox.store.tables import orders as table

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

ENOUGH: Final = 20
"""Judgments from which on their cost, and their rate, tell something about those to come."""


TENTH: Final = CENT // 10
"""A tenth of a cent."""


class Cost(NamedTuple):
    """The money of a job, in thousandths of a US cent, with the fee."""

    spent: int
    """On pages and bonuses."""
    bonuses: int
    reserved: int
    """Held for pages that are to come, and those that are open."""
    remaining: int
    """What it costs to finish the rows that are ordered."""
    at_most: int | None
    """In the end, when every row takes as many judgments as the job allows; or the cap; or ``None``
    if nothing limits it."""
    least_reserve: int | None
    """What an order reserves at least, if one of those open costs less."""
    cap: int | None
    page_price: int
    """0 if only contributors who are not paid may work."""
    for_row: int | None
    """What the judgments of a row have cost, in tenths of a cent; ``None`` if they are too few."""

    @property
    def expected(self) -> int:
        """What the job costs in the end."""
        return self.spent + self.remaining

    @property
    def is_free(self) -> bool:
        """Whether the pages of the job are not paid."""
        return not self.page_price and not self.spent

    @property
    def has_room(self) -> bool:
        """Whether the cap leaves room for another page: else the job cannot be resumed."""
        return self.cap is None or self.cap - self.spent >= self.page_price

    @property
    def reserves_more(self) -> bool:
        """Whether more is reserved than the job can still cost."""
        return self.at_most is not None and self.reserved > self.at_most - self.spent

    @property
    def free_under_cap(self) -> int:
        """What is neither spent nor reserved under the cap; 0 without a cap."""
        return 0 if self.cap is None else max(0, self.cap - self.spent - self.reserved)


class Estimate(NamedTuple):
    """What rows that are not ordered cost, in thousandths of a US cent."""

    is_free: bool
    """Whether pages of all channels of the job are free."""
    expected: int
    """With the judgments that each row gets at least."""
    at_most: int | None
    """With the most judgments that a row may get; ``None`` if nothing limits them."""
    reserved: int
    """What the order takes from the balance; the rest comes back when the job ends."""


def read_cost(tx: Transaction, job: Row[Any]) -> Cost:
    """Return the money of a job."""
    paid = page_money.read_spent(tx.driver, job.id)
    reserved, _ = page_money.read_funds(tx.driver, job.id)
    price = caps.page_price(tx, job)
    spent = paid.pages + paid.bonuses
    useful = _useful_judgments(tx, job) if paid.pages else 0
    for_judgment = paid.pages / useful if useful >= ENOUGH else None
    remaining = most = 0
    if price and job.needed_count:
        remaining = _estimate_needed(tx, job)
        if for_judgment is not None:
            remaining = max(remaining, ceil(job.needed_count * for_judgment / CENT) * CENT)
        most = max(remaining, orders.estimate_cost(tx, job, job.judgable_count))
    for_row = None
    if for_judgment is not None:
        for_row = round(for_judgment * job.judgments_per_unit / TENTH) * TENTH
    return Cost(
        spent=spent,
        bonuses=paid.bonuses,
        reserved=reserved,
        remaining=remaining,
        at_most=_at_most(job, spent + most),
        least_reserve=_least_reserve(tx, job),
        cap=job.cap_mc,
        page_price=price,
        for_row=for_row,
    )


def estimate(tx: Transaction, job: Row[Any], rows: int) -> Estimate:
    """Return what it costs to order rows, as placing the order does."""
    if caps.is_free(tx, job):
        return Estimate(True, 0, 0, 0)
    expected = orders.estimate_cost(tx, job, rows, job.judgments_per_unit)
    most = orders.estimate_cost(tx, job, rows)
    limit = None if orders.has_endless_rows(job) else most
    return Estimate(False, expected, limit, orders.reserve_for(tx, most))


def _estimate_needed(tx: Transaction, job: Row[Any]) -> int:
    """Return what the judgments cost that open rows need: a contributor gets each row once.

    At the launch it is what the order was estimated to cost.
    """
    rows = max(job.judgable_count, 1)
    each, rest = divmod(job.needed_count, rows)
    needed = orders.estimate_cost(tx, job, rows, each)
    return needed + orders.estimate_cost(tx, job, rest, 1)


def _at_most(job: Row[Any], most: int) -> int | None:
    if job.cap_mc is not None:
        return int(job.cap_mc)
    return None if orders.has_endless_rows(job) and job.judgable_count else most


def _least_reserve(tx: Transaction, job: Row[Any]) -> int | None:
    least = tx.limits.minimum_reserve_cents * CENT
    is_small = (table.c.job_id == job.id, table.c.state == "open", table.c.cost_mc < least)
    found = tx.one(select(table.c.id).where(*is_small, table.c.reserved_mc > 0).limit(1))
    return None if found is None else least


def _useful_judgments(tx: Transaction, job: Row[Any]) -> int:
    """Return the judgments that count, without those of test questions."""
    of_golds, _ = job_history.read_golds(tx.driver, job.id, ENOUGH)
    return int(job.judgments_count - job.tainted_count - of_golds)
