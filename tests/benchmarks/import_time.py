"""How long ``import crowdflower`` takes over ``import requests``.

Run it with a Python that has the package installed::

    python tests/benchmarks/import_time.py

Each import happens in a fresh Python, the two in turn, so that a busy moment of the machine meets
both of them alike. The medians are printed, with the spread from the first to the third quartile.
"""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import quantiles
from tempfile import gettempdir

ROUNDS = 21
STATEMENTS = ("import requests", "import crowdflower")

TIMED = """
import time
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""


def milliseconds(statement: str) -> float:
    """Time one statement in a Python of its own, started where no package lies about."""
    answer = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", TIMED.format(statement=statement)],
        cwd=gettempdir(),
        check=True,
        capture_output=True,
        text=True,
    )
    return 1000 * float(answer.stdout)


def main() -> None:
    """Print the table."""
    # What pip installs has its byte code; a checkout may be kept from writing any.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for statement in STATEMENTS:
        milliseconds(statement)  # writes the byte code, fills the disk's cache
    rounds = [{each: milliseconds(each) for each in STATEMENTS} for _ in range(ROUNDS)]
    for times in rounds:
        times["crowdflower over requests"] = times["import crowdflower"] - times["import requests"]

    print(f"{ROUNDS} rounds, Python {sys.version.split()[0]}, milliseconds")
    print(f"{'':28}{'median':>10}{'quartiles':>18}")
    for name in rounds[0]:
        first, median, third = quantiles(times[name] for times in rounds)
        print(f"{name:28}{median:10.1f}{f'{first:.1f} - {third:.1f}':>18}")


if __name__ == "__main__":
    main()
