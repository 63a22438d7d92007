"""What a contributor sees above a page: messages, and what became of the page before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import select

from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.forms import form_for
from crowdflower.sandbox.pages import visitors
from crowdflower.sandbox.pages.rendering import dollars
from crowdflower.sandbox.rules.gold_answers import hidden_columns, visible_data
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.money import CENT
from crowdflower.sandbox.rules.work.receipts import Receipt
from crowdflower.sandbox.store.fast import page_queries
from crowdflower.sandbox.store.tables import judgment, unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row

    from crowdflower.cml import Field
    from crowdflower.sandbox.store import Transaction

MAX_ROW_TEXT: Final = 200
"""Characters of a row that are shown to remind the contributor of it."""


class Missed(NamedTuple):
    """A question of a test question that the contributor answered wrong."""

    text: str
    """The longest text of the row, shortened."""

    question: str
    """Its label."""

    given: str
    accepted: tuple[str, ...]
    reason: str


class ReceiptNotice(NamedTuple):
    """What became of the page that was submitted last."""

    title: str
    missed: list[Missed]
    missed_rows: int
    trust: float
    receipt: Receipt


def read_receipt(tx: Transaction, worker_id: int, page_id: int | None) -> ReceiptNotice | None:
    """Return what became of a page, if this contributor submitted it."""
    page = None if page_id is None else page_queries.find_page(tx.driver, page_id)
    if page is None or page.worker_id != worker_id or page.receipt is None:
        return None
    receipt = Receipt.from_text(page.receipt)
    title = "Your page was submitted. Your answers are handed in. Thank you!"
    if receipt.pay_cents:
        title += f" It is paid {dollars(round(receipt.pay_cents * CENT))}."
    missed = _missed(tx, jobs.load(tx, page.job_id), worker_id, receipt)
    rows = len({each.unit_id for each in receipt.feedback})
    return ReceiptNotice(title, missed, rows, receipt.trust, receipt)


def read_notices(tx: Transaction, worker_id: int, page_id: int | None) -> dict[str, Any]:
    """Return what is shown at the top of a page; the messages count as read.

    :param page_id: The page that was submitted last, if its receipt is to be shown.
    """
    return {
        "messages": visitors.take_unread_messages(tx, worker_id),
        "receipt": read_receipt(tx, worker_id, page_id),
    }


def _missed(
    tx: Transaction, job: Row[Any] | None, worker_id: int, receipt: Receipt
) -> list[Missed]:
    ids = {each.unit_id for each in receipt.feedback}
    if job is None or not ids:
        return []
    rows = {
        row.id: row
        for row in tx.all(
            select(unit.c.id, unit.c.data, judgment.c.data.label("answers"))
            .join(judgment, judgment.c.unit_id == unit.c.id)
            .where(unit.c.id.in_(ids), judgment.c.worker_id == worker_id)
        )
    }
    hidden = hidden_columns(job.gold)
    missed = []
    for each in receipt.feedback:
        row = rows.get(each.unit_id)
        data = visible_data(row.data, hidden) if row else {}
        given = row.answers.get(each.field, "") if row else ""
        question = _questions(job.cml or "", data).get(each.field)
        names = {option.value: option.label for option in question.options} if question else {}
        answers = given if isinstance(given, list) else [given]
        missed.append(
            Missed(
                _row_text(data),
                question.label if question and question.label else each.field,
                ", ".join(str(names.get(answer) or answer) for answer in answers if answer),
                tuple(str(names.get(answer) or answer) for answer in each.accepted),
                each.reason,
            )
        )
    return missed


def _questions(cml: str, data: Mapping[str, Any]) -> dict[str, Field]:
    try:
        return {each.name: each for each in form_for(cml, data).fields}
    except Invalid:  # the form changed since
        return {}


def _row_text(data: Mapping[str, Any]) -> str:
    texts = [value for value in data.values() if isinstance(value, str) and value.strip()]
    text = " ".join(max(texts, key=len, default="").split())
    return text if len(text) <= MAX_ROW_TEXT else f"{text[:MAX_ROW_TEXT]}…"
