"""Money: an append-only ledger; the balance of an account is the sum of its entries.

An order reserves its cost (``reserve``). A submitted page releases its cost and charges it at once
(``release`` and ``charge``), so the balance stays the same while people work. When the job ends,
the unspent rest comes back (``release``, or ``refund`` if the job was canceled).

Amounts are in thousandths of a US cent. The price of a page with its fee is rounded once, half up.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, insert, select, update

from crowdflower.sandbox.errors import Unfunded
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.fast import page_money
from crowdflower.sandbox.store.tables import account, ledger, orders
from crowdflower.states import INTERNAL

CENT = 1000
"""Thousandths in a cent."""


def with_fee(amount_mc: int, markup_pct: int) -> int:
    """Add the fee to what a contributor is paid.

    >>> with_fee(10_000, 20)
    12000
    """
    return (amount_mc * (100 + markup_pct) + 50) // 100


def is_free(tx: Transaction, channel: str) -> bool:
    """Return whether pages of this channel are free: the sandbox does not pay internal workers."""
    return channel == INTERNAL and not tx.limits.charge_internal


def post(
    tx: Transaction,
    account_id: int,
    kind: str,
    amount_mc: int,
    *,
    job_id: int | None = None,
    order_id: int | None = None,
    note: str | None = None,
) -> None:
    """Add an entry to the ledger and update the balance.

    :param kind: ``credit``, ``reserve``, ``charge``, ``release``, ``refund``, ``bonus`` or
        ``adjust``.
    :param amount_mc: The change of the balance; negative when money leaves the account.
    """
    line = {
        "account_id": account_id,
        "job_id": job_id,
        "order_id": order_id,
        "kind": kind,
        "amount_mc": amount_mc,
        "note": note,
        "created_at": tx.clock.now(),
    }
    tx.run(insert(ledger), line)
    changed = {"balance_mc": account.c.balance_mc + amount_mc}
    tx.run(update(account).where(account.c.id == account_id).values(changed))


def balance(tx: Transaction, account_id: int) -> int:
    """Return the balance of an account, without the amounts that orders have reserved."""
    return int(tx.one(select(account.c.balance_mc).where(account.c.id == account_id)).balance_mc)


def require_funds(tx: Transaction, account_id: int, amount_mc: int) -> None:
    """Lock an account and check that its balance covers an amount.

    :raises Unfunded: The balance is too low; the message names both amounts.
    """
    locks.lock_account(tx, account_id)
    available = balance(tx, account_id)
    if available < amount_mc:
        raise Unfunded(available / CENT, amount_mc / CENT)


def reserve(tx: Transaction, order: Row[Any], amount_mc: int) -> None:
    """Reserve an amount for an order."""
    post(tx, order.account_id, "reserve", -amount_mc, job_id=order.job_id, order_id=order.id)
    changed = {"reserved_mc": orders.c.reserved_mc + amount_mc, "updated_at": tx.clock.now()}
    tx.run(update(orders).where(orders.c.id == order.id).values(changed))


def reopen_order(tx: Transaction, order: Row[Any]) -> None:
    """Reopen a closed order, so that it can reserve money again."""
    tx.run(update(orders).where(orders.c.id == order.id).values(state="open"))


def can_cover(tx: Transaction, job_id: int, account_id: int, cost_mc: int) -> bool:
    """Return whether one more page of a job can be paid, in addition to its open pages."""
    held, promised = page_money.read_funds(tx.driver, job_id)
    short = promised + cost_mc - held
    return short <= 0 or (balance(tx, account_id) >= short and bool(_open_orders(tx, job_id)))


def reserve_for_page(tx: Transaction, job_id: int, account_id: int, cost_mc: int) -> bool:
    """Make sure that one more page of a job can be paid; reserve from the balance if necessary.

    :returns: Whether the page can be paid.
    """
    held, promised = page_money.read_funds(tx.driver, job_id)
    short = promised + cost_mc - held
    if short <= 0:
        return True
    locks.lock_account(tx, account_id)
    if not can_cover(tx, job_id, account_id, cost_mc):
        return False
    reserve(tx, _open_orders(tx, job_id)[-1], short)
    return True


def charge(tx: Transaction, job_id: int, account_id: int, cost_mc: int) -> None:
    """Pay for a page from what the job's orders have reserved, the oldest order first.

    :raises RuntimeError: The orders have less left, as :func:`reserve_for_page` was not called
        before the page was handed out.
    """
    now = tx.clock.now()
    for order_id, left in page_money.read_open_orders(tx.driver, job_id):
        part = min(left, cost_mc)
        page_money.charge_order(tx.driver, account_id, job_id, order_id, part, now)
        cost_mc -= part
        if not cost_mc:
            return
    raise RuntimeError(f"Job {job_id} is {cost_mc / CENT} cents short: no order has reserved them.")


def close_orders(tx: Transaction, job_id: int, state: str) -> None:
    """Close the orders of a job that ends and return their unspent money.

    :param state: ``fulfilled`` or ``canceled``.
    """
    kind = "release" if state == "fulfilled" else "refund"
    for order in _open_orders(tx, job_id):
        left = order.reserved_mc - order.released_mc
        if left:
            post(tx, order.account_id, kind, left, job_id=job_id, order_id=order.id)
        changed = {
            "state": state,
            "released_mc": orders.c.released_mc + left,
            "updated_at": tx.clock.now(),
        }
        tx.run(update(orders).where(orders.c.id == order.id).values(changed))


def _open_orders(tx: Transaction, job_id: int) -> list[Row[Any]]:
    """List the open orders of a job, the oldest first."""
    query = select(orders).where(orders.c.job_id == job_id, orders.c.state == "open")
    return tx.all(query.order_by(orders.c.id))
