"""The money of a job's orders: hand-written SQL, since every page is paid from it."""

from __future__ import annotations

from typing import NamedTuple

from crowdflower.sandbox.store.fast.driver import Driver, insert_rows

_FUNDS = """
SELECT
  (SELECT coalesce(sum(reserved_mc - released_mc), 0) FROM orders
   WHERE job_id = :job AND state = 'open'),
  (SELECT coalesce(sum(cost_mc), 0) FROM assignment WHERE job_id = :job AND state = 'open')
"""

_SPENT = """
SELECT
  (SELECT coalesce(sum(spent_mc), 0) FROM orders WHERE job_id = :job),
  (SELECT coalesce(sum(bonus_mc), 0) FROM worker_job WHERE job_id = :job)
    * (SELECT 100 + a.markup_pct FROM account a JOIN job j ON j.account_id = a.id WHERE j.id = :job)
    / 100,
  (SELECT coalesce(sum(cost_mc), 0) FROM assignment WHERE job_id = :job AND state = 'open')
"""


def read_funds(driver: Driver, job_id: int) -> tuple[int, int]:
    """Return what a job's open orders hold, and what its open pages will cost."""
    held, promised = driver.execute(_FUNDS, {"job": job_id}).fetchone()
    return int(held), int(promised)


class Spent(NamedTuple):
    """What a job has cost, in thousandths of a US cent, with the fee."""

    pages: int
    bonuses: int
    promised: int
    """What its open pages will cost."""


def read_spent(driver: Driver, job_id: int) -> Spent:
    """Return what a job has cost so far."""
    return Spent(*map(int, driver.execute(_SPENT, {"job": job_id}).fetchone()))


def read_open_orders(driver: Driver, job_id: int) -> list[tuple[int, int]]:
    """Return the ids of a job's open orders that hold money, oldest first, with the amounts."""
    query = (
        "SELECT id, reserved_mc - released_mc FROM orders"
        " WHERE job_id = ? AND state = 'open' AND reserved_mc > released_mc ORDER BY id"
    )
    return driver.execute(query, (job_id,)).fetchall()


def charge_order(
    driver: Driver, account_id: int, job_id: int, order_id: int, amount_mc: int, now: float
) -> None:
    """Release money from an order and charge it; the account's balance does not change."""
    line = (account_id, job_id, order_id)
    entries = [(*line, "release", amount_mc, now), (*line, "charge", -amount_mc, now)]
    insert_rows(
        driver, "ledger (account_id, job_id, order_id, kind, amount_mc, created_at)", entries
    )
    driver.execute(
        "UPDATE orders SET released_mc = released_mc + ?, spent_mc = spent_mc + ?, updated_at = ?"
        " WHERE id = ?",
        (amount_mc, amount_mc, now, order_id),
    )
