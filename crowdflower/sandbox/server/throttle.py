"""Login throttle: an address that sends many wrong API keys has to wait.

Generated keys have 160 bits and cannot be guessed; a key that a person chooses may be short. A key
that was right before is always accepted, even from an address that is throttled.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.errors import TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_FAILURES: Final = 100
"""Wrong keys allowed per address within :data:`WINDOW`."""

WINDOW: Final = 60.0
"""Seconds over which wrong keys are counted."""

MAX_ENTRIES: Final = 1000
"""How many addresses with wrong keys are remembered, and how many keys that were right."""

log = logging.getLogger(__name__)


class LoginThrottle:
    """Counts wrong API keys per address and refuses more when there were too many.

    :param now: A monotonic clock, in seconds. The sandbox's own clock may stand still.

    >>> throttle = LoginThrottle()
    >>> for number in range(MAX_FAILURES):
    ...     throttle.record_failure("203.0.113.9")
    >>> throttle.check("203.0.113.9", "another guess")
    Traceback (most recent call last):
    crowdflower.sandbox.errors.TooManyRequests: 429 Too many wrong keys came from 203.0.113.9. ...
    >>> throttle.check("203.0.113.10", "another guess")
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._accepted: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()

    def check(self, address: str, key: str) -> None:
        """Raise if this address has to wait before it may try this key.

        :raises TooManyRequests: The address sent too many wrong keys, and this key was never right.
        """
        with self._lock:
            times = self._failures.get(address)
            if times is None or len(times) < MAX_FAILURES or _digest(key) in self._accepted:
                return
            seconds = times[0] + WINDOW - self._now()
        if seconds > 0:
            raise TooManyRequests(
                f"Too many wrong keys came from {address}. Try again in {seconds:.0f} seconds.",
                seconds,
            )

    def record_failure(self, address: str) -> None:
        """Count a wrong key from this address."""
        with self._lock:
            times = self._failures.setdefault(address, deque(maxlen=MAX_FAILURES))
            times.append(self._now())
            self._failures.move_to_end(address)
            if len(self._failures) > MAX_ENTRIES:
                self._failures.popitem(last=False)
            elapsed = times[-1] - times[0]
            is_attack = len(times) == MAX_FAILURES and elapsed < WINDOW
        if is_attack:
            log.warning("%s sent %d wrong keys in %g seconds", address, MAX_FAILURES, elapsed)

    def record_success(self, key: str) -> None:
        """Remember a key that was right."""
        digest = _digest(key)
        with self._lock:
            self._accepted[digest] = None
            self._accepted.move_to_end(digest)
            if len(self._accepted) > MAX_ENTRIES:
                self._accepted.popitem(last=False)


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogatepass")).digest()
