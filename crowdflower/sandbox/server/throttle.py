"""Keys are not to be guessed: whoever sends many wrong ones has to wait.

A key that was made here has 160 bits, and nobody guesses it; one that people choose may be short.
Whoever has the right key is not held up by others who guess from the same address.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict, deque
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.errors import TooMany

if TYPE_CHECKING:
    from collections.abc import Callable

MOST: Final = 100
"""Wrong keys that an address may send within :data:`A_WHILE`."""

A_WHILE: Final = 60.0
"""Seconds."""

REMEMBERED: Final = 1000
"""Addresses that sent wrong keys, and keys that were right."""

log = logging.getLogger(__name__)


class Guesses:
    """Wrong keys by the address that they came from.

    :param now: Seconds that never go back. It is not the sandbox's clock, which may stand still.

    >>> guesses = Guesses()
    >>> for number in range(MOST):
    ...     guesses.wrong("203.0.113.9")
    >>> guesses.admit("203.0.113.9", "another guess")
    Traceback (most recent call last):
    crowdflower.sandbox.errors.TooMany: 429 Too many wrong keys came from 203.0.113.9. ...
    >>> guesses.admit("203.0.113.10", "another guess")
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()

    def admit(self, address: str, key: str) -> None:
        """Let somebody try a key.

        :raises TooMany: Too many from there were wrong, and this one was never right.
        """
        with self._lock:
            times = self._wrong.get(address)
            if times is None or len(times) < MOST or _digest(key) in self._right:
                return
            seconds = times[0] + A_WHILE - self._now()
        if seconds > 0:
            raise TooMany(
                f"Too many wrong keys came from {address}. Try again in {seconds:.0f} seconds.",
                seconds,
            )

    def wrong(self, address: str) -> None:
        """Note that a key from there was wrong."""
        with self._lock:
            times = self._wrong.setdefault(address, deque(maxlen=MOST))
            times.append(self._now())
            self._wrong.move_to_end(address)
            if len(self._wrong) > REMEMBERED:
                self._wrong.popitem(last=False)
            is_attack = len(times) == MOST and times[-1] - times[0] < A_WHILE
        if is_attack:
            log.warning("%s sent %d wrong keys in %g seconds", address, MOST, times[-1] - times[0])

    def right(self, key: str) -> None:
        """Note that a key was right."""
        digest = _digest(key)
        with self._lock:
            self._right[digest] = None
            self._right.move_to_end(digest)
            if len(self._right) > REMEMBERED:
                self._right.popitem(last=False)


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogatepass")).digest()
