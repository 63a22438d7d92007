"""Every benchmark runs, at a hundredth of its size. Times are not judged."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tests.benchmarks"]
TIMEOUT = 600
SUITES = re.findall(
    r'^    "(\w+)": "', (ROOT / "tests/benchmarks/__main__.py").read_text("utf-8"), re.MULTILINE
)

NEEDS = {"spark_consensus": ["pyspark", "numpy"]}
"""What must be installed where a suite runs; one environment has what the others need."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own
        [*COMMAND, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )


@pytest.mark.parametrize("name", SUITES)
def test_each_benchmark_prints_its_line_with_a_number(name: str, tmp_path: Path) -> None:
    for package in NEEDS.get(name, ["trustme", "pandas"]):
        pytest.importorskip(package)

    process = run(name, "--scale", "0.01", "--rounds", "1", "--output", str(tmp_path))

    assert process.returncode == 0, process.stdout + process.stderr
    text = (tmp_path / f"{name}.txt").read_text("utf-8")
    assert f"{name}\n{'=' * len(name)}\n\n{text}" in process.stdout
    machine, table = text.split("\n\n", maxsplit=1)
    assert re.search(r"Python 3\.\d+\.\d+, .* \d+ cores", machine)
    assert re.search(r"load [\d.]+ before, [\d.]+ after", machine)
    _heading, *lines = table.splitlines()
    assert f"{len(lines)} lines: 0 missed" in process.stdout
    for line in lines:
        assert re.search(r"  +[\d.,]+( |$)|skipped: needs \w", line), line


def test_a_name_that_is_not_a_benchmark_is_refused() -> None:
    process = run("clinet")

    assert process.returncode == 2
    assert "no benchmark clinet: choose from speed, safety, client, " in process.stderr
