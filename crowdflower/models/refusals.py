"""Refusals of this API that have an error class of their own."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from crowdflower.exceptions import ApiError, UnitLimitReached


def classify_refusal(status: int, message: str) -> type[ApiError] | None:
    """Return the error class of a refusal; ``None`` for the usual one of its status.

    >>> classify_refusal(422, "Unit limit of 250,000 reached").__name__
    'UnitLimitReached'
    """
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and is_unit_limit(message):
        return UnitLimitReached
    return None


def is_unit_limit(message: str) -> bool:
    """Return whether a refusal says that a job would have too many units.

    The service documents this refusal, but not its wording. Other limits, such as those of a page,
    count *per unit* or *units per* something.

    >>> is_unit_limit("Unit limit of 250,000 reached")
    True
    >>> is_unit_limit("At most 20 units per page are allowed")
    False
    """
    units = re.sub(
        r"\b(per|each|every) (unit|row)s?\b|\b(unit|row)s? (per|on) \w+", "", message.lower()
    )
    return bool(re.search(r"\b(unit|row)s?\b", units) and _LIMIT.search(units))


_LIMIT: Final = re.compile(
    r"\b(limit(s|ed)?|maximum|max|exceed(s|ed)?|too many|no more|more than|at most|up to)\b"
)
