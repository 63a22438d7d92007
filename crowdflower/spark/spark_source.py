"""The data source: ``spark.read.format("crowdflower")`` and ``df.write.format("crowdflower")``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from inspect import signature
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql.datasource import (
    DataSource,
    DataSourceArrowWriter,
    DataSourceReader,
    InputPartition,
    WriterCommitMessage,
)
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

from crowdflower.exceptions import ApiError, InvalidInput
from crowdflower.spark.spark_options import SparkOptions
from crowdflower.tables.optional_packages import require

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.types import StructType

    from crowdflower.client import Client
    from crowdflower.spark.spark_stream import JudgmentStream
    from crowdflower.tables.partitions import PartitionPlan, WriteReceipt, WriteToken

FORMAT: Final = "crowdflower"


class CrowdflowerSource(DataSource):
    """Tables of jobs as DataFrames, and rows of DataFrames as units.

    :func:`register` registers it. :doc:`/spark` has the options. Filters of Spark are not pushed
    down: PySpark keeps one plan for each loaded table, with the filters of its last scan, so other
    scans of the same DataFrame would have wrong rows. Use the option ``conditions`` instead.
    """

    has_all_columns = False
    """Whether the schema is that of the whole table, so that another column is an error."""

    @classmethod
    def name(cls) -> str:
        """Return the name of the format."""
        return FORMAT

    def schema(self) -> StructType:
        """Return the columns of the table; fetches the job, and some units or judgments."""
        options = SparkOptions.read(self.options)
        self.has_all_columns = options["columns"] is None
        with options.client() as client:
            return from_arrow_schema(_plain_schema(plan_read(client, options).schema))

    def reader(self, schema: StructType) -> DataSourceReader:
        """Return a reader for the columns in a schema."""
        options = SparkOptions.read(self.options)
        return CrowdflowerReader(options, schema, is_strict=self.has_all_columns)

    def writer(self, schema: StructType, overwrite: bool) -> DataSourceArrowWriter:
        """Begin to write; to overwrite is refused, since it would delete units of other writes."""
        options = SparkOptions.write(self.options)
        if overwrite:
            raise InvalidInput('units are only ever added: use .mode("append")')
        _check_key_column(options["key"], schema)
        return CrowdflowerWriter.begin(options)

    def simpleStreamReader(self, schema: StructType) -> JudgmentStream:  # noqa: N802 - PySpark's name
        """Return a reader of new judgments."""
        from crowdflower.spark.spark_stream import JudgmentStream  # noqa: PLC0415 - imports this

        return JudgmentStream(SparkOptions.read(self.options), schema)


def plan_read(
    client: Client, options: SparkOptions, schema: pa.Schema | None = None
) -> PartitionPlan:
    """Divide the table into partitions."""
    from crowdflower.tables.partitions import plan_partitions  # noqa: PLC0415 - imports pyarrow

    require("pyarrow", "spark", "spark.read")
    return plan_partitions(
        client,
        options["table"],
        options["job"] or (),
        columns=options["columns"] if schema is None else None,
        conditions=options["conditions"] or (),
        partitions=4 if options["partitions"] is None else options["partitions"],
        requests_per_second=options["requests_per_second"],
        schema=schema,
    )


def arrow_schema(schema: StructType | pa.Schema) -> pa.Schema:
    """Return the schema that an engine expects of record batches."""
    if not hasattr(schema, "fieldNames"):  # Sail passes schemas of Arrow
        return schema
    has_zone = "timezone" in signature(to_arrow_schema).parameters  # since PySpark 4.2
    return to_arrow_schema(schema, timezone="UTC") if has_zone else to_arrow_schema(schema)


class CrowdflowerReader(DataSourceReader):
    """Reads a table in partitions, each with a client of its own.

    :param is_strict: Whether a column that is not in the schema is an error.
    """

    def __init__(
        self, options: SparkOptions, schema: StructType, *, is_strict: bool = False
    ) -> None:
        self.options = options
        self.schema = arrow_schema(schema)
        self.is_strict = is_strict

    def partitions(self) -> Sequence[InputPartition]:
        """Return the partitions of the plan; a job without rows has none."""
        with self.options.client() as client:
            plan = plan_read(client, self.options, self.schema)
        return [InputPartition(replace(each, is_strict=self.is_strict)) for each in plan.partitions]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a partition."""
        from crowdflower.tables.partitions import read_partition  # noqa: PLC0415 - imports pyarrow

        with self.options.client() as client, spark_words():
            yield from read_partition(client, partition.value)


