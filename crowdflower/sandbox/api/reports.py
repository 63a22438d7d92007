"""Reports: generate and download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox import reports
from crowdflower.sandbox.api.request_context import ApiResponse
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.reports import rows
from crowdflower.sandbox.rules.settings import questions
from crowdflower.sandbox.rules.settings.source_columns import read_columns
from crowdflower.states import REPORT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Row

    from crowdflower.sandbox.api.request_context import RequestContext, Result
    from crowdflower.sandbox.store import Transaction
    from crowdflower.states import ReportType

NOT_READY: Final = '{"notice":{"message":"Your CSV is being generated.  Try again in 10 seconds."}}'


def regenerate(context: RequestContext, job: str) -> Result:
    """Generate a report again."""
    context.reports.restart(context.job(job).id, _type(context))
    return ApiResponse("OK", "text/plain; charset=utf-8")


def download(context: RequestContext, job: str) -> Result:
    """Redirect to the archive of a report; answer 202 while the report is being generated."""
    row, kind = context.job(job), _type(context)
    if not context.reports.is_ready(row.id, kind):
        return ApiResponse(NOT_READY, status=202)
    token, member = context.tx.clock.token(), reports.FILE_NAMES[kind].format(job=row.id)
    with context.reports.add(row.id, kind, token) as path:
        reports.write_archive(path, member, context.tx.clock.now(), _lines(context.tx, row, kind))
    return ApiResponse(
        "", status=302, headers={"Location": context.link(f"reports/{token}/{member}.zip")}
    )


def _type(context: RequestContext) -> ReportType:
    """Read the type of report, from ``type`` or the older ``full``.

    :raises Invalid: No report has this type.
    """
    name = context.parameters.text("type") or (
        "full" if context.parameters.flag("full") else "aggregated"
    )
    for kind in REPORT_TYPES:
        if kind == name:
            return kind
    raise Invalid(f"Invalid type param (must be one of - {', '.join(REPORT_TYPES)})")


def _lines(tx: Transaction, job: Row[Any], kind: ReportType) -> Iterator[Any]:
    fields, columns = job.fields or {}, read_columns(tx, job.id)
    if kind == "full":
        gold_columns = job.options.get("ignore_gold") is False
        judgments = rows.read_judgments(tx, job)
        return reports.full_report(fields, columns, judgments, gold_columns=gold_columns)
    if kind == "aggregated":
        fields = fields | {group.name: reports.LINKED for group in questions.linked_groups(job)}
        return reports.aggregated_report(fields, columns, rows.read_judged_units(tx, job))
    if kind == "json":
        return reports.json_report(rows.read_units(tx, job))
    if kind == "gold_report":
        return reports.gold_report(job.gold, columns, rows.read_golds(tx, job))
    if kind == "workset":
        return reports.workset_report(rows.read_workers(tx, job))
    return reports.source_report(columns, rows.read_source(tx, job))
