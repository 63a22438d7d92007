"""Polling: repeat a check until it succeeds, with a pause between two attempts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crowdflower.http.base_client import Clock


def poll(clock: Clock, delays: Iterable[float]) -> Iterator[int]:
    """Yield the number of each attempt, from 1: at once, and again after each of the delays.

    With ``n`` delays there are ``n + 1`` attempts. The caller leaves the loop when it has seen
    enough; what follows the loop is what happens when the delays are used up.

    :param delays: Seconds; each is read only when its pause begins, so that an iterator may
        shorten it to a deadline.

    >>> import time
    >>> [attempt for attempt in poll(time, (0, 0))]
    [1, 2, 3]
    """
    yield 1
    for attempt, delay in enumerate(delays, 2):
        clock.sleep(delay)
        yield attempt


def delays_until(clock: Clock, deadline: float, delays: Sequence[float]) -> Iterator[float]:
    """Yield delays up to a deadline, the last of them repeated, and shortened to end there.

    :param deadline: On the clock.
    """
    for delay in chain(delays, repeat(delays[-1])):
        left = deadline - clock.monotonic()
        if left <= 0:
            return
        yield min(delay, left)
