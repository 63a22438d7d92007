"""Uploads: a file of rows, for a job that is there or for a new one."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.api import csv_rows, json_rows
from crowdflower.sandbox.api.call import Reply
from crowdflower.sandbox.api.jobs import without_teams
from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.results import shapes
from crowdflower.sandbox.rules.units import uploads
from crowdflower.sandbox.store.column_types import encode

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from crowdflower.sandbox.api.call import Answer, Call

CSV: Final = "text/csv"
JSON_LINES: Final = frozenset({"application/json", "text/json"})


def create(call: Call) -> Answer:
    """Make a job of a file."""
    without_teams(call)
    with closing(_rows(call)) as given:
        made = uploads.create_from(call.tx, call.account, given)
    call.transitions.begin("upload", made.id)
    return shapes.job(made)


def append(call: Call, job: str) -> Answer:
    """Add a file's rows to a job: all of them, or on a mistake none."""
    row, force = jobs.alive(call.tx, call.job(job)), call.asked.flag("force")
    try:
        with call.tx.connection.begin_nested(), closing(_rows(call)) as given:
            uploads.append(call.tx, row, given, force=force)
    except Refusal as refusal:
        # Nothing of the file stays, except why: whoever asks for the progress is told.
        uploads.upload_refused(call.tx, row, refusal.message)
        return Reply(encode(refusal.body), status=refusal.status)
    call.transitions.begin("upload", row.id)
    return shapes.job(jobs.again(call.tx, row))


def progress(call: Call, job: str) -> Answer:
    """Tell how many rows a job has, whether the last file is through, and else why not."""
    row = call.job(job)
    found = uploads.progress(call.tx, row)
    share = min(call.transitions.look(kind, row.id) for kind in ("upload", "copy"))
    return found if share >= 1 else {"done": False, "count": int(found["count"] * share)}


def _rows(call: Call) -> Generator[Mapping[str, Any], None, None]:
    if call.content_type == CSV:
        return csv_rows.read(call.body, uploads.column_name)
    if call.content_type in JSON_LINES:
        return json_rows.read(call.body)
    kind = call.content_type or "a body without Content-Type"
    message = (
        f"The sandbox reads text/csv and, for one JSON object per line, application/json;"
        f" it cannot read {kind:.80}."
    )
    raise Refusal(415, {"error": {"message": message}})
