"""Benchmark: the time of ``from crowdflower import Client`` beyond ``import requests``.

Run it with a Python that has the package installed::

    python tests/benchmarks/import_time.py

Each import runs in a new process. The two alternate, so that other load on the machine affects both
in the same way. The output is the medians and the quartiles.
"""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import quantiles
from tempfile import gettempdir

ROUNDS = 21
STATEMENTS = ("import requests", "from crowdflower import Client")

SCRIPT = """
import time
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""


def milliseconds(statement: str) -> float:
    """Time one statement in a new process, started outside the checkout."""
    process = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", SCRIPT.format(statement=statement)],
        cwd=gettempdir(),
        check=True,
        capture_output=True,
        text=True,
    )
    return 1000 * float(process.stdout)


def main() -> None:
    """Print the table."""
    # pip compiles byte code on installation; let a checkout write it too.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for statement in STATEMENTS:
        milliseconds(statement)  # writes the byte code, and warms up the disk cache
    rounds = [{each: milliseconds(each) for each in STATEMENTS} for _ in range(ROUNDS)]
    for times in rounds:
        times["crowdflower over requests"] = (
            times["from crowdflower import Client"] - times["import requests"]
        )

    print(f"{ROUNDS} rounds, Python {sys.version.split()[0]}, milliseconds")
    print(f"{'':28}{'median':>10}{'quartiles':>18}")
    for name in rounds[0]:
        first, median, third = quantiles(times[name] for times in rounds)
        print(f"{name:28}{median:10.1f}{f'{first:.1f} - {third:.1f}':>18}")


if __name__ == "__main__":
    main()
