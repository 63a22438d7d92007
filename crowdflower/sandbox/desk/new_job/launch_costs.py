"""What an order of a draft's rows costs, and what it takes from the balance at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from crowdflower.sandbox.desk.settings.cost_effect import CostEffect, read_effect
from crowdflower.sandbox.rules import money, quiz
from crowdflower.sandbox.rules.jobs import orders
from crowdflower.sandbox.store.tables import account

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction


@dataclass(frozen=True)
class LaunchCosts:
    """The cost of an order, in thousandths of a US cent."""

    effect: CostEffect
    """Expected and at most, and how many people it needs."""
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

    @property
    def is_free(self) -> bool:
        """Whether pages of all channels of the job are free."""
        return self.effect.is_free

    @property
    def missing_mc(self) -> int:
        """What the balance lacks for the order."""
        return max(self.reserved_mc - self.balance_mc, 0)


def read_launch_costs(tx: Transaction, job: Row[Any], units_count: int) -> LaunchCosts:
    """Work out what an order costs, as placing it does."""
    effect = read_effect(tx, job, rows=units_count)
    at_most = orders.estimate_cost(tx, job, units_count)
    fee = tx.one(select(account.c.markup_pct).where(account.c.id == job.account_id)).markup_pct
    on_page = quiz.units_per_page(job)
    return LaunchCosts(
        effect,
        reserved_mc=0 if effect.is_free else orders.reserve_for(tx, at_most),
        balance_mc=money.balance(tx, job.account_id),
        page_mc=money.with_fee(job.payment_mc, fee),
        fee_percent=fee,
        rows_on_page=on_page,
        pages=job.judgments_per_unit * -(-units_count // on_page),
    )
