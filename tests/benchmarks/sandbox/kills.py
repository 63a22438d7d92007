"""How often a server can be killed in the middle of its work without losing or doubling any of it.

Run it with a Python that has the package and its development tools installed::

    python tests/benchmarks/sandbox/kills.py

Each round starts ``crowdflower serve`` on a file, sends again what the last round left open, lets
four senders upload, judge, order and give bonuses at once, kills the server with SIGKILL after a
random part of a second, and holds the file against what the senders were told. A number after the
command changes how many rounds, a second one the chance.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[2] / "sandbox"))

from crashes import Nursery, Scene, killed_once, tally
from oracle import find_violations

ROUNDS = 200
ON_ONE_FILE = 20
LONGEST = 1.0
SEED = 2015


def main() -> None:
    """Print what was sent, and what came of it."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    chance = Random(int(sys.argv[2]) if len(sys.argv) > 2 else SEED)  # noqa: S311
    told: Counter[tuple[str, str]] = Counter()
    problems: list[str] = []
    left_open = replayed = 0
    began = perf_counter()
    for first in range(0, rounds, ON_ONE_FILE):
        with TemporaryDirectory() as directory, Nursery() as nursery:
            scene = Scene.prepared(Path(directory) / "sandbox.db")
            for _ in range(min(ON_ONE_FILE, rounds - first)):
                problems += killed_once(nursery, scene, chance, LONGEST)
                left_open += sum(each.write.outcome == "unknown" for each in scene.sent)
            with nursery.serving(scene.file) as url:
                problems += scene.send_again(url)
            problems += find_violations(scene.file, [each.write for each in scene.sent])
            told += tally(scene)
            replayed += scene.replayed
    print(f"{rounds} rounds in {perf_counter() - began:.0f} s, Python {sys.version.split()[0]}")
    print(f"{'':12}{'acknowledged':>14}{'refused':>10}")
    for kind in ("upload", "judgment", "order", "bonus"):
        print(f"{kind:12}{told[kind, 'acknowledged']:14,}{told[kind, 'refused']:10,}")
    print(f"{left_open:,} left open by a kill, all answered when they were sent again")
    print(f"{replayed:,} answered as before, under their key")
    print(f"{len(problems)} that do not hold")
    for problem in problems[:20]:
        print("  ", problem)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
