"""The tables: accounts and money, jobs and units, contributors, pages and judgments.

Counters are updated in the transaction that changes what they count. Money is in thousandths of a
US cent, time in seconds since 1970 UTC; a JSON column holds text.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Table,
    UniqueConstraint,
    and_,
    or_,
    text,
)
from sqlalchemy.schema import SchemaItem  # noqa: TC002 - imported with the rest of SQLAlchemy

from crowdflower.sandbox.store.column_types import (
    ID,
    Int64,
    Json,
    MilliCents,
    Text,
    counter,
    flag,
    money,
    timestamp,
)

VERSION = 3
"""The schema version. A database of an earlier one is migrated when it is opened, a later one is
refused. Version 1 is that of crowdflower 1.0.0."""

metadata = MetaData()


def numbered(name: str, start: int, *contents: SchemaItem) -> Table:
    """Define a table whose ids count up from ``start`` and are never reused."""
    number = Column("id", ID, Identity(start=start), primary_key=True)
    return Table(name, metadata, number, *contents, sqlite_autoincrement=True)


schema_info = Table("schema_info", metadata, Column("version", Int64, nullable=False))

# Accounts and money.

account = numbered(
    "account",
    23_278,
    Column("email", Text, nullable=False),
    Column("api_key", Text, nullable=False, unique=True),  # in plain text: it signs webhooks
    money("balance_mc"),  # the sum of the account's ledger
    counter("markup_pct", 20),  # the fee on top of what contributors are paid
    timestamp("created_at", required=True),
)

ledger = numbered(  # append only
    "ledger",
    1,
    Column("account_id", ID, ForeignKey("account.id"), nullable=False),
    Column("job_id", ID),
    Column("order_id", ID),
    Column("kind", Text, nullable=False),  # credit reserve charge release refund bonus adjust
    Column("amount_mc", MilliCents, nullable=False),  # negative when it leaves the account
    Column("note", Text),
    timestamp("created_at", required=True),
    Index("ledger_by_account", "account_id", "id"),
    Index("ledger_by_job", "job_id"),
)

orders = numbered(
    "orders",
    88_101,
    Column("job_id", ID, ForeignKey("job.id"), nullable=False),
    Column("account_id", ID, nullable=False),
    Column("type", Text, nullable=False, default="Debit"),
    counter("units_count"),
    Column("first_unit_id", ID),
    Column("last_unit_id", ID),
    Column("channels", Json, nullable=False),
    Column("state", Text, nullable=False, default="open"),  # open fulfilled canceled
    money("cost_mc"),  # the estimate, fee included
    money("reserved_mc"),  # ever reserved; minus released_mc: left to charge
    money("spent_mc"),
    money("released_mc"),
    Column("meta", Json, nullable=False),
    timestamp("created_at", required=True),
    timestamp("updated_at", required=True),
    Index("orders_by_job", "job_id"),
)

# Jobs and units.

job = numbered(
    "job",
    700_001,
    Column("account_id", ID, ForeignKey("account.id"), nullable=False),
    Column("alias", Text),
    Column("title", Text),
    Column("instructions", Text, nullable=False, default=""),
    Column("cml", Text),
    Column("css", Text),
    Column("js", Text),
    Column("state", Text, nullable=False, default="unordered"),
    Column("language", Text, default="en"),
    Column("support_email", Text),
    Column("project_number", Text),
    Column("custom_key", Text),
    Column("secret", Text, nullable=False),
    Column("copied_from", ID),
    Column("options", Json, nullable=False),
    Column("gold", Json, nullable=False),  # question to the column of its accepted answers
    Column("fields", Json),  # question to aggregation
    Column("confidence_fields", Json),
    counter("judgments_per_unit", 3),
    Column("max_judgments_per_unit", Int64),
    Column("expected_judgments_per_unit", Int64),
    Column("min_unit_confidence", Double),
    Column("variable_judgments_mode", Text, nullable=False, default="none"),
    counter("units_per_assignment", 5),
    counter("pages_per_assignment", 1),
    counter("gold_per_assignment"),
    Column("max_judgments_per_worker", Int64),
    Column("max_judgments_per_ip", Int64),
    Column("max_work_per_network", Int64),
    money("payment_mc", 10_000),  # for one page, fee not included
    Column("units_remain_finalized", Boolean),
    flag("auto_order"),
    Column("auto_order_threshold", Int64),
    Column("auto_order_timeout", Int64),
    timestamp("waiting_since"),  # new units wait for the automatic order
    Column("webhook_uri", Text),
    Column("send_judgments_webhook", Boolean),
    timestamp("webhook_disabled_at"),  # the receiver failed for hours
    Column("included_countries", Json, nullable=False),  # codes of two letters
    Column("excluded_countries", Json, nullable=False),
    Column("minimum_requirements", Json),
    Column("desired_requirements", Json),
    Column("minimum_account_age_seconds", Int64),
    Column("execution_mode", Text, nullable=False, default="worker_ui_remix"),
    flag("design_verified", True),
    flag("order_approved", True),
    Column("require_worker_login", Boolean),
    flag("public_data"),
    flag("worker_ui_remix", True),
    Column("extras", Json, nullable=False),  # attributes that no query looks for
    money("crowd_costs_mc"),  # paid to contributors, fee not included
    counter("units_count"),  # all units, test questions included
    counter("golds_count"),  # test questions, hidden ones included
    counter("judgable_count"),
    counter("finalized_count"),
    counter("needed_count"),  # judgments that judgable units still need
    counter("judgments_count"),  # all but rejected ones
    counter("tainted_count"),
    Column("cap_mc", MilliCents),  # the job pauses before it spends more, fee included
    Column("pause_reason", Text),  # requester cap funds
    counter("next_seq", 1),
    flag("seq_dense", True),  # no unit was ever deleted
    Column("upload_error", Text),  # why the last file was refused
    timestamp("completed_at"),
    timestamp("deleted_at"),
    timestamp("created_at", required=True),
    timestamp("updated_at", required=True),
    Index("job_by_account", "account_id", "deleted_at", text("id DESC")),
    Index(
        "job_waiting",
        "waiting_since",
        sqlite_where=text("waiting_since IS NOT NULL"),
        postgresql_where=text("waiting_since IS NOT NULL"),
    ),
    UniqueConstraint("account_id", "alias"),
)

job_tag = Table(
    "job_tag",
    metadata,
    Column("job_id", ID, ForeignKey("job.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("ordinal", Int64, nullable=False),
)

job_channel = Table(
    "job_channel",
    metadata,
    Column("job_id", ID, ForeignKey("job.id"), primary_key=True),
    Column("channel", Text, primary_key=True),
)

job_column = Table(
    "job_column",
    metadata,
    Column("job_id", ID, ForeignKey("job.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("ordinal", Int64, nullable=False),
)

unit = numbered(
    "unit",
    698_757_001,
    Column("job_id", ID, ForeignKey("job.id"), nullable=False),
    Column("seq", Int64, nullable=False),  # 1, 2, 3, … in a job; gaps only after deletions
    Column("state", Text, nullable=False),
    Column("data", Json, nullable=False),
    counter("judgments_count"),  # trusted ones only
    counter("tainted_count"),
    counter("needed"),  # trusted judgments to collect; rises with dynamic collection
    counter("open_slots"),  # needed - judgments_count - open pages with the unit
    counter("missed_count"),
    counter("difficulty"),
    Column("gold_pool", Text),
    Column("order_id", ID),
    Column("agreement", Double),  # of its results; NULL until it is finalized
    timestamp("last_judgment_at"),
    timestamp("finalized_at"),
    timestamp("created_at", required=True),
    timestamp("updated_at", required=True),
    UniqueConstraint("job_id", "seq"),
)
_is_open = and_(unit.c.state == "judgable", unit.c.open_slots > 0)
Index("unit_open", unit.c.job_id, unit.c.seq, sqlite_where=_is_open, postgresql_where=_is_open)
_is_gold = or_(unit.c.state == "golden", unit.c.state == "hidden_gold")
_is_judged = unit.c.judgments_count > 0
Index(
    "unit_judged", unit.c.job_id, unit.c.seq, sqlite_where=_is_judged, postgresql_where=_is_judged
)
Index("unit_gold", unit.c.job_id, unit.c.seq, sqlite_where=_is_gold, postgresql_where=_is_gold)
_has_agreement = unit.c.agreement.is_not(None)
Index(
    "unit_by_agreement",
    unit.c.job_id,
    unit.c.agreement,
    sqlite_where=_has_agreement,
    postgresql_where=_has_agreement,
)

upload = numbered(  # a large upload while its rows are stored; deleted in its last transaction
    "upload",
    1,
    Column("job_id", ID, ForeignKey("job.id"), nullable=False),
    flag("creates_job"),  # the job is not visible yet either
    Column("first_seq", Int64, nullable=False),
    Column("end_seq", Int64, nullable=False),  # units from first_seq to here, exclusive, are hidden
    Column("next_seq", Int64, nullable=False),  # what the upload set the job's next_seq to
    Column("owner", Text, nullable=False),  # host and process that store the rows
    timestamp("touched_at", required=True),
    Index("upload_by_job", "job_id"),
)

# Contributors, their pages, their judgments.

worker = numbered(
    "worker",
    31_883_001,
    Column("channel", Text, nullable=False),
    Column("external_id", Text),
    Column("display_name", Text),
    Column("country", Text),  # three letters
    Column("region", Text),
    Column("city", Text),
    Column("ip", Text),
    counter("level", 1),
    flag("simulated"),
    Column("profile", Json),
    Column("token_hash", Text, unique=True),  # of the token in a person's browser
    timestamp("created_at", required=True),
)

worker_job = Table(
    "worker_job",
    metadata,
    Column("job_id", ID, ForeignKey("job.id"), primary_key=True),
    Column("worker_id", ID, ForeignKey("worker.id"), primary_key=True),
    Column("state", Text, nullable=False),  # quiz working failed_quiz removed rejected
    Column("trust", Double, nullable=False, default=1.0),
    counter("golds_seen"),
    counter("golds_missed"),
    counter("golds_forgiven"),
    counter("judgments_count"),  # all but rejected ones
    timestamp("tainted_at"),
    timestamp("flagged_at"),
    Column("flag_reason", Text),
    timestamp("rejected_at"),
    money("earned_mc"),
    money("bonus_mc"),
    timestamp("first_at", required=True),
    timestamp("last_at", required=True),
    Index("worker_job_by_worker", "worker_id"),
)

account_flag = Table(  # contributors who may not work on any job of the account
    "account_flag",
    metadata,
    Column("account_id", ID, ForeignKey("account.id"), primary_key=True),
    Column("worker_id", ID, ForeignKey("worker.id"), primary_key=True),
    Column("reason", Text),
    timestamp("created_at", required=True),
)

assignment = numbered(  # a page
    "assignment",
    54_200_001,
    Column("job_id", ID, ForeignKey("job.id"), nullable=False),
    Column("worker_id", ID, ForeignKey("worker.id"), nullable=False),
    Column("mode", Text, nullable=False),  # quiz work
    Column("state", Text, nullable=False),  # open submitted expired released
    Column("form_token", Text, nullable=False),
    money("pay_mc"),  # what the contributor gets
    money("cost_mc"),  # what the customer pays
    Column("receipt", Json),  # the response to the submission, for repetitions of it
    timestamp("started_at", required=True),
    timestamp("expires_at", required=True),
    timestamp("submitted_at"),
    Index("assignment_by_job", "job_id", "state", "expires_at"),
    Index("assignment_by_worker", "worker_id", "state"),
)

assignment_unit = Table(  # a unit on a page; reserved for it while not resolved
    "assignment_unit",
    metadata,
    Column("assignment_id", ID, ForeignKey("assignment.id"), primary_key=True),
    Column("unit_id", ID, ForeignKey("unit.id"), primary_key=True),
    Column("position", Int64, nullable=False),
    Column("is_gold", Boolean, nullable=False),
    flag("resolved"),
)
_is_reserved = assignment_unit.c.resolved.is_(False)
Index(
    "unit_reserved",
    assignment_unit.c.unit_id,
    sqlite_where=_is_reserved,
    postgresql_where=_is_reserved,
)

judgment = numbered(
    "judgment",
    1_605_619_001,
    Column("job_id", ID, ForeignKey("job.id"), nullable=False),
    Column("unit_id", ID, ForeignKey("unit.id"), nullable=False),
    Column("worker_id", ID, ForeignKey("worker.id"), nullable=False),
    Column("assignment_id", ID, ForeignKey("assignment.id"), nullable=False),
    Column("data", Json, nullable=False),
    Column("trust", Double, nullable=False),  # of the contributor, at the time of the judgment
    flag("golden"),
    Column("missed", Boolean),
    flag("tainted"),
    flag("rejected"),
    Column("reviewed", Boolean),
    timestamp("webhook_sent_at"),  # when the receiver first accepted it
    Column("channel", Text, nullable=False),
    Column("country", Text),
    Column("region", Text),
    Column("city", Text),
    Column("ip", Text),
    money("cost_mc"),
    timestamp("started_at", required=True),
    timestamp("created_at", required=True),
    UniqueConstraint("unit_id", "worker_id"),
    Index("judgment_by_worker", "job_id", "worker_id"),
)

message = numbered(
    "message",
    1,
    Column("worker_id", ID, ForeignKey("worker.id"), nullable=False),
    Column("job_id", ID, ForeignKey("job.id"), nullable=False),
    Column("text", Text, nullable=False),
    Column("bonus_id", ID),  # of the bonus that the message is about
    timestamp("created_at", required=True),
    timestamp("read_at"),
    Index("message_by_worker", "worker_id"),
)

bonus = numbered(
    "bonus",
    1,
    Column("job_id", ID, ForeignKey("job.id"), nullable=False),
    Column("worker_id", ID, ForeignKey("worker.id"), nullable=False),
    Column("amount_cents", Int64, nullable=False),
    Column("reason", Text),
    timestamp("created_at", required=True),
)

event = numbered(  # what happened without a request for it
    "event",
    1,
    Column("kind", Text, nullable=False),
    Column("job_id", ID),
    Column("detail", Json, nullable=False),
    timestamp("created_at", required=True),
)
