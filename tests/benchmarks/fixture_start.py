"""Benchmark: the time that the fixtures of the pytest plugin take for each test, and for pytest.

::

    python -m tests.benchmarks fixture_start

The limits are 5 ms for a test after the first, and 10 ms for a project that uses no fixture.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.benchmarks.harness import ROOT, Line, is_missed, scaled

STARTS = scaled(100, least=5)

TESTS = """
import json
from time import perf_counter, process_time

import pytest

times = []


@pytest.mark.parametrize("number", range({starts}))
def test_start(number, request):
    start = perf_counter(), process_time()
    request.getfixturevalue("crowdflower_client")
    times.append((1000 * (perf_counter() - start[0]), 1000 * (process_time() - start[1])))


def test_report(capsys):
    with capsys.disabled():
        print("\\n" + json.dumps(times))
"""

IMPORT = """
import logging, json, time, pytest
start = time.perf_counter(), time.process_time()
import crowdflower.testing
times = time.perf_counter() - start[0], time.process_time() - start[1]
print(json.dumps([[1000 * each for each in times]]))
"""


def _times(folder: str, *arguments: str) -> list[tuple[float, float]]:
    """Return times and processor times in milliseconds that a process prints as JSON."""
    process = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, *arguments],
        cwd=folder,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    found: list[tuple[float, float]] = json.loads(
        next(line for line in process.stdout.splitlines() if line.startswith("[["))
    )
    return found


def lines(rounds: int) -> Iterator[Line]:
    """Yield a line for the first test, one for the others, and one for the import."""
    with TemporaryDirectory() as folder:
        Path(folder, "test_start.py").write_text(TESTS.format(starts=STARTS), encoding="utf-8")
        pytest = (
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "crowdflower.testing",
            folder,
        )
        runs = [_times(folder, *pytest) for _ in range(rounds)]
        yield _line("fixture of the first test", [run[0] for run in runs], None)
        yield _line("fixture of each further test", [each for run in runs for each in run[1:]], 5)
        _times(folder, "-c", IMPORT)  # writes the byte code
        imports = [time for _ in range(2 * rounds) for time in _times(folder, "-c", IMPORT)]
        yield _line("import of the plugin, no fixture", imports, 10)


def _line(title: str, times: list[tuple[float, float]], limit: float | None) -> Line:
    busy = median(busy for _, busy in times)
    return Line(
        title,
        {
            "milliseconds": f"{median(time for time, _ in times):.1f}",
            "fastest": f"{min(time for time, _ in times):.1f}",
            "busy": f"{busy:.1f}",
        },
        "" if limit is None else f"{limit:g} ms",
        is_missed((limit, busy)),
    )
