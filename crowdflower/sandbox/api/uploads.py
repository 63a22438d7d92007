"""Uploads: a file of rows, for a job that is there or for a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.api import csv_rows, json_rows
from crowdflower.sandbox.api.jobs import without_teams
from crowdflower.sandbox.refusals import Refusal
from crowdflower.sandbox.rules import jobs, rows, shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from crowdflower.sandbox.api.call import Answer, Call

CSV: Final = "text/csv"
JSON_LINES: Final = frozenset({"application/json", "text/json"})


def create(call: Call) -> Answer:
    """Make a job of a file."""
    without_teams(call)
    return shapes.job(rows.create_from(call.tx, call.account, _rows(call)))


def append(call: Call, job: str) -> Answer:
    """Add a file's rows to a job: all of them, or on a mistake none."""
    row = call.job(job)
    rows.append(call.tx, row, _rows(call), force=call.asked.flag("force"))
    return shapes.job(jobs.again(call.tx, row))


def progress(call: Call, job: str) -> Answer:
    """Tell how many rows a job has, and whether the last file is through."""
    return rows.progress(call.tx, call.job(job))


def _rows(call: Call) -> Iterator[Mapping[str, Any]]:
    if call.content_type == CSV:
        return csv_rows.read(call.body, rows.column_name)
    if call.content_type in JSON_LINES:
        return json_rows.read(call.body)
    kind = call.content_type or "a body without Content-Type"
    message = (
        f"The sandbox reads text/csv and, for one JSON object per line, application/json;"
        f" it cannot read {kind:.80}."
    )
    raise Refusal(415, {"error": {"message": message}})
