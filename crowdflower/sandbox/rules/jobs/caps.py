"""The cap of a job: the most that it may cost, with its bonuses and the fee.

A page is handed out, and a bonus is paid, only if the cap covers it together with all pages that
are open. When what is spent leaves no room for another page, the job pauses; its requester raises
the cap and resumes it. A job without a cap has no further check.

The hosted service knows no cap: only the desk sets one. What the API asks of a job that has one is
held to it, too: otherwise a script could pass it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import Row, select, update

from crowdflower._types import Message
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


class Least(NamedTuple):
    """What the cap of a job covers at least, in thousandths of a US cent: else it would stop."""

    spent: int

    open_pages: int
    """What they will cost."""

    next_page: int
    """The price of a page; 0 if it is free, or the job has ended."""

    @property
    def cap(self) -> int:
        """The least cap, in whole cents."""
        lowest = self.spent + max(self.open_pages, self.next_page)
        return -(-lowest // money.CENT) * money.CENT


def read_room(tx: Transaction, job_id: int, cap_mc: int) -> Room:
    """Return what is left under the cap of a job."""
    spent = page_money.read_spent(tx.driver, job_id)
    left = cap_mc - spent.pages - spent.bonuses
    return Room(left, left - spent.promised)


def set_cap(tx: Transaction, job: Row[Any], cap_mc: int | None) -> None:
    """Set, raise, lower or remove the cap of a job; the job stays in its state.

    :param cap_mc: In thousandths of a US cent; ``None`` removes the cap.
    :raises Invalid: The cap is not positive, too high, or too low for the job to go on.
    """
    locks.lock_job(tx, job.id)
    if cap_mc is not None:
        if not 0 < cap_mc <= MAX_CAP:
            text = f"Write a cap above $0.00, of at most {_dollars(MAX_CAP)}."
            raise Invalid(Message(text, "cap_range", most=_dollars(MAX_CAP)))
        least = read_least(tx, job)
        if cap_mc < least.cap:
            cap, parts, enough = _dollars(cap_mc), _parts(least), _dollars(least.cap)
            text = f"The cap cannot be {cap}: {', and '.join(parts)}. Write at least {enough}."
            raise Invalid(Message(text, "low_cap", cap=cap, parts=parts, least=enough))
    values = {"cap_mc": cap_mc, "updated_at": tx.clock.now()}
    tx.run(update(jobs).where(jobs.c.id == job.id).values(values))


def read_least(tx: Transaction, job: Row[Any]) -> Least:
    """Return the least that the cap of a job can be, and what it is made of."""
    spent = page_money.read_spent(tx.driver, job.id)
    state = tx.one(select(jobs.c.state).where(jobs.c.id == job.id)).state
    next_page = 0 if state in {"finished", "canceled"} else page_price(tx, job)
    return Least(spent.pages + spent.bonuses, spent.promised, next_page)


def has_room(tx: Transaction, job: Row[Any]) -> bool:
    """Return whether the cap of a job leaves room for another page besides what is spent."""
    if job.cap_mc is None:
        return True
    return read_room(tx, job.id, job.cap_mc).now >= page_price(tx, job)


def require_room(tx: Transaction, job: Row[Any]) -> None:
    """Check that the cap of a job leaves room for another page.

    :raises Invalid: The cap is reached.
    """
    if has_room(tx, job):
        return
    cap, price = _dollars(job.cap_mc), _dollars(page_price(tx, job))
    spent = _dollars(job.cap_mc - read_room(tx, job.id, job.cap_mc).now)
    text = (
        f"The cap of {cap} is reached: {spent} is spent, and the next page costs {price}. Raise the"
        " cap, or remove it."
    )
    raise Invalid(Message(text, "cap_reached", cap=cap, spent=spent, price=price))


def left_for_bonuses(tx: Transaction, job: Row[Any]) -> int | None:
    """Return what the cap of a job leaves for bonuses with their fee; ``None`` without a cap.

    What its open pages will cost is not left: their contributors work for it already.
    """
    if job.cap_mc is None:
        return None
    return max(0, read_room(tx, job.id, job.cap_mc).after_open_pages)


def require_room_for_bonus(tx: Transaction, job: Row[Any], price_mc: int) -> None:
    """Check that the cap of a job covers a bonus.

    :param price_mc: With the fee.
    :raises Invalid: The cap does not cover the bonus.
    """
    left = left_for_bonuses(tx, job)
    if left is not None and price_mc > left:
        text = (
            f"With the fee this costs {_dollars(price_mc)}, and the cap of the job leaves"
            f" {_dollars(left)}. Raise the cap on the desk, or remove it."
        )
        values = {"price": _dollars(price_mc), "left": _dollars(left)}
        raise Invalid(Message(text, "bonus_above_cap", **values))


def is_free(tx: Transaction, job: Row[Any]) -> bool:
    """Return whether all channels of a job are free: its pages cost nothing, and none is held."""
    enabled = channel.read(tx, job)[0]
    return bool(enabled) and all(money.is_free(tx, name) for name in enabled)


def page_price(tx: Transaction, job: Row[Any]) -> int:
    """Return what a page of a job costs with the fee; 0 if all of its channels are free."""
    if is_free(tx, job):
        return 0
    fee = tx.one(select(account.c.markup_pct).where(account.c.id == job.account_id))
    return money.with_fee(job.payment_mc, fee.markup_pct)


def _parts(least: Least) -> list[Message]:
    """Return in words what the least cap is made of."""
    found = []
    if least.spent:
        spent = _dollars(least.spent)
        found.append(Message(f"{spent} is spent", "spent", amount=spent))
    if least.open_pages >= max(1, least.next_page):
        amount = _dollars(least.open_pages)
        text = f"the pages that are open cost {amount}"
        found.append(Message(text, "open_pages", amount=amount))
    elif least.next_page:
        price = _dollars(least.next_page)
        found.append(Message(f"a page costs {price}", "page_price", amount=price))
    return found


def _dollars(amount_mc: int) -> str:
    """Return an amount to the last part of a cent, so that sums of amounts can be checked."""
    whole, _, decimals = f"{amount_mc / money.CENT / 100:,.5f}".partition(".")
    return f"${whole}.{decimals.rstrip('0').ljust(2, '0')}"
