"""Test questions: rows with known answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.rules.results import webhook_events
from crowdflower.sandbox.rules.units import gold

if TYPE_CHECKING:
    from crowdflower.sandbox.api.request_context import RequestContext, Result

ACCEPTED = {"success": {"message": "The job will be updated in the background."}}


def list_all(context: RequestContext, job: str) -> Result:
    """List the test questions, with their accepted answers and how often they were missed."""
    row = context.job(job)
    return [gold.gold_json(context.tx, row, each) for each in gold.list_all(context.tx, row)]


def fire_webhooks(context: RequestContext, job: str) -> Result:
    """Send the webhook ``unit_complete`` for every test question."""
    row = context.job(job)
    if not row.webhook_uri:
        context.tx.warn("No webhook is sent: the job has no webhook_uri.")
    webhook_events.queue_units_complete(
        context.tx, row.id, [each.id for each in gold.list_all(context.tx, row)]
    )
    return {"notice": {"message": "Webhooks will be sent in the background."}}


def convert(context: RequestContext, job: str) -> Result:
    """Turn rows into test questions, or test questions into rows.

    Without parameters, rows that the column ``_golden`` marks become test questions; with
    ``check``, rows that have accepted answers to that question in the column ``with``. With
    ``reset``, all test questions become rows.
    """
    row = context.job(job)
    parameters, older = context.parameters, context.parameters.nested("job")
    context.delays.begin("gold", row.id, {"golds_count": row.golds_count})
    if parameters.flag("reset") or older.flag("reset"):
        return gold.reset(context.tx, row)
    question = parameters.text("check") or older.text("check")
    if question:
        column = parameters.text("with") or older.text("with")
        for each in (parameters, older):
            if "convert_units" in each and not each.flag("convert_units"):
                context.tx.warn("convert_units=false is ignored: rows with answers are converted.")
        return gold.convert_by_answers(context.tx, row, question, column)
    gold.convert(context.tx, row)
    return ACCEPTED
