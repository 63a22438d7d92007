"""How long something takes, and how much of that a processor worked for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from statistics import median


class Stopwatch:
    """Adds up what is measured, and leaves out what only prepares it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.busy = 0.0
        """Of them, seconds that a processor worked for this process; others want it, too."""

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Run while the block does."""
        started, busy = time.perf_counter(), time.process_time()
        yield
        self.seconds += time.perf_counter() - started
        self.busy += time.process_time() - busy

    @contextmanager
    def middle(self) -> Iterator[Callable[[], AbstractContextManager[None]]]:
        """Give a watch for each of several times, and keep the median of what they showed."""
        each: list[Stopwatch] = []

        def again() -> AbstractContextManager[None]:
            each.append(Stopwatch())
            return each[-1]()

        yield again
        self.seconds = median(one.seconds for one in each)
        self.busy = median(one.busy for one in each)
