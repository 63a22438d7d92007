"""Test questions: rows whose answers are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.rules.results import webhook_events
from crowdflower.sandbox.rules.units import gold

if TYPE_CHECKING:
    from crowdflower.sandbox.api.call import Answer, Call

IN_THE_BACKGROUND = {"success": {"message": "The job will be updated in the background."}}


def listing(call: Call, job: str) -> Answer:
    """List the test questions: rows with their accepted answers, and how often they were missed."""
    row = call.job(job)
    return [gold.shown(call.tx, row, each) for each in gold.listing(call.tx, row)]


def fire_webhooks(call: Call, job: str) -> Answer:
    """Tell the job's own server of every test question, as of a row that is complete."""
    row = call.job(job)
    if not row.webhook_uri:
        call.tx.warn("Nobody is told: this job has no webhook_uri.")
    webhook_events.units_complete(call.tx, row.id, [each.id for each in gold.listing(call.tx, row)])
    return {"notice": {"message": "Webhooks will be sent in the background."}}


def convert(call: Call, job: str) -> Answer:
    """Make test questions of rows, or rows of test questions.

    Without parameters, of every row that the column ``_golden`` marks. With ``check``, of every
    row that has accepted answers to that question in the column ``with``. With ``reset``, none is
    one any more.
    """
    row = call.job(job)
    asked, older = call.asked, call.asked.within("job")
    call.transitions.begin("gold", row.id, {"golds_count": row.golds_count})
    if asked.flag("reset") or older.flag("reset"):
        gold.reset(call.tx, row)
        return IN_THE_BACKGROUND
    question = asked.text("check") or older.text("check")
    if question:
        column = asked.text("with") or older.text("with")
        for each in (asked, older):
            if "convert_units" in each and not each.flag("convert_units"):
                call.tx.warn("convert_units=false is ignored: rows with answers are converted.")
        return gold.check(call.tx, row, question, column)
    gold.convert(call.tx, row)
    return IN_THE_BACKGROUND
