"""A token bucket whose rate halves on 429 and recovers slowly.

The service does not publish its rate limit. A caller who knows it can set it, and then waits here
instead of getting a 429. Pure arithmetic on times passed in: no clock, no sleeping.
"""

from __future__ import annotations

import math
from threading import Lock
from typing import Final

from crowdflower.exceptions import ConfigError

BURST_SECONDS: Final = 2.0
"""Capacity of the bucket, in seconds of requests: so many may be sent at once after a pause."""

RECOVERY_SECONDS: Final = 100.0
"""Seconds in which the rate grows from zero to its full value."""

MIN_RATE_FRACTION: Final = 1 / 16
"""Fraction of the full rate below which it does not fall."""

SLOW_DOWN_INTERVAL: Final = 1.0
"""Seconds after a 429 in which others do not halve the rate again: they belong to one burst."""


class RateLimiter:
    """Limits the request rate of a client, for all of its threads.

    The rate grows linearly and is halved on a 429, so that several clients under one unknown limit
    end up with fair shares of it (additive increase, multiplicative decrease).

    :param max_rate: Requests per second.
    :raises ConfigError: The rate is not a positive number.

    >>> limiter = RateLimiter(5)
    >>> [limiter.reserve(now=0, max_wait=60) for _ in range(12)][-3:]
    [0.0, 0.2, 0.4]

    Source: D.-M. Chiu and R. Jain, *Analysis of the Increase and Decrease Algorithms for
    Congestion Avoidance in Computer Networks*, 1989.
    """

    def __init__(self, max_rate: float) -> None:
        is_number = isinstance(max_rate, (int, float)) and not isinstance(max_rate, bool)
        if not is_number or not 0 < max_rate < math.inf:
            raise ConfigError(
                f"max_requests_per_second must be a positive number, or None for no limit;"
                f" got {max_rate!r}"
            )
        self.max_rate = max_rate
        self._rate: float = max_rate
        self._tokens = max(1.0, BURST_SECONDS * max_rate)
        self._refilled_at: float | None = None
        self._slowed_at = -math.inf
        self._lock = Lock()

    def reserve(self, now: float, max_wait: float) -> float | None:
        """Take a token, and return the seconds to wait before the request may be sent.

        :param now: Seconds on a monotonic clock.
        :param max_wait: Longest acceptable wait; if it is too short, return ``None`` and take none.
        """
        with self._lock:
            self._refill(now)
            wait = max(0.0, (1 - self._tokens) / self._rate)
            if wait > max_wait:
                return None
            self._tokens -= 1
            return wait

    def slow_down(self, now: float) -> None:
        """Halve the rate, after a response of status 429."""
        with self._lock:
            self._refill(now)
            if now - self._slowed_at >= SLOW_DOWN_INTERVAL:
                self._slowed_at = now
                self._rate = max(self.max_rate * MIN_RATE_FRACTION, self._rate / 2)
                self._tokens = min(self._tokens, 0.0)

    def _refill(self, now: float) -> None:
        last = now if self._refilled_at is None else self._refilled_at
        passed = max(0.0, now - last)
        self._refilled_at = max(last, now)
        self._tokens = min(max(1.0, BURST_SECONDS * self._rate), self._tokens + passed * self._rate)
        self._rate = min(self.max_rate, self._rate + self.max_rate * passed / RECOVERY_SECONDS)
