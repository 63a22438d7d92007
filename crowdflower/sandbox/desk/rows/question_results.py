"""The result of a question in one row as the desk shows it: best answer, shares, agreement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from crowdflower.quality import option_confidence
from crowdflower.sandbox.desk import charts
from crowdflower.sandbox.desk.rows.row_search import best_answers
from crowdflower.sandbox.desk.rows.row_values import as_text
from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.forms import form_for
from crowdflower.sandbox.forms.sanitizer import plain_text
from crowdflower.sandbox.rules import gold_answers
from crowdflower.sandbox.rules.results import aggregation
from crowdflower.sandbox.rules.results.aggregation import RowOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row

    from crowdflower.sandbox.rules.results.aggregation import WeightedAnswers

_TIE: Final = 1e-9
"""Shares that differ by less are equal."""


@dataclass(frozen=True)
class Question:
    """A question of a job: its words, and how its answers are aggregated."""

    name: str
    label: str
    how: str
    options: Mapping[str, str]
    """Value to label, in the order of the form; empty if the answer is typed."""

    @property
    def has_confidence(self) -> bool:
        """Whether its answers have shares and an agreement."""
        return self.how not in {"all", "avg"}

    def in_words(self, answer: Any) -> str:
        """Return an answer as contributors see it; one that was not asked is empty."""
        given = answer if isinstance(answer, list) else [answer]
        words = [self.options.get(each, "") or as_text(each) for each in map(_plain, given)]
        return ", ".join(word for word in words if word)


@dataclass(frozen=True)
class QuestionResult:
    """The aggregated answers of a row to one question."""

    question: Question
    best: tuple[str, ...]
    """The best answers as they are stored; empty if there is none."""
    mean: float | None
    """The mean of numbers, for the aggregation ``avg``."""
    parts: tuple[charts.Part, ...]
    """The shares of the answers, weighted by trust; empty without trusted answers."""
    is_tie: bool
    """Whether another answer has the same share as the best one."""

    @property
    def in_words(self) -> str:
        """The best answer, or the mean; empty if there is neither."""
        if self.mean is not None:
            return f"{self.mean:.2f}"
        return self.question.in_words([*self.best])


def read_questions(job: Row[Any], data: Mapping[str, Any]) -> list[Question]:
    """Return the questions of a job, in its order, with the words that the form has for a row."""
    visible = gold_answers.visible_data(data, gold_answers.hidden_columns(job.gold))
    try:
        fields = form_for(job.cml or "", visible).fields
    except Refusal:  # the form has mistakes, or does not work with this row
        fields = ()
    by_name = {field.name: field for field in fields}
    found = []
    for name, how in (job.fields or {}).items():
        field, options = by_name.get(name), {}
        if field is not None:
            options = {each.value: plain_text(each.label) for each in field.answer_options}
        label = plain_text(field.label) if field is not None else ""
        found.append(Question(name, label or name, how, options))
    return found


def main_question(questions: Sequence[Question], wanted: str = "") -> Question | None:
    """Return the question whose answer a list shows: the wanted one, else the first with shares."""
    chosen = [each for each in questions if each.name == wanted]
    chosen += [each for each in questions if each.has_confidence]
    return next(iter([*chosen, *questions]), None)


def summarize(
    job: Row[Any],
    question: Question,
    data: Mapping[str, Any],
    trusted: Sequence[WeightedAnswers],
) -> QuestionResult:
    """Aggregate the trusted answers of a row to a question, as the API's results do."""
    options = RowOptions(job, data)
    found = aggregation.aggregate_answers(question.name, question.how, trusted, options)
    mean = found.get("avg") if isinstance(found, dict) else None
    given = [
        (each.data[question.name], each.trust) for each in trusted if question.name in each.data
    ]
    shares: dict[str, float] = {}
    if question.has_confidence and any(trust for _, trust in given):
        shares = option_confidence(given)
    ranked = sorted(shares.values(), reverse=True)
    is_tie = question.how == "agg" and len(ranked) > 1 and ranked[0] - ranked[1] < _TIE
    return QuestionResult(
        question, tuple(best_answers(found)), mean, tuple(_parts(question, shares)), is_tie
    )


def _parts(question: Question, shares: Mapping[str, float]) -> list[charts.Part]:
    """Return shares as parts; an option has the same colour in every row while all have one."""
    if question.options and len(question.options) <= charts.MAX_PARTS:
        values = [*question.options, *(each for each in shares if each not in question.options)]
    else:
        values = [*shares]
    counts = [(question.in_words(value), shares.get(value, 0.0)) for value in values]
    return [part for part in charts.split(counts) if part.number]


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else as_text(value)
