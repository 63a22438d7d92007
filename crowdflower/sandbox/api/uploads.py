"""Uploads: a file of rows, for a job that is there or for a new one."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.api import csv_rows, json_rows
from crowdflower.sandbox.api.jobs import without_teams
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
    """Make a job of a file."""
    without_teams(context)
    with closing(_rows(context)) as given:
        made = uploads.create_job(context.tx, context.account, given)
    context.transitions.begin("upload", made.id)
    return shapes.job(made)


def append(context: RequestContext, job: str) -> Result:
    """Add a file's rows to a job: all of them, or on a mistake none."""
    row, force = (
        jobs.load_for_update(context.tx, context.job(job)),
        context.parameters.flag("force"),
    )
    try:
        with context.tx.connection.begin_nested(), closing(_rows(context)) as given:
            uploads.append(context.tx, row, given, force=force)
    except Refusal as refusal:
        # Nothing of the file stays, except why: whoever asks for the progress is told.
        uploads.record_refusal(context.tx, row, refusal.message)
        return ApiResponse(encode(refusal.body), status=refusal.status)
    context.transitions.begin("upload", row.id)
    return shapes.job(jobs.reload(context.tx, row))


def progress(context: RequestContext, job: str) -> Result:
    """Tell how many rows a job has, whether the last file is through, and else why not."""
    row = context.job(job)
    found = uploads.progress(context.tx, row)
    share = min(context.transitions.look(kind, row.id) for kind in ("upload", "copy"))
    return found if share >= 1 else {"done": False, "count": int(found["count"] * share)}


def _rows(context: RequestContext) -> Generator[Mapping[str, Any], None, None]:
    if context.content_type == CSV:
        return csv_rows.read(context.body, uploads.column_name)
    if context.content_type in JSON_LINES:
        return json_rows.read(context.body)
    kind = context.content_type or "a body without Content-Type"
    message = (
        f"The sandbox reads text/csv and, for one JSON object per line, application/json;"
        f" it cannot read {kind:.80}."
    )
    raise Refusal(415, {"error": {"message": message}})
