"""Orders: rows are paid for, and the job runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.errors import MissingParameters
from crowdflower.sandbox.rules.jobs import orders
from crowdflower.sandbox.rules.results import shapes

if TYPE_CHECKING:
    from crowdflower.sandbox.api.call import Answer, Call


def place(call: Call, job: str) -> Answer:
    """Order judgments for some of the new rows; a count of 0 means all of them."""
    count = call.asked.within("debit").whole("units_count")
    if count is None:
        raise MissingParameters
    row = call.job(job)
    order = orders.place(call.tx, row, count, call.asked.names("channels") or ())
    call.transitions.begin("order", row.id, {"state": row.state})
    return shapes.order(order)


def show(call: Call, job: str, order: int) -> Answer:
    """Show an order."""
    return shapes.order(orders.find(call.tx, call.job(job), order))
