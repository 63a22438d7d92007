"""The only source of time, ids and random numbers.

All code of the sandbox that needs the time, a secret or a random number takes it from a
:class:`Clock`. So the same seed gives the same crowd, and a test in which a page expires after half
an hour takes no time.
"""

from __future__ import annotations

import secrets
import time
from base64 import b64encode
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from inspect import isfunction
from itertools import count
from random import Random
from struct import Struct
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

START = 1435148651.0
"""Start of virtual time: 24 June 2015, 12:24:11 UTC."""

MAX_TIME: Final = 4102444800.0
"""Latest time that can be set: 1 January 2100. Dates and ZIP archives have an upper limit."""

_WORDS = Struct("<8Q")
_WORD_BITS: Final = 64


if TYPE_CHECKING:
    _Distributions = Random
else:
    # Without the generator of Random: to seed it would take longer than to draw a few numbers.
    _Distributions = type(
        "_Distributions",
        (),
        {
            name: value
            for name, value in vars(Random).items()
            if isfunction(value) and not name.startswith("__")
        },
    )


class RandomStream(_Distributions):
    """A random number generator that depends only on its key and shares no state with others.

    All distributions of :class:`random.Random` work. The words are BLAKE2b digests of key and
    counter, so the same key gives the same numbers in any thread, order or process.

    >>> RandomStream(b"key").random() == RandomStream(b"key").random()
    True
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._drawn = 0
        self._words: list[int] = []
        self.gauss_next = None

    def seed(self, *_: object, **__: object) -> None:
        """Do nothing: the key decides the numbers."""

    def random(self) -> float:
        """Return a uniform float in [0, 1)."""
        return ((self._words or self._draw()).pop() >> 11) * 2.0**-53

    def getrandbits(self, k: int, /) -> int:
        """Return a uniform integer of ``k`` bits."""
        if 0 < k <= _WORD_BITS:
            return (self._words or self._draw()).pop() >> (_WORD_BITS - k)
        value = 0
        for _ in range(0, k, _WORD_BITS):
            value = value << _WORD_BITS | (self._words or self._draw()).pop()
        return value >> (-k % _WORD_BITS)

    def _draw(self) -> list[int]:
        """Draw the next eight words."""
        counter = self._drawn.to_bytes(8, "little")
        self._words = [*_WORDS.unpack(blake2b(counter, key=self._key).digest())]
        self._drawn += 1
        return self._words


class Clock:
    """Time, ids and random numbers of one sandbox.

    :param seed: Seed of all random numbers and, in virtual time, of all tokens.
    :param start: Start of virtual time, in seconds since 1970 UTC.
    :param virtual: Time stands still until :meth:`advance` moves it, and the same seed gives the
        same tokens. Otherwise the system clock is used, and tokens are secrets. When the system
        clock is set back, time continues from where it was.

    >>> clock = Clock(seed=7)
    >>> clock.advance(minutes=31)
    >>> iso(clock.now())
    '2015-06-24T12:55:11+00:00'
    """

    def __init__(self, seed: int = 0, start: float = START, *, virtual: bool = True) -> None:
        self.seed = seed
        self.virtual = virtual
        self._start = start
        self._lock = Lock()
        self.listeners: list[Callable[[], object]] = []
        """Called after each :meth:`advance`."""
        self.reset()

    def reset(self) -> None:
        """Restart the clock and the sequence of tokens."""
        with self._lock:
            self._offset = 0.0
            self._tokens = count(1)
            self._latest = self._start if self.virtual else time.time()
            self._measured_at = time.monotonic()

    def now(self) -> float:
        """Return the time in seconds since 1970 UTC; it never decreases."""
        if self.virtual:
            return self._latest + self._offset
        with self._lock:
            measured_at = time.monotonic()
            self._latest = max(time.time(), self._latest + measured_at - self._measured_at)
            self._measured_at = measured_at
            return self._latest + self._offset

    def catch_up(self, to: float) -> None:
        """Move time forward to this value, if it is later: stored data may hold later times.

        :param to: Seconds since 1970 UTC.
        """
        behind = to - self.now()
        with self._lock:
            self._latest += max(0.0, behind)

    def advance(self, seconds: float = 0, minutes: float = 0, hours: float = 0) -> None:
        """Move time forward and run timed actions that become due.

        With ``virtual=False`` time continues from there.

        :raises ValueError: Time would go backwards, or beyond :data:`MAX_TIME`.
        """
        self.advance_silently(seconds + 60 * minutes + 3600 * hours)
        for listener in tuple(self.listeners):
            listener()

    def advance_silently(self, seconds: float) -> None:
        """Move time forward without running timed actions; the caller does that.

        :raises ValueError: Time would go backwards, or beyond :data:`MAX_TIME`.
        """
        if not seconds >= 0:
            raise ValueError(f"The clock only moves forward; it cannot move by {seconds} seconds.")
        if self.now() + seconds > MAX_TIME:
            raise ValueError(f"The clock ends in 2100; it cannot move by {seconds} seconds.")
        with self._lock:
            self._offset += seconds

    def set(self, to: float) -> None:
        """Move time forward to a point in time and run timed actions that become due.

        :param to: Seconds since 1970 UTC.
        :raises ValueError: Time would go backwards, or beyond :data:`MAX_TIME`.
        """
        self.advance(to - self.now())

    def token(self, bits: int = 128) -> str:
        """Return a new secret that is safe in a URL.

        :param bits: Its size; a multiple of 8.
        :returns: Hexadecimal digits, one per four bits.
        """
        return self._secret(bits // 8).hex()

    def job_secret(self) -> str:
        """Return a new secret of a job: 44 characters of Base64, including ``+`` and ``/``."""
        return b64encode(self._secret(33)).decode("ascii")

    def random(self, *purpose: int | str) -> RandomStream:
        """Return the random number generator for one purpose; always the same for the same purpose.

        >>> Clock(seed=1).random("page", 7).random() == Clock(seed=1).random("page", 7).random()
        True
        >>> Clock(seed=1).random("page", 7).random() == Clock(seed=2).random("page", 7).random()
        False
        """
        return RandomStream(blake2b(repr((self.seed, *purpose)).encode(), digest_size=32).digest())

    def _secret(self, size: int) -> bytes:
        if not self.virtual:
            return secrets.token_bytes(size)
        with self._lock:
            number = next(self._tokens)
        return self.random("token", number).randbytes(size)


class ClientClock:
    """The clock of a client in the same process: instead of sleeping, it advances the sandbox's.

    Only the client's own waits count against its deadlines, not the time that a crowd takes.

    >>> clock = Clock()
    >>> ClientClock(clock).sleep(60)
    >>> iso(clock.now())
    '2015-06-24T12:25:11+00:00'
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waited = 0.0
        self._lock = Lock()

    def monotonic(self) -> float:
        """Return the client's time in seconds; it never decreases."""
        return time.monotonic() + self._waited

    def sleep(self, seconds: float, /) -> None:
        """Advance the sandbox's clock and run timed actions that become due."""
        with self._lock:
            self._waited += seconds
        self._clock.advance(seconds)


def iso(seconds: float) -> str:
    """Format a time as in JSON: ISO 8601, whole seconds, UTC.

    >>> iso(1435226060.9)
    '2015-06-25T09:54:20+00:00'
    """
    return _utc(seconds).isoformat()


def report_time(seconds: float) -> str:
    """Format a time as in reports: month and day without a leading zero, UTC.

    >>> report_time(1435226060.9)
    '6/25/2015 09:54:20'
    """
    return _report_time(int(seconds))


@lru_cache(maxsize=4096)
def _report_time(seconds: int) -> str:
    """Format a time; a report repeats that of a page for each of its judgments."""
    moment = _utc(seconds)
    day = f"{moment.month}/{moment.day}/{moment.year}"
    return f"{day} {moment.hour:02}:{moment.minute:02}:{moment.second:02}"


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
