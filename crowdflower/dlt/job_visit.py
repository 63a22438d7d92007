"""One job while one of its tables is read: what is new in it, in the form that dlt loads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from crowdflower.client import Client
from crowdflower.job import Job
from crowdflower.tables.optional_packages import require

if TYPE_CHECKING:
    import pyarrow as pa

PRIMARY_KEYS: Final = {
    "units": "unit_id",
    "judgments": "judgment_id",
    "results": "unit_id",
    "jobs": "job_id",
}
"""The tables of the source, and by which column dlt merges their rows."""

State = dict[str, Any]

_TYPE_NAMES: Final = {
    "string": "text", "large_string": "text", "int64": "int", "double": "float", "bool": "bool",
}  # fmt: skip
_TYPES: Final = {"text": "large_string", "int": "int64", "float": "float64", "bool": "bool_"}


@dataclass(frozen=True)
class JobVisit:
    """One job while one of its tables is read.

    :param state: What is remembered of the job.
    :param types: The type of each column that was loaded before, by name.
    :param schema: The columns of the table, if they are not to be found out.
    """

    client: Client
    job: Job
    state: State
    types: State
    batch_rows: int
    schema: pa.Schema | None = None

    def read(self, table: str, after: str | None = None) -> Iterator[pa.Table]:
        """Yield the rows of a table, as dlt loads them.

        :param after: Only rows in which this column is greater than in those of earlier runs.
        """
        from crowdflower.tables import partitions  # noqa: PLC0415 - needs pyarrow

        last = self.state.get(after) if after else None
        plan = partitions.plan_partitions(
            self.client,
            table,
            [self.job.id],
            conditions=() if last is None else [partitions.Condition(str(after), ">", last)],
            partitions=1,
            schema=self.schema,
        )
        for partition in plan.partitions:
            for batch in partitions.read_partition(
                self.client, partition, batch_rows=self.batch_rows
            ):
                if batch.num_rows and after:
                    self.state[after] = max(self.state.get(after, 0), *value_range(batch[after]))
                if batch.num_rows:
                    yield self._loadable(batch, PRIMARY_KEYS[table])

    def new_judgments(self) -> Iterator[pa.Table]:
        """Yield judgments that are newer than those of earlier runs, and remember them.

        If there were as many as the job has in all, none is missing, and nothing is read before it
        has more. A report may be older than the job: then they are looked for in each run.
        """
        state, count = self.state, self.job.judgments_count
        if state.get("complete") and state.get("count") == count:
            return
        rows = state.get("rows", 0)
        for batch in self.read("judgments", "judgment_id"):
            rows += batch.num_rows
            yield batch
        state.update(rows=rows, count=count, complete=rows == count)

    def _loadable(self, batch: pa.RecordBatch, key: str) -> pa.Table:
        """Return a table with the id of the job, and with lists as JSON."""
        pyarrow = require_for_dlt("pyarrow")
        columns: dict[str, Any] = {}
        if "job_id" not in batch.schema.names:
            job_id = pyarrow.scalar(self.job.id, pyarrow.int64())
            columns["job_id"] = pyarrow.repeat(job_id, batch.num_rows)
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            kind = column.type
            if pyarrow.types.is_nested(kind):
                cells = (None if cell is None else json.dumps(cell) for cell in column.to_pylist())
                column = pyarrow.array(cells, pyarrow.large_string())  # noqa: PLW2901
            elif pyarrow.types.is_dictionary(kind):
                column = column.cast(kind.value_type)  # noqa: PLW2901
            columns.update(self._as_before(name, column))
        fields = [
            pyarrow.field(name, column.type, nullable=name not in {key, "job_id"})
            for name, column in columns.items()
        ]
        return pyarrow.table(list(columns.values()), schema=pyarrow.schema(fields))

    def _as_before(self, name: str, column: Any) -> dict[str, Any]:
        """Return a column with the type that it had in earlier batches, such as of other jobs.

        Values that do not fit go to a column of their own, with the name that dlt gives one.
        """
        pyarrow = require_for_dlt("pyarrow")
        wanted = self.types.setdefault(name, _TYPE_NAMES.get(str(column.type), str(column.type)))
        if wanted not in _TYPES or _TYPE_NAMES.get(str(column.type)) == wanted:
            return {name: column}
        kind = getattr(pyarrow, _TYPES[wanted])()
        try:
            return {name: column.cast(kind)}
        except pyarrow.ArrowInvalid:
            return {
                name: pyarrow.nulls(len(column), kind),
                f"{name}__v_text": column.cast(pyarrow.large_string()),
            }


def require_for_dlt(package: str) -> Any:
    """Import dlt, or a package that it is used with."""
    return require(package, "dlt", "crowdflower.dlt")


def value_range(column: Any) -> tuple[Any, Any]:
    """Return the least and the greatest value of an Arrow column; ``None`` if it has none."""
    found = require_for_dlt("pyarrow.compute").min_max(column)
    return found["min"].as_py(), found["max"].as_py()


def connection_settings(api_key: str | None, base_url: str | None, **others: Any) -> dict[str, Any]:
    """Return the arguments of a client; what is ``None`` comes from the environment."""
    settings = {"key": api_key, "base_url": base_url, **others}
    return {name: value for name, value in settings.items() if value is not None}
