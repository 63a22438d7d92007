"""Missed test questions as a contributor reads them, and whether they contested them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import select

from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.forms import form_for
from crowdflower.sandbox.forms.sanitizer import plain_text
from crowdflower.sandbox.rules.gold_answers import hidden_columns, visible_data
from crowdflower.sandbox.rules.work.contests import read_contests
from crowdflower.sandbox.store.tables import judgment, unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row

    from crowdflower.cml import Field
    from crowdflower.sandbox.rules.work.receipts import Receipt
    from crowdflower.sandbox.store import Transaction

MAX_ROW_TEXT: Final = 200
"""Characters of a row that are shown to remind the contributor of it."""


class Missed(NamedTuple):
    """A question of a test question that the contributor answered wrong."""

    unit_id: int
    field: str
    """Name of the question."""

    text: str
    """The longest text of the row, shortened."""

    question: str
    """Label of the question."""

    given: str
    accepted: tuple[str, ...]
    reason: str

    contest: Row[Any] | None
    """What the contributor wrote against it, and the decision."""


def read_missed(
    tx: Transaction, job: Row[Any] | None, worker_id: int, receipt: Receipt
) -> list[Missed]:
    """Return what was missed on a page."""
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
    contests = read_contests(tx, worker_id, ids)
    missed = []
    for each in receipt.feedback:
        row = rows.get(each.unit_id)
        data = visible_data(row.data, hidden) if row else {}
        given = row.answers.get(each.field, "") if row else ""
        question = read_questions(job.cml or "", data).get(each.field)
        missed.append(
            Missed(
                each.unit_id,
                each.field,
                row_text(data),
                question.label if question and question.label else each.field,
                answer_in_words(question, given),
                tuple(answer_in_words(question, answer) for answer in each.accepted),
                each.reason,
                contests.get((each.unit_id, each.field)),
            )
        )
    return missed


def read_questions(cml: str, data: Mapping[str, Any]) -> dict[str, Field]:
    """Return the questions of a row by name; none if its form does not work."""
    try:
        return {each.name: each for each in form_for(cml, data).fields}
    except Invalid:  # the form changed since
        return {}


def answer_in_words(question: Field | None, answers: Any) -> str:
    """Return answers by their labels, without markup, separated by commas."""
    options = question.options if question else ()
    names = {option.value: plain_text(option.label) for option in options}
    given = answers if isinstance(answers, list | tuple) else [answers]
    return ", ".join(str(names.get(answer) or answer) for answer in given if answer)


def row_text(data: Mapping[str, Any]) -> str:
    """Return the longest text of a row, shortened."""
    texts = [value for value in data.values() if isinstance(value, str) and value.strip()]
    text = " ".join(max(texts, key=len, default="").split())
    return text if len(text) <= MAX_ROW_TEXT else f"{text[:MAX_ROW_TEXT]}…"
