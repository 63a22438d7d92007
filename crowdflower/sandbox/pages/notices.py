"""What a contributor sees above a page: messages, and what became of the page before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

from crowdflower.sandbox.pages.contributor.inbox import take_new_letters
from crowdflower.sandbox.pages.contributor.missed_questions import Missed, read_missed
from crowdflower.sandbox.pages.rendering import dollars
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.money import CENT
from crowdflower.sandbox.rules.work.receipts import Receipt
from crowdflower.sandbox.store.fast import page_queries
from crowdflower.sandbox.store.tables import worker_job

if TYPE_CHECKING:
    from crowdflower.sandbox.store import Transaction


class ReceiptNotice(NamedTuple):
    """What became of the page that was submitted last."""

    title: str
    """Empty after a quiz, whose result is told in full."""

    missed: list[Missed]
    missed_rows: int
    trust: float
    """That of the contributor now, not of the time of the page: a contest may be accepted since."""

    receipt: Receipt


def read_receipt(tx: Transaction, worker_id: int, page_id: int | None) -> ReceiptNotice | None:
    """Return what became of a page, if this contributor submitted it."""
    page = None if page_id is None else page_queries.find_page(tx.driver, page_id)
    if page is None or page.worker_id != worker_id or page.receipt is None:
        return None
    receipt = Receipt.from_text(page.receipt)
    missed = read_missed(tx, jobs.load(tx, page.job_id), worker_id, receipt)
    title = _title(receipt, has_missed=bool(missed))
    rows = len({each.unit_id for each in receipt.feedback})
    trust = _trust(tx, page.job_id, worker_id) if missed else receipt.trust
    return ReceiptNotice(title, missed, rows, trust, receipt)


def _title(receipt: Receipt, *, has_missed: bool) -> str:
    """Return the result of a page in words; the result of a quiz is in :mod:`.no_page`."""
    said = []
    if receipt.mode != "quiz":
        said.append(gettext("Your page was submitted. Your answers are handed in."))
        if not has_missed:
            said.append(gettext("Thank you!"))
    if receipt.pay_cents:
        pay = {"amount": dollars(round(receipt.pay_cents * CENT))}
        said.append(gettext("It is paid %(amount)s.") % pay)
    return " ".join(said)


def _trust(tx: Transaction, job_id: int, worker_id: int) -> float:
    is_worker = (worker_job.c.job_id == job_id, worker_job.c.worker_id == worker_id)
    return float(tx.one(select(worker_job.c.trust).where(*is_worker)).trust)


def read_notices(tx: Transaction, worker_id: int, page_id: int | None) -> dict[str, Any]:
    """Return what is shown at the top of a page; the messages count as read.

    :param page_id: The page that was submitted last, if its receipt is to be shown.
    """
    return {
        "letters": take_new_letters(tx, worker_id),
        "receipt": read_receipt(tx, worker_id, page_id),
    }
