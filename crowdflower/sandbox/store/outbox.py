"""The tables of webhook deliveries and of responses kept for idempotency keys.

Their rows are written in the same transaction as the change that they report (outbox pattern).
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table

from crowdflower.sandbox.store.column_types import ID, Int64, Json, Text, counter, timestamp
from crowdflower.sandbox.store.tables import metadata, numbered

webhook_delivery = numbered(
    "webhook_delivery",
    1,
    Column("job_id", ID, ForeignKey("job.id"), nullable=False),
    Column("signal", Text, nullable=False),
    Column("payload", Text, nullable=False),  # the bytes that were signed
    Column("signature", Text, nullable=False),
    Column("state", Text, nullable=False, default="pending"),  # pending sent dropped
    counter("attempts"),
    timestamp("next_at", required=True),  # pending: not before
    timestamp("failing_since"),
    Column("problem", Text),  # why the last attempt failed
    timestamp("sent_at"),
    timestamp("created_at", required=True),
    Index("webhook_delivery_by_job", "job_id", "state", "id"),
    Index("webhook_delivery_due", "state", "next_at"),
)

kept_answer = Table(  # the response to a request with an Idempotency-Key, for repetitions of it
    "kept_answer",
    metadata,
    Column("account_id", ID, ForeignKey("account.id"), primary_key=True),
    Column("key", Text, primary_key=True),  # the Idempotency-Key
    Column("request", Text, nullable=False),  # a digest of the request
    Column("status", Int64, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("headers", Json, nullable=False),
    Column("warnings", Json, nullable=False),
    timestamp("created_at", required=True),
    Index("kept_answer_by_age", "created_at"),
)
