"""The list of a job's test questions: how often each is seen, missed and contested. Reads only."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import Text, and_, func, or_, select, type_coerce

from crowdflower.quality.gold_limits import EXTRA_GOLD
from crowdflower.sandbox.desk.golds.gold_form import (
    GoldQuestion,
    gold_columns,
    read_questions,
    row_text,
)
from crowdflower.sandbox.desk.paging import PageOf, page_of
from crowdflower.sandbox.rules import gold_answers, quiz, visibility
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.store.column_types import encode
from crowdflower.sandbox.store.contributor_tables import contest
from crowdflower.sandbox.store.tables import judgment, unit, worker_job

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import ColumnElement, Row

    from crowdflower.sandbox.store import Transaction

SORTS: Final = frozenset(
    f"{sign}{name}" for sign in ("", "-") for name in ("missed", "seen", "contested", "row")
)
"""What the list can be sorted by; a minus is for the largest first."""

DEFAULT_SORT: Final = "-missed"

OFF: Final = "off"

FILTERS: Final = ("golden", "hidden_gold", OFF)
"""Which can be shown alone: in use, hidden, switched off."""


class GoldQuery(NamedTuple):
    """Which part of the list is shown."""

    state: str = ""
    """One of :data:`FILTERS`; empty for those that are in use or hidden."""

    sort: str = DEFAULT_SORT
    page: int = 1


class Instead(NamedTuple):
    """The wrong answer that was given most often."""

    question: str
    """Label of the question."""

    answer: str
    people: int
    """How many gave it."""

    missed: int
    """How many missed this question."""


class GoldLine(NamedTuple):
    """A test question as the list shows it."""

    id: int
    row: int
    """Number of the row in its job."""

    text: str
    """The longest text of the row, shortened."""

    state: str
    """``golden``, ``hidden_gold``, or ``new`` for one that is switched off."""

    questions: list[GoldQuestion]
    """Its questions with their accepted answers and reasons."""

    seen: int
    missed: int
    contested: int
    """Contributors who disagreed with it."""

    instead: Instead | None

    @property
    def checks(self) -> bool:
        """Whether it has an accepted answer to a question of the form."""
        return any(each.accepted for each in self.questions)

    @property
    def missed_share(self) -> float:
        """Fraction of the contributors who saw it and missed it."""
        return self.missed / self.seen if self.seen else 0.0

    @property
    def contested_share(self) -> float:
        """Fraction of the contributors who saw it and disagreed with it."""
        return self.contested / self.seen if self.seen else 0.0


class GoldSupply(NamedTuple):
    """Whether a job has enough test questions: each is shown to a person once."""

    golds: int
    is_enough: bool
    """Whether they are used at all."""

    missing: int
    """How many more are needed to use them."""

    in_quiz: int
    per_page: int
    page_size: int
    rows_per_person: int
    """Rows after which one person has seen all test questions."""

    rows: int
    judgments: int
    """Judgments for each row."""

    people_needed: int
    people: int


def read_golds(tx: Transaction, job: Row[Any], query: GoldQuery) -> PageOf[GoldLine]:
    """Read a page of the test questions of a job, or of the rows that could be ones."""
    if query.state == OFF:
        return _read_switched_off(tx, job, query.page)
    states = [query.state] if query.state else sorted(GOLD_STATES)
    columns = (unit.c.id, unit.c.seq, unit.c.missed_count, _SEEN.label("seen"))
    of_job = (unit.c.job_id == job.id, unit.c.state.in_(states), _IS_GOLD)
    found = tx.all(select(*columns).where(*of_job))
    contested = _count_contested(tx, job)
    keys = {
        "missed": lambda row: row.missed_count / row.seen if row.seen else 0.0,
        "seen": lambda row: row.seen,
        "contested": lambda row: contested.get(row.id, 0),
        "row": lambda row: row.seq,
    }
    key, falls = keys[query.sort.removeprefix("-")], query.sort.startswith("-")
    found.sort(key=lambda row: row.seq)
    found.sort(key=key, reverse=falls)
    place: PageOf[GoldLine] = page_of(len(found), query.page)
    shown = [row.id for row in found[place.offset : place.offset + place.size]]
    return place.filled(read_lines(tx, job, shown, contested))


def read_lines(
    tx: Transaction,
    job: Row[Any],
    unit_ids: Sequence[int],
    contested: Mapping[int, int] | None = None,
) -> list[GoldLine]:
    """Read some test questions, in this order.

    :param contested: How many contributors disagree with each, if the caller knows it.
    """
    rows = {
        row.id: row
        for row in tx.all(select(unit).where(unit.c.id.in_(unit_ids), unit.c.job_id == job.id))
    }
    wrong = _wrong_answers(tx, unit_ids)
    contested = _count_contested(tx, job) if contested is None else contested
    hidden = gold_answers.hidden_columns(gold_columns(job))
    lines = []
    for row in (rows[each] for each in unit_ids if each in rows):
        asked = read_questions(job, row.data)
        seen = row.judgments_count + row.tainted_count
        lines.append(
            GoldLine(
                row.id,
                row.seq,
                row_text(gold_answers.visible_data(row.data, hidden)),
                row.state,
                [each for each in asked if each.accepted],
                seen,
                row.missed_count,
                contested.get(row.id, 0),
                _find_instead(asked, wrong.get(row.id, ())),
            )
        )
    return lines


def read_supply(tx: Transaction, job: Row[Any]) -> GoldSupply:
    """Return whether the test questions of a job are enough for its rows and its people."""
    enough = quiz.has_enough_gold(job)
    in_quiz = min(job.units_per_assignment, job.golds_count) if quiz.is_quiz_enabled(job) else 0
    per_page = quiz.gold_per_page(job)
    pages = (job.golds_count - in_quiz) // per_page if per_page else 0
    rows_per_person = pages * quiz.units_per_page(job)
    rows = job.judgable_count + job.finalized_count
    judgments = rows * job.judgments_per_unit
    people_needed = 0
    if rows_per_person and rows:  # nobody gets a row twice
        people_needed = max(job.judgments_per_unit, -(-judgments // rows_per_person))
    people = select(func.count()).where(worker_job.c.job_id == job.id)
    return GoldSupply(
        golds=job.golds_count,
        is_enough=enough,
        missing=max(0, job.units_per_assignment + EXTRA_GOLD - job.golds_count),
        in_quiz=in_quiz,
        per_page=per_page,
        page_size=job.units_per_assignment,
        rows_per_person=rows_per_person,
        rows=rows,
        judgments=job.judgments_per_unit,
        people_needed=people_needed,
        people=tx.connection.scalar(people) or 0,
    )


_SEEN = unit.c.judgments_count + unit.c.tainted_count

_IS_GOLD = or_(unit.c.state == "golden", unit.c.state == "hidden_gold")
"""The condition of the partial index, word by word."""


def _read_switched_off(tx: Transaction, job: Row[Any], page: int) -> PageOf[GoldLine]:
    """Read a page of the new rows that have accepted answers."""
    columns = [*gold_columns(job).values()]
    conditions = (*visibility.units_of(tx, job.id), unit.c.state == "new", _has_any(columns))
    place: PageOf[GoldLine] = page_of(
        tx.connection.scalar(select(func.count(unit.c.id)).where(*conditions)) or 0, page
    )
    chosen = select(unit.c.id).where(*conditions).order_by(unit.c.seq)
    rows = tx.all(chosen.limit(place.size).offset(place.offset))
    return place.filled(read_lines(tx, job, [row.id for row in rows]))


def _has_any(columns: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that the JSON text of a row has a value in one of some columns."""
    text = type_coerce(unit.c.data, Text)  # the column's own type would encode the pattern
    conditions = []
    for column in columns:
        key = f"{encode(column)}:"
        empty = [text.contains(f"{key}{each}", autoescape=True) for each in ('""', "null", "[]")]
        conditions.append(and_(text.contains(key, autoescape=True), ~or_(*empty)))
    return or_(*conditions) if conditions else unit.c.id.is_(None)


