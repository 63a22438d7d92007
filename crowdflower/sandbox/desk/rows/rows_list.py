"""A page of the rows of a job, each with its result so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

from crowdflower.sandbox.desk.paging import PageOf, page_of
from crowdflower.sandbox.desk.rows.question_results import (
    Question,
    QuestionResult,
    main_question,
    read_questions,
    summarize,
)
from crowdflower.sandbox.desk.rows.row_search import RowSearch
from crowdflower.sandbox.desk.rows.row_values import as_text, text_column
from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.forms import check_form
from crowdflower.sandbox.rules.results.aggregation import WeightedAnswers, read_trusted
from crowdflower.sandbox.store.contributor_tables import contest
from crowdflower.sandbox.store.tables import unit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Row

    from crowdflower.sandbox.desk.rows.rows_query import RowsQuery
    from crowdflower.sandbox.store import Transaction

_MAX_TEXT = 300
"""Characters of a row's text that a list shows."""

_MAX_CHOICES = 30
"""Answers that the filter offers."""


@dataclass(frozen=True)
class ListedRow:
    """A row as the list shows it."""

    id: int
    seq: int
    place: int
    """Rows of the list before it."""
    state: str
    text: str
    result: QuestionResult | None
    """Of the main question; ``None`` if the job has no question."""
    agreement: float | None
    trusted: int
    tainted: int
    needed: int
    is_contested: bool
    last_at: float | None


class RowsPage(NamedTuple):
    """A page of the list, and what its table and filters show."""

    found: PageOf[ListedRow]
    searched: int | None
    """Rows that were searched when the time was over; ``None`` if all were."""
    column: str
    """The column whose text stands for a row."""
    question: Question | None
    """The question whose answers are shown."""
    choices: tuple[tuple[str, str], ...]
    """Answers to filter by: ``question:answer``, and the same in words."""


def read_rows(tx: Transaction, job: Row[Any], query: RowsQuery) -> RowsPage:
    """Read the page of rows that a query asks for; a page past the end is the last one."""
    search = RowSearch(tx, job, query)
    place: PageOf[ListedRow] = page_of(search.total, query.page)
    ids = search.ids(place.offset, place.size)
    by_id = {row.id: row for row in tx.all(select(unit).where(unit.c.id.in_(ids)))}
    rows = [by_id[number] for number in ids if number in by_id]
    questions = read_questions(job, {})
    shown = main_question(questions, query.question)
    column = text_column(job, [row.data for row in rows], _printed_columns(job))
    answers = read_trusted(tx, ids)
    contested = _contested(tx, ids)
    listed = [
        _listed(job, row, place.offset + number, shown, answers.get(row.id, []), contested, column)
        for number, row in enumerate(rows)
    ]
    choices = tuple(_choices(questions))
    return RowsPage(place.filled(listed), search.searched, column, shown, choices)


def _listed(
    job: Row[Any],
    row: Row[Any],
    place: int,
    question: Question | None,
    answers: list[WeightedAnswers],
    contested: set[int],
    column: str,
) -> ListedRow:
    text = as_text(row.data.get(column)) or next(filter(None, map(as_text, row.data.values())), "")
    return ListedRow(
        id=row.id,
        seq=row.seq,
        place=place,
        state=row.state,
        text=" ".join(text[:_MAX_TEXT].split()),
        result=None if question is None else summarize(job, question, row.data, answers),
        agreement=row.agreement,
        trusted=row.judgments_count,
        tainted=row.tainted_count,
        needed=row.needed,
        is_contested=row.id in contested,
        last_at=row.last_judgment_at,
    )


def _contested(tx: Transaction, ids: list[int]) -> set[int]:
    query = select(contest.c.unit_id).where(contest.c.unit_id.in_(ids))
    return {row.unit_id for row in tx.all(query)}


def _printed_columns(job: Row[Any]) -> tuple[str, ...]:
    try:
        return tuple(check_form(job.cml).columns) if job.cml else ()
    except Refusal:
        return ()


def _choices(questions: Iterable[Question]) -> list[tuple[str, str]]:
    several = sum(bool(each.options) and each.has_confidence for each in questions) > 1
    return [
        (
            f"{question.name}:{value}",
            f"{question.label}: {label or value}" if several else label or value,
        )
        for question in questions
        if question.has_confidence
        for value, label in question.options.items()
    ][:_MAX_CHOICES]
