"""Benchmark: the time that the fixtures of the pytest plugin take for each test, and for pytest.

Run it with a Python that has the package installed::

    python tests/benchmarks/fixture_start.py

The limits are 5 ms for a test after the first, and 10 ms for a project that uses no fixture.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

TESTS = """
from statistics import median
from time import perf_counter

import pytest

times = []


@pytest.mark.parametrize("number", range(100))
def test_start(number, request):
    start = perf_counter()
    request.getfixturevalue("crowdflower_client")
    times.append(1000 * (perf_counter() - start))


def test_report(capsys):
    with capsys.disabled():
        print(f"\\nfirst test {times[0]:8.1f} ms, others: median {median(times[1:]):.1f} ms,"
              f" fastest {min(times):.1f} ms")
"""

IMPORT = """
import logging, time, pytest
start = time.perf_counter()
import crowdflower.testing
print(f"the import of the plugin: {1000 * (time.perf_counter() - start):.1f} ms")
"""


def main() -> None:
    """Print both."""
    with TemporaryDirectory() as folder:
        Path(folder, "test_start.py").write_text(TESTS, encoding="utf-8")
        for command in (["-c", IMPORT], ["-m", "pytest", "-q", "-p", "no:cacheprovider", folder]):
            subprocess.run([sys.executable, *command], cwd=folder, check=True)  # noqa: S603 - our own Python


if __name__ == "__main__":
    main()
