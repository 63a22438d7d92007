"""So many requests a second, and fewer while the service says that they are too many.

How many a key may send is not published. Who knows, or was told, says so, and waits here rather
than be refused there. Pure arithmetic on times that it is given: no clock, no waiting.
"""

from __future__ import annotations

import math
from threading import Lock
from typing import Final

from crowdflower.exceptions import ConfigError

BURST: Final = 2.0
"""Seconds' worth of requests that may leave at once after a rest."""

RECOVERY: Final = 100.0
"""Seconds in which a rate climbs from nothing to all of it."""

LEAST: Final = 1 / 16
"""The part of the rate below which it does not fall."""

REFLECTION: Final = 1.0
"""Seconds after a slow-down in which another says nothing new: they answer the same burst."""


class RateLimiter:
    """Deals out turns to the threads of a client: a bucket that fills at a steady rate.

    The rate climbs slowly and falls by half, so that clients that share a limit they do not know
    come to share it fairly.

    :param most: Requests a second.
    :raises ConfigError: It is no number above zero.

    >>> limiter = RateLimiter(5)
    >>> [limiter.reserve(now=0, max_wait=60) for _ in range(12)][-3:]
    [0.0, 0.2, 0.4]

    Source: D.-M. Chiu and R. Jain, *Analysis of the Increase and Decrease Algorithms for
    Congestion Avoidance in Computer Networks*, 1989.
    """

    def __init__(self, most: float) -> None:
        if isinstance(most, bool) or not isinstance(most, (int, float)) or not 0 < most < math.inf:
            raise ConfigError(
                f"max_requests_per_second is a number above zero, not {most!r}; None is no limit"
            )
        self.most = most
        self._rate: float = most
        self._left = max(1.0, BURST * most)
        self._then: float | None = None
        self._slowed = -math.inf
        self._lock = Lock()

    def reserve(self, now: float, max_wait: float) -> float | None:
        """Return how many seconds to wait before a request; the turn is then taken.

        :param now: Seconds that never run backwards.
        :param max_wait: How long can be waited at most: where that is not enough, there is no turn,
            and none is taken.
        """
        with self._lock:
            self._fill(now)
            wait = max(0.0, (1 - self._left) / self._rate)
            if wait > max_wait:
                return None
            self._left -= 1
            return wait

    def slow_down(self, now: float) -> None:
        """Note that the service refused a request as one too many."""
        with self._lock:
            self._fill(now)
            if now - self._slowed >= REFLECTION:
                self._slowed = now
                self._rate = max(self.most * LEAST, self._rate / 2)
                self._left = min(self._left, 0.0)

    def _fill(self, now: float) -> None:
        passed = 0.0 if self._then is None else max(0.0, now - self._then)
        self._then = now if self._then is None else max(self._then, now)
        self._left = min(max(1.0, BURST * self._rate), self._left + passed * self._rate)
        self._rate = min(self.most, self._rate + self.most * passed / RECOVERY)
