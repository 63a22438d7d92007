"""Tables in parts that other processes and machines read and write: what engines are built on.

.. code-block:: text

    partition_plan        divides a table into partitions, and finds out its columns
    partition             the plan, a partition, and what it reads: plain data, to be pickled
    condition             which rows to read
    planned_column        a column of a table: where its values come from
    schema_names          names of columns in a schema that was given
    column_types          the types of the columns, from a few rows
    arrow_cells           values of JSON as an Arrow array of the planned type
    partition_reader      reads a partition as record batches
    unit_pages            the units on a range of pages, without a gap
    job_list              the jobs of an account, by the time of their creation
    partition_writer      stages the rows of a task in a job
    write_claims          which keys the tasks of a write have sent
    staged_rows           the rows of a write, and what it leaves to others
    write_commit          verifies a write, or takes it back
    account_verbs         a client, as far as all this needs it
"""

from __future__ import annotations

from crowdflower.tables.partitions.condition import OPERATORS, Condition
from crowdflower.tables.partitions.partition import Partition, PartitionPlan
from crowdflower.tables.partitions.partition_plan import TABLES, plan_partitions
from crowdflower.tables.partitions.partition_reader import read_partition
from crowdflower.tables.partitions.partition_writer import (
    WriteReceipt,
    WriteToken,
    open_writes,
    start_write,
    write_partition,
)
from crowdflower.tables.partitions.write_commit import (
    CommittedWrite,
    abort_write,
    commit_write,
)

__all__ = [
    "OPERATORS",
    "TABLES",
    "CommittedWrite",
    "Condition",
    "Partition",
    "PartitionPlan",
    "WriteReceipt",
    "WriteToken",
    "abort_write",
    "commit_write",
    "open_writes",
    "plan_partitions",
    "read_partition",
    "start_write",
    "write_partition",
]
