"""Jobs: made, found, changed, copied, and driven through their life."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.api.parameters import as_list
from crowdflower.sandbox.errors import Invalid, Unsupported
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.results import shapes

if TYPE_CHECKING:
    from crowdflower.sandbox.api.request_context import RequestContext, Result

DATE_FORMATS: Final = ("%Y/%m/%d", "%Y-%m-%d", "%d-%m-%Y", "%m/%d/%Y")
A_DAY: Final = 24 * 60 * 60


def listing(context: RequestContext) -> Result:
    """List a page of jobs, the newest first; an empty one is past the end."""
    without_teams(context)
    if "limit" in context.parameters:
        context.tx.warn("limit is ignored: this list has ten jobs a page.")
    found = jobs.read_page(
        context.tx,
        context.account,
        page=context.parameters.page(),
        state=context.parameters.text("state"),
        tags=context.parameters.names("tags") or (),
        created_from=_day(context, "created_at_greater_equal"),
        created_to=_day(context, "created_at_less_equal", A_DAY - 1e-6),
        with_groups=context.parameters.flag("ampcrowd"),
    )
    return [shapes.job(row) for row in found]


def create(context: RequestContext) -> Result:
    """Make a job, blank or with attributes."""
    return shapes.job(jobs.create(context.tx, context.account, _attributes(context)))


def show(context: RequestContext, job: str) -> Result:
    """Show a job, also a deleted one."""
    row = context.job(job)
    return context.transitions.seen(row.id, shapes.job(row))


def update(context: RequestContext, job: str) -> Result:
    """Change attributes of a job: all of them, or on a mistake none."""
    context.parameters.require("job")
    # Columns may share a name with questions here, whether or not that was asked for.
    context.parameters.flag("ignore_overlapping_names")
    return shapes.job(jobs.update(context.tx, context.job(job), _attributes(context)))


def delete(context: RequestContext, job: str) -> Result:
    """Take a job out of the list; it can still be read."""
    row = context.job(job)
    jobs.delete(context.tx, row)
    return {"message": {"success": f"Job {row.id} has been deleted."}}


def copy(context: RequestContext, job: str) -> Result:
    """Make a job with the same settings, and with as many of its rows as asked for."""
    without_teams(context)
    if "template_id" in context.parameters:
        raise Unsupported("job templates", "Job templates need the hosted service.", "jobs")
    asked = {
        name: context.parameters.flag(name)
        for name in ("all_units", "gold", "only_new_and_judgable")
    }
    copied = jobs.copy(context.tx, context.job(job), **asked)
    if asked["all_units"]:
        message = {"notice": "Job copied. Units will be copied over shortly."}
    elif asked["gold"]:
        message = {"notice": "Job copied. Test questions will be copied over shortly."}
    elif asked["only_new_and_judgable"]:
        message = {"notice": "Job copied. New and judgable units will be copied over shortly."}
    else:
        message = {"success": "Job successfully copied."}
    context.transitions.begin("copy", copied.id, {"units_count": 0, "golds_count": 0})
    return {**context.transitions.peek(copied.id, shapes.job(copied)), "message": message}


def pause(context: RequestContext, job: str) -> Result:
    """Hand out no more pages."""
    row = context.job(job)
    jobs.pause(context.tx, row)
    context.transitions.begin("pause", row.id, {"state": row.state})
    return {"success": "Your job is being paused."}


def resume(context: RequestContext, job: str) -> Result:
    """Hand out pages again."""
    row = context.job(job)
    orders.auto_order(context.tx, jobs.resume(context.tx, row))
    context.transitions.begin("resume", row.id, {"state": row.state})
    return {"success": "Your job is being resumed."}


def cancel(context: RequestContext, job: str) -> Result:
    """End a job for good; what was not judged is refunded."""
    row = context.job(job)
    jobs.cancel(context.tx, row)
    context.transitions.begin("cancel", row.id, {"state": row.state})
    return {"success": "Your job is being canceled."}


def ping(context: RequestContext, job: str) -> Result:
    """Count how far a job has come."""
    return jobs.ping(context.tx, context.job(job))


def legend(context: RequestContext, job: str) -> Result:
    """Name the questions of a job's form, and the answers that they offer."""
    return jobs.legend(context.tx, context.job(job))


def without_teams(context: RequestContext) -> None:
    """Warn whoever names a team: there are none."""
    if context.parameters.text("team_id"):
        context.tx.warn("team_id is ignored: there are no teams.")


def _attributes(context: RequestContext) -> dict[str, Any]:
    given = {name: as_list(value) for name, value in context.parameters.mapping("job").items()}
    options = given.get("options")
    if isinstance(options, dict):
        given["options"] = {name: as_list(value) for name, value in options.items()}
    return given


def _day(context: RequestContext, name: str, later: float = 0) -> float | None:
    """Read a date as a time, in seconds since 1970 UTC."""
    text = context.parameters.text(name)
    if text is None:
        return None
    for form in DATE_FORMATS:
        try:
            day = datetime.strptime(text, form).replace(tzinfo=timezone.utc)
        except ValueError:
            continue
        return day.timestamp() + later
    raise Invalid(f"Invalid {name} param (must have date format)")
