"""Decides when a failed request may be sent again, and after how long; no clock, no network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

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

if TYPE_CHECKING:
    from crowdflower.http.connections import Exchange

MAX_ATTEMPTS: Final = 4
"""Attempts of a request that changes nothing, or that never left this machine."""

MAX_DNS_ATTEMPTS: Final = 3
"""Attempts while a host name cannot be resolved: it is more often misspelled than briefly lost."""

MAX_GARBAGE_ATTEMPTS: Final = 2
"""Attempts while the response does not begin as HTTP: most often it is another kind of server."""

MAX_DELAY: Final = 20.0
"""Seconds between two attempts, at most, where the server names no time."""

MAX_RETRY_AFTER: Final = 60.0
"""Seconds of ``Retry-After`` that are obeyed; a longer wait is passed on as an error."""

IDEMPOTENT_WINDOW: Final = 30.0
"""Seconds in which an idempotent change may be repeated; later it might undo a change of others."""

NOTHING_WAS_DONE: Final = frozenset({*range(400, 408), *range(409, 418), 422, 429, 451})
"""Statuses after which nothing has changed. 408 and 499 are missing: they do not tell."""


class Safety(Enum):
    """What a second identical request would do."""

    READ = "changes nothing"
    IDEMPOTENT = "sets the same state again"
    CHANGE = "may make the change twice"
    NEVER = "may pay twice, or send a person the same message twice"


@dataclass(frozen=True)
class RetryRule:
    """How an endpoint may be repeated, and how long it may take.

    :param retries_429: Whether status 429 (nothing was done) is waited out.
    :param read_timeout: Seconds without a byte from the server, at least, where the caller sets
        none.
    :param deadline: Seconds for the whole call, attempts and waits included, where the caller sets
        none.
    """

    safety: Safety
    retries_429: bool = True
    read_timeout: float = 0.0
    deadline: float = 180.0

    @property
    def attempts(self) -> int:
        """How many attempts may be made after one whose outcome is unknown."""
        return {Safety.READ: MAX_ATTEMPTS, Safety.IDEMPOTENT: 2}.get(self.safety, 1)


class Outcome(Enum):
    """What one failed attempt did."""

    NOT_SENT = "no byte left this machine"
    REFUSED = "the server understood it and refused"
    UNKNOWN = "it was sent, and no response came that can be understood"


@dataclass(frozen=True)
class Failure:
    """A failed attempt, classified.

    :param is_transient: Whether another attempt may succeed: after a lost connection, yes; after an
        invalid certificate, no.
    :param is_throttled: Whether the server said that it gets too many requests.
    :param retry_after: Seconds that the server asked to wait.
    :param max_attempts: Limit on attempts that fail like this, beside that of the endpoint.
    """

    outcome: Outcome
    is_transient: bool = True
    is_throttled: bool = False
    retry_after: float | None = None
    max_attempts: int = MAX_ATTEMPTS


def classify(error: ApiError) -> Failure:
    """Classify the error of one attempt."""
    if isinstance(error, NotSentError):
        most = MAX_DNS_ATTEMPTS if error.dns else MAX_ATTEMPTS
        return Failure(Outcome.NOT_SENT, is_transient=not error.tls, max_attempts=most)
    if isinstance(error, MalformedResponse) and error.garbage:
        return Failure(Outcome.UNKNOWN, max_attempts=MAX_GARBAGE_ATTEMPTS)
    if isinstance(error, RateLimited):
        return Failure(Outcome.REFUSED, is_throttled=True, retry_after=error.retry_after)
    if isinstance(error, ServerError) and not isinstance(error, SandboxNotImplemented):
        unavailable = error.status == HTTPStatus.SERVICE_UNAVAILABLE
        return Failure(Outcome.UNKNOWN, is_throttled=unavailable, retry_after=error.retry_after)
    if isinstance(error, (ApplicationError, SandboxNotImplemented)) or (
        isinstance(error, RefusedError) and error.status in NOTHING_WAS_DONE
    ):
        return Failure(Outcome.REFUSED, is_transient=False)
    is_transient = isinstance(error, (RequestTimeout, ConnectionLost, TruncatedResponse))
    return Failure(Outcome.UNKNOWN, is_transient=is_transient)


def retry_delay(
    rule: RetryRule,
    failure: Failure,
    attempt: int,
    random: Random,
    *,
    since: float = 0.0,
    is_keyed: bool = False,
) -> float | None:
    """Return the seconds to wait before the next attempt; ``None`` where there must be none.

    Exponential backoff with full jitter: the delay is drawn from the whole of a range that doubles,
    so that clients that failed together do not come back together.

    :param attempt: Number of attempts so far, from 1.
    :param since: Seconds since the first attempt whose outcome is unknown.
    :param is_keyed: The request carries an idempotency key, and the server has announced that it
        honours those.

    >>> lost = Failure(Outcome.UNKNOWN)
    >>> 0 <= retry_delay(RetryRule(Safety.READ), lost, 1, Random(0)) <= 1
    True
    >>> retry_delay(RetryRule(Safety.NEVER), lost, 1, Random(0)) is None
    True

    Source: M. Brooker, *Exponential Backoff and Jitter*, AWS Architecture Blog, 2015.
    """
    allowed = {
        Outcome.NOT_SENT: MAX_ATTEMPTS,
        Outcome.REFUSED: MAX_ATTEMPTS if failure.is_throttled and rule.retries_429 else 0,
        Outcome.UNKNOWN: MAX_ATTEMPTS if is_keyed else rule.attempts,
    }
    limit = min(allowed[failure.outcome], failure.max_attempts)
    if not failure.is_transient or attempt >= limit:
        return None
    delay = failure.retry_after
    if delay is None:
        base = 1.0 if failure.is_throttled else 0.5
        delay = random.uniform(0, min(MAX_DELAY, base * 2**attempt))
    elif delay > MAX_RETRY_AFTER:
        return None
    is_late = rule.safety is Safety.IDEMPOTENT and since + delay > IDEMPOTENT_WINDOW
    return None if is_late and since else delay


class UnknownChange(NamedTuple):
    """A change that was sent and may have been made."""

    phase: str
    """How far the request got: the name of a :class:`~crowdflower.http.connections.Phase`."""

    evidence: str
    sent_at: float
    """On the client's clock."""


