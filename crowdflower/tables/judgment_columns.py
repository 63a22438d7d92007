"""The columns of judgments: one row per judgment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain, compress
from typing import TYPE_CHECKING, Any, Final

from crowdflower._types import JSONObject
from crowdflower.states import UNIT_STATES
from crowdflower.tables.answers import Question, Questions
from crowdflower.tables.blocks import Kind
from crowdflower.tables.columns import CategoryColumn, Column, TimeColumn, TypedColumn, columns_of
from crowdflower.tables.result_columns import finalized_at, name_answers, object_in
from crowdflower.tables.row_columns import RowColumns, repeated

if TYPE_CHECKING:
    from crowdflower.tables.reading.arrow_blocks import ArrowBlocks

BEFORE: Final = ("judgment_id", "unit_id", "worker_id")
AFTER: Final = (
    "trust",
    "tainted",
    "rejected",
    "golden",
    "missed",
    "channel",
    "country",
    "region",
    "city",
    "started_at",
    "created_at",
    "unit_state",
    "finalized_at",
)
OWN_COLUMNS: Final = frozenset({*BEFORE, *AFTER})
"""The columns that every table of judgments has."""

FLAGS: Final = ("tainted", "rejected", "golden")
"""What is false where the service sends null."""

_OF_UNIT: Final = ("unit_id", "unit_state", "finalized_at")

JUDGMENT_KEYS: Final = {
    name: {"judgment_id": "id", "channel": "external_type"}.get(name, name)
    for name in (*BEFORE, *AFTER)
    if name not in _OF_UNIT
}
"""Columns that are read from judgments, with their keys in the JSON."""


class JudgmentColumns:
    """Collects units of a report with their judgments.

    :param with_rows: Whether to repeat the row of the unit beside each judgment.
    """

    def __init__(self, questions: Questions, *, with_rows: bool = False) -> None:
        self._questions = questions
        self._answers: dict[str, tuple[Question, Column, Column | None]] = {}
        self._rows = RowColumns() if with_rows else None
        self._length = 0
        self._own: dict[str, Column] = {
            "trust": Column(Kind.FLOAT),
            **{name: Column(Kind.BOOL) for name in (*FLAGS, "missed")},
            **{name: CategoryColumn() for name in ("channel", "country", "region", "city")},
            **{name: TimeColumn() for name in ("started_at", "created_at", "finalized_at")},
            "unit_state": CategoryColumn(UNIT_STATES),
            **{name: Column(Kind.INTEGER) for name in BEFORE},
        }
        for question in questions.known.values():
            self._add_question(question)

    def add(self, units: Sequence[JSONObject], judgments: Sequence[Sequence[JSONObject]]) -> None:
        """Append the judgments of some units.

        :param judgments: Those of each unit.
        :raises MalformedResponse: A judgment has no answers, or a unit has no row.
        """
        flat = list(chain.from_iterable(judgments))
        counts = list(map(len, judgments))
        answers, *fields = columns_of(flat, ["data", *JUDGMENT_KEYS.values()])
        if set(map(type, answers)) != {dict}:
            answers = [object_in(each, "data") for each in flat]
        if not self._questions.known.keys() >= set().union(*answers):
            for question in self._questions.add(dict.fromkeys(chain.from_iterable(answers))):
                self._add_question(question)
        for question, column, _ in self._answers.values():
            column.extend(question.answers(answers))
        own = self._own
        for name, found in zip(JUDGMENT_KEYS, fields, strict=True):
            own[name].extend(list(map(bool, found)) if name in FLAGS else found)
        ids, states = columns_of(units, ["id", "state"])
        own["unit_id"].extend(repeated(ids, counts))
        own["unit_state"].extend(repeated(states, counts))
        own["finalized_at"].extend(repeated(map(finalized_at, units), counts))
        if self._rows is not None:
            rows = [object_in(unit, "data") for unit in units]
            self._rows.add(list(compress(rows, counts)), list(filter(None, counts)))
        self._length += len(flat)

    def add_arrow(self, arrow: ArrowBlocks, units: Any, judgments: Any) -> None:
        """Append the judgments of some units that were read into Arrow.

        :param units: A struct array.
        :param judgments: A list of structs for each unit.
        :raises Unreadable: They must be decoded; nothing was appended.
        """
        flat = judgments.flatten()
        owners = arrow.compute.list_parent_indices(judgments)
        answers = arrow.field(flat, "data")
        arrow.check_names(answers, self._questions.known)
        own = self._own
        appends = [
            partial(column.extend_packed, arrow.lists(question, answers))
            if question.is_listed
            else arrow.prepare(column, arrow.answers(question, arrow.field(answers, name)))
            for name, (question, column, _) in self._answers.items()
        ]
        for name, key in JUDGMENT_KEYS.items():
            values = arrow.field(flat, key)
            if name in FLAGS:
                appends.append(partial(own[name].extend_packed, arrow.flags(values)))
            else:
                appends.append(arrow.prepare(own[name], values))
        states, updated_at = arrow.field(units, "state"), arrow.field(units, "updated_at")
        times = arrow.where_equal(states, "finalized", updated_at)
        unit_fields = {"unit_id": arrow.field(units, "id"), "unit_state": states}
        for name, values in {**unit_fields, "finalized_at": times}.items():
            appends.append(arrow.prepare(own[name], values.take(owners)))
        if self._rows is not None:
            appends += self._rows.prepare(arrow, arrow.field(units, "data"), owners)
        for append in appends:
            append()
        self._length += len(flat)
        if self._rows is not None:
            self._rows.skip(len(flat))

    def observe(self, units: Sequence[JSONObject]) -> None:
        """Take units into account for the columns of rows, and do not append them."""
        if self._rows is not None:
            self._rows.observe([object_in(unit, "data") for unit in units])

    def finish(self) -> dict[str, TypedColumn]:
        """Return the columns: the judgment, its answers, its contributor, the row of its unit."""
        answers = name_answers(self._answers, OWN_COLUMNS)
        rows = self._rows.finish({*OWN_COLUMNS, *answers}) if self._rows is not None else {}
        own = {name: column.finish() for name, column in self._own.items()}
        return {
            **{name: own[name] for name in BEFORE},
            **answers,
            **{name: own[name] for name in AFTER},
            **rows,
        }

    def _add_question(self, question: Question) -> None:
        if not question.is_group:  # its questions have columns of their own
            column = question.new_answer()
            column.skip(self._length)
            self._answers[question.name] = question, column, None
