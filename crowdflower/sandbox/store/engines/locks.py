"""Whose turn it is where several transactions write at the same time.

SQLite has one writer at a time, so whatever a transaction reads stays true until it ends, and there
is nothing to do here. PostgreSQL has many, of several processes. Rather than let each rule find out
what could change under it, transactions take turns, by locks that end with them:

* What has no row yet goes by a :func:`name`: the answer that is kept under a key, the orders that
  are due, the first account. Whoever takes one and a job takes the name first.
* Whoever changes a job takes :func:`job` next and has it alone: its rows, pages, judgments,
  counters and orders. That is every request of the API that names a job, and every page that is
  handed in, since it may finalize rows, remove its contributor or end the job.
* Pages are handed out beside each other. Who does that takes :func:`page`, which keeps everybody
  out who wants the job alone, and two pages away from one contributor. Which rows they put on their
  pages they settle row by row (``FOR UPDATE SKIP LOCKED``): none is on two pages by mistake, and
  nobody waits for a row. When the pages of a job cost money, :func:`funds` comes after that, so
  that the same cent is not promised twice.
* The balance of an account is not a job's: who spends it takes :func:`account`, last of all.

All take them in this order, so nobody waits for somebody who waits for them. Where two jobs are in
one transaction it can happen all the same; PostgreSQL ends one of the two, and it is done again.

The transactions are READ COMMITTED: once it is one's turn, the next statement sees what those
before left. Under SERIALIZABLE the same conflicts would be found at the end, and the pages of one
job, which all count in its one row, would be done again more often than not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from crowdflower.sandbox.store.transaction import Transaction

# Rows that refer to a job lock its row FOR KEY SHARE when they are inserted, as PostgreSQL checks
# every reference. FOR UPDATE excludes that, and is itself excluded by it.
_JOB: Final = "SELECT 1 FROM job WHERE id = ? FOR UPDATE"
_JOB_BESIDE_OTHERS: Final = "SELECT 1 FROM job WHERE id = ? FOR KEY SHARE"
_CONTRIBUTOR: Final = "SELECT 1 FROM worker WHERE id = ? FOR NO KEY UPDATE"
_ORDERS: Final = (
    "SELECT 1 FROM orders WHERE job_id = ? AND state = 'open' ORDER BY id FOR NO KEY UPDATE"
)
_ACCOUNT: Final = "SELECT 1 FROM account WHERE id = ? FOR NO KEY UPDATE"
_NAME: Final = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' ' || ?, 0))"


def job(tx: Transaction, job_id: int) -> bool:
    """Have a job alone.

    :returns: Whether it may have changed since it was read.
    """
    return _waited(tx, _JOB, job_id)


def page(tx: Transaction, job_id: int, worker_id: int) -> None:
    """Hand out a page of a job to a contributor, while others may get pages of it too."""
    _waited(tx, _JOB_BESIDE_OTHERS, job_id)
    _waited(tx, _CONTRIBUTOR, worker_id)


def funds(tx: Transaction, job_id: int) -> None:
    """Have alone what the open orders of a job hold."""
    _waited(tx, _ORDERS, job_id)


def account(tx: Transaction, account_id: int) -> None:
    """Have the balance of an account alone."""
    _waited(tx, _ACCOUNT, account_id)


def name(tx: Transaction, text: str) -> None:
    """Have something alone that is no row, or not yet: whatever goes by this name."""
    _waited(tx, _NAME, text)


def _waited(tx: Transaction, statement: str, value: int | str) -> bool:
    if tx.alone:
        return False
    tx.driver.execute(statement, (value,))
    return True
