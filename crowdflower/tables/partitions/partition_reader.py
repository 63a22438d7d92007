"""Reads a partition as record batches, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final

from crowdflower._types import JSONObject, describe_type
from crowdflower.exceptions import InvalidInput
from crowdflower.http.base_client import BaseClient
from crowdflower.models.arguments import check_count
from crowdflower.rows.votes import judgments_in
from crowdflower.tables.optional_packages import require
from crowdflower.tables.partitions.account_verbs import account
from crowdflower.tables.partitions.arrow_cells import UnfitCell
from crowdflower.tables.partitions.condition import Condition
from crowdflower.tables.partitions.job_list import read_jobs
from crowdflower.tables.partitions.partition import JobReport, ListedJobs, Part, Partition
from crowdflower.tables.partitions.planned_column import JobColumns, PlannedColumn, RowBlock
from crowdflower.tables.partitions.unit_pages import read_units
from crowdflower.tables.report_tables import lacks_judgments

if TYPE_CHECKING:
    import pyarrow as pa

    from crowdflower.tables.report_tables import ReportSource

MAX_JUDGMENTS: Final = 5000
"""Judgments in memory as JSON."""

MAX_UNITS: Final = 500
"""Units in memory as JSON."""

_OF_UNITS: Final = frozenset({"job_id", "unit"})
"""Where values are that do not need the judgments of a unit."""


def read_partition(
    client: BaseClient, partition: Partition, *, batch_rows: int = 10_000
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a partition as record batches, each with the schema of the plan.

    Memory holds at most ``batch_rows`` rows, and a page of units, or some units of a report with
    their judgments. Requests are sent at the partition's share of the account's rate. The service
    builds a report when it is first asked for: judgments and results begin after that.

    Calls ``GET /jobs/{id}``; for units ``GET /jobs/{id}/units``; for judgments and results
    ``GET /jobs/{id}.csv``, and for judgments that the report leaves out
    ``GET /jobs/{id}/units/{id}/judgments``; for jobs ``GET /jobs``.

    :param client: A client of the same account as the one that made the plan.
    :param batch_rows: Rows of a batch at most.
    :raises InvalidInput: A value does not fit the type of its column, or the data has a column that
        the plan does not have; the message says where, and what to do.
    :raises PageChanged: Units were removed since the plan was made.
    :raises ReportNotReady: A report was not built within half an hour.

    >>> from crowdflower.tables.partitions import plan_partitions, read_partition
    >>> plan = plan_partitions(client, "units", [job])
    >>> for partition in plan.partitions:
    ...     for batch in read_partition(client, partition):
    ...         print(batch.num_rows, batch.schema.names[:2])
    10 ['unit_id', 'review']
    """
    require("pyarrow", "arrow", "read_partition")
    if not isinstance(partition, Partition):
        raise InvalidInput(
            "partition must be one of plan_partitions(…).partitions, not"
            f" {describe_type(partition)}"
        )
    check_count("batch_rows", batch_rows)
    return _read(client, partition, batch_rows)


def _read(client: BaseClient, partition: Partition, batch_rows: int) -> Iterator[pa.RecordBatch]:
    limited = account(client).with_rate_limit(partition.requests_per_second)
    batches = _Batches(partition.schema, batch_rows)
    for part in partition.parts:
        job_id = 0 if isinstance(part, ListedJobs) else part.job_id
        reader = _PartReader(partition, part.columns, job_id)
        if reader.is_empty:
            continue
        for rows in _blocks(limited, part, partition, reader):
            if len(rows):
                yield from batches.add(reader.arrays(rows), len(rows))
    yield from batches.flush()


