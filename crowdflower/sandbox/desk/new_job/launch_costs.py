"""What an order of a draft's rows costs, and what it takes from the balance at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from crowdflower.sandbox.desk.overview.cost import estimate
from crowdflower.sandbox.rules import money, quiz
from crowdflower.sandbox.store.tables import account

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction


@dataclass(frozen=True)
class LaunchCosts:
    """The cost of an order, in thousandths of a US cent."""

    expected_mc: int
    """With the judgments that each row gets at least."""
    at_most_mc: int | None
    """With the most judgments that a row may get; ``None`` if nothing limits them."""
    reserved_mc: int
    """What the order takes from the balance; the rest comes back when the job ends."""
    balance_mc: int
    page_mc: int
    """A page, with the fee."""
    fee_percent: int
    rows_on_page: int
    """Without test questions."""
    pages: int
    """For all rows, as often as each is judged at least."""
    is_free: bool
    """Whether pages of all channels of the job are free."""

    @property
    def missing_mc(self) -> int:
        """What the balance lacks for the order."""
        return max(self.reserved_mc - self.balance_mc, 0)

    @property
    def reserves_more(self) -> bool:
        """Whether more is reserved than the rows cost at most: the least that an order reserves."""
        return self.at_most_mc is not None and self.reserved_mc > self.at_most_mc


def read_launch_costs(tx: Transaction, job: Row[Any], units_count: int) -> LaunchCosts:
    """Work out what an order costs, as placing it does."""
    found = estimate(tx, job, units_count)
    fee = tx.one(select(account.c.markup_pct).where(account.c.id == job.account_id)).markup_pct
    on_page = quiz.units_per_page(job)
    return LaunchCosts(
        expected_mc=found.expected,
        at_most_mc=found.at_most,
        reserved_mc=found.reserved,
        balance_mc=money.balance(tx, job.account_id),
        page_mc=money.with_fee(job.payment_mc, fee),
        fee_percent=fee,
        rows_on_page=on_page,
        pages=job.judgments_per_unit * -(-units_count // on_page),
        is_free=found.is_free,
    )
