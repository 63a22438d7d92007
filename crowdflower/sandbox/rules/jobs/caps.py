"""The cap of a job: the most that it may cost, with its bonuses and the fee.

A page is handed out only if the cap covers it together with all pages that are open. When what is
spent leaves no room for another page, the job pauses; its requester raises the cap and resumes it.
A bonus is paid even beyond the cap, as its requester pays it by hand. A job without a cap has no
further check.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import Row, select, update

from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.rules import money
from crowdflower.sandbox.rules.settings import channels as channel
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.fast import page_money
from crowdflower.sandbox.store.tables import account
from crowdflower.sandbox.store.tables import job as jobs

MAX_CAP: Final = 10**12
"""The highest cap, in thousandths of a US cent: ten million dollars."""


class Room(NamedTuple):
    """What is left under a cap, in thousandths of a US cent; negative when it is passed."""

    now: int

    after_open_pages: int
    """When all open pages are submitted and paid."""


def read_room(tx: Transaction, job_id: int, cap_mc: int) -> Room:
    """Return what is left under the cap of a job."""
    spent = page_money.read_spent(tx.driver, job_id)
    left = cap_mc - spent.pages - spent.bonuses
    return Room(left, left - spent.promised)


def set_cap(tx: Transaction, job: Row[Any], cap_mc: int | None) -> None:
    """Set, raise, lower or remove the cap of a job; the job stays in its state.

    :param cap_mc: In thousandths of a US cent; ``None`` removes the cap.
    :raises Invalid: The cap is not positive, too high, or below what the job has spent and its open
        pages will cost.
    """
    locks.lock_job(tx, job.id)
    if cap_mc is not None:
        if not 0 < cap_mc <= MAX_CAP:
            raise Invalid(f"Write a cap above $0.00, of at most {_dollars(MAX_CAP)}.")
        room = read_room(tx, job.id, cap_mc)
        if room.after_open_pages < 0:
            promised = room.now - room.after_open_pages
            pages = f", and its open pages cost {_dollars(promised)} more" if promised else ""
            raise Invalid(
                f"The cap cannot be {_dollars(cap_mc)}: the job has spent"
                f" {_dollars(cap_mc - room.now)}{pages}. Write at least"
                f" {_dollars(cap_mc - room.after_open_pages)}."
            )
    values = {"cap_mc": cap_mc, "updated_at": tx.clock.now()}
    tx.run(update(jobs).where(jobs.c.id == job.id).values(values))


def require_room(tx: Transaction, job: Row[Any]) -> None:
    """Check that the cap of a job leaves room for another page.

    :raises Invalid: The cap is reached.
    """
    if job.cap_mc is None:
        return
    price, left = page_price(tx, job), read_room(tx, job.id, job.cap_mc).now
    if left < price:
        raise Invalid(
            f"The cap of {_dollars(job.cap_mc)} is reached: {_dollars(job.cap_mc - left)} are"
            f" spent, and the next page costs {_dollars(price)}. Raise the cap, or remove it."
        )


def page_price(tx: Transaction, job: Row[Any]) -> int:
    """Return what a page of a job costs with the fee; 0 if all of its channels are free."""
    enabled = channel.read(tx, job)[0]
    if enabled and all(money.is_free(tx, name) for name in enabled):
        return 0
    fee = tx.one(select(account.c.markup_pct).where(account.c.id == job.account_id))
    return money.with_fee(job.payment_mc, fee.markup_pct)


def _dollars(amount_mc: int) -> str:
    return f"${amount_mc / money.CENT / 100:,.2f}"
