"""Test questions: when they are asked, how many, and what they decide.

Everything here looks at a job alone: a row of it, or the part of it that handing out pages reads.

Source: Appen, `Guide to: Test Question Best Practices and Quiz Mode
<https://success.appen.com/hc/en-us/articles/211363686>`_.
"""

from __future__ import annotations

from typing import Any, Final

from crowdflower.sandbox.rules.settings.value_types import PERCENT, truthy

EXTRA_GOLD: Final = 3
"""Test questions a job must have beyond a page of them, before they are asked."""

DEFAULT_GOLD_BEFORE_REMOVAL: Final = 4
"""Test questions a contributor sees before trust counts; ``options.after_gold`` changes it."""

DEFAULT_MIN_ACCURACY: Final = 70
"""Percent of test questions to answer right; ``options.reject_at`` changes it."""

DEFAULT_PAGE_TIMEOUT: Final = 1800
"""How long a page may stay open; ``options.req_ttl_in_seconds`` changes it."""


def has_enough_gold(job: Any) -> bool:
    """Tell whether a job has test questions enough to ask them."""
    enough = job.golds_count >= job.units_per_assignment + EXTRA_GOLD
    return enough or bool(job.golds_count and truthy(job.options.get("gold_always")))


def is_quiz_enabled(job: Any) -> bool:
    """Tell whether contributors have to pass a page of test questions before they work."""
    return has_enough_gold(job) and truthy(job.options.get("front_load"))


def gold_per_page(job: Any) -> int:
    """Count the test questions on a page of work; at least one row of the page is no such."""
    if not has_enough_gold(job):
        return 0
    return min(int(job.gold_per_assignment), int(job.units_per_assignment) - 1)


def units_per_page(job: Any) -> int:
    """Count the rows on a page of work that are no test questions."""
    return int(job.units_per_assignment) - gold_per_page(job)


def min_trust(job: Any) -> float:
    """Return the share of test questions to answer right, as a fraction."""
    return _number(job.options.get("reject_at"), DEFAULT_MIN_ACCURACY) / PERCENT


def gold_before_removal(job: Any) -> int:
    """Count the test questions a contributor sees in work before trust counts."""
    return int(_number(job.options.get("after_gold"), DEFAULT_GOLD_BEFORE_REMOVAL))


def page_timeout(job: Any) -> float:
    """Return how long a page may stay open."""
    return _number(job.options.get("req_ttl_in_seconds"), DEFAULT_PAGE_TIMEOUT)


def _number(value: object, otherwise: float) -> float:
    """Read a number among a job's options; one that was emptied is not there."""
    return otherwise if value in (None, "") else float(str(value))
