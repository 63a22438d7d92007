"""A plan to read a table, and its partitions: plain data, without a key, to be pickled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from crowdflower._types import describe_type
from crowdflower.exceptions import InvalidInput
from crowdflower.tables.optional_packages import require
from crowdflower.tables.partitions.column_types import with_schema
from crowdflower.tables.partitions.condition import Condition, check_names
from crowdflower.tables.partitions.planned_column import JobColumns
from crowdflower.tables.partitions.schema_names import other_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa


@dataclass(frozen=True)
class UnitPages:
    """The units of a job on some pages of their list.

    :param last_page: ``None`` for all pages to the end, also those that are added meanwhile.
    :param anchors: Pages with the unit that was first on them when the plan was made. Units are
        only ever added at the end; so if a unit before an anchor was removed, another one is first.
    :param size: Units on a page.
    """

    job_id: int
    columns: JobColumns
    first_page: int = 1
    last_page: int | None = None
    anchors: tuple[tuple[int, int], ...] = ()
    size: int = 1
    weight: int = 1

    def __str__(self) -> str:
        last = "the end" if self.last_page is None else self.last_page
        return f"pages {self.first_page} to {last} of job {self.job_id}"


@dataclass(frozen=True)
class JobReport:
    """The report of a job."""

    job_id: int
    columns: JobColumns
    weight: int = 1

    def __str__(self) -> str:
        return f"the report of job {self.job_id}"


@dataclass(frozen=True)
class ListedJobs:
    """Jobs of an account.

    :param ids: Their ids; ``None`` for those in the list of jobs.
    :param since: Only jobs that were created then or later, in microseconds since 1970.
    :param until: Only jobs that were created earlier.
    :param state: Only jobs in this state.
    """

    columns: JobColumns
    ids: tuple[int, ...] | None = None
    since: int | None = None
    until: int | None = None
    state: str | None = None
    weight: int = 1

    def __str__(self) -> str:
        return "the list of jobs" if self.ids is None else f"{len(self.ids)} jobs"


Part: TypeAlias = UnitPages | JobReport | ListedJobs


@dataclass(frozen=True, repr=False)
class Partition:
    """What one task reads; :func:`read_partition` reads it, in any process.

    It can be pickled, and has no API key.
    """

    table: str
    """``units``, ``judgments``, ``results`` or ``jobs``."""

    parts: tuple[Part, ...]
    """Pages or reports to read, one after the other."""

    schema: pa.Schema
    """Names and types of the columns, the same for all partitions of a plan."""

    conditions: tuple[Condition, ...] = ()
    """Rows that do not fulfil all of them are left out."""

    condition_types: tuple[tuple[str, Any], ...] = ()
    """The types of the columns in conditions."""

    is_strict: bool = False
    """Whether a column of the data that the plan does not know is an error."""

    has_schema: bool = False
    """Whether the schema was given, and not planned from the data."""

    requests_per_second: float | None = None
    """Its share of the account's rate; ``None`` for no limit."""

    def __repr__(self) -> str:
        parts = ", ".join(map(str, self.parts[:3])) + (", …" if self.parts[3:] else "")
        return f"<Partition of {self.table}: {parts}>"


@dataclass(frozen=True, repr=False)
class PartitionPlan:
    """How to read a table in parts: :func:`plan_partitions` returns it.

    It can be pickled, and has no API key.
    """

    schema: pa.Schema
    """Names and types of the columns."""

    partitions: tuple[Partition, ...]
    """What to read; each row of the table is in one of them."""

    def __repr__(self) -> str:
        count = len(self.partitions)
        partitions = f"{count} partition{'' if count == 1 else 's'}"
        return f"<PartitionPlan: {partitions}, {len(self.schema)} columns>"

    def __iter__(self) -> Iterator[Partition]:
        return iter(self.partitions)

    def with_schema(self, schema: pa.Schema) -> PartitionPlan:
        """Return the same plan with other types, such as those that an engine has.

        :param schema: Some columns of the table, with any types of Arrow. A cell that the type of
            its column does not hold is an error when it is read.
        :raises InvalidInput: The schema is something else, or has a name twice.
        """
        check_schema(schema)
        return PartitionPlan(
            schema, tuple(replace_schema(each, schema) for each in self.partitions)
        )


def replace_schema(partition: Partition, schema: pa.Schema) -> Partition:
    """Return a partition with another schema."""
    names, table = schema.names, partition.table
    known = partition.schema.names
    if table == "jobs":
        known = [each.name for each in partition.parts[0].columns.columns]
    aliases = other_case(names, known)
    if table == "jobs":
        check_names("schema", table, names, [*known, *aliases])
    parts = tuple(
        replace(part, columns=with_schema(part.columns, names, table, aliases))
        for part in partition.parts
    )
    return replace(partition, schema=schema, parts=parts, is_strict=False, has_schema=True)


def check_schema(schema: object) -> None:
    """Check that a value is a schema with different names.

    :raises InvalidInput: The value is something else, or a name is there twice.
    """
    pyarrow = require("pyarrow", "arrow", "plan_partitions")
    if not isinstance(schema, pyarrow.Schema):
        raise InvalidInput(f"schema must be a pyarrow.Schema, not {describe_type(schema)}")
    names = schema.names
    if not names:
        raise InvalidInput("schema has no columns")
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(f"schema has the column {name!r:.80} twice")
