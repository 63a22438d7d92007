"""One row in detail: its data, its result and every judgment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, select

from crowdflower.sandbox.desk.golds import gold_form
from crowdflower.sandbox.desk.people.contributor_names import contributor_name
from crowdflower.sandbox.desk.rows.question_results import (
    Question,
    QuestionResult,
    read_questions,
    summarize,
)
from crowdflower.sandbox.desk.rows.row_search import RowSearch
from crowdflower.sandbox.desk.rows.row_values import RowValue, read_values
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules import money, visibility
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.rules.jobs import orders
from crowdflower.sandbox.rules.results.aggregation import WeightedAnswers
from crowdflower.sandbox.rules.settings.source_columns import read_columns
from crowdflower.sandbox.rules.units import units
from crowdflower.sandbox.store.contributor_tables import contest
from crowdflower.sandbox.store.fast import agreements
from crowdflower.sandbox.store.tables import assignment_unit, judgment, unit, worker, worker_job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row

    from crowdflower.sandbox.desk.rows.rows_query import RowsQuery
    from crowdflower.sandbox.store import Transaction

MAX_JUDGMENTS: Final = 500
"""Judgments that a page shows."""

_NEIGHBOUR_SECONDS: Final = 0.3
"""How long a filtered list is searched for the rows beside one."""


@dataclass(frozen=True)
class ShownJudgment:
    """A judgment of the row."""

    worker_id: int
    name: str
    answers: tuple[str, ...]
    """Its answers in words, in the order of the questions."""
    trust: float
    """Of the contributor in the job, now."""
    seconds: float
    """Time for the page, divided by the rows on it."""
    created_at: float
    is_aside: bool
    """Whether it does not count for the result."""
    marks: tuple[str, ...]
    """What is special about it, in words."""


class Neighbour(NamedTuple):
    """The row before or after one in a list."""

    id: int
    place: int | None
    """Rows of the filtered list before it; ``None`` in the order of the upload."""


@dataclass(frozen=True)
class RowDetail:
    """A row with what its page shows."""

    row: Row[Any]
    values: Sequence[RowValue]
    questions: Sequence[Question]
    judgments: Sequence[ShownJudgment]
    judgments_total: int
    results: Sequence[tuple[QuestionResult, float | None]]
    """The result of each question, and the agreement on it."""
    agreement: float | None
    mean_agreement: float | None
    """The API's agreement, if the row has several questions with one."""
    cost_mc: int
    """What its judgments cost."""
    judgment_mc: int
    """What one more judgment costs at most."""
    gold: Sequence[gold_form.GoldQuestion]
    """The questions that can be tested, with the result where no answer is accepted yet."""
    is_contested: bool

    @property
    def is_gold(self) -> bool:
        """Whether it is a test question."""
        return self.row.state in GOLD_STATES

    @property
    def can_be_canceled(self) -> bool:
        """Whether it can be canceled: nobody has judged it."""
        row = self.row
        is_open = row.state in units.ALLOWED_FROM["canceled"]
        return is_open and not row.judgments_count and not row.tainted_count

    @property
    def can_become_gold(self) -> bool:
        """Whether it can become a test question."""
        return (
            self.row.state in units.ALLOWED_FROM["golden"] and not self.is_gold and bool(self.gold)
        )

    @property
    def can_get_more(self) -> bool:
        """Whether more judgments can be asked for."""
        return self.row.order_id is not None and self.row.state in {"judgable", "finalized"}


def read_detail(tx: Transaction, job: Row[Any], unit_id: int) -> RowDetail:
    """Read a row with its judgments and its result.

    :raises NotFound: The job has no such row.
    """
    row = units.find(tx, job, unit_id)
    questions = read_questions(job, row.data)
    of_row = (judgment.c.unit_id == row.id,)  # the job would lead to the index of contributors
    given = _read_judgments(tx, of_row)
    counted = [each for each in given if not each.rejected]
    trusted = [WeightedAnswers(each.data, each.trust_now) for each in counted if not each.tainted]
    shares = agreements.question_agreements(job.fields or {}, [each.data for each in counted])
    results = [
        (summarize(job, each, row.data, trusted), shares.get(each.name)) for each in questions
    ]
    best = {result.question.name: result.best for result, _ in results}
    total = select(func.count(), func.coalesce(func.sum(judgment.c.cost_mc), 0).label("cost_mc"))
    sums = tx.one(total.select_from(judgment).where(*of_row))
    gold = [
        each
        if each.accepted or not best.get(each.name)
        else replace(each, accepted=best[each.name])
        for each in gold_form.read_questions(job, row.data)
    ]
    contests = select(contest.c.id).where(contest.c.unit_id == row.id).limit(1)
    return RowDetail(
        row=row,
        values=read_values(job, row.data, read_columns(tx, job.id)),
        questions=questions,
        judgments=[_shown(each, questions) for each in given],
        judgments_total=sums[0],
        results=results if counted else [],
        agreement=min(shares.values(), default=None),
        mean_agreement=sum(shares.values()) / len(shares) if len(shares) > 1 else None,
        cost_mc=int(sums.cost_mc),
        judgment_mc=_judgment_cost(tx, job, row),
        gold=gold,
        is_contested=tx.one(contests) is not None,
    )


