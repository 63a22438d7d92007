"""The columns of results: one row per unit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from crowdflower._types import JSONObject, describe_type
from crowdflower.exceptions import MalformedResponse
from crowdflower.rows.votes import judgments_in
from crowdflower.states import UNIT_STATES
from crowdflower.tables.answers import Question, Questions
from crowdflower.tables.blocks import Kind
from crowdflower.tables.columns import CategoryColumn, Column, TimeColumn, TypedColumn, values_of
from crowdflower.tables.row_columns import RowColumns

BEFORE: Final = ("unit_id", "state")
AFTER: Final = ("agreement", "judgments_count", "created_at", "updated_at", "finalized_at")
OWN_COLUMNS: Final = frozenset({*BEFORE, *AFTER})
"""The columns that every table of results has; answers and rows never take their names."""


class ResultColumns:
    """Collects units of a report, with what is known of the form."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._answers: dict[str, tuple[Question, Column, Column | None]] = {}
        self._rows = RowColumns()
        self._length = 0
        self._own: dict[str, Column] = {
            "unit_id": Column(Kind.INTEGER),
            "state": CategoryColumn(UNIT_STATES),
            "agreement": Column(Kind.FLOAT),
            "judgments_count": Column(Kind.INTEGER),
            "created_at": TimeColumn(),
            "updated_at": TimeColumn(),
            "finalized_at": TimeColumn(),
        }
        for question in questions.known.values():
            self._add_question(question)

    def add(self, units: Sequence[JSONObject]) -> None:
        """Append units.

        :raises MalformedResponse: A unit has no results, or no row, that could be one.
        """
        results = [object_in(unit, "results") for unit in units]
        new = dict.fromkeys(chain.from_iterable(results))
        new.pop("judgments", None)
        for question in self._questions.add(new):
            self._add_question(question)
        judgments = [judgments_in(unit["id"], unit.get("results")) for unit in units]
        for name, (question, answer, confidence) in self._answers.items():
            entries = values_of(results, name)
            answer.extend(question.aggregates(entries, judgments))
            if confidence is not None:
                confidence.extend(question.confidences(entries))
        self._rows.add([object_in(unit, "data") for unit in units])
        for name, column in self._own.items():
            key = "id" if name == "unit_id" else name
            column.extend(
                list(map(finalized_at, units)) if name == "finalized_at" else values_of(units, key)
            )
        self._length += len(units)

    def observe(self, units: Sequence[JSONObject]) -> None:
        """Take units into account for the columns of rows, and do not append them."""
        self._rows.observe([object_in(unit, "data") for unit in units])

    def finish(self, *, only_rows: bool = False) -> dict[str, TypedColumn]:
        """Return the columns: the unit, its row, its answers, and what is known of them.

        :param only_rows: Only the id of the unit and its row.
        """
        answers = name_answers(self._answers, OWN_COLUMNS)
        rows = self._rows.finish({*OWN_COLUMNS, *answers})
        own = {name: column.finish() for name, column in self._own.items()}
        if only_rows:
            return {"unit_id": own["unit_id"], **rows}
        return {
            **{name: own[name] for name in BEFORE},
            **rows,
            **answers,
            **{name: own[name] for name in AFTER},
        }

    def _add_question(self, question: Question) -> None:
        answer, confidence = question.new_aggregate(), question.new_confidence()
        for column in (answer, confidence):
            if column is not None:
                column.skip(self._length)
        self._answers[question.name] = question, answer, confidence


def name_answers(
    answers: Mapping[str, tuple[Question, Column, Column | None]], own: frozenset[str]
) -> dict[str, TypedColumn]:
    """Return the columns of answers under names that are free.

    :param own: Names that cannot be used: an answer of this name gets ``answer_`` before it. A
        confidence whose name is taken is named as in the service's reports: ``mood:confidence``.
    """
    names = free_answer_names(answers, own)
    taken = {*own, *names.values()}
    columns: dict[str, TypedColumn] = {}
    for name, (question, answer, confidence) in answers.items():
        columns[names[name]] = answer.finish()
        if confidence is None:
            continue
        typed = confidence.finish()
        if question.how or any(block.kind is not Kind.NULL for block in typed.blocks):
            columns[confidence_name(names[name], taken)] = typed
    return columns


def free_answer_names(answers: Collection[str], own: Collection[str]) -> dict[str, str]:
    """Return the name that the answers to each question have in a table.

    :param own: Names that cannot be used.

    >>> free_answer_names(["mood", "trust"], {"trust"})
    {'mood': 'mood', 'trust': 'answer_trust'}
    """
    every = set(answers)
    names: dict[str, str] = {}
    for name in answers:
        free = name
        while free in own or (free != name and free in every):
            free = f"answer_{free}"
        names[name] = free
    return names


def confidence_name(answer: str, taken: Collection[str]) -> str:
    """Return the name of the confidences of a column of answers.

    >>> confidence_name("mood", {"mood"}), confidence_name("mood", {"mood", "mood_confidence"})
    ('mood_confidence', 'mood:confidence')
    """
    free = f"{answer}_confidence"
    return f"{answer}:confidence" if free in taken else free


def finalized_at(unit: JSONObject) -> Any:
    """Return the time at which a unit was finalized; ``None`` if it is not finalized."""
    return unit.get("updated_at") if unit.get("state") == "finalized" else None


def object_in(unit: JSONObject, key: str) -> JSONObject:
    """Return an object in the JSON of a unit; an absent one is empty.

    :raises MalformedResponse: It is not an object.
    """
    found = unit.get(key) or {}
    if not isinstance(found, dict):
        raise MalformedResponse(
            f"expected the {key} of unit {unit.get('id')}, got {describe_type(found)}"
        )
    return found
