"""A call: as many requests as it takes, and not one more than is safe."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol

from crowdflower.exceptions import (
    ApiError,
    ConfigError,
    NotAcceptable,
    NotFound,
    NotSentError,
    RateLimited,
)
from crowdflower.http import outcomes, retry
from crowdflower.http.connections import Exchange
from crowdflower.http.failures import Diagnosis
from crowdflower.http.outcomes import Doubt
from crowdflower.http.rate_limit import Pace
from crowdflower.http.responses import Answer
from crowdflower.http.retry import Quota, Rule, Safety
from crowdflower.http.transport import KEY, Body, Expected, Request, Transport
from crowdflower.models import verification
from crowdflower.models.verification import Look

SILENCE: Final = 30.0
"""Seconds of silence that are put up with, where nobody says otherwise."""


LONGEST: Final = 10**8
"""Seconds that a socket can be told to wait, and nobody does."""


class Clock(Protocol):
    """The part of :mod:`time` that the client needs; tests bring their own."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


@dataclass
class _Call:
    """One call on its way through its attempts."""

    prepared: Request
    expected: Expected
    rule: Rule
    until: float
    look: Look | None
    attempt: int = 0
    exchange: Exchange = field(default_factory=Exchange)
    doubt: Doubt | None = None
    """What was seen of the first attempt that may have changed something."""

    @property
    def is_keyed(self) -> bool:
        """Whether it carries a name by which a server can know it again."""
        return KEY in self.prepared.headers


