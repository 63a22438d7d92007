"""Refusals of this API: which have an error class of their own, and what they refer to."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from crowdflower.exceptions import ApiError, UnitLimitReached


def classify_refusal(status: int, message: str, request: str) -> tuple[type[ApiError] | None, str]:
    """Return the error class of a refusal, and what to name in its message.

    :param request: Method and path, as in error messages.
    :returns: The class is ``None`` for the usual one of the status; the name may be empty.

    >>> classify_refusal(422, "Unit limit of 250,000 reached", "PUT /jobs/7/upload.json")
    (<class 'crowdflower.exceptions.UnitLimitReached'>, '')
    """
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and is_unit_limit(message):
        return UnitLimitReached, ""
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return None, describe_missing(request)
    return None, ""


def describe_missing(request: str) -> str:
    """Return what a request that was answered with 404 asked for; empty if its path names nothing.

    The service's own message does not say what it could not find.

    :param request: Method and path, as in error messages.

    >>> describe_missing("GET /jobs/99.json")
    'no job 99'
    >>> describe_missing("POST /jobs/7/workers/5/bonus.json")
    'no worker 5 in job 7'
    """
    found = _NAMED.fullmatch(request.partition(" ")[2])
    if not found:
        return ""
    job = unquote(found["job"])
    if found["kind"]:
        return f"no {found['kind']} {found['id']} in job {job}"
    return f"no job {job}"


_NAMED: Final = re.compile(
    r"/jobs/(?P<job>[^/]+?)(?:/(?P<kind>unit|judgment|order|worker)s/(?P<id>[0-9]+)(?:/\w+)?"
    r"|/(?:cancel|copy|gold|legend|orders|pause|ping|regenerate|resume|judgments|units|upload"
    r"|units/ping)(?=\.json|$)|/(?:channels|tags|disable_channel|units/split)(?!\.))?(?:\.json|\.csv)?"
)


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
