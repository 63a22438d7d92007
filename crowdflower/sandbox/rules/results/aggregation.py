"""Aggregates the answers to one question, weighted by the trust of the contributors.

Trust and confidence are rounded to 4 places in results, and nowhere else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from crowdflower.quality import aggregate, agreement
from crowdflower.quality import linked as linked_answers
from crowdflower.sandbox import forms
from crowdflower.sandbox.errors import Declined, Invalid
from crowdflower.sandbox.rules import gold_answers
from crowdflower.sandbox.rules.results.shapes import PLACES
from crowdflower.sandbox.rules.settings.questions import with_confidence
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.fast import bulk_queries
from crowdflower.sandbox.store.fast.agreements import question_agreements

if TYPE_CHECKING:
    from crowdflower.cml import Group, Option


AGREEMENT_STATES: Final = frozenset({"finalized", "hidden_gold"})
"""States of units that have an agreement: a hidden test question has one, others have not."""


class WeightedAnswers(NamedTuple):
    """The answers of one contributor to a unit, and their trust as a weight."""

    data: dict[str, Any]
    trust: float

    @classmethod
    def read(cls, row: bulk_queries.UnitJudgment) -> WeightedAnswers:
        """Decode a row of the database."""
        return cls(json.loads(row.data), row.trust)


class RowOptions:
    """The options of the questions of one row, in the order of the form.

    The form is parsed, or rendered for the row, when they are first asked for.

    :param row: Column to value.
    """

    def __init__(self, job: Any, row: Mapping[str, Any]) -> None:
        self._job = job
        self._row = row

    def values(self, name: str) -> list[str]:
        """Return the values of the options of a question; empty if it has none."""
        return [option.value for option in self._options.get(name, ())]

    @cached_property
    def _options(self) -> dict[str, tuple[Option, ...]]:
        hidden = gold_answers.hidden_columns(self._job.gold)
        try:
            form = forms.form_for(self._job.cml or "", gold_answers.visible_data(self._row, hidden))
        except (Declined, Invalid):  # the form or the row changed since it was answered
            return {}
        return {each.name: each.options for each in form.fields}


def read_trusted(tx: Transaction, unit_ids: Collection[int]) -> dict[int, list[WeightedAnswers]]:
    """Read the trusted judgments of some units, by unit id, oldest first."""
    rows = bulk_queries.read_judgments(tx.driver, list(unit_ids))
    return {
        unit_id: [WeightedAnswers.read(row) for row in of_unit if not row.tainted]
        for unit_id, of_unit in rows.items()
    }


def aggregate_answers(
    name: str,
    how: str,
    judgments: Collection[WeightedAnswers],
    options: RowOptions | None = None,
) -> dict[str, Any] | list[Any]:
    """Aggregate the answers to one question, rounded to 4 places.

    Contributors who were not asked the question, as another answer hid it, do not count.

    :param options: The options of the row's form, whose order decides ties.

    >>> aggregate_answers(
    ...     "spam",
    ...     "agg",
    ...     [WeightedAnswers({"spam": "yes"}, 1.0), WeightedAnswers({"spam": "no"}, 0.8)],
    ... )
    {'agg': 'yes', 'confidence': 0.5556}
    """
    answers = [(each.data[name], each.trust) for each in judgments if name in each.data]
    given = {each for answer, _ in answers for each in _options_in(answer)}
    found = aggregate(how, answers, options.values(name) if options and len(given) > 1 else ())
    if isinstance(found, list):
        return found
    return {key: _round(value) for key, value in found.items()}


def aggregate_group(group: Group, judgments: Iterable[WeightedAnswers]) -> list[dict[str, Any]]:
    """Aggregate the entries of a repeatable group, with confidences rounded to 4 places."""
    found = linked_answers([group.entries(each.data) for each in judgments])
    return [{**entry, "confidence": round(entry["confidence"], PLACES)} for entry in found]


def deciding_questions(job: Any) -> list[str]:
    """List the questions whose confidence decides whether a unit needs more judgments."""
    return list(job.confidence_fields or with_confidence(job.fields or {}))


def best_confidence(job: Any, name: str, judgments: Collection[WeightedAnswers]) -> float | None:
    """Return the confidence of the best answer to a question, not rounded.

    ``None`` if no contributor was asked the question, or its aggregation has no confidence.
    """
    answers = [(each.data[name], each.trust) for each in judgments if name in each.data]
    found = aggregate((job.fields or {}).get(name, "agg"), answers)
    sure = found.get("confidence") if isinstance(found, dict) else None
    if isinstance(sure, list):
        return max(sure, default=None)
    return sure


def count_matching(name: str, judgments: Iterable[WeightedAnswers]) -> int:
    """Return how many contributors gave the most common answer.

    >>> count_matching(
    ...     "spam", [WeightedAnswers({"spam": "yes"}, 1.0), WeightedAnswers({"spam": "yes"}, 0.8)]
    ... )
    2
    """
    answers = Counter(json.dumps(each.data[name]) for each in judgments if name in each.data)
    return max(answers.values(), default=0)


def unit_agreement(job: Any, state: str, answers: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the agreement of contributors on a finalized unit, rounded; else ``None``.

    Agreement is the fraction of contributors who gave the most common answer, averaged over all
    questions that have a confidence and were asked. Unlike confidence, it ignores trust, counts
    contributors who lost it, and includes questions that do not decide over dynamic judgments.

    :param answers: The answers of every judgment that was not rejected.

    Source: Figure Eight, `How to Calculate Overall Unit Agreement
    <https://success.figure-eight.com/hc/en-us/articles/360038386492>`_. The reports of a job of
    2014 have this number in all 1,003 units with an agreement: 1,000 finalized ones and three
    hidden test questions. Trusted judgments alone give it in 797.
    """
    if state not in AGREEMENT_STATES:
        return None
    mean = agreement(question_agreements(job.fields or {}, answers).values())
    return None if mean is None else round(mean, PLACES)


def _options_in(answer: str | list[str]) -> list[str]:
    return [answer] if isinstance(answer, str) else answer


def _round(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, PLACES)
    return [_round(each) for each in value] if isinstance(value, list) else value
