"""One call: as many attempts as the endpoint allows, the waits between them, and a deadline."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol, Self

from crowdflower._types import JSON, MISSING, masked
from crowdflower.exceptions import (
    ApiError,
    ConfigError,
    MalformedResponse,
    NotAcceptable,
    NotFound,
    NotSentError,
    RateLimited,
)
from crowdflower.http import encoding, retry
from crowdflower.http.call_log import log, log_attempt, log_retry, log_turn
from crowdflower.http.connections import Exchange
from crowdflower.http.credentials import ApiKey, mask_key
from crowdflower.http.endpoints import EndpointTable, Route, Visibility, read_fields
from crowdflower.http.failures import Problem
from crowdflower.http.rate_limit import PageWindow, RateLimiter
from crowdflower.http.responses import Answer, RefusalClassifier, issue_warnings
from crowdflower.http.retry import RetryBudget, RetryRule, Safety, UnknownChange
from crowdflower.http.transport import (
    CONNECT_TIMEOUT,
    IDEMPOTENCY_KEY,
    Expected,
    Request,
    Response,
    Session,
    Transport,
    is_stream,
)

READ_TIMEOUT: Final = 30.0
"""Seconds to wait for the next byte, where neither caller nor endpoint say otherwise."""

MAX_TIMEOUT: Final = 10**8
"""Seconds, about three years: sockets accept no timeout much longer than this."""

JSON_ANSWER: Final = Expected()
ACCEPT_JSON: Final = "application/json"


class Clock(Protocol):
    """The part of :mod:`time` that the client needs; tests may bring their own."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


@dataclass
class _Call:
    """One call on its way through its attempts."""

    prepared: Request
    expected: Expected
    route: Route
    deadline: float
    attempt: int = 0
    exchange: Exchange = field(default_factory=Exchange)
    sent_at: float = 0.0
    unknown: UnknownChange | None = None
    """The first attempt that may have made the change."""

    @property
    def rule(self) -> RetryRule:
        return self.route.endpoint.retry


