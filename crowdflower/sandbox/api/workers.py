"""Workers of a job: list, pay a bonus, notify, flag, reject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.errors import Invalid, MissingParameters
from crowdflower.sandbox.rules.results import shapes
from crowdflower.sandbox.rules.work import workers

if TYPE_CHECKING:
    from crowdflower.sandbox.api.request_context import RequestContext, Result


def list_all(context: RequestContext, job: str) -> Result:
    """List the contributors who took a page of this job."""
    return [shapes.worker(row) for row in workers.list_all(context.tx, context.job(job))]


def show(context: RequestContext, job: str, worker: int) -> Result:
    """Return a contributor's counters, trust and flags in this job."""
    return shapes.worker(workers.find_in_job(context.tx, context.job(job), worker))


def bonus(context: RequestContext, job: str, worker: int) -> Result:
    """Pay a contributor a bonus, in US cents."""
    row, amount = context.job(job), context.parameters.integer("amount")
    if amount is None:
        raise Invalid("Send the bonus as amount, in whole US cents.")
    workers.bonus(context.tx, row, worker, amount, context.parameters.text("reason"))
    return {"success": f"Contributor {worker} was given a bonus of {amount} cents."}


def notify(context: RequestContext, job: str, worker: int) -> Result:
    """Send a message to a contributor."""
    row, message = context.job(job), context.parameters.text("message")
    if message is None:
        raise MissingParameters
    subject = context.parameters.text("subject")
    workers.notify(context.tx, row, worker, f"{subject}\n\n{message}" if subject else message)
    return {"success": {"message": "Contributor was successfully notified."}}


def notifications(context: RequestContext, job: str, worker: int) -> Result:
    """Send a message to a contributor, with the parameters of 2011."""
    row = context.job(job)
    message = context.parameters.nested("notification").text("message")
    if message is None:
        raise MissingParameters
    workers.notify(context.tx, row, worker, message)
    return {"success": {"message": "Contributor was successfully notified."}}


def update(context: RequestContext, job: str, worker: int) -> Result:
    """Flag or unflag a contributor, depending on the parameter."""
    if "unflag" in context.parameters or "deflag" in context.parameters:
        return deflag(context, job, worker)
    if "flag" in context.parameters:
        return flag(context, job, worker)
    raise MissingParameters


def flag(context: RequestContext, job: str, worker: int) -> Result:
    """Stop giving a contributor pages of this job, with ``persist`` of all jobs of the account."""
    reason = context.parameters.text("reason") or context.parameters.text("flag")
    if not workers.flag(
        context.tx, context.job(job), worker, reason, persist=context.parameters.flag("persist")
    ):
        context.tx.warn(f"Contributor {worker} was flagged already.")
    return {"success": f"Contributor {worker} has been flagged."}


def deflag(context: RequestContext, job: str, worker: int) -> Result:
    """Unflag a contributor; the reason is not stored."""
    for name in ("reason", "unflag", "deflag"):
        context.parameters.text(name)
    if not workers.unflag(context.tx, context.job(job), worker):
        context.tx.warn(f"Contributor {worker} was not flagged.")
    return {"success": f"Contributor {worker} is no longer flagged."}


def reject(context: RequestContext, job: str, worker: int) -> Result:
    """Reject all judgments of a contributor in this job; their rows open again."""
    parameters = context.parameters
    reason = parameters.text("reject") or parameters.text("reason")
    parameters.flag("manual")  # confirms that a person decided; most clients do not send it
    if not workers.reject(context.tx, context.job(job), worker, reason):
        context.tx.warn(f"Contributor {worker} was rejected already.")
    message = "Rejecting contributor... this operation can take up to 10 minutes"
    return {"success": {"message": message}}
