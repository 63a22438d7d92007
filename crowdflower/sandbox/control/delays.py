"""How long the service says that something is still on its way, though it was done at once.

On the hosted service much happens in the background: rows are read, copies are filled, a job is
paused "shortly". Here everything is done when it is answered. What others see of it can be made to
lag, by so many looks or so many seconds, so that a program that waits can be tested.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, TypeAlias

KINDS: Final = ("report", "upload", "copy", "gold", "order", "pause", "resume", "cancel")
"""What can lag: a report that is made, rows that are read, a copy that is filled, test questions
that are made, a job that begins, pauses, goes on or ends."""


@dataclass(frozen=True)
class Lag:
    """How long it takes until something is seen to be done: as many looks, and as much time.

    >>> Lag(polls=2)
    Lag(polls=2, seconds=0.0)
    """

    polls: int = 0
    """How many looks see what was before."""

    seconds: float = 0.0
    """For how long, on the sandbox's clock."""

    def __post_init__(self) -> None:
        """Refuse what is no length.

        :raises ValueError: A number is below 0.
        """
        if self.polls < 0 or not self.seconds >= 0:
            raise ValueError(
                f"polls and seconds are 0 or more, not {self.polls} and {self.seconds}."
            )


Lags: TypeAlias = "Mapping[str, int | Lag]"


@dataclass
class _Pending:
    lag: Lag
    since: float
    before: Mapping[str, Any]
    looks: int = 0


class Transitions:
    """What lags, by how much, and what is on its way.

    :param lags: Kind to how long it takes; a number means so many looks.
    :param now: Tells the time.
    :raises KeyError: A kind is not known.

    >>> transitions = Transitions({"upload": 1})
    >>> transitions.begin("upload", 7)
    >>> transitions.look("upload", 7), transitions.look("upload", 7)
    (0.0, 1.0)
    """

    def __init__(self, lags: Lags | None = None, now: Callable[[], float] = lambda: 0.0) -> None:
        self._now = now
        self._lock = Lock()
        self._lags = dict.fromkeys(KINDS, Lag())
        self._pending: dict[tuple[str, Hashable], _Pending] = {}
        for kind, lag in (lags or {}).items():
            self[kind] = lag

    def __getitem__(self, kind: str) -> Lag:
        """Tell how long something takes."""
        self._require(kind)
        return self._lags[kind]

    def __setitem__(self, kind: str, lag: int | Lag) -> None:
        """Say how long something takes from now on; a number means so many looks."""
        self._require(kind)
        self._lags[kind] = lag if isinstance(lag, Lag) else Lag(polls=lag)

    def __iter__(self) -> Iterator[str]:
        """Yield the kinds."""
        return iter(self._lags)

    def begin(self, kind: str, about: Hashable, before: Mapping[str, Any] | None = None) -> None:
        """Let something be on its way, unless it takes no time.

        :param about: Which one of its kind: the number of a job, or more than that.
        :param before: What :meth:`seen` still shows of it.
        """
        lag = self[kind]
        with self._lock:
            self._pending.pop((kind, about), None)
            if lag != Lag():
                self._pending[kind, about] = _Pending(lag, self._now(), before or {})

    def look(self, kind: str, about: Hashable) -> float:
        """Tell how far something has come, from 0 to 1, which is done; it counts as a look."""
        with self._lock:
            return self._look(kind, about)

    def seen(self, job_id: int, shown: dict[str, Any]) -> dict[str, Any]:
        """Put back what has not been seen to change yet; it counts as a look.

        :param shown: The job as it is.
        """
        with self._lock:
            for kind, about in [each for each in self._pending if each[1] == job_id]:
                before = self._pending[kind, about].before
                if before and self._look(kind, about) < 1:
                    shown = {**shown, **before}
        return shown

    def peek(self, job_id: int, shown: dict[str, Any]) -> dict[str, Any]:
        """Put back the same where nobody looks, as in the answer to what began it."""
        with self._lock:
            for pending in [each for key, each in self._pending.items() if key[1] == job_id]:
                shown = {**shown, **pending.before}
        return shown

    def clear(self) -> None:
        """Let everything be done that is on its way."""
        with self._lock:
            self._pending.clear()

    def _look(self, kind: str, about: Hashable) -> float:
        pending = self._pending.get((kind, about))
        if pending is None:
            return 1.0
        lag, elapsed = pending.lag, self._now() - pending.since
        if pending.looks >= lag.polls and elapsed >= lag.seconds:
            del self._pending[kind, about]
            return 1.0
        share = min(
            pending.looks / (lag.polls + 1) if lag.polls else 1.0,
            elapsed / lag.seconds if elapsed < lag.seconds else 1.0,
        )
        pending.looks += 1
        return share

    @staticmethod
    def _require(kind: str) -> None:
        if kind not in KINDS:
            raise KeyError(f"Nothing called {kind!r} can lag; there are {', '.join(KINDS)}.")
