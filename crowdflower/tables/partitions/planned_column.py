"""A column of a table: where its values come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from crowdflower._types import JSONObject
from crowdflower.rows.votes import judgments_in
from crowdflower.tables.answers import Question
from crowdflower.tables.arrow_tables import arrow_column
from crowdflower.tables.columns import CategoryColumn, values_of
from crowdflower.tables.judgment_columns import FLAGS
from crowdflower.tables.optional_packages import require
from crowdflower.tables.partitions.arrow_cells import arrow_array
from crowdflower.tables.result_columns import finalized_at, object_in

if TYPE_CHECKING:
    import pyarrow as pa

Origin: TypeAlias = Literal[
    "job_id", "job", "unit", "judgment", "row", "answer", "aggregate", "confidence"
]
"""Where a value is: in the JSON of the job, the unit or the judgment, in the row of the unit, in an
answer of a judgment, or in the aggregated answers of the unit."""


@dataclass
class RowBlock:
    """Some rows of a table, as the service sends them.

    :param units: The unit of each row; of a table of jobs, the job.
    :param judgments: The judgment of each row, if there is one.
    """

    job_id: int
    units: Sequence[JSONObject]
    judgments: Sequence[JSONObject] = field(default=())

    def __len__(self) -> int:
        return len(self.units)

    def select(self, rows: Sequence[int]) -> RowBlock:
        """Return some of the rows, by their positions."""
        units, judgments = self.units, self.judgments
        return RowBlock(
            self.job_id,
            [units[row] for row in rows],
            [judgments[row] for row in rows] if judgments else (),
        )

    def describe(self, row: int) -> str:
        """Return what a row is, for messages."""
        number = self.units[row].get("id")
        if not self.job_id:
            return f"job {number}"
        unit = f"unit {number} of job {self.job_id}"
        return f"judgment {self.judgments[row].get('id')} of {unit}" if self.judgments else unit

    @cached_property
    def data(self) -> list[JSONObject]:
        """The uploaded row of each unit."""
        return [object_in(unit, "data") for unit in self.units]

    @cached_property
    def results(self) -> list[JSONObject]:
        """The results of each unit."""
        return [object_in(unit, "results") for unit in self.units]

    @cached_property
    def answers(self) -> list[JSONObject]:
        """The answers of each judgment."""
        return [object_in(judgment, "data") for judgment in self.judgments]

    @cached_property
    def lists(self) -> list[list[JSONObject]]:
        """The judgments in the results of each unit."""
        return [judgments_in(unit["id"], unit.get("results")) for unit in self.units]


@dataclass(frozen=True)
class PlannedColumn:
    """A column of a table.

    :param name: Its name in the table.
    :param origin: Where its values are.
    :param key: By what name they are there.
    :param question: The question, of answers.
    :param categories: The values that are known before, of a column with few different ones.
    """

    name: str
    origin: Origin
    key: str
    question: Question | None = None
    categories: tuple[str, ...] | None = None

    def array(self, rows: RowBlock, kind: pa.DataType) -> pa.Array:
        """Return the values in some rows.

        :param kind: The type that is planned.
        :raises UnfitCell: A value is not of this type.
        """
        pyarrow = require("pyarrow", "arrow", "read_partition")
        values = self.values(rows)
        if self.categories is None or not values:
            return arrow_array(values, kind)
        if pyarrow.types.is_dictionary(kind):
            column = CategoryColumn(self.categories)
            column.extend(values)
            return arrow_column(pyarrow, column.finish()).chunk(0).cast(kind)
        return arrow_array([None if value == "" else value for value in values], kind)

    def values(self, rows: RowBlock) -> list[Any]:  # noqa: PLR0911 - a table
        """Return the values in some rows, as the service sends them."""
        key, question = self.key, self.question
        if question is not None:
            if self.origin == "answer":
                return question.answers(rows.answers)
            entries = values_of(rows.results, key)
            if self.origin == "confidence":
                return question.confidences(entries)
            return question.aggregates(entries, rows.lists)
        if self.origin == "job_id":
            return [rows.job_id] * len(rows)
        if self.origin == "row":
            return values_of(rows.data, key)
        if self.origin == "judgment":
            found = values_of(rows.judgments, key)
            return list(map(bool, found)) if key in FLAGS else found
        if key == "finalized_at":
            return list(map(finalized_at, rows.units))
        return values_of(rows.units, key)


@dataclass(frozen=True)
class JobColumns:
    """The columns that a table has for one job.

    :param questions: Names of the questions that are known, groups of questions included.
    :param of_table: The columns of all jobs in the table, if there are several.
    """

    columns: tuple[PlannedColumn, ...]
    questions: frozenset[str] = frozenset()
    of_table: tuple[PlannedColumn, ...] = ()

    def find(self, name: str) -> PlannedColumn | None:
        """Return the column with a name; ``None`` if the job has none."""
        return next((each for each in self.columns if each.name == name), None)

    @property
    def row_keys(self) -> frozenset[str]:
        """The columns of the uploaded rows."""
        return frozenset(each.key for each in self.columns if each.origin == "row")
