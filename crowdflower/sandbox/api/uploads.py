"""Uploads: a file of rows, for a new or an existing job."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from crowdflower.cml.names import column_name
from crowdflower.sandbox.api import csv_rows, json_rows
from crowdflower.sandbox.api.jobs import warn_of_team
from crowdflower.sandbox.api.request_context import ApiResponse
from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.results import shapes
from crowdflower.sandbox.rules.units import uploads
from crowdflower.sandbox.store.column_types import encode

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from crowdflower.sandbox.api.request_context import RequestContext, Result

CSV: Final = "text/csv"
JSON_LINES: Final = frozenset({"application/json", "text/json"})


def create(context: RequestContext) -> Result:
    """Create a job from a file."""
    warn_of_team(context)
    with closing(_rows(context)) as rows:
        created = uploads.create_job(context.tx, context.account, rows)
    context.delays.begin("upload", created.id)
    return shapes.job(created)


def append(context: RequestContext, job: str) -> Result:
    """Add the rows of a file to a job; if one is refused, none is added."""
    row = jobs.load_for_update(context.tx, context.job(job))
    force = context.parameters.flag("force")
    try:
        with context.tx.connection.begin_nested(), closing(_rows(context)) as rows:
            uploads.append(context.tx, row, rows, force=force)
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


def _rows(context: RequestContext) -> Generator[Mapping[str, Any], None, None]:
    if context.content_type == CSV:
        return csv_rows.read(context.body, column_name)
    if context.content_type in JSON_LINES:
        return json_rows.read(context.body)
    kind = context.content_type or "a body without Content-Type"
    message = (
        f"Send text/csv or, with one JSON object per line, application/json;"
        f" the sandbox cannot read {kind:.80}."
    )
    raise Refusal(415, {"error": {"message": message}})
