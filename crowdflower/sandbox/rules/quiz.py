"""The settings of a job for test questions: when they are asked, how many, and the minimum trust.

Each function takes a row of the job, or the part of it that handing out pages reads.

Source: Appen, `Guide to: Test Question Best Practices and Quiz Mode
<https://success.appen.com/hc/en-us/articles/211363686>`_.
"""

from __future__ import annotations

from math import ceil
from typing import Any, Final

from crowdflower.quality.gold_limits import EXTRA_GOLD
from crowdflower.sandbox.rules.settings.value_types import PERCENT, truthy

DEFAULT_GOLD_BEFORE_REMOVAL: Final = 4
"""Test questions answered before low trust removes a contributor; see ``options.after_gold``."""

DEFAULT_MIN_ACCURACY: Final = 70
"""Percentage of test questions to answer correctly; see ``options.reject_at``."""

DEFAULT_PAGE_TIMEOUT: Final = 1800
"""Seconds that a page may stay open; see ``options.req_ttl_in_seconds``."""


def has_enough_gold(job: Any) -> bool:
    """Return whether a job has enough test questions to ask them."""
    enough = job.golds_count >= job.units_per_assignment + EXTRA_GOLD
    return enough or bool(job.golds_count and truthy(job.options.get("gold_always")))


def is_quiz_enabled(job: Any) -> bool:
    """Return whether contributors must pass a page of test questions before they work."""
    return has_enough_gold(job) and truthy(job.options.get("front_load"))


def gold_per_page(job: Any) -> int:
    """Return the number of test questions on a work page; at least one unit is left for work."""
    if not has_enough_gold(job):
        return 0
    return min(int(job.gold_per_assignment), int(job.units_per_assignment) - 1)


def units_per_page(job: Any) -> int:
    """Return the number of units on a work page that are not test questions."""
    return int(job.units_per_assignment) - gold_per_page(job)


def min_trust(job: Any) -> float:
    """Return the fraction of test questions that a contributor must answer correctly."""
    return _number(job.options.get("reject_at"), DEFAULT_MIN_ACCURACY) / PERCENT


def gold_before_removal(job: Any) -> int:
    """Return the number of test questions answered before low trust removes a contributor."""
    return int(_number(job.options.get("after_gold"), DEFAULT_GOLD_BEFORE_REMOVAL))


def first_checked_page(job: Any) -> int | None:
    """Return the page of work after which low trust first removes a contributor, from 1.

    Test questions of the quiz count too.

    :returns: ``None`` if that never happens: pages of work have no test question, or the job has
        fewer than are answered before.
    """
    per_page, needed = gold_per_page(job), gold_before_removal(job)
    if not per_page or int(job.golds_count) < needed:
        return None
    in_quiz = int(job.units_per_assignment) if is_quiz_enabled(job) else 0
    return max(1, ceil((needed - in_quiz) / per_page))


def page_timeout(job: Any) -> float:
    """Return how long a page may stay open, in seconds."""
    return _number(job.options.get("req_ttl_in_seconds"), DEFAULT_PAGE_TIMEOUT)


def _number(value: object, default: float) -> float:
    """Read a numeric option; an empty one counts as not set."""
    return default if value in (None, "") else float(str(value))
