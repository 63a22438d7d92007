"""Simulated delays: work that is done at once is reported as unfinished for a while.

On the hosted service much happens in the background: rows are parsed, copies are filled, a job is
paused "shortly". The sandbox does everything before it responds. To test a program that polls, the
visible effect can be delayed, by a number of polls or of seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, TypeAlias

KINDS: Final = ("report", "upload", "copy", "gold", "order", "pause", "resume", "cancel")
"""What can be delayed: generating a report, parsing an upload, filling a copy, converting test
questions, and a job's start, pause, resumption and cancellation."""


@dataclass(frozen=True)
class Delay:
    """How long an effect stays hidden: for this many polls, and for this much time.

    >>> Delay(polls=2)
    Delay(polls=2, seconds=0.0)
    """

    polls: int = 0
    """How many polls still return the old state."""

    seconds: float = 0.0
    """For how long, on the sandbox's clock."""

    def __post_init__(self) -> None:
        """Check the values.

        :raises ValueError: A number is below 0.
        """
        if self.polls < 0 or not self.seconds >= 0:
            raise ValueError(
                f"polls and seconds must be 0 or more, not {self.polls} and {self.seconds}."
            )


DelaySettings: TypeAlias = "Mapping[str, int | Delay]"
"""Delays by kind; an integer is a number of polls."""


@dataclass
class _Pending:
    delay: Delay
    since: float
    before: Mapping[str, Any]
    polls: int = 0


class Delays:
    """The delay of each kind of work, and the work whose effect is still hidden.

    :param settings: Delays by kind; an integer is a number of polls.
    :param now: Returns the current time, in seconds.
    :raises KeyError: A kind is unknown.

    >>> delays = Delays({"upload": 1})
    >>> delays.begin("upload", 7)
    >>> delays.poll("upload", 7), delays.poll("upload", 7)
    (0.0, 1.0)
    """

    def __init__(
        self, settings: DelaySettings | None = None, now: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._now = now
        self._lock = Lock()
        self._delays = dict.fromkeys(KINDS, Delay())
        self._pending: dict[tuple[str, Hashable], _Pending] = {}
        for kind, delay in (settings or {}).items():
            self[kind] = delay

    def __getitem__(self, kind: str) -> Delay:
        """Return the delay of a kind."""
        _check_kind(kind)
        return self._delays[kind]

    def __setitem__(self, kind: str, delay: int | Delay) -> None:
        """Set the delay of a kind for work that begins from now on."""
        _check_kind(kind)
        self._delays[kind] = delay if isinstance(delay, Delay) else Delay(polls=delay)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the kinds."""
        return iter(self._delays)

    def begin(self, kind: str, key: Hashable, before: Mapping[str, Any] | None = None) -> None:
        """Hide the effect of some work, if its kind has a delay.

        :param key: Identifies the work within its kind: a job id, or a tuple with more.
        :param before: The attributes of the job that :meth:`hide_changes` still returns.
        """
        delay = self[kind]
        with self._lock:
            self._pending.pop((kind, key), None)
            if delay != Delay():
                self._pending[kind, key] = _Pending(delay, self._now(), before or {})

    def poll(self, kind: str, key: Hashable) -> float:
        """Count a poll and return the visible progress, from 0 to 1 (done)."""
        with self._lock:
            return self._poll(kind, key)

    def hide_changes(
        self, job_id: int, attributes: dict[str, Any], *, is_poll: bool = True
    ) -> dict[str, Any]:
        """Return the attributes of a job with the old values where a change is still hidden.

        :param attributes: Their current values.
        :param is_poll: Whether this counts as a poll. The response to the request that began the
            work does not.
        """
        with self._lock:
            for kind, key in [each for each in self._pending if each[1] == job_id]:
                before = self._pending[kind, key].before
                if before and (not is_poll or self._poll(kind, key) < 1):
                    attributes = {**attributes, **before}
        return attributes

    def clear(self) -> None:
        """Make all hidden effects visible."""
        with self._lock:
            self._pending.clear()

    def _poll(self, kind: str, key: Hashable) -> float:
        pending = self._pending.get((kind, key))
        if pending is None:
            return 1.0
        delay, elapsed = pending.delay, self._now() - pending.since
        if pending.polls >= delay.polls and elapsed >= delay.seconds:
            del self._pending[kind, key]
            return 1.0
        progress = min(
            pending.polls / (delay.polls + 1) if delay.polls else 1.0,
            elapsed / delay.seconds if elapsed < delay.seconds else 1.0,
        )
        pending.polls += 1
        return progress


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise KeyError(f"{kind!r} cannot be delayed; choose from {', '.join(KINDS)}.")
