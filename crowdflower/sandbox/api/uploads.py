"""Uploads: a file of rows, for a new or an existing job.

A file is read and checked before its first row is stored, outside of any transaction: that takes
seconds for a large file, in which other requests must not wait.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from crowdflower.cml.names import column_name
from crowdflower.sandbox.api import csv_rows, json_rows
from crowdflower.sandbox.api.jobs import warn_of_team
from crowdflower.sandbox.api.request_context import ApiResponse
from crowdflower.sandbox.errors import NotFound, Refusal
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.results import shapes
from crowdflower.sandbox.rules.units import staging, uploads
from crowdflower.sandbox.rules.units.row_checks import CheckedRows
from crowdflower.sandbox.store.column_types import encode
from crowdflower.sandbox.store.failures import Busy

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from sqlalchemy import Row

    from crowdflower.sandbox.api.request_context import RequestContext, Result
    from crowdflower.sandbox.store import Database

CSV: Final = "text/csv"
JSON_LINES: Final = frozenset({"application/json", "text/json"})


@dataclass(frozen=True)
class Target:
    """What a file is checked against."""

    account: Row[Any]
    job: Row[Any] | None
    """The job to add rows to; ``None`` for a new one."""

    columns: list[str]
    max_rows: int | None
    force: bool = False
    separator: str = ","
    """The character between the cells of a CSV file; that of the API."""


def find_target(context: RequestContext, job: object) -> Target:
    """Return what to check the file of a request against.

    :param job: The number or alias in the path; ``None`` for a new job.
    :raises NotFound: The account has no such job, or it is deleted.
    """
    limit, force = context.tx.limits.rows_per_job, context.parameters.flag("force")
    if job is None:
        return Target(context.account, None, [], limit, force=force)
    row = context.job(str(job))
    if row.deleted_at is not None:
        raise NotFound
    columns = uploads.read_columns(context.tx, row.id)
    left = uploads.remaining_units(context.tx, row)
    return Target(context.account, row, columns, left, force=force)


@contextmanager
def receive(
    database: Database, target: Target, content_type: str, body: IO[bytes]
) -> Iterator[CheckedRows | Refusal]:
    """Read, check and store the rows of a file; delete them if the block does not use them.

    :returns: The rows, or why they are refused.
    """
    try:
        with closing(_parse(content_type, body, target.separator)) as parsed:
            rows = CheckedRows(parsed, target.columns, force=target.force, max_rows=target.max_rows)
    except Refusal as error:
        refusal = error
    else:
        with rows, staging.stage(database, rows, account=target.account, job=target.job):
            yield rows
        return
    yield refusal


def create(context: RequestContext) -> Result:
    """Create a job from a file."""
    warn_of_team(context)
    context.parameters.flag("force")
    created = uploads.create_job_from_file(context.tx, context.account, _file(context))
    context.delays.begin("upload", created.id)
    return shapes.job(created)


def append(context: RequestContext, job: str) -> Result:
    """Add the rows of a file to a job; if one is refused, none is added."""
    row = jobs.load_for_update(context.tx, context.job(job))
    context.parameters.flag("force")
    try:
        with context.tx.connection.begin_nested():
            uploads.append_file(context.tx, row, _file(context))
    except Refusal as refusal:
        # No row is stored, but the reason is: the progress of the upload shows it.
        uploads.record_refusal(context.tx, row, refusal.message)
        return ApiResponse(encode(refusal.body), status=refusal.status)
    context.delays.begin("upload", row.id)
    return shapes.job(jobs.reload(context.tx, row))


def progress(context: RequestContext, job: str) -> Result:
    """Return how many rows a job has, and whether the last upload is done or why it failed."""
    row = context.job(job)
    found = uploads.progress(context.tx, row)
    share = min(context.delays.poll(kind, row.id) for kind in ("upload", "copy"))
    return found if share >= 1 else {"done": False, "count": int(found["count"] * share)}


def _file(context: RequestContext) -> CheckedRows:
    """Return the rows of the request.

    :raises Refusal: The rows are refused.
    """
    if isinstance(context.file, Refusal):
        raise context.file
    if context.file is None:  # they were not read, since a response was kept: it has expired since
        raise Busy("The kept response has just expired. Nothing was done. Send the request again.")
    return context.file


def _parse(
    content_type: str, body: IO[bytes], separator: str
) -> Generator[Mapping[str, Any], None, None]:
    if content_type == CSV:
        return csv_rows.read(body, column_name, separator)
    if content_type in JSON_LINES:
        return json_rows.read(body)
    kind = content_type or "a body without Content-Type"
    message = (
        f"Send text/csv or, with one JSON object per line, application/json;"
        f" the sandbox cannot read {kind:.80}."
    )
    raise Refusal(415, {"error": {"message": message}})
