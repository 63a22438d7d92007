"""A clock without waiting."""

from __future__ import annotations

import time


class FastClock:
    """A real clock that jumps over every sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return time.monotonic() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
