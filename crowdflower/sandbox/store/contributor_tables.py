"""The tables of contributors' pages: objections to test questions, late answers, devices."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, UniqueConstraint

from crowdflower.sandbox.store.column_types import ID, Json, Text, timestamp
from crowdflower.sandbox.store.tables import metadata, numbered

contest = numbered(  # a contributor disagrees with the correct answer of a test question
    "contest",
    1,
    Column("job_id", ID, ForeignKey("job.id"), nullable=False),
    Column("unit_id", ID, ForeignKey("unit.id"), nullable=False),
    Column("worker_id", ID, ForeignKey("worker.id"), nullable=False),
    Column("field", Text, nullable=False),  # the question
    Column("text", Text, nullable=False),
    Column("accepted", Boolean),
    timestamp("created_at", required=True),
    timestamp("decided_at"),
    timestamp("read_at"),  # when the contributor saw the decision
    UniqueConstraint("unit_id", "worker_id", "field"),
    Index("contest_by_job", "job_id"),
    Index("contest_by_worker", "worker_id"),
)

draft = Table(  # answers that came after their page had expired
    "draft",
    metadata,
    Column("worker_id", ID, ForeignKey("worker.id"), primary_key=True),
    Column("unit_id", ID, ForeignKey("unit.id"), primary_key=True),
    Column("job_id", ID, ForeignKey("job.id"), nullable=False),
    Column("assignment_id", ID, ForeignKey("assignment.id"), nullable=False),
    Column("answers", Json, nullable=False),
    timestamp("created_at", required=True),
    Index("draft_by_job", "job_id"),
)

sign_in_link = Table(  # signs another device in as the same person, once
    "sign_in_link",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("worker_id", ID, ForeignKey("worker.id"), nullable=False),
    timestamp("expires_at", required=True),
    timestamp("used_at"),
)

device = Table(  # another browser of a person, signed in by such a link
    "device",
    metadata,
    Column("token_hash", Text, primary_key=True),  # of the token in its cookie
    Column("worker_id", ID, ForeignKey("worker.id"), nullable=False),
    timestamp("created_at", required=True),
)
