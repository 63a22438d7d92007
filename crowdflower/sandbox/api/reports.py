"""Reports: generate and download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crowdflower.sandbox import reports
from crowdflower.sandbox.api.request_context import ApiResponse
from crowdflower.sandbox.errors import Invalid
from crowdflower.states import REPORT_TYPES

if TYPE_CHECKING:
    from crowdflower.sandbox.api.request_context import RequestContext, Result
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
    made = reports.make_report(context.tx, context.reports, row, kind)
    location = context.link(f"reports/{made.token}/{made.member}.zip")
    return ApiResponse("", status=302, headers={"Location": location})


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
