"""Limits that follow the service: requests per second, and pages of a list at a time.

The service does not publish its rate limit. A caller who knows it can set it, and then waits here
instead of getting a 429. The pages that are fetched at a time are limited in any case. Both halve
when the service refuses, and recover slowly. Pure arithmetic: no clock, no sleeping, no network.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from threading import Lock
from typing import Final

from crowdflower.exceptions import ConfigError
from crowdflower.http.pagination import MIN_WAIT, MIN_WAIT_RATIO, Cost

BURST_SECONDS: Final = 2.0
"""Capacity of the bucket, in seconds of requests: so many may be sent at once after a pause."""

RECOVERY_SECONDS: Final = 100.0
"""Seconds in which the rate grows from zero to its full value."""

MIN_RATE_FRACTION: Final = 1 / 16
"""Fraction of the full rate below which it does not fall."""

SLOW_DOWN_INTERVAL: Final = 1.0
"""Seconds after a refusal in which others do not halve a limit again: they belong to one burst."""

MOST_PAGES: Final = 16
"""Pages of a list that are fetched at a time at most, once a full page came in time."""

FIRST_PAGES: Final = 8
"""Pages that are fetched at a time until then, if their number is known."""

FEW_PAGES: Final = 4
"""Pages that are fetched at a time after the first two, if their number is not known; and the
fewest by which a service is called slow."""

IN_TIME: Final = 2.0
"""Seconds of waiting for a page, at most, after which the window may be as large as it gets."""

FAR: Final = 0.02
"""Seconds for a response, from which the service is surely not on this machine."""

CROWDED: Final = 0.5
"""Part of the CPU time of the pages fetched beside it, below which a page waited for them and not
for the network. As many of these in a row as are fetched at a time, and they only compete."""

SLOW_FACTOR: Final = 2.0
"""Pages are slow that take this many times as long as the fastest did, …"""

SLOW_MARGIN: Final = 0.02
"""… and this many seconds: threads and processes that compete for a processor cause such delays."""

RELIEF: Final = 0.7
"""Fraction of the earlier waiting, above which half the window was no relief: the service takes
longer for other reasons, such as the number of the page, and this is its pace from now on."""


class RateLimiter:
    """Limits the request rate of a client, for all of its threads.

    The rate grows linearly and is halved on a 429, so that several clients under one unknown limit
    end up with fair shares of it (additive increase, multiplicative decrease).

    :param max_rate: Requests per second.
    :param within: A limiter of which this one is a share: requests wait for both.
    :raises ConfigError: The rate is not a positive number.

    >>> limiter = RateLimiter(5)
    >>> [limiter.reserve(now=0, max_wait=60) for _ in range(12)][-3:]
    [0.0, 0.2, 0.4]

    Source: D.-M. Chiu and R. Jain, *Analysis of the Increase and Decrease Algorithms for
    Congestion Avoidance in Computer Networks*, 1989.
    """

    def __init__(self, max_rate: float, within: RateLimiter | None = None) -> None:
        is_number = isinstance(max_rate, (int, float)) and not isinstance(max_rate, bool)
        if not is_number or not 0 < max_rate < math.inf:
            raise ConfigError(
                f"max_requests_per_second must be a positive number, or None for no limit;"
                f" got {max_rate!r}"
            )
        self.max_rate = max_rate
        self._within = within
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
        if self._within is None:
            return wait
        other = self._within.reserve(now, max_wait)
        return None if other is None else max(wait, other)

    def slow_down(self, now: float) -> None:
        """Halve the rate, after a response of status 429."""
        with self._lock:
            self._refill(now)
            if now - self._slowed_at >= SLOW_DOWN_INTERVAL:
                self._slowed_at = now
                self._rate = max(self.max_rate * MIN_RATE_FRACTION, self._rate / 2)
                self._tokens = min(self._tokens, 0.0)
        if self._within is not None:
            self._within.slow_down(now)

    def _refill(self, now: float) -> None:
        last = now if self._refilled_at is None else self._refilled_at
        passed = max(0.0, now - last)
        self._refilled_at = max(last, now)
        self._tokens = min(max(1.0, BURST_SECONDS * self._rate), self._tokens + passed * self._rate)
        self._rate = min(self.max_rate, self._rate + self.max_rate * passed / RECOVERY_SECONDS)


class PageWindow:
    """How many pages a client may fetch at a time, in all of its threads, for each list.

    >>> window = PageWindow()
    >>> window.halve()
    >>> window.grow()
    >>> window.size
    9
    """

    def __init__(self, most: int = MOST_PAGES) -> None:
        self.most = most
        self.size = most
        """Pages at a time, from 1."""
        self._refused_at = -math.inf
        self._lock = Lock()

    def halve(self) -> None:
        """Fetch half as many pages at a time, at least one."""
        with self._lock:
            self.size = max(1, self.size // 2)

    def grow(self) -> None:
        """Fetch one page more at a time, up to the most."""
        with self._lock:
            self.size = min(self.most, self.size + 1)

    def refuse(self, now: float) -> None:
        """Halve the window, once for all requests of a burst that were refused.

        :param now: Seconds on a monotonic clock.
        """
        if now - self._refused_at >= SLOW_DOWN_INTERVAL:
            self._refused_at = now
            self.halve()


class AdaptiveReadAhead:
    """As many pages ahead as the service takes, and no more than the list has, where that is known.

    If the number of pages is known and the service far, it begins with :data:`FIRST_PAGES`;
    otherwise with one page. A full page that came in time opens the whole window. A list whose end
    is not known is read at most as far ahead as it was read already.

    :param size: Items on a full page.
    :param count: Number of items, if known.
    :param ask: Returns the number of items, with a request; used for a list that turns out long.
    :param is_most: The number of items is the most that the list can have.
    :param latency: Seconds of the fastest response so far; 0 if unknown.
    """

    def __init__(
        self,
        window: PageWindow,
        size: int,
        count: int | None = None,
        *,
        ask: Callable[[], int | None] | None = None,
        is_most: bool = False,
        latency: float = 0.0,
    ) -> None:
        self.last: float = math.inf
        self._window = window
        self._size = size
        self._ask = ask if count is None else None
        self._is_most = is_most
        self._is_known = False
        if count is not None:
            self._end_after(count)
        self._is_far = latency >= FAR and self._is_known
        self._latency = latency or math.inf
        self._late = 0
        self._most = FIRST_PAGES
        self._useful = math.inf
        self._crowded = 0
        self._pages = 0
        self._longest = 0
        self._is_ending = False
        self._rounds = _Rounds()

    @property
    def limit(self) -> int:
        """The window of the client, within what is known of this list."""
        if not self._is_far or self._is_ending or not (self._is_known or self._pages > 1):
            return 0
        limit = min(self._window.size, self._most, self._useful)
        if not self._is_exact:
            first = FIRST_PAGES if self._is_known else FEW_PAGES
            limit = min(limit, max(first, self._pages))
        return int(limit)

    @property
    def most_waiting(self) -> int:
        """Twice as many, if the list has them."""
        return 2 * self.limit if self._is_exact else self.limit

    def learn(self, number: int, items: int, cost: Cost, beside: int) -> None:
        """Find out whether threads pay, how many, and whether the service slows down."""
        self._pages += 1
        if items and number >= self.last:  # the list has grown since its items were counted
            self.last, self._is_known = math.inf, False
        is_last = self._is_exact and number >= self.last - 1
        self._is_ending = items < self._longest and not is_last
        self._longest = max(self._longest, items)
        if items >= self._size and cost.waiting <= IN_TIME:
            self._most = self._window.most
        if not beside:
            least = max(cost.cpu, MIN_WAIT)
            self._late = self._late + 1 if cost.waiting > FAR else 0
            # Where other responses were fast, one page may be late by chance.
            self._is_far = cost.waiting > least and (self._latency > least or self._late > 1)
            # More threads than these would wait for the interpreter.
            self._useful = 2 + cost.waiting / cost.cpu if cost.cpu else math.inf
            self._crowded = 0
        elif self._pages == 1:
            self._is_far = cost.waiting > MIN_WAIT_RATIO * cost.cpu
        else:
            is_crowded = cost.waiting < CROWDED * min(beside, self.limit) * cost.cpu
            self._crowded = self._crowded + 1 if is_crowded else 0
            self._is_far = self._is_far and self._crowded < self.limit
        if 0 < items == self._longest and (self.limit or not beside):
            self._adapt(cost.waiting, beside)

    def ask_count(self) -> bool:
        """Ask for the number of items once, when a second page was not the end."""
        if self._ask is None or self._pages < 2:  # noqa: PLR2004 - see above
            return False
        count, self._ask = self._ask(), None
        if count is None:
            return False
        self._end_after(count)
        return True

    def _adapt(self, waiting: float, beside: int) -> None:
        is_slow = self._rounds.add(waiting, max(FEW_PAGES, self.limit), beside)
        if is_slow:
            self._window.halve()
        elif is_slow is False:
            self._window.grow()

    def _end_after(self, count: int) -> None:
        self.last = -(-count // self._size) + 1
        self._is_known = True

    @property
    def _is_exact(self) -> bool:
        return self._is_known and not self._is_most


class _Rounds:
    """Compares the waiting for pages, a window of them at a time, with the shortest so far.

    A round is slow if three quarters of its pages are: a service that slows down delays most of
    them, a busy network or processor only some.
    """

    def __init__(self) -> None:
        self._shortest = math.inf
        self._waits: list[float] = []
        self._skipped = 0
        self._slow: float | None = None
        """The waiting in the last round, if that was slow."""

    def add(self, waiting: float, window: int, beside: int) -> bool | None:
        """Return whether the service is slow, at the end of a round; ``None`` before that."""
        if self._skipped:
            self._skipped -= 1
            return None
        self._shortest = min(self._shortest, waiting)
        if not beside:
            return None
        self._waits.append(waiting)
        if len(self._waits) < window:
            return None
        typical = sorted(self._waits)[len(self._waits) // 4]
        self._waits.clear()
        if typical <= SLOW_FACTOR * self._shortest + SLOW_MARGIN:
            self._slow = None
            return False
        if self._slow is not None and typical > RELIEF * self._slow:
            self._shortest, self._slow = typical, None
            return None
        self._slow, self._skipped = typical, beside  # those were requested with the larger window
        return True
