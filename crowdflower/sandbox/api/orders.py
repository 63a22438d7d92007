"""Orders: pay for rows and run the job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.errors import MissingParameters
from crowdflower.sandbox.rules.jobs import orders
from crowdflower.sandbox.rules.results import shapes

if TYPE_CHECKING:
    from crowdflower.sandbox.api.request_context import RequestContext, Result


def place(context: RequestContext, job: str) -> Result:
    """Order judgments for some of the new rows, or with a count of 0 for all of them."""
    count = context.parameters.nested("debit").integer("units_count")
    if count is None:
        raise MissingParameters
    row = context.job(job)
    order = orders.place(context.tx, row, count, context.parameters.names("channels") or ())
    context.delays.begin("order", row.id, {"state": row.state})
    return shapes.order(order)


def show(context: RequestContext, job: str, order: int) -> Result:
    """Return an order."""
    return shapes.order(orders.find(context.tx, context.job(job), order))
