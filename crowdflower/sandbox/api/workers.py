"""Workers of a job: contributors are paid, written to, flagged and rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.errors import Invalid, MissingParameters
from crowdflower.sandbox.rules.results import shapes
from crowdflower.sandbox.rules.work import workers

if TYPE_CHECKING:
    from crowdflower.sandbox.api.call import Answer, Call


def listing(call: Call, job: str) -> Answer:
    """List everybody who took a page of this job."""
    return [shapes.worker(row) for row in workers.listing(call.tx, call.job(job))]


def show(call: Call, job: str, worker: int) -> Answer:
    """Show how a contributor stands in this job."""
    return shapes.worker(workers.in_job(call.tx, call.job(job), worker))


def bonus(call: Call, job: str, worker: int) -> Answer:
    """Pay a contributor, in cents, beside what the pages pay."""
    row, amount = call.job(job), call.asked.whole("amount")
    if amount is None:
        raise Invalid("Send the bonus as amount, in whole US cents.")
    workers.bonus(call.tx, row, worker, amount, call.asked.text("reason"))
    return {"success": f"Contributor {worker} was given a bonus of {amount} cents."}


def notify(call: Call, job: str, worker: int) -> Answer:
    """Write to a contributor."""
    row, message = call.job(job), call.asked.text("message")
    if message is None:
        raise MissingParameters
    subject = call.asked.text("subject")
    workers.notify(call.tx, row, worker, f"{subject}\n\n{message}" if subject else message)
    return {"success": {"message": "Contributor was successfully notified."}}


def notifications(call: Call, job: str, worker: int) -> Answer:
    """Write to a contributor, in the words of 2011."""
    row = call.job(job)
    message = call.asked.within("notification").text("message")
    if message is None:
        raise MissingParameters
    workers.notify(call.tx, row, worker, message)
    return {"success": {"message": "Contributor was successfully notified."}}


def update(call: Call, job: str, worker: int) -> Answer:
    """Flag a contributor or take the flag back, whichever parameter is there."""
    if "unflag" in call.asked or "deflag" in call.asked:
        return deflag(call, job, worker)
    if "flag" in call.asked:
        return flag(call, job, worker)
    raise MissingParameters


def flag(call: Call, job: str, worker: int) -> Answer:
    """Give a contributor no more pages of this job, or with ``persist`` of any of the account's."""
    reason = call.asked.text("reason") or call.asked.text("flag")
    if not workers.flag(call.tx, call.job(job), worker, reason, persist=call.asked.flag("persist")):
        call.tx.warn(f"Contributor {worker} was flagged already.")
    return {"success": f"Contributor {worker} has been flagged."}


def deflag(call: Call, job: str, worker: int) -> Answer:
    """Take a flag back; why, in any of three words, is not kept."""
    for name in ("reason", "unflag", "deflag"):
        call.asked.text(name)
    if not workers.unflag(call.tx, call.job(job), worker):
        call.tx.warn(f"Contributor {worker} was not flagged.")
    return {"success": f"Contributor {worker} is no longer flagged."}


def reject(call: Call, job: str, worker: int) -> Answer:
    """Throw away what a contributor answered in this job; rows open again."""
    asked = call.asked
    reason = asked.text("reject")
    if reason is None:
        reason = asked.text("reason")
        # The form of today, which has to say that a person asks for it.
        if reason is None or not asked.flag("manual"):
            raise MissingParameters
    if not workers.reject(call.tx, call.job(job), worker, reason):
        call.tx.warn(f"Contributor {worker} was rejected already.")
    message = "Rejecting contributor... this operation can take up to 10 minutes"
    return {"success": {"message": message}}
