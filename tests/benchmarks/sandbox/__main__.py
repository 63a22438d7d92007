"""Benchmarks of the sandbox, each against the minimum of work that could do the same (its floor).

::

    python -m tests.benchmarks sandbox

The files that it writes need 600 MB of disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from tempfile import TemporaryDirectory

from tests.benchmarks.harness import Benchmark, Figures, Line, compare, run_case, run_module
from tests.benchmarks.sandbox import fixtures

PACKAGE = "tests.benchmarks.sandbox"

PAGE_CACHE = 64
"""Megabytes of SQLite's page cache; the smaller file has only ten megabytes."""

PAGES = fixtures.ROWS // fixtures.LIST_PAGE
JUDGMENTS = fixtures.JUDGED_ROWS * fixtures.JUDGMENTS_PER_ROW
SHARED_JUDGMENTS = fixtures.SHARED_ROWS * fixtures.JUDGMENTS_PER_ROW
WORKS = [
    Benchmark(
        f"upload {fixtures.ROWS:,} rows, JSON",
        "upload_json",
        "upload",
        times=1.6,
        count=fixtures.ROWS,
    ),
    Benchmark(
        f"upload {fixtures.ROWS:,} rows, CSV",
        "upload_csv",
        "upload",
        times=1.6,
        count=fixtures.ROWS,
    ),
    Benchmark(
        f"page {PAGES} of {PAGES}, over page 1",
        "page",
        "first_page",
        times=1.2,
        count=fixtures.LIST_PAGE,
    ),
    Benchmark(
        f"{JUDGMENTS:,} judgments, in memory",
        "crowd_memory",
        "memory",
        count=JUDGMENTS,
        rate=16_000,
        rounds=2,
    ),
    Benchmark(
        f"{JUDGMENTS:,} judgments, in a file",
        "crowd_file",
        "file",
        count=JUDGMENTS,
        rate=16_000,
        rounds=2,
    ),
    Benchmark(f"full report of {JUDGMENTS:,}", "report", "report", times=1.8, count=JUDGMENTS),
    Benchmark(
        f"the same, over one of {JUDGMENTS // 10:,}",
        "report",
        "small_report",
        more=PAGE_CACHE + 16,
        rounds=1,
    ),
    Benchmark("8 threads, a page at a time", "threads", "threads", count=SHARED_JUDGMENTS),
    Benchmark("the first sandbox of a process", "first", milliseconds=20),
    Benchmark("any other sandbox", "next", milliseconds=3),
    Benchmark("reset", "reset", milliseconds=20),
]

PAGES_SHOWN = [
    Benchmark(
        f"desk of a job with {JUDGMENTS:,} judgments",
        "desk",
        "desk",
        times=2.5,
        milliseconds=200,
    ),
    Benchmark("its live update after a page", "live", "ping", milliseconds=20),
    Benchmark(
        f"first page of a job with {fixtures.JUDGED_ROWS:,} rows",
        "first_page",
        "first_page",
        times=2,
        milliseconds=100,
        rounds=2,
    ),
    Benchmark(
        "a submitted page to the next one",
        "next_page",
        "next_page",
        times=2,
        milliseconds=50,
        rounds=2,
    ),
]
"""Pages in a browser; the server's own work."""


def lines(rounds: int) -> Iterator[Line]:
    """Yield a line per benchmark."""
    with TemporaryDirectory() as folder:
        run_module(fixtures.__name__, folder)
        for module, works in ((f"{PACKAGE}.cases", WORKS), (f"{PACKAGE}.page_cases", PAGES_SHOWN)):
            run = partial(_run, module, folder)
            for work in works:
                yield compare(work, run, rounds)


def _run(module: str, folder: str, case: str) -> Figures:
    return run_case(module, case, folder)
