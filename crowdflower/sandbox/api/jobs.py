"""Jobs: made, found, changed, copied, and driven through their life."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.api.parameters import listed
from crowdflower.sandbox.errors import Invalid, Unsupported
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.results import shapes

if TYPE_CHECKING:
    from crowdflower.sandbox.api.call import Answer, Call

DATE_FORMATS: Final = ("%Y/%m/%d", "%Y-%m-%d", "%d-%m-%Y", "%m/%d/%Y")
A_DAY: Final = 24 * 60 * 60


def listing(call: Call) -> Answer:
    """List a page of jobs, the newest first; an empty one is past the end."""
    without_teams(call)
    if "limit" in call.asked:
        call.tx.warn("limit is ignored: this list has ten jobs a page.")
    found = jobs.listing(
        call.tx,
        call.account,
        page=call.asked.page(),
        state=call.asked.text("state"),
        tags=call.asked.names("tags") or (),
        created_from=_day(call, "created_at_greater_equal"),
        created_to=_day(call, "created_at_less_equal", A_DAY - 1e-6),
        with_groups=call.asked.flag("ampcrowd"),
    )
    return [shapes.job(row) for row in found]


def create(call: Call) -> Answer:
    """Make a job, blank or with attributes."""
    return shapes.job(jobs.create(call.tx, call.account, _attributes(call)))


def show(call: Call, job: str) -> Answer:
    """Show a job, also a deleted one."""
    row = call.job(job)
    return call.transitions.seen(row.id, shapes.job(row))


def update(call: Call, job: str) -> Answer:
    """Change attributes of a job: all of them, or on a mistake none."""
    call.asked.required("job")
    # Columns may share a name with questions here, whether or not that was asked for.
    call.asked.flag("ignore_overlapping_names")
    return shapes.job(jobs.update(call.tx, call.job(job), _attributes(call)))


def delete(call: Call, job: str) -> Answer:
    """Take a job out of the list; it can still be read."""
    row = call.job(job)
    jobs.delete(call.tx, row)
    return {"message": {"success": f"Job {row.id} has been deleted."}}


def copy(call: Call, job: str) -> Answer:
    """Make a job with the same settings, and with as many of its rows as asked for."""
    without_teams(call)
    if "template_id" in call.asked:
        raise Unsupported("job templates", "Job templates need the hosted service.", "jobs")
    asked = {name: call.asked.flag(name) for name in ("all_units", "gold", "only_new_and_judgable")}
    copied = jobs.copy(call.tx, call.job(job), **asked)
    if asked["all_units"]:
        message = {"notice": "Job copied. Units will be copied over shortly."}
    elif asked["gold"]:
        message = {"notice": "Job copied. Test questions will be copied over shortly."}
    elif asked["only_new_and_judgable"]:
        message = {"notice": "Job copied. New and judgable units will be copied over shortly."}
    else:
        message = {"success": "Job successfully copied."}
    call.transitions.begin("copy", copied.id, {"units_count": 0, "golds_count": 0})
    return {**call.transitions.peek(copied.id, shapes.job(copied)), "message": message}


def pause(call: Call, job: str) -> Answer:
    """Hand out no more pages."""
    row = call.job(job)
    jobs.pause(call.tx, row)
    call.transitions.begin("pause", row.id, {"state": row.state})
    return {"success": "Your job is being paused."}


def resume(call: Call, job: str) -> Answer:
    """Hand out pages again."""
    row = call.job(job)
    orders.place_by_itself(call.tx, jobs.resume(call.tx, row))
    call.transitions.begin("resume", row.id, {"state": row.state})
    return {"success": "Your job is being resumed."}


def cancel(call: Call, job: str) -> Answer:
    """End a job for good; what was not judged is refunded."""
    row = call.job(job)
    jobs.cancel(call.tx, row)
    call.transitions.begin("cancel", row.id, {"state": row.state})
    return {"success": "Your job is being canceled."}


def ping(call: Call, job: str) -> Answer:
    """Count how far a job has come."""
    return jobs.ping(call.tx, call.job(job))


def legend(call: Call, job: str) -> Answer:
    """Name the questions of a job's form, and the answers that they offer."""
    return jobs.legend(call.tx, call.job(job))


def without_teams(call: Call) -> None:
    """Warn whoever names a team: there are none."""
    if call.asked.text("team_id"):
        call.tx.warn("team_id is ignored: there are no teams.")


def _attributes(call: Call) -> dict[str, Any]:
    given = {name: listed(value) for name, value in call.asked.mapping("job").items()}
    options = given.get("options")
    if isinstance(options, dict):
        given["options"] = {name: listed(value) for name, value in options.items()}
    return given


def _day(call: Call, name: str, later: float = 0) -> float | None:
    """Read a date as a time, in seconds since 1970 UTC."""
    text = call.asked.text(name)
    if text is None:
        return None
    for form in DATE_FORMATS:
        try:
            day = datetime.strptime(text, form).replace(tzinfo=timezone.utc)
        except ValueError:
            continue
        return day.timestamp() + later
    raise Invalid(f"Invalid {name} param (must have date format)")
