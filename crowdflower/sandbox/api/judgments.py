"""Judgments: what contributors answered, summed up by unit and one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.rules import judgments, shapes

if TYPE_CHECKING:
    from crowdflower.sandbox.api.call import Answer, Call

MOST: Final = 100
"""Units on a page."""


def listing(call: Call, job: str) -> Answer:
    """Map each unit of a page that was judged to its results; an empty map is past the end."""
    for name in ("latest", "unseen"):
        if name in call.asked.values:
            call.tx.warn(f"{name} is ignored: every page shows all judgments.")
    return judgments.page(call.tx, call.job(job), call.asked.page(), call.asked.limit(MOST))


def show(call: Call, job: str, judgment: int) -> Answer:
    """Show one judgment."""
    return shapes.judgment(judgments.find(call.tx, call.job(job), judgment))
