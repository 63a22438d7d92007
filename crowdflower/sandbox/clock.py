"""The only source of time, ids and chance.

Everything in the sandbox that would ask the machine for the time, for a secret or for a die asks
a :class:`Clock`. With the same seed two clocks give the same crowd, and a test that waits half an
hour for a page to expire waits no time at all.
"""

from __future__ import annotations

import secrets
import time
from base64 import b64encode
from datetime import datetime, timezone
from hashlib import blake2b
from itertools import count
from random import Random
from struct import Struct
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

START = 1435148651.0
"""Where virtual time begins: 24 June 2015, 12:24:11 UTC."""

LATEST: Final = 4102444800.0
"""As far as time can be moved: 1 January 2100. Calendars and archives write no time for ever."""


_WORDS = Struct("<8Q")


class Chance(Random):
    """A stream of chance that only its key decides: no state is shared with any other stream.

    All of :class:`random.Random`'s distributions work on it. The words are BLAKE2b digests of key
    and counter, so the same purpose gives the same numbers in any thread, order or process.

    >>> Chance(b"key").random() == Chance(b"key").random()
    True
    """

    def __new__(cls, key: bytes) -> Self:  # noqa: ARG004 - __init__ keeps it
        """Make a stream; the generator below it is never used, so any seed will do."""
        return super().__new__(cls, 0)  # type: ignore[call-arg] # the stub leaves it out

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._drawn = 0
        self._words: list[int] = []
        self.gauss_next = None

    def seed(self, *_: object, **__: object) -> None:
        """Change nothing: a stream is its key."""

    def random(self) -> float:
        """Draw a float, uniform in [0, 1)."""
        return (self._word() >> 11) * 2.0**-53

    def getrandbits(self, k: int, /) -> int:
        """Draw an integer of ``k`` bits, uniform."""
        value = 0
        for _ in range(0, k, 64):
            value = value << 64 | self._word()
        return value >> (-k % 64)

    def _word(self) -> int:
        if not self._words:
            counter = self._drawn.to_bytes(8, "little")
            digest = blake2b(counter, key=self._key).digest()
            self._words = list(_WORDS.unpack(digest))
            self._drawn += 1
        return self._words.pop()


class Clock:
    """Time, ids and chance of one sandbox.

    :param seed: Decides every stream of chance and, in virtual time, every token.
    :param start: Where virtual time begins, in seconds since 1970 UTC.
    :param virtual: Time stands still until :meth:`advance` moves it, and tokens repeat with the
        seed. Otherwise it is the machine's time, and tokens are secrets. When somebody sets the
        machine's clock back, time goes on from where it was.

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
        self.alarms: list[Callable[[], object]] = []
        """Called after each :meth:`advance`."""
        self.reset()

    def reset(self) -> None:
        """Go back to the start: the first time, and the first token."""
        with self._lock:
            self._ahead = 0.0
            self._tokens = count(1)
            self._latest = self._start if self.virtual else time.time()
            self._counted = time.monotonic()

    def now(self) -> float:
        """Tell the time, in seconds since 1970 UTC; never an earlier one than before."""
        if self.virtual:
            return self._latest + self._ahead
        with self._lock:
            counted = time.monotonic()
            self._latest = max(time.time(), self._latest + counted - self._counted)
            self._counted = counted
            return self._latest + self._ahead

    def catch_up(self, to: float) -> None:
        """Tell no time before this one, as after a start on data that knows a later time.

        :param to: Seconds since 1970 UTC; nothing changes when it has passed.
        """
        behind = to - self.now()
        with self._lock:
            self._latest += max(0.0, behind)

    def advance(self, seconds: float = 0, minutes: float = 0, hours: float = 0) -> None:
        """Move time forward; real time runs on from there. What becomes due by it happens now.

        :raises ValueError: Time would go backwards, or beyond :data:`LATEST`.
        """
        self.flow(seconds + 60 * minutes + 3600 * hours)
        for do in tuple(self.alarms):
            do()

    def flow(self, seconds: float) -> None:
        """Let time go on as it does by itself, for whoever looks by themselves what becomes due.

        :raises ValueError: Time would go backwards, or beyond :data:`LATEST`.
        """
        if not seconds >= 0:
            raise ValueError(f"Time only goes forward; it cannot move by {seconds} seconds.")
        if self.now() + seconds > LATEST:
            raise ValueError(f"Time goes to the year 2100; it cannot move by {seconds} seconds.")
        with self._lock:
            self._ahead += seconds

    def set(self, to: float) -> None:
        """Move time forward to a moment; real time runs on from there.

        :param to: Seconds since 1970 UTC.
        :raises ValueError: Time would go backwards, or beyond :data:`LATEST`.
        """
        self.advance(to - self.now())

    def token(self, bits: int = 128) -> str:
        """Make a new secret, as text that is safe in a URL.

        :param bits: How hard it is to guess; a multiple of 8.
        :returns: Hexadecimal digits, one for each four bits.
        """
        return self._secret(bits // 8).hex()

    def job_secret(self) -> str:
        """Make the secret of a job: 44 characters of base 64, ``+`` and ``/`` included."""
        return b64encode(self._secret(33)).decode("ascii")

    def chance(self, *purpose: int | str) -> Chance:
        """Open the stream of chance for one purpose; the same one each time.

        >>> Clock(seed=1).chance("page", 7).random() == Clock(seed=1).chance("page", 7).random()
        True
        >>> Clock(seed=1).chance("page", 7).random() == Clock(seed=2).chance("page", 7).random()
        False
        """
        return Chance(blake2b(repr((self.seed, *purpose)).encode(), digest_size=32).digest())

    def _secret(self, size: int) -> bytes:
        if not self.virtual:
            return secrets.token_bytes(size)
        with self._lock:
            number = next(self._tokens)
        return self.chance("token", number).randbytes(size)


class Waiting:
    """How a client in the same process waits: it moves a sandbox's clock, and loses no time.

    Only its own waits count against its deadlines, not what a crowd at work moves the clock by.

    >>> clock = Clock()
    >>> Waiting(clock).sleep(60)
    >>> iso(clock.now())
    '2015-06-24T12:25:11+00:00'
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waited = 0.0
        self._lock = Lock()

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic() + self._waited

    def sleep(self, seconds: float, /) -> None:
        """Move the sandbox's clock; what becomes due by it happens now."""
        with self._lock:
            self._waited += seconds
        self._clock.advance(seconds)


def iso(seconds: float) -> str:
    """Write a time as JSON shows it: ISO 8601, whole seconds, UTC.

    >>> iso(1435226060.9)
    '2015-06-25T09:54:20+00:00'
    """
    return _utc(seconds).isoformat()


def report_time(seconds: float) -> str:
    """Write a time as reports show it: month and day without a leading zero, UTC.

    >>> report_time(1435226060.9)
    '6/25/2015 09:54:20'
    """
    at = _utc(seconds)
    return f"{at.month}/{at.day}/{at.year} {at:%H:%M:%S}"


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), timezone.utc)