class Caller:
    """Repeats requests as :mod:`crowdflower.http.retry` allows for their endpoint, and no further.

    :param read: Seconds of silence that are put up with; by default 30, and 120 where the service
        is known to take its time.
    :param deadline: Seconds that a call may take, attempts and waits included; by default 90 for
        reading, 180 for changing, 600 for an upload.
    :param retries: How often a call may be repeated at most.
    :param pace: Deals out turns, where requests are not to leave as fast as they can.
    :raises ConfigError: The deadline or the retries are no such number.
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
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
            raise ConfigError(f"retries is a whole number from 0 on, not {retries!r:.80}")
        if deadline != math.inf:
            _check_seconds("deadline", deadline)
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
        until: float | None = None,
    ) -> Answer:
        """Send a request and return its checked answer.

        A setting whose answer was lost is looked at before it is sent again, and so is one that was
        answered with a page (status 406); where it stands as it was sent, what was seen is the
        answer.

        :param path: What follows the base address, percent-encoded.
        :param until: When it must be over, on the clock; by default, after the usual time.
        :raises InvalidInput: The parts make no request; nothing was sent.
        :raises OutcomeUnknown: It changes something, was sent, and it is not known what became of
            it. Of a request that only reads, the failure itself is raised.
        """
        rule = retry.rule_for(method, path)
        prepared = self.transport.prepared(
            method,
            path,
            query=query,
            body=body,
            files=files,
            headers={**self._own_headers(rule), **(headers or {})},
        )
        call = _Call(
            prepared,
            expected,
            rule,
            until or self.clock.monotonic() + (self._deadline or rule.deadline),
            verification.look_for(method, path, body, prepared.headers.get("Content-Type", "")),
        )
        while True:
            answer = self._attempt(call)
            if isinstance(answer, Answer):
                return answer
            wait = self._pause(call, answer)
            if wait is not None:
                self.clock.sleep(wait)
            # Some services make a change, and then find no form for the answer.
            unclear = call.doubt or isinstance(answer, NotAcceptable)
            if unclear and call.look:
                seen = self._seen(call.look, call.until)
                if seen and call.look.shows(seen.body):
                    return seen
                wait = wait if seen else None  # what cannot be looked at is not sent again
            if wait is None:
                raise outcomes.final(answer, call.doubt)

    def _own_headers(self, rule: Rule) -> dict[str, str]:
        """Say what we have to say about a change that must not be made twice."""
        if rule.safety in {Safety.READ, Safety.SAME}:
            return {}
        key = {KEY: os.urandom(16).hex()} if self.transport.honours_keys else {}
        return {"Connection": "close", **key}

    def _attempt(self, call: _Call) -> Answer | ApiError:
        """Send a call once more; return what came of it."""
        call.attempt += 1
        if not self._turn(call.until):
            too_late = Diagnosis(NotSentError, "its turn comes only after the deadline")
            raise outcomes.final(self.transport.failure(too_late, call.prepared), call.doubt)
        sent_at = self.clock.monotonic()
        call.exchange = Exchange(
            call.until,
            send=self._read or max(SILENCE, call.rule.silence / 2),
            read=self._read or max(SILENCE, call.rule.silence),
            # On a connection that was kept alive, a server that hangs up for its own reasons looks
            # like one that hangs up on this request.
            fresh=call.rule.safety in {Safety.CHANGE, Safety.NEVER},
            clock=self.clock.monotonic,
        )
        try:
            answer = self.transport.answer(call.prepared.copy(), call.exchange, call.expected)
        except ApiError as error:
            failure = error
        else:
            if call.attempt == 1:
                self._quota.give_back()
            return answer
        gone = isinstance(failure, NotFound) and call.prepared.method == "DELETE"
        if call.doubt and gone and failure.response is not None:
            return Answer(failure.response, {})  # the attempt whose answer was lost did it
        if call.rule.safety is not Safety.READ:
            call.doubt = call.doubt or outcomes.doubt_of(failure, call.exchange, sent_at)
        if self._pace and isinstance(failure, RateLimited):
            self._pace.slow_down(self.clock.monotonic())
        return failure

    def _turn(self, until: float) -> bool:
        """Wait until a request may leave; ``False`` where that is not before it must be over."""
        if self._pace is None:
            return True
        now = self.clock.monotonic()
        wait = self._pace.turn(now, until - now)
        if wait:
            self.clock.sleep(wait)
        return wait is not None

    def _pause(self, call: _Call, error: ApiError) -> float | None:
        """Return how long to wait before another attempt; ``None`` where there is to be none."""
        now = self.clock.monotonic()
        failure = outcomes.failure_of(error)
        wait = retry.pause(
            call.rule,
            failure,
            call.attempt,
            self._chance,
            since=now - call.doubt.sent_at if call.doubt else 0.0,
            keyed=call.is_keyed and self.transport.honours_keys,
        )
        if wait is None or call.attempt >= self._attempts or now + wait >= call.until:
            return None
        cost = Quota.THROTTLED if failure.throttled else Quota.FAILURE
        if not self._quota.take(cost):
            return None
        return wait if self.transport.rewound(call.prepared, call.exchange) else None

    def _seen(self, look: Look, until: float) -> Answer | None:
        """Read where a change shows; ``None`` where that is not possible any more."""
        if self.clock.monotonic() >= until:
            return None
        try:
            return self.request(
                "GET", look.path, Expected(), headers={"Accept": "application/json"}, until=until
            )
        except ApiError:
            return None


def timeouts(timeout: object) -> tuple[float | None, float | None]:
    """Return the seconds to wait for a connection and for each piece of an answer.

    :param timeout: A pair of them, or one number for both; ``None`` is what is usual.
    :raises ConfigError: It is neither.

    >>> timeouts(5), timeouts((2.5, None))
    ((5, 5), (2.5, None))
    """
    pair = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    if len(pair) != 2:  # noqa: PLR2004 - a pair
        raise ConfigError(f"timeout is one number of seconds, or a pair of them, not {timeout!r}")
    for seconds in pair:
        _check_seconds("timeout", seconds)
    return pair


def _check_seconds(name: str, seconds: object) -> None:
    if seconds is None:
        return
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not 0 < seconds <= LONGEST:  # type: ignore[operator]
        raise ConfigError(
            f"{name} is a number of seconds above zero, not {seconds!r:.80}; None is what is usual"
        )
