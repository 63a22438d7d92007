"""A stopwatch for wall-clock time and processor time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager


class Stopwatch:
    """Sums the time of the measured blocks."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.busy = 0.0
        """Processor time of this process within the measured blocks, in seconds."""

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Measure the block."""
        started, busy = time.perf_counter(), time.process_time()
        yield
        self.seconds += time.perf_counter() - started
        self.busy += time.process_time() - busy

    @contextmanager
    def median(self) -> Iterator[Callable[[], AbstractContextManager[None]]]:
        """Yield a function that measures a block; keep the medians of all blocks."""
        watches: list[Stopwatch] = []

        def measure() -> AbstractContextManager[None]:
            watches.append(Stopwatch())
            return watches[-1]()

        yield measure
        self.seconds = statistics.median(watch.seconds for watch in watches)
        self.busy = statistics.median(watch.busy for watch in watches)
