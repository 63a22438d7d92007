"""Benchmark: kill a busy server many times, and count lost and duplicated writes.

::

    python -m tests.benchmarks kills

Each round starts ``crowdflower serve`` on a file, resends the requests of the last round that got
no response, lets four clients upload, judge, order and give bonuses in parallel, kills the server
with SIGKILL within a second, and compares the file with the responses that the clients got.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.benchmarks.harness import Line, scaled

sys.path.insert(0, str(Path(__file__).parents[2] / "sandbox"))

from crashes import ForkServer, Workload, count_outcomes, kill_once
from oracle import find_violations

KILLS = scaled(200)
ROUNDS_PER_FILE = 20
MAX_SECONDS = 1.0
SEED = 2015


def lines(_rounds: int) -> Iterator[Line]:
    """Kill the server, and yield a line per kind of write; the kills are the rounds."""
    random = Random(SEED)  # noqa: S311 - no secret
    outcomes: Counter[tuple[str, str]] = Counter()
    problems: list[str] = []
    unknown = replayed = 0
    for first in range(0, KILLS, ROUNDS_PER_FILE):
        with TemporaryDirectory() as directory, ForkServer() as server:
            workload = Workload.create(Path(directory) / "sandbox.db")
            for _ in range(min(ROUNDS_PER_FILE, KILLS - first)):
                problems += kill_once(server, workload, random, MAX_SECONDS)
                unknown += sum(request.write.outcome == "unknown" for request in workload.requests)
            with server.serve(workload.file) as url:
                problems += workload.resend(url)
            problems += find_violations(
                workload.file, [request.write for request in workload.requests]
            )
            outcomes += count_outcomes(workload)
            replayed += workload.replayed
    for kind in ("upload", "judgment", "order", "bonus"):
        yield Line(
            kind,
            {
                "acknowledged": f"{outcomes[kind, 'acknowledged']:,}",
                "refused": f"{outcomes[kind, 'refused']:,}",
            },
        )
    yield Line(
        f"{KILLS} kills",
        {
            "no response": f"{unknown:,}",
            "replayed by key": f"{replayed:,}",
            "lost or duplicated": f"{len(problems)}",
        },
        "none lost or duplicated",
        note="; ".join(problems[:20]),
        failed=bool(problems),
    )
