"""What all benchmarks share: their sizes, a process for each measurement, limits, and one table.

A *suite* is a module with a generator ``lines(rounds)``, which measures and yields a :class:`Line`
per benchmark. Most compare a *case*, a function ``NAME_ours``, with its *floor*, a function
``NAME_floor``: the least code that could do the same work. Each runs in a process of its own, and
they alternate. :func:`compare` does this.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[2]
SCALE_VARIABLE = "BENCHMARK_SCALE"
SCALE = float(os.environ.get(SCALE_VARIABLE, "1"))
"""Factor of all sizes; the limits apply only at full size."""

Figures = dict[str, float]
"""``seconds``, ``busy`` (of processor time), ``megabytes``, and what a suite adds."""

VERSIONS = (
    *("requests", "urllib3", "orjson", "numpy", "pandas", "polars", "pyarrow", "sqlalchemy"),
    *("crowd-kit", "pyspark"),
)
"""Distributions whose version matters, if they are installed."""


def scaled(number: float, least: int = 1) -> int:
    """Return a size at the scale of this run."""
    return max(least, round(number * SCALE))


@dataclass(frozen=True)
class Benchmark:
    """What is measured, and its limits."""

    title: str
    ours: str
    floor: str | None = None
    _: KW_ONLY
    times: float | None = None
    """At most this many times the floor."""
    megabytes: float | None = None
    """At most this peak of memory, in megabytes."""
    more: float | None = None
    """At most this many megabytes more than the floor."""
    milliseconds: float | None = None
    """At most this many milliseconds."""
    requests: int | None = None
    """At most this many requests."""
    count: int = 0
    """The number of operations, for the rate."""
    rate: float | None = None
    """At least this many operations a second."""
    clock: Literal["busy", "seconds"] = "busy"
    """What the limits apply to: processor time, which repeats better, or time, for latency."""
    needs: Sequence[str] = ()
    """Distributions without which it is skipped."""
    floor_needs: Sequence[str] = ()
    """Distributions without which there is no floor."""
    rounds: int | None = None
    """At most this many rounds, where one takes long."""


@dataclass(frozen=True)
class Line:
    """One line of a table: a title, and the text of each of its columns."""

    title: str
    cells: Mapping[str, str] = field(default_factory=dict)
    limit: str = ""
    missed: bool = False
    note: str = ""
    failed: bool = False
    """It crashed, or its result was wrong: an error at any scale."""


class Stopwatch:
    """Sums the time of the measured blocks."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.busy = 0.0
        """Processor time of this process within the measured blocks, in seconds."""
        self.is_used = False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Measure the block."""
        self.is_used = True
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
        self.is_used = True
        self.seconds = statistics.median(watch.seconds for watch in watches)
        self.busy = statistics.median(watch.busy for watch in watches)


def run_module(module: str, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
    """Run a module with this Python in a process of its own; return its output."""
    process = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, **(variables or {})},
    )
    return process.stdout


def run_case(
    module: str, case: str, *arguments: str, variables: Mapping[str, str] | None = None
) -> Figures:
    """Run a function of a module once, in a process of its own."""
    output = run_module("tests.benchmarks.run_case", module, case, *arguments, variables=variables)
    figures: Figures = json.loads(output.splitlines()[-1])
    return figures


def compare(benchmark: Benchmark, run: Callable[[str], Figures], rounds: int) -> Line:
    """Measure a benchmark and its floor alternately.

    :param run: Runs one case, given the name of its function.
    """
    missing = _missing(benchmark.needs)
    if missing:
        return Line(benchmark.title, note=f"skipped: needs {missing}")
    no_floor = _missing(benchmark.floor_needs)
    ours, floor = [], []
    try:
        for _ in range(min(rounds, benchmark.rounds or rounds)):
            ours.append(run(f"{benchmark.ours}_ours"))
            if benchmark.floor and not no_floor:
                floor.append(run(f"{benchmark.floor}_floor"))
    except (subprocess.SubprocessError, AssertionError) as error:
        return Line(benchmark.title, note=f"FAILED: {error}", failed=True)
    line = _judged(benchmark, ours, floor)
    return Line(**{**vars(line), "note": f"no floor: needs {no_floor}"}) if no_floor else line


def _judged(benchmark: Benchmark, ours: list[Figures], floor: list[Figures]) -> Line:
    medians = {name: statistics.median(run[name] for run in ours) for name in ours[0]}
    floors = (
        {name: statistics.median(run[name] for run in floor) for name in floor[0]} if floor else {}
    )
    ratios = {
        name: statistics.median(
            one[name] / max(other[name], 1e-9) for one, other in zip(ours, floor, strict=True)
        )
        for name in ("seconds", "busy")
        if floor
    }
    peak = max(run["megabytes"] for run in ours)
    more = medians["megabytes"] - floors["megabytes"] if floor else None
    requests = max(run["requests"] for run in ours) if "requests" in medians else None
    rate = benchmark.count / max(medians[benchmark.clock], 1e-9)
    ratio = ratios.get(benchmark.clock)
    unit = " of time" if benchmark.clock == "seconds" else ""
    limits = [
        (benchmark.times, ratio, f"{benchmark.times} ×{unit}"),
        (benchmark.requests, requests, f"{benchmark.requests} requests"),
        (benchmark.megabytes, peak, f"{benchmark.megabytes} MB"),
        (benchmark.more, more, f"{benchmark.more} MB more"),
        (benchmark.milliseconds, 1000 * medians[benchmark.clock], f"{benchmark.milliseconds} ms"),
        (benchmark.rate and -benchmark.rate, -rate, f"at least {benchmark.rate or 0:,.0f}/s"),
    ]
    cells = {
        "time": duration(medians["seconds"]),
        "floor": duration(floors["seconds"]) if floor else "–",
        "ratio": f"{ratios['seconds']:.2f}" if floor else "–",
        "busy": duration(medians["busy"]),
        "busy ratio": f"{ratios['busy']:.2f}" if floor else "–",
        "a second": f"{rate:,.0f}" if benchmark.count else "",
        "requests": "" if requests is None else f"{requests:,.0f}",
        "MB": f"{peak:.0f}",
        "more MB": "" if more is None else f"{more:+.0f}",
    }
    return Line(
        benchmark.title,
        cells,
        ", ".join(text for limit, _, text in limits if limit is not None),
        is_missed(*((limit, value) for limit, value, _ in limits)),
    )


def is_missed(*limits: tuple[float | None, float | None]) -> bool:
    """Return whether a value is above its limit; at another scale than 1, none is judged."""
    return SCALE == 1 and any(
        limit is not None and value is not None and value > limit for limit, value in limits
    )


def duration(seconds: float) -> str:
    """Return seconds or milliseconds with a unit."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def _missing(distributions: Sequence[str]) -> str:
    """Return those that are not installed, as text."""
    return ", ".join(name for name in distributions if _version(name) is None)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def machine() -> str:
    """Return Python, processors and the versions of packages."""
    versions = [f"{name} {version}" for name in VERSIONS if (version := _version(name))]
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores\n{', '.join(versions)}"
    )


def load() -> str:
    """Return the load of the last minute."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def table(lines: Sequence[Line]) -> str:
    """Return lines as a table, without the columns that none of them has."""
    names: dict[str, None] = {}
    for line in lines:
        names |= dict.fromkeys(name for name, text in line.cells.items() if text)
    columns = list(names)
    widths = [
        max(len(name), *(len(line.cells.get(name, "")) for line in lines)) + 2 for name in columns
    ]
    title = max((len(line.title) for line in lines), default=0)
    limit = max((len(line.limit) for line in lines), default=0)
    rows = [
        (" " * title, columns, "  limit" if limit else ""),
        *(
            (
                f"{line.title:{title}}",
                [line.cells.get(name, "") for name in columns],
                f"  {line.limit:{limit}}  {'MISSED' if line.missed else line.note}",
            )
            for line in lines
        ),
    ]
    return "\n".join(
        (
            first
            + "".join(f"{text:>{width}}" for text, width in zip(cells, widths, strict=True))
            + last
        ).rstrip()
        for first, cells, last in rows
    )
