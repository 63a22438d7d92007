"""Benchmark: kill a busy server many times, and count lost and duplicated writes.

Run it with a Python that has the package and its development tools installed::

    python tests/benchmarks/sandbox/kills.py

Each round starts ``crowdflower serve`` on a file, resends the requests of the last round that got
no response, lets four clients upload, judge, order and give bonuses in parallel, kills the server
with SIGKILL within a second, and compares the file with the responses that the clients got. The
first argument is the number of rounds, the second the random seed.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[2] / "sandbox"))

from crashes import ForkServer, Workload, count_outcomes, kill_once
from oracle import find_violations

ROUNDS = 200
ROUNDS_PER_FILE = 20
MAX_SECONDS = 1.0
SEED = 2015


def main() -> None:
    """Run the rounds and print the outcomes of all writes."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    random = Random(int(sys.argv[2]) if len(sys.argv) > 2 else SEED)  # noqa: S311
    outcomes: Counter[tuple[str, str]] = Counter()
    problems: list[str] = []
    unknown = replayed = 0
    started = perf_counter()
    for first in range(0, rounds, ROUNDS_PER_FILE):
        with TemporaryDirectory() as directory, ForkServer() as server:
            workload = Workload.create(Path(directory) / "sandbox.db")
            for _ in range(min(ROUNDS_PER_FILE, rounds - first)):
                problems += kill_once(server, workload, random, MAX_SECONDS)
                unknown += sum(request.write.outcome == "unknown" for request in workload.requests)
            with server.serve(workload.file) as url:
                problems += workload.resend(url)
            problems += find_violations(
                workload.file, [request.write for request in workload.requests]
            )
            outcomes += count_outcomes(workload)
            replayed += workload.replayed
    print(f"{rounds} rounds in {perf_counter() - started:.0f} s, Python {sys.version.split()[0]}")
    print(f"{'':12}{'acknowledged':>14}{'refused':>10}")
    for kind in ("upload", "judgment", "order", "bonus"):
        print(f"{kind:12}{outcomes[kind, 'acknowledged']:14,}{outcomes[kind, 'refused']:10,}")
    print(f"{unknown:,} without a response because of a kill; all got one when they were resent")
    print(f"{replayed:,} responses replayed by idempotency key")
    print(f"{len(problems)} problems")
    for problem in problems[:20]:
        print("  ", problem)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