class _PartReader:
    """Selects rows of one job, and builds their columns."""

    def __init__(self, partition: Partition, columns: JobColumns, job_id: int) -> None:
        self._partition = partition
        self._columns = columns
        self._pyarrow = require("pyarrow", "arrow", "read_partition")
        self._found = [columns.find(name) for name in partition.schema.names]
        kinds = dict(partition.condition_types)
        self._conditions: list[tuple[Condition, PlannedColumn, Any]] = []
        self.is_empty = False
        """Whether no row of the job can fulfil the conditions."""
        for condition in partition.conditions:
            column = columns.find(condition.column)
            if column is not None:
                kind = kinds[condition.column]
                self._conditions.append((condition, column, kind))
                if column.origin == "job_id":
                    mask = condition.matches(self._array(column, RowBlock(job_id, [{}]), kind))
                    self.is_empty |= not mask[0].as_py()
            elif condition.operator != "is null":
                self.is_empty = True
        self.trusted_only = any(
            column.key == "tainted" and condition.operator == "=" and condition.value is False
            for condition, column, _ in self._conditions
        )

    def select(self, rows: RowBlock, *, of_units: bool | None = None) -> RowBlock:
        """Return the rows that fulfil the conditions.

        :param of_units: Only conditions that need no judgments, or only the others.
        """
        for condition, column, kind in self._conditions:
            if not len(rows):
                break
            if of_units is None or (column.origin in _OF_UNITS) == of_units:
                mask = condition.matches(self._array(column, rows, kind))
                if not self._pyarrow.compute.all(mask, min_count=0).as_py():
                    selected = [row for row, fits in enumerate(mask.to_pylist()) if fits]
                    rows = rows.select(selected)
        return rows

    def arrays(self, rows: RowBlock) -> list[Any]:
        """Return the columns of some rows, as arrays of the planned types."""
        if self._partition.is_strict:
            self._check_keys(rows)
        return [
            self._field(field, column, rows)
            for field, column in zip(self._partition.schema, self._found, strict=True)
        ]

    def _field(self, field: Any, column: PlannedColumn | None, rows: RowBlock) -> Any:
        if column is None:
            array = self._pyarrow.nulls(len(rows), field.type)
        else:
            array = self._array(column, rows, field.type)
        if not field.nullable and array.null_count:
            row = array.is_null().index(True).as_py()
            raise InvalidInput(
                f"{rows.describe(row)} has no value in column {field.name!r:.80}, which the schema"
                " says is never null"
            )
        return array

    def _array(self, column: PlannedColumn, rows: RowBlock, kind: Any) -> Any:
        try:
            return column.array(rows, kind)
        except UnfitCell as error:
            value, row = str(error), error.position
        cell = f"{rows.describe(row)} has {value} in column {column.name!r:.80}"
        if self._partition.has_schema:
            raise InvalidInput(
                f"{cell}, which the schema says is {kind}: make the column a string in the schema,"
                " or leave it out"
            )
        raise InvalidInput(
            f"{cell}, which was planned as {kind}: pass a schema in which the column is a string to"
            " plan_partitions, or leave the column out"
        )

    def _check_keys(self, rows: RowBlock) -> None:
        """Check that the plan has every column and question of some rows."""
        table = self._partition.table
        if table == "jobs":
            return
        if table != "judgments":
            self._check_known(rows, rows.data, self._columns.row_keys, "column")
        if table == "judgments":
            self._check_known(rows, rows.answers, self._columns.questions, "answer")
        elif table == "results":
            questions = self._columns.questions | {"judgments"}
            self._check_known(rows, rows.results, questions, "answer")

    @staticmethod
    def _check_known(
        rows: RowBlock, objects: Sequence[JSONObject], known: frozenset[str], what: str
    ) -> None:
        if set(chain.from_iterable(objects)) <= known:
            return
        row, name = next(
            (row, name) for row, each in enumerate(objects) for name in each if name not in known
        )
        raise InvalidInput(
            f"{rows.describe(row)} has the {what} {name!r:.80}, which the rows that the plan looked"
            " at do not have: name the columns to read, or pass a schema that has it, to"
            " plan_partitions"
        )


class _Batches:
    """Joins the rows of blocks to batches of about one size."""

    def __init__(self, schema: pa.Schema, batch_rows: int) -> None:
        self._pyarrow = require("pyarrow", "arrow", "read_partition")
        self._schema = schema
        self._batch_rows = batch_rows
        self._waiting: list[Any] = []
        self._count = 0

    def add(self, arrays: list[Any], count: int) -> Iterator[pa.RecordBatch]:
        """Append rows, and yield the batches that are full."""
        self._waiting.append(self._pyarrow.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._count += count
        if self._count >= self._batch_rows:
            yield from self._join(only_full=True)

    def flush(self) -> Iterator[pa.RecordBatch]:
        """Yield the rest."""
        yield from self._join(only_full=False)

    def _join(self, *, only_full: bool) -> Iterator[pa.RecordBatch]:
        table = self._pyarrow.Table.from_batches(self._waiting, self._schema)
        self._waiting, self._count = [], 0
        table = table.unify_dictionaries().combine_chunks()
        for batch in table.to_batches(max_chunksize=self._batch_rows):
            if only_full and batch.num_rows < self._batch_rows:
                self._waiting, self._count = [batch], batch.num_rows
            elif batch.num_rows:
                yield batch


def _blocks(
    client: BaseClient, part: Part, partition: Partition, reader: _PartReader
) -> Iterator[RowBlock]:
    """Yield the rows of a part that fulfil the conditions."""
    if isinstance(part, ListedJobs):
        for jobs in read_jobs(client, part):
            yield reader.select(RowBlock(0, jobs))
    elif not isinstance(part, JobReport):
        for units in read_units(client, part):
            yield reader.select(RowBlock(part.job_id, units))
    else:
        source = account(client).get_job(part.job_id)._report_source(None)  # noqa: SLF001 - one family
        has_judgments = partition.table == "judgments"
        limit = MAX_JUDGMENTS if has_judgments else MAX_UNITS
        for units in bounded(source.units(), limit, has_judgments=has_judgments):
            rows = RowBlock(part.job_id, units)
            if not has_judgments:
                yield reader.select(rows)
                continue
            rows = reader.select(rows, of_units=True)
            expanded = _with_judgments(rows, source, trusted_only=reader.trusted_only)
            yield reader.select(expanded, of_units=False)


def _with_judgments(rows: RowBlock, source: ReportSource, *, trusted_only: bool) -> RowBlock:
    """Return a row for each judgment of some units."""
    lists = [
        source.judgments_of(unit["id"])
        if not trusted_only and lacks_judgments(unit, listed)
        else listed
        for unit, listed in zip(rows.units, rows.lists, strict=True)
    ]
    units = list(chain.from_iterable(map(repeat, rows.units, map(len, lists))))
    return RowBlock(rows.job_id, units, list(chain.from_iterable(lists)))


def bounded(
    units: Iterable[JSONObject], limit: int, *, has_judgments: bool
) -> Iterator[list[JSONObject]]:
    """Yield units in lists of at most so many, or of about so many judgments."""
    held: list[JSONObject] = []
    weight = 0
    for unit in units:
        held.append(unit)
        weight += 1
        if has_judgments:
            count = unit.get("judgments_count")
            listed = len(judgments_in(unit["id"], unit.get("results")))
            weight += max(listed, count if isinstance(count, int) else 0)
        if weight >= limit:
            yield held
            held, weight = [], 0
    if held:
        yield held
