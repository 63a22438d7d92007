"""Locks that order the writers of one PostgreSQL database; SQLite needs none of them.

SQLite has one writer at a time, so what a transaction reads stays true until it ends, and these
functions return at once. PostgreSQL has many writers, in several processes. Each of them takes the
locks below before it reads; a lock ends with its transaction.

* :func:`lock_name` takes an advisory lock on what has no row yet: the response kept under an
  idempotency key, the orders that are due, the first account. A transaction that needs a name and
  a job takes the name first.
* :func:`lock_job` takes a job exclusively: its units, pages, judgments, counters and orders. Every
  API request that names a job does so, and every submitted page, since it may finalize units,
  remove its contributor or end the job.
* :func:`lock_for_page` is taken to hand out a page. Pages of one job are handed out in parallel:
  the lock on the job is shared, so it only keeps out those who want the job exclusively. The lock
  on the contributor keeps one contributor from getting two pages. Units are reserved row by row
  (``FOR UPDATE SKIP LOCKED``), so that no unit is on two pages by mistake and no transaction waits
  for a unit. When the pages of a job cost money, :func:`lock_orders` comes next, so that the same
  cent is not promised twice.
* :func:`lock_account` takes the balance of an account, which several jobs share. It comes last.

All transactions take the locks in this order, so that there are no deadlocks within one job. A
transaction that locks two jobs can still deadlock; PostgreSQL then aborts one of the two, and that
one is retried.

The isolation level is READ COMMITTED: a statement that waited for a lock sees what the transactions
before it wrote. SERIALIZABLE would find the same conflicts only at the commit, and the pages of one
job, all of which update the counters in its row, would be retried more often than not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from crowdflower.sandbox.store.transaction import Transaction

# An INSERT of a row that refers to a job locks the job FOR KEY SHARE, as PostgreSQL checks every
# reference. FOR UPDATE and FOR KEY SHARE exclude each other.
_JOB: Final = "SELECT 1 FROM job WHERE id = ? FOR UPDATE"
_SHARE_JOB: Final = "SELECT 1 FROM job WHERE id = ? FOR KEY SHARE"
_WORKER: Final = "SELECT 1 FROM worker WHERE id = ? FOR NO KEY UPDATE"
_ORDERS: Final = (
    "SELECT 1 FROM orders WHERE job_id = ? AND state = 'open' ORDER BY id FOR NO KEY UPDATE"
)
_ACCOUNT: Final = "SELECT 1 FROM account WHERE id = ? FOR NO KEY UPDATE"
_NAME: Final = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' ' || ?, 0))"


def lock_job(tx: Transaction, job_id: int) -> bool:
    """Lock a job exclusively.

    :returns: Whether the job may have changed since it was read.
    """
    return _lock(tx, _JOB, job_id)


def lock_for_page(tx: Transaction, job_id: int, worker_id: int) -> None:
    """Lock what handing out a page needs: the contributor exclusively, the job shared."""
    _lock(tx, _SHARE_JOB, job_id)
    _lock(tx, _WORKER, worker_id)


def lock_orders(tx: Transaction, job_id: int) -> None:
    """Lock the open orders of a job, and so the money they hold."""
    _lock(tx, _ORDERS, job_id)


def lock_account(tx: Transaction, account_id: int) -> None:
    """Lock the balance of an account."""
    _lock(tx, _ACCOUNT, account_id)


def lock_name(tx: Transaction, text: str) -> None:
    """Lock a name that stands for something without a row, by an advisory lock."""
    _lock(tx, _NAME, text)


def _lock(tx: Transaction, statement: str, value: int | str) -> bool:
    if tx.isolated:
        return False
    tx.driver.execute(statement, (value,))
    return True
