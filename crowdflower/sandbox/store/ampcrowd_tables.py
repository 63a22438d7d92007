"""The tables of AMPCrowd: groups, batches (tasks) and points.

A group is a job plus the address that its answers are posted to. Each of its points is a unit.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Identity,
    Index,
    Table,
    UniqueConstraint,
)

from crowdflower.sandbox.store.column_types import ID, Int64, Json, Text, counter, timestamp
from crowdflower.sandbox.store.tables import metadata

amp_group = Table(
    "amp_group",
    metadata,
    Column("id", ID, Identity(start=1), primary_key=True),
    Column("crowd", Text, nullable=False),
    Column("group_id", Text, nullable=False),
    Column("job_id", ID, ForeignKey("job.id")),  # NULL: refused; its id stays in use
    Column("task_type", Text, nullable=False),
    Column("callback_url", Text, nullable=False),
    Column("quality_control", Text, nullable=False),  # mv em
    Column("configuration", Json, nullable=False),
    Column("group_context", Json, nullable=False),
    timestamp("created_at", required=True),
    UniqueConstraint("crowd", "group_id"),
    Index("amp_group_by_job", "job_id"),
    sqlite_autoincrement=True,
)

amp_task = Table(  # a batch
    "amp_task",
    metadata,
    Column("id", Text, primary_key=True),
    Column("in_group", ID, ForeignKey("amp_group.id"), nullable=False),
    Column("ordinal", Int64, nullable=False),
    Column("state", Text, nullable=False),  # open due delivered abandoned purged
    Column("answers", Json),  # the body to post, once it is complete
    counter("attempts"),
    timestamp("due_at"),
    Column("problem", Text),  # of the last attempt
    Index("amp_task_by_state", "state", "due_at"),
    Index("amp_task_by_group", "in_group", "ordinal"),
)

amp_point = Table(
    "amp_point",
    metadata,
    Column("unit_id", ID, ForeignKey("unit.id"), primary_key=True),
    Column("task_id", Text, ForeignKey("amp_task.id"), nullable=False),
    Column("identifier", Text, nullable=False),
    Index("amp_point_by_task", "task_id"),
)