def unknown_change(error: ApiError, exchange: Exchange, sent_at: float) -> UnknownChange | None:
    """Return the change that a failed attempt may have made; ``None`` if it surely made none."""
    if classify(error).outcome is not Outcome.UNKNOWN:
        return None
    phase = exchange.phase.name.lower()
    status = "" if exchange.status is None else f" with status {exchange.status}"
    return UnknownChange(phase, f"{phase}{status}, {type(error).__name__}", sent_at)


def final_error(error: ApiError, unknown: UnknownChange | None) -> ApiError:
    """Return the error to raise after the last attempt.

    The last attempt alone does not decide: one that was refused, or not sent, may follow one whose
    response was lost.
    """
    if not unknown:
        return error
    return OutcomeUnknown(
        f"{error}. The request was sent and the change may have been made; check before you repeat"
        " it",
        evidence=unknown.evidence,
        phase=unknown.phase,
        request=error.request,
        response=error.response,
    )


class RetryBudget:
    """Limits the retries of a client, all its threads together.

    While most requests fail, four attempts each would only add load. A failed attempt costs, a
    success at the first attempt pays back; with nothing left, failures are passed on at once.

    >>> budget = RetryBudget(20)
    >>> budget.spend(RetryBudget.FAILURE), budget.spend(RetryBudget.FAILURE)
    (True, False)
    """

    CAPACITY: Final = 500
    FAILURE: Final = 14
    THROTTLED: Final = 5
    SUCCESS: Final = 1

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = self._left = capacity
        self._lock = Lock()

    def spend(self, cost: int) -> bool:
        """Pay for a retry; return whether the budget allowed it."""
        with self._lock:
            if self._left < cost:
                return False
            self._left -= cost
            return True

    def earn(self) -> None:
        """Record a request that succeeded at the first attempt."""
        with self._lock:
            self._left = min(self._capacity, self._left + self.SUCCESS)
