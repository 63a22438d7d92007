"""A call: as many requests as it takes, and not one more than is safe."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http import HTTPStatus
from random import Random
from typing import Any, Final, NamedTuple, Protocol

from crowdflower import retry
from crowdflower.answers import Answer
from crowdflower.diagnosis import Diagnosis
from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    ConnectionLost,
    MalformedResponse,
    NotFound,
    NotSentError,
    OutcomeUnknown,
    RateLimited,
    RefusedError,
    RequestTimeout,
    SandboxNotImplemented,
    ServerError,
    TruncatedResponse,
)
from crowdflower.pace import Pace
from crowdflower.retry import Failure, Outcome, Quota, Rule, Safety
from crowdflower.transport import Body, Expected, Transport
from crowdflower.wire import Exchange

DEFINITE: Final = frozenset({*range(400, 408), *range(409, 418), 422, 429, 451})
"""Statuses that say that nothing was done; whoever answers 408 or 499 may not know."""


SILENCE: Final = 30.0
"""Seconds of silence that are put up with, where nobody says otherwise."""


class Clock(Protocol):
    """The part of :mod:`time` that the client needs; tests bring their own."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


class Caller:
    """Repeats requests as :mod:`crowdflower.retry` allows for their endpoint, and no further.

    :param read: Seconds of silence that are put up with; by default 30, and 120 where the service
        is known to take its time.
    :param deadline: Seconds that a call may take, attempts and waits included; by default 90 for
        reading, 180 for changing, 600 for an upload.
    :param retries: How often a call may be repeated at most.
    :param pace: Deals out turns, where requests are not to leave as fast as they can.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        read: float | None = None,
        deadline: float | None = None,
        retries: int = retry.ATTEMPTS - 1,
        pace: Pace | None = None,
        clock: Clock = time,
    ) -> None:
        self.transport = transport
        self.clock = clock
        self._read = read
        self._deadline = deadline
        self._attempts = retries + 1
        self._quota = Quota()
        self._pace = pace
        self._chance = Random()  # noqa: S311 - spreads load, guards nothing

    def request(
        self,
        method: str,
        path: str,
        expected: Expected,
        *,
        query: Mapping[str, Any] | None = None,
        body: Body = None,
        files: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and return its checked answer.

        :param path: What follows the base address, percent-encoded.
        :raises InvalidInput: The parts make no request; nothing was sent.
        :raises OutcomeUnknown: It changes something, was sent, and it is not known what became of
            it. Of a request that only reads, the failure itself is raised.
        """
        rule = retry.rule_for(method, path)
        # On a connection that was kept alive, a server that hangs up for its own reasons looks
        # like one that hangs up on this request.
        fresh = rule.safety in {Safety.CHANGE, Safety.NEVER}
        parting = {"Connection": "close"} if fresh else {}
        prepared = self.transport.prepared(
            method,
            path,
            query=query,
            body=body,
            files=files,
            headers={**parting, **(headers or {})},
        )
        deadline = self.clock.monotonic() + (self._deadline or rule.deadline)
        attempt, doubt = 0, None
        while True:
            attempt += 1
            if not self._turn(deadline):
                too_late = Diagnosis(NotSentError, "its turn comes only after the deadline")
                raise _final(self.transport.failure(too_late, prepared), doubt)
            exchange = Exchange(
                deadline,
                send=self._read or max(SILENCE, rule.silence / 2),
                read=self._read or max(SILENCE, rule.silence),
                fresh=fresh,
                clock=self.clock.monotonic,
            )
            try:
                answer = self.transport.answer(prepared.copy(), exchange, expected)
            except ApiError as error:
                failure = error
            else:
                if attempt == 1:
                    self._quota.give_back()
                return answer
            gone = isinstance(failure, NotFound) and method == "DELETE"
            if doubt and gone and failure.response is not None:
                return Answer(failure.response, {})  # the attempt whose answer was lost did it
            if self._pace and isinstance(failure, RateLimited):
                self._pace.slow_down(self.clock.monotonic())
            if rule.safety is not Safety.READ:
                doubt = doubt or _doubt(failure, exchange)
            wait = self._pause(rule, failure, attempt, deadline)
            if wait is None or not self.transport.rewound(prepared, exchange):
                raise _final(failure, doubt)
            self.clock.sleep(wait)

    def _turn(self, deadline: float) -> bool:
        """Wait until a request may leave; ``False`` where that is not before the deadline."""
        if self._pace is None:
            return True
        now = self.clock.monotonic()
        wait = self._pace.turn(now, deadline - now)
        if wait:
            self.clock.sleep(wait)
        return wait is not None

    def _pause(self, rule: Rule, error: ApiError, attempt: int, deadline: float) -> float | None:
        """Return how long to wait before another attempt; ``None`` where there is to be none."""
        failure = _failure(error)
        wait = retry.pause(rule, failure, attempt, self._chance)
        if wait is None or attempt >= self._attempts:
            return None
        if self.clock.monotonic() + wait >= deadline:
            return None
        cost = Quota.THROTTLED if failure.throttled else Quota.FAILURE
        return wait if self._quota.take(cost) else None


def _failure(error: ApiError) -> Failure:
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


class _Doubt(NamedTuple):
    """What was seen of a change that may have been made."""

    phase: str
    evidence: str


def _doubt(error: ApiError, exchange: Exchange) -> _Doubt | None:
    """Return what was seen of a change that may have been made; nothing where it was not."""
    if _failure(error).outcome is not Outcome.UNKNOWN:
        return None
    phase = exchange.phase.name.lower()
    status = "" if exchange.status is None else f" with status {exchange.status}"
    return _Doubt(phase, f"{phase}{status}, {type(error).__name__}")


def _final(error: ApiError, doubt: _Doubt | None) -> ApiError:
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
