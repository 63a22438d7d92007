"""Judgments: what contributors answered, summed up by unit and one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.errors import MissingParameters
from crowdflower.sandbox.rules.results import judgments, shapes
from crowdflower.sandbox.rules.work import review

if TYPE_CHECKING:
    from crowdflower.sandbox.api.parameters import Parameters
    from crowdflower.sandbox.api.request_context import RequestContext, Result

MOST: Final = 100
"""Units on a page."""


def listing(context: RequestContext, job: str) -> Result:
    """Map each unit of a page that was judged to its results; an empty map is past the end."""
    for name in ("latest", "unseen"):
        if name in context.parameters:
            context.tx.warn(f"{name} is ignored: every page shows all judgments.")
    return judgments.read_page(
        context.tx, context.job(job), context.parameters.page(), context.parameters.limit(MOST)
    )


def show(context: RequestContext, job: str, judgment: int) -> Result:
    """Show one judgment."""
    return shapes.judgment(judgments.find(context.tx, context.job(job), judgment))


def create(context: RequestContext, job: str) -> Result:
    """Let a contributor judge one unit, as if they had handed in a page with nothing else on it."""
    row, given = context.job(job), _given(context)
    unit, worker = given.integer("unit_id"), given.integer("worker_id")
    if unit is None or worker is None:
        raise MissingParameters
    return shapes.judgment(
        review.submit_judgment(context.tx, row, unit, worker, given.mapping("data"))
    )


def update(context: RequestContext, job: str, judgment: int) -> Result:
    """Say of a judgment that it was reviewed, misses a test question, or does not count."""
    row, given = context.job(job), _given(context)
    flags = {name: given.flag(name) for name in ("reviewed", "missed", "tainted") if name in given}
    if not flags:
        raise MissingParameters
    return shapes.judgment(review.update_judgment(context.tx, row, judgment, **flags))


def delete(context: RequestContext, job: str, judgment: int) -> Result:
    """Throw a judgment away; its unit opens again if it lacks one now."""
    review.reject_judgment(context.tx, context.job(job), judgment)
    return {"message": {"success": f"Judgment {judgment} has been deleted."}}


def _given(context: RequestContext) -> Parameters:
    context.parameters.require("judgment")
    return context.parameters.nested("judgment")