@contextmanager
def spark_words() -> Iterator[None]:
    """Have errors say how a schema is passed in Spark."""
    try:
        yield
    except InvalidInput as error:
        error.args = (str(error).replace("to plan_partitions", "by .schema(…)"),)
        raise


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    """Return a schema with types that Spark has."""
    pa = require("pyarrow", "spark", "spark.read")

    def plain(kind: Any) -> Any:
        return kind.value_type if pa.types.is_dictionary(kind) else kind

    return pa.schema([pa.field(each.name, plain(each.type)) for each in schema])


def _check_key_column(key: str, schema: StructType) -> None:
    """Refuse a key that is not a column; it is not shown, since it may be an API key."""
    if key not in schema.names:
        raise InvalidInput(
            "the option key must name the column that identifies a row; the columns are:"
            f" {', '.join(schema.names)}. The API key must not be an option"
        )


@dataclass
class StagedRows(WriterCommitMessage):
    """What a task has staged."""

    receipt: WriteReceipt


class CrowdflowerWriter(DataSourceArrowWriter):
    """Stages rows as units that are not ordered; the driver verifies or removes them."""

    def __init__(self, options: SparkOptions, token: WriteToken) -> None:
        self.options = options
        self.token = token

    @classmethod
    def begin(cls, options: SparkOptions) -> CrowdflowerWriter:
        """Check the job, and begin a write to it."""
        from crowdflower.tables.partitions import start_write  # noqa: PLC0415 - imports pyarrow

        with options.client() as client:
            job = client.get_job(options["job"] or options["alias"])
            force = bool(options["force"])
            return cls(options, start_write(client, job.id, key=options["key"], force=force))

    def write(self, iterator: Iterator[pa.RecordBatch]) -> StagedRows:
        """Stage the rows of one partition, each once, however often the task is tried."""
        from pyspark import TaskContext  # noqa: PLC0415 - on workers only

        from crowdflower.tables.partitions import write_partition  # noqa: PLC0415 - imports pyarrow

        context = TaskContext.get()
        number = None if context is None else context.partitionId()
        with self.options.client() as client:
            return StagedRows(write_partition(client, iterator, self.token, partition=number))

    def commit(self, messages: list[WriterCommitMessage | None]) -> None:
        """Verify that each row is there once, and launch the job if asked for."""
        from crowdflower.tables.partitions import commit_write  # noqa: PLC0415 - imports pyarrow

        with self.options.client() as client:
            try:
                commit_write(
                    client,
                    self.token,
                    _receipts(messages),
                    launch_key=self.options["launch_key"],
                    max_cost_cents=self.options["max_cost_cents"],
                )
            except ApiError as error:
                _explain_abort(error)
                raise

    def abort(self, messages: list[WriterCommitMessage | None]) -> None:
        """Remove what the tasks have staged."""
        from crowdflower.tables.partitions import abort_write  # noqa: PLC0415 - imports pyarrow

        with self.options.client() as client:
            abort_write(client, self.token, _receipts(messages))


def _explain_abort(error: ApiError) -> None:
    """Have an error of a commit say what follows: Spark aborts the write, so nothing stays staged.

    What the library says otherwise is for programs that decide this themselves.
    """
    from crowdflower.tables.partitions.staged_rows import ADVICE  # noqa: PLC0415 - imports pyarrow
    from crowdflower.tables.partitions.write_commit import LAUNCH_AGAIN  # noqa: PLC0415 - the same

    text = str(error)
    for each in ADVICE:
        text = text.removesuffix(each)
    error.args = (text,)
    notes = getattr(error, "__notes__", [])
    others = [each for each in notes if not each.endswith(LAUNCH_AGAIN)]
    if len(others) == len(notes):
        error.add_note("Nothing was launched. The driver now removes the rows that were staged.")
    else:
        error.__notes__ = others
        error.add_note(
            "All rows were there, but the launch failed. The driver now removes the rows that were"
            " staged and are not ordered. Look at the job, then write again: with the same"
            " launch_key and a journal, no launch is paid twice."
        )


def _receipts(messages: list[WriterCommitMessage | None]) -> list[WriteReceipt]:
    return [each.receipt for each in messages if isinstance(each, StagedRows)]


def register(spark: Any) -> None:
    """Register the format ``crowdflower`` in a session.

    :param spark: The session: of Spark, Spark Connect or Sail.

    .. code-block:: python

       from crowdflower.spark import register

       register(spark)
       reader = spark.read.format("crowdflower").option("job", "7").option("table", "results")
       reader.option("conditions", "state = 'finalized'").load().show()
    """
    spark.dataSource.register(CrowdflowerSource)
