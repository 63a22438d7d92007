"""What is to be sent, and what was answered: written in the transaction that it speaks of."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table

from crowdflower.sandbox.store.column_types import ID, Int64, Json, Text, counter, timestamp
from crowdflower.sandbox.store.tables import metadata, numbered

webhook_delivery = numbered(
    "webhook_delivery",
    1,
    Column("job_id", ID, ForeignKey("job.id"), nullable=False),
    Column("signal", Text, nullable=False),
    Column("payload", Text, nullable=False),  # as it was signed
    Column("signature", Text, nullable=False),
    Column("state", Text, nullable=False, default="pending"),  # pending sent dropped
    counter("attempts"),
    timestamp("next_at", required=True),  # pending: not before
    timestamp("failing_since"),
    Column("problem", Text),  # of the last attempt
    timestamp("sent_at"),
    timestamp("created_at", required=True),
    Index("webhook_delivery_by_job", "job_id", "state", "id"),
    Index("webhook_delivery_due", "state", "next_at"),
)

kept_answer = Table(  # to a request that its sender may repeat and that must not happen twice
    "kept_answer",
    metadata,
    Column("account_id", ID, ForeignKey("account.id"), primary_key=True),
    Column("key", Text, primary_key=True),  # as its sender called it
    Column("request", Text, nullable=False),  # what was asked, as a digest
    Column("status", Int64, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("headers", Json, nullable=False),
    Column("warnings", Json, nullable=False),
    timestamp("created_at", required=True),
    Index("kept_answer_by_age", "created_at"),
)
