"""Runs the benchmarks and prints a table for each suite.

::

    pip install -e '.[dev]'
    python -m tests.benchmarks                                # all, at full size
    python -m tests.benchmarks speed                          # those that measure time and memory
    python -m tests.benchmarks safety                         # those that count what went wrong
    python -m tests.benchmarks client tables --rounds 5       # two suites
    python -m tests.benchmarks --scale 0.01                   # a hundredth of each size, no limits
    python -m tests.benchmarks --output docs/performance      # what docs/performance.rst includes

The exit code is 0, or 1 if a limit was missed, or 2 if a benchmark failed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.harness import Line

SUITES = {
    "client": "client.__main__",
    "import_time": "import_time",
    "fixture_start": "fixture_start",
    "tables": "tables",
    "aggregation": "aggregation",
    "spark_consensus": "spark_consensus",
    "sandbox": "sandbox.__main__",
    "waits": "sandbox.waits",
    "uploads": "uploads",
    "kills": "sandbox.kills",
    "faults": "faults",
    "costs": "costs",
}
"""The module of each suite."""

SAFETY = ("kills", "faults", "costs")
"""Suites that count writes, payments and costs, and whose times are not of interest."""

GROUPS = {"speed": [name for name in SUITES if name not in SAFETY], "safety": list(SAFETY)}


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return names, scale, rounds and output."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description="Run benchmarks, by default all."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*GROUPS, *SUITES]))
    parser.add_argument("--scale", type=float, default=1.0, help="factor of all sizes")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="write the table of a suite to NAME.txt here"
    )
    options = parser.parse_args(arguments)
    names = [each for name in options.names for each in GROUPS.get(name, [name])]
    options.names = list(dict.fromkeys(names or SUITES))
    unknown = [name for name in options.names if name not in SUITES]
    if unknown:
        parser.error(
            f"no benchmark {', '.join(unknown)}: choose from {', '.join([*GROUPS, *SUITES])}"
        )
    if options.scale <= 0 or options.rounds < 1:
        parser.error("--scale must be positive and --rounds at least 1")
    return options


def run_suite(name: str, options: argparse.Namespace) -> tuple[str, list[Line]]:
    """Run one suite; return its text and its lines."""
    from tests.benchmarks import harness  # noqa: PLC0415 - reads the scale when imported

    suite: Any = importlib.import_module(f"tests.benchmarks.{SUITES[name]}")
    before, started = harness.load(), monotonic()
    lines = []
    try:
        for line in suite.lines(options.rounds):
            print(f"… {line.title}", file=sys.stderr, flush=True)
            lines.append(line)
    except Exception as error:  # noqa: BLE001 - the other suites go on
        traceback.print_exc()
        lines.append(harness.Line(name, note=f"FAILED: {error!r}", failed=True))
    scale = "" if options.scale == 1 else f", at {options.scale:g} of full size, no limits"
    text = (
        f"{datetime.now(UTC):%Y-%m-%d}, {harness.machine()}\n"
        f"median of {options.rounds} rounds{scale}; load {before} before, {harness.load()} after; "
        f"{monotonic() - started:.0f} s\n\n{harness.table(lines)}\n"
    )
    return text, lines


def main() -> int:
    """Run the suites; return the exit code."""
    options = parse_arguments()
    os.environ["BENCHMARK_SCALE"] = str(options.scale)
    # pip compiles byte code on installation; let a checkout write it too.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    lines: list[Line] = []
    for name in options.names:
        text, found = run_suite(name, options)
        lines += found
        print(f"{name}\n{'=' * len(name)}\n\n{text}", flush=True)
        if options.output:
            options.output.mkdir(parents=True, exist_ok=True)
            (options.output / f"{name}.txt").write_text(text, encoding="utf-8")
    missed, failed = sum(line.missed for line in lines), sum(line.failed for line in lines)
    skipped = sum(line.note.startswith("skipped") for line in lines)
    print(f"{len(lines)} lines: {missed} missed, {skipped} skipped, {failed} failed")
    return 2 if failed else int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
