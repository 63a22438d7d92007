"""The ledger of an account, line by line, with the balance after each line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, select

from crowdflower.sandbox.desk.fields.dollar_amounts import read_dollars
from crowdflower.sandbox.desk.paging import PageOf, page_of
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules import accounts, money
from crowdflower.sandbox.store.tables import job, ledger

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

MAX_NOTE: Final = 200
"""Characters of a note."""


class LedgerLine(NamedTuple):
    """A line of the ledger. Amounts are in thousandths of a cent."""

    id: int
    kind: str
    amount_mc: int
    balance_mc: int
    """The balance after it."""
    note: str
    job_id: int | None
    job_title: str | None
    created_at: float


def read_ledger(tx: Transaction, account: Row[Any], page: int) -> PageOf[LedgerLine]:
    """Read a page of the ledger, newest first."""
    of_account = ledger.c.account_id == account.id
    total = tx.connection.scalar(select(func.count()).select_from(ledger).where(of_account)) or 0
    place: PageOf[LedgerLine] = page_of(total, page)
    query = select(ledger, job.c.title.label("job_title")).where(of_account)
    query = query.outerjoin(job, job.c.id == ledger.c.job_id).order_by(ledger.c.id.desc())
    rows = tx.all(query.limit(place.size).offset(place.offset))
    balance = money.balance(tx, account.id)
    if rows and place.number > 1:
        newer = select(func.coalesce(func.sum(ledger.c.amount_mc), 0))
        newer = newer.where(of_account, ledger.c.id > rows[0].id)
        balance -= int(tx.connection.scalar(newer) or 0)
    lines = []
    for row in rows:
        about = (row.note or "", row.job_id, row.job_title, row.created_at)
        lines.append(LedgerLine(row.id, row.kind, row.amount_mc, balance, *about))
        balance -= row.amount_mc
    return place.filled(lines)


def add_play_money(tx: Transaction, account: Row[Any], dollars: str, note: str) -> int:
    """Add play money to an account.

    :param dollars: The amount, as a person writes it: ``25``, ``$1,000.50``.
    :returns: The amount in US cents.
    :raises Invalid: It is not an amount of at least a cent, or the note is too long.
    """
    note = " ".join(note.split())
    if len(note) > MAX_NOTE or not note.isprintable():
        raise Invalid(gettext("A note has at most 200 characters, on one line."))
    cents = read_dollars(dollars) // money.CENT
    try:
        accounts.check_cents("amount", cents, minimum=1)
    except ValueError:
        raise Invalid(gettext("Enter an amount from $0.01 to $10,000,000,000.")) from None
    accounts.credit(tx, account, cents, note)
    return cents
