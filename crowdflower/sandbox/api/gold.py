"""Test questions: rows whose answers are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.rules.results import webhook_events
from crowdflower.sandbox.rules.units import gold

if TYPE_CHECKING:
    from crowdflower.sandbox.api.request_context import RequestContext, Result

IN_THE_BACKGROUND = {"success": {"message": "The job will be updated in the background."}}


def listing(context: RequestContext, job: str) -> Result:
    """List the test questions: rows with their accepted answers, and how often they were missed."""
    row = context.job(job)
    return [gold.gold_json(context.tx, row, each) for each in gold.list_all(context.tx, row)]


def fire_webhooks(context: RequestContext, job: str) -> Result:
    """Tell the job's own server of every test question, as of a row that is complete."""
    row = context.job(job)
    if not row.webhook_uri:
        context.tx.warn("Nobody is told: this job has no webhook_uri.")
    webhook_events.queue_units_complete(
        context.tx, row.id, [each.id for each in gold.list_all(context.tx, row)]
    )
    return {"notice": {"message": "Webhooks will be sent in the background."}}


def convert(context: RequestContext, job: str) -> Result:
    """Make test questions of rows, or rows of test questions.

    Without parameters, of every row that the column ``_golden`` marks. With ``check``, of every
    row that has accepted answers to that question in the column ``with``. With ``reset``, none is
    one any more.
    """
    row = context.job(job)
    asked, older = context.parameters, context.parameters.nested("job")
    context.transitions.begin("gold", row.id, {"golds_count": row.golds_count})
    if asked.flag("reset") or older.flag("reset"):
        gold.reset(context.tx, row)
        return IN_THE_BACKGROUND
    question = asked.text("check") or older.text("check")
    if question:
        column = asked.text("with") or older.text("with")
        for each in (asked, older):
            if "convert_units" in each and not each.flag("convert_units"):
                context.tx.warn("convert_units=false is ignored: rows with answers are converted.")
        return gold.convert_by_answers(context.tx, row, question, column)
    gold.convert(context.tx, row)
    return IN_THE_BACKGROUND