class BaseClient:
    """A client of one server: sends requests, repeats them where safe, checks the responses.

    :param key: The API key; ``None`` raises, :class:`~crowdflower.http.credentials.NoKey` sends
        none.
    :param base_url: Base address of the API, version included.
    :param endpoints: What may be repeated, how long it may take, where its effect shows.
    :param classify_refusal: Recognises refusals that have an error class of their own.
    :param timeout: Seconds to wait for a connection and for each piece of a response: a pair, or
        one number for both; by default 5 and 30, or more where the table says so.
    :param deadline: Seconds for a whole call, attempts and waits included; by default what the
        table says.
    :param retries: How often a failed call may be repeated at most, where that is safe.
    :param max_requests_per_second: Rate limit; ``None`` for none.
    :param connections: Idle connections to keep open.
    :raises ConfigError: The key, the address or a limit cannot be used.
    """

    def __init__(
        self,
        key: str | ApiKey | None,
        base_url: str,
        *,
        endpoints: EndpointTable,
        classify_refusal: RefusalClassifier | None = None,
        timeout: float | tuple[float, float] | None = None,
        deadline: float | None = None,
        retries: int = retry.MAX_ATTEMPTS - 1,
        max_requests_per_second: float | None = None,
        connections: int = 10,
        session: Session | None = None,
        allow_insecure: bool = False,
        clock: Clock = time,
    ) -> None:
        # Error reporters show local variables.
        key, base_url = mask_key(key), masked(base_url)
        connect_timeout, self._read_timeout = _timeouts(timeout)
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
            raise ConfigError(f"retries must be an integer of at least 0, not {retries!r:.80}")
        if deadline != math.inf:
            _check_seconds("deadline", deadline)
        self.transport = Transport(
            key,
            base_url,
            classify_refusal=classify_refusal,
            session=session,
            connect_timeout=connect_timeout or CONNECT_TIMEOUT,
            connections=connections,
            allow_insecure=allow_insecure,
        )
        """Sends single requests, without retries; internal."""
        self._rate_limiter = (
            None if max_requests_per_second is None else RateLimiter(max_requests_per_second)
        )
        self._page_window = PageWindow()
        self._latency = 0.0
        self._endpoints = endpoints
        self._deadline = deadline
        self._max_attempts = retries + 1
        self._budget = RetryBudget()
        self._clock = clock
        self._random = Random()  # noqa: S311 - spreads load, guards nothing

    def __repr__(self) -> str:
        # Error reporters show local variables, among them a client whose __init__ raised.
        transport = vars(self).get("transport")
        return f"<{type(self).__name__} {transport.base_url if transport else 'without address'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close idle connections. The client stays usable."""
        self.transport.close()

    @property
    def clock(self) -> Clock:
        """The clock by which calls, and everything that polls between calls, wait.

        >>> client.clock.monotonic() > 0
        True
        """
        return self._clock

    def request(
        self,
        method: str,
        path: str,
        expected: Expected = JSON_ANSWER,
        *,
        data: str | bytes | Mapping[str, Any] | Iterable[bytes] | None = None,
        query: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        shape: Callable[[JSON], Any] | None = None,
        deadline: float | None = None,
        warns: bool = True,
    ) -> Answer:
        """Send a request, repeat it where that is safe, and return its checked response.

        A change whose response was lost, or came with status 406, is looked for where the endpoint
        table says that it shows. If it is there, what was read is returned.

        :param method: HTTP method, in capitals.
        :param path: What follows the base URL, percent-encoded, suffix included.
        :param expected: What kind of response counts as success.
        :param data: The body: a string (sent as UTF-8), bytes, a dict (sent as a form), or an
            iterable of bytes or a file (streamed).
        :param shape: Checks the decoded JSON and returns what ``answer.body`` is to be.
        :param deadline: When the call must be over, on the client's clock; by default after the
            usual time.
        :param warns: Issue the warnings of the service; otherwise the caller does.
        :raises InvalidInput: The parts do not make a valid request; nothing was sent.
        :raises OutcomeUnknown: A change was sent and it is unknown whether it was made.
        :raises ApiError: The request failed, was refused, or the response has another shape.
        """
        body, content_type = encoding.encode_body(data, multipart=bool(files))
        route = self._endpoints.find(method, path)
        accept = ACCEPT_JSON if expected.as_json else "*/*"
        prepared = self.transport.prepare(
            method,
            path,
            query=query,
            body=body,
            files=files,
            headers={
                "Accept": accept,
                **self._change_headers(route.endpoint.retry),
                **content_type,
                **(headers or {}),
            },
        )
        seconds = self._deadline or route.endpoint.retry.deadline
        call = _Call(prepared, expected, route, deadline or self._clock.monotonic() + seconds)
        while True:
            result = self._attempt(call)
            if isinstance(result, Answer):
                if warns:
                    issue_warnings(result)
                return self._with_shape(result, shape)
            delay = self._retry_delay(call, result)
            if delay is not None:
                log_retry(self.transport.reader, call.prepared, result, call.attempt, delay)
                self._clock.sleep(delay)
            visibility, seen = self._look_for_change(call, result, body)
            if seen and visibility is Visibility.MADE:
                return self._with_shape(seen, shape)
            if isinstance(result, NotAcceptable) and route.change_path:
                # Some services make the change, and then cannot render the response.
                if visibility is not Visibility.NOT_MADE:
                    evidence = "answered with status 406, NotAcceptable"
                    call.unknown = call.unknown or UnknownChange("answered", evidence, call.sent_at)
                delay = None
            if delay is None or (call.unknown and route.change_path and not seen):
                raise retry.final_error(result, call.unknown)

    def _change_headers(self, rule: RetryRule) -> dict[str, str]:
        """Return the headers that keep a change from being made twice."""
        if rule.safety in {Safety.READ, Safety.IDEMPOTENT}:
            return {}
        key = {IDEMPOTENCY_KEY: os.urandom(16).hex()} if self.transport.honours_keys else {}
        return {"Connection": "close", **key}

    def _attempt(self, call: _Call) -> Answer | ApiError:
        """Send a call once; return its result or its error."""
        call.attempt += 1
        if not self._wait_for_turn(call.deadline):
            problem = Problem(NotSentError, "the rate limit delays it past the deadline")
            raise retry.final_error(self.transport.failure(problem, call.prepared), call.unknown)
        call.sent_at = self._clock.monotonic()
        default = max(READ_TIMEOUT, call.rule.read_timeout)
        call.exchange = Exchange(
            call.deadline,
            send_timeout=self._read_timeout or max(READ_TIMEOUT, call.rule.read_timeout / 2),
            read_timeout=self._read_timeout or default,
            # A server that closes a kept-alive connection for its own reasons looks like one that
            # closes it because of this request.
            fresh=call.rule.safety in {Safety.CHANGE, Safety.NEVER},
            clock=self._clock.monotonic,
        )
        expected = call.expected
        try:
            response = self.transport.send(
                call.prepared.copy(),
                call.exchange,
                stream=expected.stream,
                follow=expected.follow,
            )
            if expected.stream and is_stream(response):
                call.exchange.deadline = None  # from here on only the read timeout ends it
                answer = Answer(response, MISSING, self.transport.reader.warnings(response))
            else:
                answer = self.transport.reader.read(
                    response, as_json=expected.as_json, redirects=expected.redirects
                )
        except ApiError as error:
            self._log(call, error)
            return self._record_failure(call, error)
        self._log(call, response)
        seconds = self._clock.monotonic() - call.sent_at
        self._latency = min(self._latency or seconds, seconds)
        if call.attempt == 1:
            self._budget.earn()
        return answer

    def _log(self, call: _Call, outcome: Response | ApiError) -> None:
        if log.isEnabledFor(logging.DEBUG):
            seconds = self._clock.monotonic() - call.sent_at
            log_attempt(self.transport.reader, call.prepared, outcome, seconds, call.attempt)

    def _record_failure(self, call: _Call, error: ApiError) -> Answer | ApiError:
        is_gone = isinstance(error, NotFound) and call.prepared.method == "DELETE"
        if call.unknown and is_gone and error.response is not None:
            return Answer(error.response, {})  # an earlier attempt has deleted it
        if call.rule.safety is not Safety.READ:
            call.unknown = call.unknown or retry.unknown_change(error, call.exchange, call.sent_at)
        if self._rate_limiter and isinstance(error, RateLimited):
            self._rate_limiter.slow_down(self._clock.monotonic())
            log.info("status 429: fewer requests are sent for a while")
        return error

    def _wait_for_turn(self, deadline: float) -> bool:
        """Wait as the rate limit demands; return whether that ends before the deadline."""
        if self._rate_limiter is None:
            return True
        now = self._clock.monotonic()
        wait = self._rate_limiter.reserve(now, deadline - now)
        if wait:
            log_turn(wait)
            self._clock.sleep(wait)
        return wait is not None

    def _retry_delay(self, call: _Call, error: ApiError) -> float | None:
        """Return the seconds until the next attempt; ``None`` where there must be none."""
        now = self._clock.monotonic()
        failure = retry.classify(error)
        if failure.is_throttled:
            self._page_window.refuse(now)
        is_keyed = IDEMPOTENCY_KEY in call.prepared.headers and self.transport.honours_keys
        delay = retry.retry_delay(
            call.rule,
            failure,
            call.attempt,
            self._random,
            since=now - call.unknown.sent_at if call.unknown else 0.0,
            is_keyed=is_keyed,
        )
        if delay is None or call.attempt >= self._max_attempts or now + delay >= call.deadline:
            return None
        cost = RetryBudget.THROTTLED if failure.is_throttled else RetryBudget.FAILURE
        if not self._budget.spend(cost):
            return None
        return delay if self.transport.rewind(call.prepared, call.exchange) else None

    def _look_for_change(
        self, call: _Call, error: ApiError, body: object
    ) -> tuple[Visibility, Answer | None]:
        """Read where a change shows, if its outcome is unclear and the deadline allows."""
        change, path = call.route.endpoint.change, call.route.change_path
        is_unclear = call.unknown or isinstance(error, NotAcceptable)
        if not is_unclear or change is None or path is None:
            return Visibility.NOT_SHOWN, None
        if self._clock.monotonic() >= call.deadline:
            return Visibility.NOT_SHOWN, None
        try:
            seen = self.request("GET", path, deadline=call.deadline)
        except ApiError:
            return Visibility.NOT_SHOWN, None
        content_type = call.prepared.headers.get("Content-Type", "")
        return change.compare(read_fields(body, content_type), seen.body), seen

    def _with_shape(self, answer: Answer, shape: Callable[[JSON], Any] | None) -> Answer:
        if shape is None:
            return answer
        try:
            return answer._replace(body=shape(answer.body))
        except MalformedResponse as error:
            problem = str(error)
        raise self.transport.reader.error(MalformedResponse, answer.response, problem)


def _timeouts(timeout: object) -> tuple[float | None, float | None]:
    """Return the connect and the read timeout; ``None`` for the default of either.

    >>> _timeouts(5), _timeouts((2.5, None))
    ((5, 5), (2.5, None))
    """
    pair = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    if len(pair) != 2:  # noqa: PLR2004 - a pair
        raise ConfigError(f"timeout must be a number of seconds or a pair of them, not {timeout!r}")
    for seconds in pair:
        _check_seconds("timeout", seconds)
    return pair


def _check_seconds(name: str, seconds: object) -> None:
    if seconds is None:
        return
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not 0 < seconds <= MAX_TIMEOUT:  # type: ignore[operator]
        raise ConfigError(
            f"{name} must be a number of seconds above 0, not {seconds!r:.80};"
            " None means the default"
        )
