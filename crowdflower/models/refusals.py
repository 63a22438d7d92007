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
    >>> describe_missing("POST /jobs/upload.json")
    ''
    """
    found = _NAMED.fullmatch(request.partition(" ")[2])
    if not found:
        return ""
    job = unquote(found["job"])
    if found["kind"]:
        return f"no {found['kind']} {found['id']} in job {job}"
    return f"no job {job}"


_NAMED: Final = re.compile(
    r"/jobs/(?!upload(?:\.json)?$)(?P<job>[^/]+?)(?:/(?P<kind>unit|judgment|order|worker)s/(?P<id>[0-9]+)(?:/\w+)?"
    r"|/(?:cancel|copy|gold|legend|orders|pause|ping|regenerate|resume|judgments|units|upload"
    r"|units/ping)(?=\.json|$)|/(?:channels|golds/fire_webhooks|tags|test_questions|disable_channel|units/split)(?!\.))?(?:\.json|\.csv)?"
)


def is_unit_limit(message: str) -> bool:
    """Return whether a refusal says that a job would have too many units.

    The service documents this refusal, but not its wording. Units have to be what is limited: other
    limits count *units per* something, and a message may name a unit and another maximum.

    >>> is_unit_limit("Unit limit of 250,000 reached")
    True
    >>> is_unit_limit("At most 20 units per page are allowed")
    False
    >>> is_unit_limit("Unit 7: min 9 is greater than max 0")
    False
    """
    return bool(_UNIT_LIMIT.search(message.lower()))


_UNITS: Final = r"(unit|row)s?\b(?! (per|on) \w)"
_UNIT_LIMIT: Final = re.compile(
    rf"(?<!per )(?<!each )(?<!every )\b(unit|row)s? (count )?(limit|maximum|exceed)"
    rf"|\btoo many {_UNITS}|\b(no|any) more {_UNITS}"
    rf"|\b(limit(s|ed)?|maximum|max|exceed(s|ed)?|more than|at most|up to)"
    rf"( (number|count|limit|maximum))?( (of|to|on|for|is))?( the)?( [0-9][0-9,. ]*)? {_UNITS}"
)
