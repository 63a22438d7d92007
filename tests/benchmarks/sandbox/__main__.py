"""Benchmarks of the sandbox, each against the minimum of work that could do the same (its floor).

::

    pip install '.[dev]' && python tests/benchmarks/sandbox

Each benchmark and its floor are measured alternately in the same run. A line that misses its limit
says so, and the exit code is the number of misses. Beside the wall-clock time is the processor time
of the process (busy), which repeats better on a shared machine.

It takes ten minutes on an idle machine, and 600 MB of disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import fixtures

HERE = Path(__file__).parent
ROUNDS = int(os.environ.get("ROUNDS", "3"))


@dataclass(frozen=True)
class Benchmark:
    """One line of the table."""

    title: str
    ours: str
    floor: str | None = None
    times: float | None = None
    """At most this many times the time of the floor."""
    more: float | None = None
    """At most this many megabytes more than the floor."""
    count: int = 0
    """The number of operations, for the rate."""
    rate: float | None = None
    """At least this many operations a second."""
    milliseconds: float | None = None
    """At most this many milliseconds."""


PAGE_CACHE = 64
"""Megabytes of SQLite's page cache; the smaller file has only ten megabytes."""

JUDGMENTS = fixtures.JUDGED_ROWS * fixtures.JUDGMENTS_PER_ROW
SHARED_JUDGMENTS = fixtures.SHARED_ROWS * fixtures.JUDGMENTS_PER_ROW
WORKS = [
    Benchmark("upload 500,000 rows, JSON", "upload_json", "upload", 2.5, count=fixtures.ROWS),
    Benchmark("upload 500,000 rows, CSV", "upload_csv", "upload", 2.5, count=fixtures.ROWS),
    Benchmark("page 500 of 500, over page 1", "page", "first_page", 1.5, count=fixtures.LIST_PAGE),
    Benchmark("300,000 judgments, in memory", "crowd_memory", "memory", count=JUDGMENTS, rate=5000),
    Benchmark("300,000 judgments, in a file", "crowd_file", "file", count=JUDGMENTS, rate=5000),
    Benchmark("full report of 300,000", "report", "report", 1.8, count=JUDGMENTS),
    Benchmark("the same, over one of 30,000", "report", "small_report", more=PAGE_CACHE + 16),
    Benchmark("8 threads, a page at a time", "threads", "threads", count=SHARED_JUDGMENTS),
    Benchmark("the first sandbox of a process", "first", milliseconds=20),
    Benchmark("any other sandbox", "next", milliseconds=20),
    Benchmark("reset", "reset", milliseconds=20),
]


def measure(side: str, name: str, folder: Path) -> dict[str, float]:
    """Run one side of a benchmark once, in a separate process."""
    command = [sys.executable, str(HERE / "cases.py"), name, side, str(folder)]
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own
    figures: dict[str, float] = json.loads(process.stdout)
    return figures


def line(benchmark: Benchmark, folder: Path) -> tuple[str, bool]:
    """Measure one benchmark; return its line, and whether it kept its limits."""
    ours, floor = [], []
    for _ in range(ROUNDS):
        ours.append(measure("ours", benchmark.ours, folder))
        if benchmark.floor:
            floor.append(measure("floor", benchmark.floor, folder))
    medians = {name: median(run[name] for run in ours) for name in ours[0]}
    ratio = {
        name: median(one[name] / other[name] for one, other in zip(ours, floor, strict=True))
        for name in ("seconds", "busy")
        if floor
    }
    more = medians["megabytes"] - median(run["megabytes"] for run in floor or ours)
    rate = benchmark.count / medians["seconds"]
    within_limits = (
        (benchmark.times is None or ratio["seconds"] <= benchmark.times)
        and (benchmark.more is None or more <= benchmark.more)
        and (benchmark.rate is None or rate >= benchmark.rate)
        and (benchmark.milliseconds is None or 1000 * medians["seconds"] <= benchmark.milliseconds)
    )
    floor_seconds = median(run["seconds"] for run in floor) if floor else None
    limits = [
        f"{benchmark.times:g} ×" if benchmark.times else "",
        f"{benchmark.more:g} MB more" if benchmark.more else "",
        f"{benchmark.rate:,.0f}/s at least" if benchmark.rate else "",
        f"{benchmark.milliseconds:g} ms" if benchmark.milliseconds else "",
    ]
    floor_time = _time(floor_seconds) if floor_seconds else "–"
    text = (
        f"{benchmark.title:30}{_time(medians['seconds']):>9}{floor_time:>9}"
        f"{_times(ratio, 'seconds'):>7}{_time(medians['busy']):>9}{_times(ratio, 'busy'):>7}"
        f"{f'{rate:,.0f}' if benchmark.count else '–':>10}{medians['megabytes']:>5.0f}"
        f"{f'{more:+.0f}' if floor else '–':>6}"
        f"  {', '.join(filter(None, limits)) or '–':18}{'' if within_limits else 'MISSED'}"
    )
    return text.rstrip(), within_limits


def _times(ratio: dict[str, float], name: str) -> str:
    return f"{ratio[name]:.2f}" if ratio else "–"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def main() -> int:
    """Print the table; return how many lines missed their limit."""
    # pip compiles byte code on installation; let a checkout write it too.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    load, *_ = os.getloadavg()
    print(
        f"Python {sys.version.split()[0]}, {os.cpu_count()} cores under a load of {load:.1f}, "
        f"median of {ROUNDS} rounds"
    )
    times = f"{'time':>9}{'floor':>9}{'ratio':>7}{'busy':>9}{'ratio':>7}{'a second':>10}"
    print(f"{'':30}{times}{'MB':>5}{'more':>6}  limit")
    missed = 0
    with TemporaryDirectory() as name:
        folder = Path(name)
        # In a separate process: the measured ones inherit the peak memory of this one.
        subprocess.run([sys.executable, str(HERE / "fixtures.py"), name], check=True)  # noqa: S603 - our own
        for benchmark in WORKS:
            text, within_limits = line(benchmark, folder)
            print(text, flush=True)
            missed += not within_limits
    return missed


if __name__ == "__main__":
    sys.exit(main())
