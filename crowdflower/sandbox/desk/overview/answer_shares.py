"""The shares of answers to each question among finished rows, counted once a row.

A row counts with its result, which is the answer that its contributors give together. In a large
job a random sample of rows is counted, chosen before they are finished, so that each new finished
row is either in it or not, and no row is read twice.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox import forms
from crowdflower.sandbox.desk.charts import MAX_PARTS
from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.rules.results import aggregation
from crowdflower.sandbox.rules.results.aggregation import RowOptions, WeightedAnswers
from crowdflower.sandbox.store.column_types import MAX_ID_DIGITS
from crowdflower.sandbox.store.fast import bulk_queries, job_history

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row

    from crowdflower.cml import Field
    from crowdflower.sandbox.store import Transaction

SAMPLE: Final = 400
"""Rows of a job that are counted; in a smaller job, all of them. A share of 50 % among them is
right to within 5 percentage points, 19 times in 20."""

MAX_ANSWERS: Final = 200
"""Different answers of a question that are told apart; written answers may be without end."""

MAX_LENGTH: Final = 80
"""Characters of an answer that are kept."""

NUMERIC: Final = "avg"
KEEPS_ALL: Final = "all"


@dataclass
class Question:
    """A question with the results of the rows that were counted."""

    name: str
    label: str
    how: str
    """Its aggregation; of ``all``, which keeps every answer, nothing is counted."""
    options: tuple[tuple[str, str], ...]
    """Value and label of each, in the order of the form; empty for written answers."""
    rows: int = 0
    """Rows with a result."""
    answers: Counter[str] = field(default_factory=Counter)
    """Result to rows; a row may have several."""
    agreement: float = 0.0
    """The sum over rows of the share of contributors who gave the most common answer."""
    agreed_rows: int = 0
    total: float = 0.0
    """The sum of the results of a numeric question."""

    @property
    def is_numeric(self) -> bool:
        """Whether a result is a mean."""
        return self.how == NUMERIC

    @property
    def is_scale(self) -> bool:
        """Whether the options are numbers in their order, such as ratings."""
        values = [value for value, _ in self.options]
        return self.is_numeric or (
            len(values) > 1
            and all(value.isdecimal() and len(value) <= MAX_ID_DIGITS for value in values)
            and [*map(int, values)] == sorted({int(value) for value in values})
        )

    def counts(self) -> list[tuple[str, str, int]]:
        """Return value, label and rows of each answer that occurs, in the order to show them.

        Steps of a scale and up to five options are in their own order, which does not change while
        answers come; others begin with the most common one.
        """
        labels = dict(self.options)
        found = [(value, labels.get(value, value), n) for value, n in self.answers.items()]
        if self.is_scale:
            return sorted(found, key=lambda each: (_as_number(each[0]), each[0]))
        if 0 < len(self.options) <= MAX_PARTS and self.answers.keys() <= labels.keys():
            places = {value: place for place, (value, _) in enumerate(self.options)}
            return sorted(found, key=lambda each: places[each[0]])
        return sorted(found, key=lambda each: (-each[2], each[0]))


class AnswerShares:
    """The answers of a job's finished rows by question; it is told about each finished row once.

    :param job: As it is now. When its form or its aggregations change, begin again.
    :param last_seq: The highest ``seq`` of its rows.
    """

    def __init__(self, tx: Transaction, job: Row[Any], last_seq: int) -> None:
        self.form = job.cml
        self.fields = job.fields or {}
        self.last_seq = last_seq
        self.questions = _questions(job)
        self.rows = 0
        """Finished rows that were counted."""
        self.seqs: frozenset[int] | None = None
        """The sample; ``None`` if all rows are counted."""
        if last_seq > SAMPLE:
            random = tx.clock.random("shares", job.id)
            self.seqs = frozenset(random.sample(range(1, last_seq + 1), SAMPLE))

    def copy(self) -> AnswerShares:
        """Return a copy that does not change when more rows are added."""
        twin = copy(self)
        twin.questions = [replace(each, answers=each.answers.copy()) for each in self.questions]
        return twin

    def fits(self, job: Row[Any], last_seq: int) -> bool:
        """Return whether it can go on counting, as the job has the same form and rows."""
        same = (self.form, self.fields, self.last_seq)
        return same == (job.cml, job.fields or {}, last_seq)

    def add(self, tx: Transaction, job: Row[Any], seqs: Sequence[int] | None = None) -> None:
        """Count finished rows.

        :param seqs: Of the rows; by default of all rows that are counted.
        """
        if seqs is None:
            seqs = range(1, self.last_seq + 1) if self.seqs is None else sorted(self.seqs)
        elif self.seqs is not None:
            seqs = [seq for seq in seqs if seq in self.seqs]
        for start in range(0, len(seqs), SAMPLE):
            some = seqs[start : start + SAMPLE]
            ids = job_history.finalized_ids(tx.driver, job.id, some)
            for judgments in bulk_queries.read_judgments(tx.driver, ids).values():
                self._count(job, [each for each in judgments if not each.tainted])

    def _count(self, job: Row[Any], judgments: Sequence[bulk_queries.UnitJudgment]) -> None:
        self.rows += 1
        answers = [WeightedAnswers.read(each) for each in judgments]
        alike = [each._replace(trust=1.0) for each in answers]
        is_alike = len({each.trust for each in answers}) < 2  # noqa: PLR2004 - one value
        options = RowOptions(job, {}) if forms.static_form(job.cml or "") else None
        for question in self.questions:
            if question.how == KEEPS_ALL:
                question.rows += any(each.data.get(question.name) for each in answers)
                continue
            result = aggregation.aggregate_answers(question.name, question.how, answers, options)
            if isinstance(result, dict):
                _add_result(question, result)
            if is_alike and isinstance(result, dict):
                share = _best(result.get("confidence"))
            else:
                share = aggregation.best_confidence(job, question.name, alike)
            if share is not None:
                question.agreement += share
                question.agreed_rows += 1


def _add_result(question: Question, result: dict[str, Any]) -> None:
    if question.is_numeric:
        mean = result.get("avg")
        if mean is None:
            return
        question.total += mean
        chosen = [str(int(mean + 0.5))]
    else:
        chosen = _texts(result.get("agg"))
    if not chosen:
        return
    question.rows += 1
    for answer in chosen:
        if answer in question.answers or len(question.answers) < MAX_ANSWERS:
            question.answers[answer[:MAX_LENGTH]] += 1


def _best(confidence: Any) -> float | None:
    if isinstance(confidence, list):
        return max(confidence, default=None)
    return None if confidence is None else float(confidence)


def _texts(result: Any) -> list[str]:
    """Return the answers of a result as text: one, several, or none."""
    many = result if isinstance(result, list) else [result]
    flat = [part for each in many for part in (each if isinstance(each, list) else [each])]
    return [str(each) for each in dict.fromkeys(map(str, (e for e in flat if e not in (None, ""))))]


def _questions(job: Row[Any]) -> list[Question]:
    """Return the questions of a job: those of its form, then others that were answered."""
    found: dict[str, Field] = {}
    with suppress(Refusal):  # a form with mistakes; its problems are an alert
        found = {each.name: each for each in forms.check_form(job.cml or "").fields}
    fields = job.fields or {}
    names = [*(name for name in found if name in fields), *(n for n in fields if n not in found)]
    return [_question(name, fields[name], found.get(name)) for name in names]


def _question(name: str, how: str, found: Field | None) -> Question:
    if found is None:
        return Question(name, name, how, ())
    options = tuple((each.value, each.label or each.value) for each in found.answer_options)
    return Question(name, found.label or name, how, options)


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("inf")
