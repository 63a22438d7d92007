"""Compares the default consensus method with crowd-kit's model of Dawid and Skene.

Run it with a Python that has the package, NumPy and crowd-kit installed::

    python tests/benchmarks/aggregation.py

A million simulated votes on 250,000 tasks, with 4 labels and 10,000 workers, are aggregated from
columns, from tuples and by crowd-kit, each in a process of its own. The exit status is 1 if the
time from columns is above that of crowd-kit in the same run, or that from tuples above one and a
half of it, or if more than 250 MB were used from columns. The first argument is the number of
votes.
"""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np

VOTES, VOTES_PER_TASK, VOTES_PER_WORKER, LABELS = 1_000_000, 4, 100, 4
LIMITS = {"columns": 1.0, "tuples": 1.5}
"""The longest time, as a multiple of crowd-kit's."""

MAX_MB = 250


def simulate(votes: int) -> tuple[Any, Any, Any, Any]:
    """Return task, worker and label of each vote, in random order, and the truth of each task."""
    dice = np.random.default_rng(1)
    tasks, workers = votes // VOTES_PER_TASK, max(votes // VOTES_PER_WORKER, 5)
    task = np.repeat(np.arange(tasks), VOTES_PER_TASK)
    truth = dice.integers(0, LABELS, tasks)
    worker = dice.integers(0, workers, len(task))
    is_right = dice.random(len(task)) < dice.uniform(0.5, 0.95, workers)[worker]
    label = np.where(is_right, truth[task], dice.integers(0, LABELS, len(task)))
    order = dice.permutation(len(task))
    return task[order], worker[order], label[order], truth


def from_columns(task: Any, worker: Any, label: Any) -> dict[int, int]:
    """Aggregate NumPy columns."""
    from crowdflower.quality import VoteColumns, hierarchical_dawid_skene  # noqa: PLC0415

    return hierarchical_dawid_skene(VoteColumns.of(task, worker, label)).labels


def from_tuples(votes: list[tuple[int, int, int]]) -> dict[int, int]:
    """Aggregate tuples."""
    from crowdflower.quality import hierarchical_dawid_skene  # noqa: PLC0415

    return hierarchical_dawid_skene(votes).labels


def measure(how: str, votes: int) -> None:
    """Print seconds, the peak of memory in MB, and the share of right labels."""
    *columns, truth = simulate(votes)
    if how == "crowd-kit":
        import pandas as pd  # noqa: PLC0415
        from crowdkit.aggregation import DawidSkene  # noqa: PLC0415

        frame = pd.DataFrame(dict(zip(("task", "worker", "label"), columns, strict=True)))
        started = time.perf_counter()
        labels = dict(DawidSkene(100).fit_predict(frame))
    elif how == "columns":
        started = time.perf_counter()
        labels = from_columns(*columns)
    else:
        tuples = list(zip(*(column.tolist() for column in columns), strict=True))
        started = time.perf_counter()
        labels = from_tuples(tuples)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    right = np.mean([labels[task] == answer for task, answer in enumerate(truth)])
    print(seconds, peak, right)


def main() -> int:
    """Measure each way in a process of its own; return the exit status."""
    votes = int(sys.argv[1]) if len(sys.argv) > 1 else VOTES
    print(
        f"{platform.platform()}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )
    found = {}
    for how in ("crowd-kit", "columns", "tuples"):
        command = [sys.executable, __file__, how, str(votes)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        found[how] = [float(each) for each in answer.stdout.split()]
    floor = found["crowd-kit"][0]
    failed = found["columns"][1] > MAX_MB
    for how, (seconds, peak, right) in found.items():
        limit = LIMITS.get(how)
        missed = limit is not None and seconds > limit * floor
        failed |= missed
        print(
            f"{votes:,} votes, {how:10} {seconds:6.2f} s  {seconds / floor:5.2f} x  {peak:,.0f} MB"
            f"  {right:.1%} right{'  MISSED' if missed else ''}"
        )
    return int(failed)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].isdigit():
        measure(sys.argv[1], int(sys.argv[2]))
    else:
        sys.exit(main())
