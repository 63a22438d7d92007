"""Benchmark: the time of ``from crowdflower import Client`` beyond ``import requests``.

::

    python -m tests.benchmarks import_time

Each import runs in a new process. The two alternate, so that other load on the machine affects both
in the same way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from statistics import quantiles
from tempfile import gettempdir

from tests.benchmarks.harness import ROOT, Line, is_missed, scaled

ROUNDS = scaled(21, least=3)
MAX_MILLISECONDS = 40
STATEMENTS = ("import requests", "from crowdflower import Client")

SCRIPT = """
import time
start = time.perf_counter(), time.process_time()
{statement}
print([time.perf_counter() - start[0], time.process_time() - start[1]])
"""


def milliseconds(statement: str) -> tuple[float, float]:
    """Return time and processor time of one statement in a new process."""
    process = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", SCRIPT.format(statement=statement)],
        cwd=gettempdir(),
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    seconds, busy = json.loads(process.stdout)
    return 1000 * seconds, 1000 * busy


def lines(rounds: int) -> Iterator[Line]:
    """Yield a line per statement, and one for the difference."""
    for statement in STATEMENTS:
        milliseconds(statement)  # writes the byte code, and warms up the disk cache
    runs = [
        {each: milliseconds(each) for each in STATEMENTS}
        for _ in range(max(2, ROUNDS * rounds // 3))
    ]
    requests, ours = STATEMENTS
    difference = f"{ours.split()[1]} over requests"
    for run in runs:
        run[difference] = (run[ours][0] - run[requests][0], run[ours][1] - run[requests][1])
    for name in runs[0]:
        first, median, third = quantiles(run[name][0] for run in runs)
        _, busy, _ = quantiles(run[name][1] for run in runs)
        is_limited = name == difference
        yield Line(
            name,
            {
                "milliseconds": f"{median:.1f}",
                "quartiles": f"{first:.1f} - {third:.1f}",
                "busy": f"{busy:.1f}",
            },
            f"{MAX_MILLISECONDS} ms" if is_limited else "",
            is_limited and is_missed((MAX_MILLISECONDS, busy)),
        )
