"""The log lines of a call: method and path, without what may hold secrets: query, headers, body."""

from __future__ import annotations

import logging
from typing import Final

from crowdflower._types import one_line
from crowdflower.exceptions import ApiError
from crowdflower.http.responses import ResponseReader
from crowdflower.http.transport import Request, Response

LONG_TURN: Final = 1.0
"""Seconds of waiting for the rate limit from which on the wait is worth a line at INFO."""

log = logging.getLogger(__name__)


def log_attempt(
    reader: ResponseReader,
    prepared: Request,
    outcome: Response | ApiError,
    seconds: float,
    attempt: int,
) -> None:
    """Log an attempt, with its status or the class of its error.

    Callers ask :meth:`~logging.Logger.isEnabledFor` first: most programs keep no such log.
    """
    result = describe(outcome) if isinstance(outcome, ApiError) else outcome.status_code
    request = one_line(reader.describe(prepared))
    log.debug("%s: %s in %.0f ms, attempt %d", request, result, 1000 * seconds, attempt)


def log_retry(
    reader: ResponseReader, prepared: Request, error: ApiError, attempt: int, delay: float
) -> None:
    """Log that a request is sent again, and why."""
    if log.isEnabledFor(logging.INFO):
        request = one_line(reader.describe(prepared))
        text = "%s: %s in attempt %d; it is sent again in %.1f s"
        log.info(text, request, describe(error), attempt, delay)


def log_turn(seconds: float) -> None:
    """Log that a request waits for the rate limit."""
    level = logging.INFO if seconds >= LONG_TURN else logging.DEBUG
    log.log(level, "waiting %.1f s: the rate limit is reached", seconds)


def describe(error: ApiError) -> str:
    """Return status and class of an error, without its message, which may quote the response.

    >>> describe(ApiError("GET /jobs/7: 404 Not Found: the text of a server"))
    'ApiError'
    """
    status = "" if error.response is None else f"status {error.response.status_code}, "
    return f"{status}{type(error).__name__}"