def _read_judgments(tx: Transaction, of_row: Sequence[Any]) -> list[Any]:
    """Read the judgments of a row with their contributors, oldest first, rejected ones too."""
    on_page = (
        select(func.count())
        .select_from(assignment_unit)
        .where(assignment_unit.c.assignment_id == judgment.c.assignment_id)
        .scalar_subquery()
    )
    is_contributor = (worker_job.c.job_id == judgment.c.job_id) & (
        worker_job.c.worker_id == judgment.c.worker_id
    )
    query = (
        select(
            judgment,
            worker.c.display_name,
            worker_job.c.trust.label("trust_now"),
            worker_job.c.state.label("worker_state"),
            worker_job.c.flagged_at,
            on_page.label("on_page"),
        )
        .join(worker, worker.c.id == judgment.c.worker_id)
        .join(worker_job, is_contributor)
        .where(*of_row)
    )
    return tx.all(query.order_by(judgment.c.id).limit(MAX_JUDGMENTS))


def _shown(row: Any, questions: Sequence[Question]) -> ShownJudgment:
    return ShownJudgment(
        worker_id=row.worker_id,
        name=contributor_name(row.display_name, row.worker_id),
        answers=tuple(each.in_words(row.data.get(each.name)) for each in questions),
        trust=row.trust_now,
        seconds=max(row.created_at - row.started_at, 0) / max(row.on_page, 1),
        created_at=row.created_at,
        is_aside=bool(row.tainted or row.rejected),
        marks=tuple(_marks(row)),
    )


def _marks(row: Any) -> list[str]:
    marks = []
    if row.rejected:
        marks.append(gettext("removed: it no longer counts"))
    elif row.tainted and row.worker_state in {"removed", "failed_quiz"}:
        marks.append(gettext("set aside: accuracy too low"))
    elif row.tainted:
        marks.append(gettext("set aside: it does not count"))
    if row.missed:
        marks.append(gettext("missed the test question"))
    if row.flagged_at is not None:
        marks.append(gettext("flagged contributor"))
    return marks


def _judgment_cost(tx: Transaction, job: Row[Any], row: Row[Any]) -> int:
    """Return what one more judgment costs at most; 0 if the row's channels are free."""
    if row.order_id is not None:
        order = orders.find(tx, job, row.order_id)
        if all(money.is_free(tx, channel) for channel in order.channels):
            return 0
    return orders.estimate_cost(tx, job, 1, 1)


def find_neighbours(
    tx: Transaction, job: Row[Any], row: Row[Any], query: RowsQuery, place: int
) -> tuple[Neighbour | None, Neighbour | None]:
    """Return the rows before and after a row: in the list that it was opened from, if it still is.

    Otherwise, they are those in the order of the upload.

    :param place: Rows of the list before it when the list was shown; -1 if it is not known.
    """
    search = RowSearch(tx, job, query, _NEIGHBOUR_SECONDS) if place >= 0 else None
    found = None if search is None else search.place(row.id, place)
    if search is not None and found is not None:
        start = max(found - 1, 0)
        ids = search.ids(start, found - start + 2)
        before = Neighbour(ids[0], found - 1) if found else None
        after = Neighbour(ids[-1], found + 1) if ids[-1] != row.id else None
        return before, after
    same = [*visibility.units_of(tx, job.id)]
    is_gold = unit.c.state.in_(sorted(GOLD_STATES))
    same.append(is_gold if row.state in GOLD_STATES else ~is_gold)
    rows = select(unit.c.id).where(*same).limit(1)
    last = tx.one(rows.where(unit.c.seq < row.seq).order_by(unit.c.seq.desc()))
    following = tx.one(rows.where(unit.c.seq > row.seq).order_by(unit.c.seq))
    return (
        Neighbour(last.id, None) if last else None,
        Neighbour(following.id, None) if following else None,
    )


def typed_gold(
    gold: Sequence[gold_form.GoldQuestion], typed: Mapping[str, Sequence[str]]
) -> list[gold_form.GoldQuestion]:
    """Return the questions of a test question with what was typed, after it was refused.

    :param typed: Names of the form's fields to their values.
    """
    return [
        replace(
            each,
            accepted=tuple(typed.get(f"accepted[{each.name}]", ())),
            reason="".join(typed.get(f"reason[{each.name}]", ())),
        )
        for each in gold
    ]
