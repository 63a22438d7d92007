"""Compares the default consensus method with crowd-kit's model of Dawid and Skene.

::

    python -m tests.benchmarks aggregation

A million simulated votes on 250,000 tasks, with 4 labels and 10,000 workers, are aggregated from
columns, from tuples and by crowd-kit; then ten millions from columns, for which the floor is ten
times fewer. It needs NumPy, and crowd-kit for the floor.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.benchmarks.harness import Benchmark, Line, Stopwatch, compare, run_case, scaled

if TYPE_CHECKING:
    import numpy as np

VOTES, VOTES_PER_TASK, VOTES_PER_WORKER, LABELS = scaled(1_000_000), 4, 100, 4
MANY_VOTES = 10 * VOTES
LEAST_RIGHT = 0.8
"""Least share of right labels; it is about 0.93."""

WORKS = [
    Benchmark(
        f"{VOTES:,} votes, from columns",
        "columns",
        "crowd_kit",
        times=1,
        megabytes=250,
        needs=["numpy"],
        floor_needs=["crowd-kit"],
        count=VOTES,
    ),
    Benchmark(
        f"{VOTES:,} votes, from tuples",
        "tuples",
        "crowd_kit",
        times=1.5,
        needs=["numpy"],
        floor_needs=["crowd-kit"],
        count=VOTES,
    ),
    Benchmark(
        f"{MANY_VOTES:,} votes, over {VOTES:,}",
        "many_columns",
        "columns",
        times=12,
        megabytes=1500,
        needs=["numpy"],
        count=MANY_VOTES,
        rounds=1,
    ),
]


def simulate(votes: int) -> tuple[Any, Any, Any, Any]:
    """Return task, worker and label of each vote, in random order, and the truth of each task."""
    import numpy as np  # noqa: PLC0415 - optional

    dice = np.random.default_rng(1)
    tasks, workers = votes // VOTES_PER_TASK, max(votes // VOTES_PER_WORKER, 5)
    task = np.repeat(np.arange(tasks), VOTES_PER_TASK)
    truth = dice.integers(0, LABELS, tasks)
    worker = dice.integers(0, workers, len(task))
    is_right = dice.random(len(task)) < dice.uniform(0.5, 0.95, workers)[worker]
    label = np.where(is_right, truth[task], dice.integers(0, LABELS, len(task)))
    order = dice.permutation(len(task))
    return task[order], worker[order], label[order], truth


def check(labels: dict[int, int], truth: np.ndarray[Any, Any]) -> None:
    """Check the share of right labels."""
    right = sum(labels[task] == answer for task, answer in enumerate(truth.tolist())) / len(truth)
    assert right >= LEAST_RIGHT, f"only {right:.1%} of the labels are right"


def columns_ours(watch: Stopwatch, votes: int = VOTES) -> None:
    """Aggregate NumPy columns."""
    from crowdflower.quality import VoteColumns, hierarchical_dawid_skene  # noqa: PLC0415

    task, worker, label, truth = simulate(votes)
    with watch():
        labels = hierarchical_dawid_skene(VoteColumns.of(task, worker, label)).labels
    check(labels, truth)


def columns_floor(watch: Stopwatch) -> None:
    """Aggregate ten times fewer columns."""
    columns_ours(watch)


def many_columns_ours(watch: Stopwatch) -> None:
    """Aggregate ten times as many columns."""
    columns_ours(watch, MANY_VOTES)


def tuples_ours(watch: Stopwatch) -> None:
    """Aggregate tuples."""
    from crowdflower.quality import hierarchical_dawid_skene  # noqa: PLC0415

    *columns, truth = simulate(VOTES)
    tuples = list(zip(*(column.tolist() for column in columns), strict=True))
    with watch():
        labels = hierarchical_dawid_skene(tuples).labels
    check(labels, truth)


def crowd_kit_floor(watch: Stopwatch) -> None:
    """Aggregate a frame with crowd-kit."""
    import pandas as pd  # noqa: PLC0415 - crowd-kit needs it
    from crowdkit.aggregation import DawidSkene  # noqa: PLC0415

    *columns, truth = simulate(VOTES)
    frame = pd.DataFrame(dict(zip(("task", "worker", "label"), columns, strict=True)))
    with watch():
        labels = dict(DawidSkene(100).fit_predict(frame))
    check(labels, truth)


def lines(rounds: int) -> Iterator[Line]:
    """Yield a line per way."""
    for work in WORKS:
        yield compare(work, partial(run_case, __name__), rounds)
