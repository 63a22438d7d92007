"""What became of a request, by the error that it ended with: pure decisions."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, NamedTuple

from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    ConnectionLost,
    MalformedResponse,
    NotSentError,
    OutcomeUnknown,
    RateLimited,
    RefusedError,
    RequestTimeout,
    SandboxNotImplemented,
    ServerError,
    TruncatedResponse,
)
from crowdflower.http import retry
from crowdflower.http.connections import Exchange
from crowdflower.http.retry import Failure, Outcome

DEFINITE: Final = frozenset({*range(400, 408), *range(409, 418), 422, 429, 451})
"""Statuses that say that nothing was done; whoever answers 408 or 499 may not know."""


def failure_of(error: ApiError) -> Failure:
    """Say in the words of the policy what an error means."""
    if isinstance(error, NotSentError):
        most = retry.ATTEMPTS_AT_A_NAME if error.dns else retry.ATTEMPTS
        return Failure(Outcome.NOT_SENT, passing=not error.tls, attempts=most)
    if isinstance(error, MalformedResponse) and error.garbage:
        return Failure(Outcome.UNKNOWN, attempts=retry.ATTEMPTS_AT_GARBAGE)
    if isinstance(error, RateLimited):
        return Failure(Outcome.REFUSED, throttled=True, retry_after=error.retry_after)
    if isinstance(error, ServerError) and not isinstance(error, SandboxNotImplemented):
        throttled = error.status == HTTPStatus.SERVICE_UNAVAILABLE
        return Failure(Outcome.UNKNOWN, throttled=throttled, retry_after=error.retry_after)
    if isinstance(error, (ApplicationError, SandboxNotImplemented)) or (
        isinstance(error, RefusedError) and error.status in DEFINITE
    ):
        return Failure(Outcome.REFUSED, passing=False)
    passing = isinstance(error, (RequestTimeout, ConnectionLost, TruncatedResponse))
    return Failure(Outcome.UNKNOWN, passing=passing)


class Doubt(NamedTuple):
    """What was seen of a change that may have been made."""

    phase: str
    evidence: str
    sent_at: float
    """On the clock of the caller."""


def doubt_of(error: ApiError, exchange: Exchange, sent_at: float) -> Doubt | None:
    """Return what was seen of a change that may have been made; nothing where it was not."""
    if failure_of(error).outcome is not Outcome.UNKNOWN:
        return None
    phase = exchange.phase.name.lower()
    status = "" if exchange.status is None else f" with status {exchange.status}"
    return Doubt(phase, f"{phase}{status}, {type(error).__name__}", sent_at)


def final(error: ApiError, doubt: Doubt | None) -> ApiError:
    """Return the error that the caller gets: whether a change was made must be beyond doubt.

    The last attempt does not decide it. One that was refused, or never sent, may follow one whose
    answer was lost.
    """
    if not doubt:
        return error
    return OutcomeUnknown(
        f"{error}. The request had been sent: the change may have been made. Look before you repeat"
        " it",
        evidence=doubt.evidence,
        phase=doubt.phase,
        request=error.request,
        response=error.response,
    )
