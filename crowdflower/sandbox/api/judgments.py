"""Judgments: what contributors answered, aggregated by unit or one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.errors import MissingParameters
from crowdflower.sandbox.rules.results import judgments, shapes
from crowdflower.sandbox.rules.work import review

if TYPE_CHECKING:
    from crowdflower.sandbox.api.parameters import Parameters
    from crowdflower.sandbox.api.request_context import RequestContext, Result

MAX_PAGE_SIZE: Final = 100
"""Units."""

_FLAGS: Final = ("reviewed", "missed", "tainted")


def list_page(context: RequestContext, job: str) -> Result:
    """List a page of judged units with their results; pages past the end are empty."""
    for name in ("latest", "unseen"):
        if name in context.parameters:
            context.tx.warn(f"{name} is ignored: every page shows all judgments.")
    return judgments.read_page(
        context.tx,
        context.job(job),
        context.parameters.page(),
        context.parameters.limit(MAX_PAGE_SIZE),
    )


def show(context: RequestContext, job: str, judgment: int) -> Result:
    """Return a judgment."""
    return shapes.judgment(judgments.find(context.tx, context.job(job), judgment))


def create(context: RequestContext, job: str) -> Result:
    """Judge a unit for a contributor, as if they had submitted a page with only this unit."""
    row, parameters = context.job(job), _judgment(context)
    unit, worker = parameters.integer("unit_id"), parameters.integer("worker_id")
    if unit is None or worker is None:
        raise MissingParameters
    data = parameters.mapping("data")
    return shapes.judgment(review.submit_judgment(context.tx, row, unit, worker, data))


def update(context: RequestContext, job: str, judgment: int) -> Result:
    """Mark a judgment as reviewed, as missing a test question, or as tainted (not counted)."""
    row, parameters = context.job(job), _judgment(context)
    flags = {
        name: parameters.flag(name)
        for name in ("reviewed", "missed", "tainted")
        if name in parameters
    }
    if not flags:
        raise MissingParameters
    return shapes.judgment(review.update_judgment(context.tx, row, judgment, **flags))


def delete(context: RequestContext, job: str, judgment: int) -> Result:
    """Reject a judgment; its unit opens again if it now lacks judgments."""
    review.reject_judgment(context.tx, context.job(job), judgment)
    return {"message": {"success": f"Judgment {judgment} has been deleted."}}


def _judgment(context: RequestContext) -> Parameters:
    context.parameters.require("judgment")
    return context.parameters.nested("judgment")
