"""Jobs: create, list, change, copy, delete, pause, resume, cancel."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.api.parameters import as_list
from crowdflower.sandbox.errors import Invalid, Unsupported
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.results import shapes

if TYPE_CHECKING:
    from crowdflower.sandbox.api.request_context import RequestContext, Result

DATE_FORMATS: Final = ("%Y/%m/%d", "%Y-%m-%d", "%d-%m-%Y", "%m/%d/%Y")
_DAY: Final = 24 * 60 * 60


def list_page(context: RequestContext) -> Result:
    """List a page of jobs, newest first; pages past the end are empty."""
    warn_of_team(context)
    if "limit" in context.parameters:
        context.tx.warn("limit is ignored: this list has ten jobs a page.")
    found = jobs.read_page(
        context.tx,
        context.account,
        page=context.parameters.page(),
        state=context.parameters.text("state"),
        tags=context.parameters.names("tags") or (),
        created_from=_timestamp(context, "created_at_greater_equal"),
        created_to=_timestamp(context, "created_at_less_equal", _DAY - 1e-6),
        with_groups=context.parameters.flag("ampcrowd"),
    )
    return [shapes.job(row) for row in found]


def create(context: RequestContext) -> Result:
    """Create a job, blank or with attributes."""
    return shapes.job(jobs.create(context.tx, context.account, _attributes(context)))


def show(context: RequestContext, job: str) -> Result:
    """Return a job, even if it was deleted."""
    row = context.job(job)
    return context.delays.hide_changes(row.id, shapes.job(row))


def update(context: RequestContext, job: str) -> Result:
    """Change attributes of a job; if one is refused, none is changed."""
    context.parameters.require("job")
    # Columns may always share a name with questions here, so the flag is read and has no effect.
    context.parameters.flag("ignore_overlapping_names")
    return shapes.job(jobs.update(context.tx, context.job(job), _attributes(context)))


def delete(context: RequestContext, job: str) -> Result:
    """Delete a job from the list; it can still be read."""
    row = context.job(job)
    jobs.delete(context.tx, row)
    return {"message": {"success": f"Job {row.id} has been deleted."}}


def copy(context: RequestContext, job: str) -> Result:
    """Create a job with the same settings and, if asked for, the same rows."""
    warn_of_team(context)
    if "template_id" in context.parameters:
        raise Unsupported("job templates", "Job templates need the hosted service.", "jobs")
    flags = {
        name: context.parameters.flag(name)
        for name in ("all_units", "gold", "only_new_and_judgable")
    }
    copied = jobs.copy(context.tx, context.job(job), **flags)
    if flags["all_units"]:
        message = {"notice": "Job copied. Units will be copied over shortly."}
    elif flags["gold"]:
        message = {"notice": "Job copied. Test questions will be copied over shortly."}
    elif flags["only_new_and_judgable"]:
        message = {"notice": "Job copied. New and judgable units will be copied over shortly."}
    else:
        message = {"success": "Job successfully copied."}
    context.delays.begin("copy", copied.id, {"units_count": 0, "golds_count": 0})
    attributes = context.delays.hide_changes(copied.id, shapes.job(copied), is_poll=False)
    return {**attributes, "message": message}


def pause(context: RequestContext, job: str) -> Result:
    """Stop handing out pages."""
    row = context.job(job)
    jobs.pause(context.tx, row)
    context.delays.begin("pause", row.id, {"state": row.state})
    return {"success": "Your job is being paused."}


def resume(context: RequestContext, job: str) -> Result:
    """Resume handing out pages."""
    row = context.job(job)
    orders.auto_order(context.tx, jobs.resume(context.tx, row))
    context.delays.begin("resume", row.id, {"state": row.state})
    return {"success": "Your job is being resumed."}


def cancel(context: RequestContext, job: str) -> Result:
    """Cancel a job; judgments that were ordered and not given are refunded."""
    row = context.job(job)
    jobs.cancel(context.tx, row)
    context.delays.begin("cancel", row.id, {"state": row.state})
    return {"success": "Your job is being canceled."}


def ping(context: RequestContext, job: str) -> Result:
    """Return counters of the progress of a job."""
    return jobs.ping(context.tx, context.job(job))


def legend(context: RequestContext, job: str) -> Result:
    """Return the questions of a job's form, with their options."""
    return jobs.legend(context.tx, context.job(job))


def warn_of_team(context: RequestContext) -> None:
    """Warn that teams are not supported, if the request names one."""
    if context.parameters.text("team_id"):
        context.tx.warn("team_id is ignored: the sandbox has no teams.")


def _attributes(context: RequestContext) -> dict[str, Any]:
    attributes = {name: as_list(value) for name, value in context.parameters.mapping("job").items()}
    options = attributes.get("options")
    if isinstance(options, dict):
        attributes["options"] = {name: as_list(value) for name, value in options.items()}
    return attributes


def _timestamp(context: RequestContext, name: str, offset: float = 0) -> float | None:
    """Read a date as seconds since 1970 UTC, plus an offset."""
    text = context.parameters.text(name)
    if text is None:
        return None
    for form in DATE_FORMATS:
        try:
            day = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return day.timestamp() + offset
    raise Invalid(f"Invalid {name} param (must have date format)")
