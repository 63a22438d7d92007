"""The questions of a form, and the type that their answers have in a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from crowdflower._types import JSONObject
from crowdflower.cml import Form
from crowdflower.models.job_form import JobField
from crowdflower.tables.blocks import Kind, as_text
from crowdflower.tables.columns import CategoryColumn, Column, values_of

_SEVERAL: Final = re.compile(r"agg_|cagg_")
"""Aggregations that keep more than one answer."""


@dataclass(frozen=True)
class Question:
    """A question, or a group with linked answers.

    :param name: Its name.
    :param how: Its aggregation; empty if it is not known.
    :param field: What the form says about it, if anything.
    :param is_group: Whether it is a group: its answers are the entries of its questions.
    """

    name: str
    how: str = ""
    field: JobField | None = None
    is_group: bool = False

    @property
    def is_list(self) -> bool:
        """Whether the aggregated answer is a list."""
        return self.how == "all" or bool(_SEVERAL.match(self.how)) or self.is_listed

    @property
    def is_listed(self) -> bool:
        """Whether the answer of a contributor is a list."""
        return self.field is not None and bool(self.field.question and self.field.question.listed)

    def new_aggregate(self) -> Column:
        """Return a column for aggregated answers."""
        if self.how == "avg":
            return Column(Kind.FLOAT)
        if self.is_list:
            return Column(Kind.LIST)
        if self.field and self.field.options:
            return CategoryColumn(self.field.options)
        return Column()

    def new_confidence(self) -> Column | None:
        """Return a column for confidences; ``None`` if this aggregation has none."""
        if self.is_group or self.how in {"all", "avg"}:
            return None
        if _SEVERAL.match(self.how):
            return Column(Kind.LIST, items=Kind.FLOAT)
        return Column(Kind.FLOAT)

    def new_answer(self) -> Column:
        """Return a column for the answers of contributors."""
        if self.is_listed:
            return Column(Kind.LIST)
        if self.how == "avg":
            return Column(Kind.FLOAT)
        if self.field and self.field.options:
            return CategoryColumn(self.field.options)
        return Column()

    def aggregates(self, entries: Iterable[Any], units: Iterable[list[JSONObject]]) -> list[Any]:
        """Return the aggregated answers of some units.

        :param entries: What their results have under the name of the question.
        :param units: Their judgments.
        """
        if self.is_group:
            return [None if entry is None else as_text(entry) for entry in entries]
        if self.how == "all":
            return [
                self._all_answers(judgments) if entry is None else _as_lines(entry)
                for entry, judgments in zip(entries, units, strict=True)
            ]
        answers = map(aggregate_in, entries)
        if self.is_list:
            return [each.split("\n") if isinstance(each, str) else each for each in answers]
        return list(answers)

    def confidences(self, entries: Iterable[Any]) -> list[Any]:
        """Return the confidences of aggregated answers; of several answers, a list."""
        return [
            entry["confidence"]
            if isinstance(entry, dict) and isinstance(entry.get("confidence"), list)
            else confidence_in(entry)
            for entry in entries
        ]

    def answers(self, judgments: Sequence[JSONObject]) -> list[Any]:
        """Return the answers of some judgments, given their ``data``."""
        found = values_of(judgments, self.name)
        if self.is_listed and set(map(type, found)) != {list}:
            return [self._as_list(*pair) for pair in zip(found, judgments, strict=True)]
        if self.how == "avg":
            return as_numbers(found)
        return found

    @property
    def missing_is_empty(self) -> bool | None:
        """Whether a missing answer is an empty list; ``None`` if that depends on other answers."""
        if self.field is None or self.field.question is None or not self.is_listed:
            return False
        if self.field.question.only_if is not None:
            return None
        return self.chose_none(None)

    def chose_none(self, judgment: JSONObject | None) -> bool:
        """Return whether a judgment without this question chose none of its options.

        :param judgment: Its ``data``.
        """
        return self.field is not None and self.field.chose_none(judgment or {})

    def _as_list(self, answer: Any, judgment: JSONObject) -> Any:
        if answer is None:
            return [] if self.chose_none(judgment) else None
        return answer if isinstance(answer, list) else [answer]

    def _all_answers(self, judgments: list[JSONObject]) -> list[Any] | None:
        """Return the answers of the judgments that count: the report has no aggregate for these."""
        if not judgments:
            return None
        counted = (
            each for each in judgments if not each.get("tainted") and not each.get("rejected")
        )
        answers = ((each.get("data") or {}).get(self.name) for each in counted)
        return _as_lines(answer for answer in answers if answer not in (None, "", []))


@dataclass
class Questions:
    """The questions of a job by name: those of the form, and others as results have them."""

    known: dict[str, Question] = field(default_factory=dict)

    @classmethod
    def of(cls, form: Form | None, aggregations: Mapping[str, str] | None) -> Questions:
        """Return the questions of a job.

        :param form: Its form, if it is known.
        :param aggregations: Its ``fields``: question to aggregation.
        """
        fixed = {each.name: each for each in form.fields if not each.dynamic} if form else {}
        how_of = {name: each.aggregation for name, each in fixed.items()} | dict(aggregations or {})
        found = cls()
        for name, how in how_of.items():
            found.known[name] = Question(name, how, JobField(name, fixed.get(name)))
        for group in form.groups if form else ():
            found.known[group.name] = Question(group.name, is_group=True)
        return found

    def add(self, names: Iterable[str]) -> list[Question]:
        """Return questions for those of the names that are not known yet."""
        new = [Question(name) for name in names if name not in self.known]
        self.known.update({each.name: each for each in new})
        return new


def aggregate_in(entry: Any) -> Any:
    """Return the answer in one field of aggregated results; ``None`` if there is none.

    The key is the name of the aggregation; for ``all`` the entry is a bare list.

    >>> aggregate_in({"agg": "negative", "confidence": 0.6421})
    'negative'
    >>> aggregate_in({"avg": 3.67}), aggregate_in(["Two complaints"])
    (3.67, ['Two complaints'])
    """
    if not isinstance(entry, dict):
        return entry
    return next((entry[key] for key in ("agg", "avg") if key in entry), None)


def confidence_in(entry: Any) -> float | None:
    """Return the confidence in one field of aggregated results; ``None`` if there is none.

    Services of 2011 sent it as a string.

    >>> confidence_in({"agg": "negative", "confidence": "0.6421"})
    0.6421
    """
    confidence = entry.get("confidence") if isinstance(entry, dict) else None
    try:
        return None if confidence is None else float(confidence)
    except (TypeError, ValueError):
        return None


def _as_lines(answers: Any) -> list[Any]:
    """Return answers with those that are lists on lines, as the service joins them."""
    if isinstance(answers, (str, dict)):
        return [as_text(answers)]
    return [
        "\n".join(map(str, answer)) if isinstance(answer, list) else answer for answer in answers
    ]


def as_numbers(answers: list[Any]) -> list[Any]:
    """Return answers as numbers where they are; each text is converted once."""
    if not set(map(type, answers)) <= {str, type(None)}:
        return list(map(_as_number, answers))
    return list(map({each: _as_number(each) for each in set(answers)}.__getitem__, answers))


def _as_number(answer: Any) -> Any:
    """Return a number that a contributor entered; anything else as it is."""
    try:
        number = float(answer)
    except (TypeError, ValueError):
        return answer or None
    return number if isfinite(number) else answer
