"""Judgments: what contributors answered, summed up by unit and one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.errors import MissingParameters
from crowdflower.sandbox.rules.results import judgments, shapes
from crowdflower.sandbox.rules.work import review

if TYPE_CHECKING:
    from crowdflower.sandbox.api.call import Answer, Call
    from crowdflower.sandbox.api.parameters import Parameters

MOST: Final = 100
"""Units on a page."""


def listing(call: Call, job: str) -> Answer:
    """Map each unit of a page that was judged to its results; an empty map is past the end."""
    for name in ("latest", "unseen"):
        if name in call.asked:
            call.tx.warn(f"{name} is ignored: every page shows all judgments.")
    return judgments.page(call.tx, call.job(job), call.asked.page(), call.asked.limit(MOST))


def show(call: Call, job: str, judgment: int) -> Answer:
    """Show one judgment."""
    return shapes.judgment(judgments.find(call.tx, call.job(job), judgment))


def create(call: Call, job: str) -> Answer:
    """Let a contributor judge one unit, as if they had handed in a page with nothing else on it."""
    row, given = call.job(job), _given(call)
    unit, worker = given.whole("unit_id"), given.whole("worker_id")
    if unit is None or worker is None:
        raise MissingParameters
    return shapes.judgment(review.give(call.tx, row, unit, worker, given.mapping("data")))


def update(call: Call, job: str, judgment: int) -> Answer:
    """Say of a judgment that it was reviewed, misses a test question, or does not count."""
    row, given = call.job(job), _given(call)
    flags = {name: given.flag(name) for name in ("reviewed", "missed", "tainted") if name in given}
    if not flags:
        raise MissingParameters
    return shapes.judgment(review.change(call.tx, row, judgment, **flags))


def delete(call: Call, job: str, judgment: int) -> Answer:
    """Throw a judgment away; its unit opens again if it lacks one now."""
    review.reject(call.tx, call.job(job), judgment)
    return {"message": {"success": f"Judgment {judgment} has been deleted."}}


def _given(call: Call) -> Parameters:
    call.asked.required("judgment")
    return call.asked.within("judgment")