def _count_contested(tx: Transaction, job: Row[Any]) -> dict[int, int]:
    """Count the contributors who disagree with each test question."""
    people = func.count(contest.c.worker_id.distinct()).label("people")
    query = select(contest.c.unit_id, people).where(contest.c.job_id == job.id)
    return {row.unit_id: row.people for row in tx.all(query.group_by(contest.c.unit_id))}


def _wrong_answers(
    tx: Transaction, unit_ids: Sequence[int]
) -> dict[int, list[tuple[dict[str, Any], int]]]:
    """Return the wrong answers to some test questions, each with how many gave it."""
    is_wrong = (judgment.c.missed.is_(True), judgment.c.rejected.is_(False))
    query = select(judgment.c.unit_id, judgment.c.data, func.count().label("people"))
    query = query.where(judgment.c.unit_id.in_(unit_ids), *is_wrong)
    found = defaultdict(list)
    for row in tx.all(query.group_by(judgment.c.unit_id, judgment.c.data)):
        found[row.unit_id].append((row.data, row.people))
    return found


def _find_instead(
    asked: Sequence[GoldQuestion], wrong: Sequence[tuple[dict[str, Any], int]]
) -> Instead | None:
    """Return the most frequent wrong answer to the question that is missed most."""
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    by_name = {each.name: each for each in asked}
    for data, people in wrong:
        for each in asked:
            if each.is_wrong(data):
                answers[each.name][each.in_words(data.get(each.name))] += people
    if not answers:
        return None
    name = max(answers, key=lambda each: answers[each].total())
    answer, count = answers[name].most_common(1)[0]
    return Instead(by_name[name].label, answer, count, answers[name].total())
