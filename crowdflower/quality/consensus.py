"""Votes in, a consensus out: what every method of counting has in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isnan
from statistics import fmean
from typing import Generic, TypeVar

from crowdflower.quality.weighing import DIGITS

Task = TypeVar("Task", bound=Hashable)
Worker = TypeVar("Worker", bound=Hashable)
Label = TypeVar("Label", bound=Hashable)


@dataclass(frozen=True, repr=False)
class Consensus(Generic[Task, Worker, Label]):
    """What a method makes of the votes; tasks, workers and labels in the order they first came."""

    labels: dict[Task, Label]
    """The label of each task: the most probable. Between equals the label with more votes wins,
    then the one given first."""

    probabilities: dict[Task, dict[Label, float]]
    """For each task the probability of each label: fractions that sum to 1. A label that the
    method does not consider for a task has no entry there."""

    skills: dict[Worker, float]
    """For each worker the share of their votes that is right, as far as the method can tell: a
    fraction in [0, 1]."""

    ties: frozenset[Task]
    """The tasks in which two labels were equally probable, so that a rule had to decide."""

    def __repr__(self) -> str:
        """Say how much there is: at a prompt, all of it would be pages."""
        ties = f", {len(self.ties)} tied" if self.ties else ""
        return f"<Consensus of {len(self.skills)} workers on {len(self.labels)} tasks{ties}>"


def numbered(
    votes: Iterable[tuple[Task, Worker, Label]],
) -> Iterator[tuple[int, tuple[Task, Worker, Label]]]:
    """Count votes, from 1 on.

    :raises ValueError: A vote does not have three parts.

    >>> list(numbered([("t1", "ann", "a")]))
    [(1, ('t1', 'ann', 'a'))]
    """
    for number, vote in enumerate(votes, start=1):
        try:
            task, worker, label = vote
        except (TypeError, ValueError):
            message = f"Vote {number} is {vote!r}: each is (task, worker, label)."
            raise ValueError(message) from None
        yield number, (task, worker, label)


@dataclass(frozen=True)
class Ballots(Generic[Task, Worker, Label]):
    """All votes, sorted by task and checked; in the order they came."""

    by_task: dict[Task, list[tuple[Worker, Label]]]

    @classmethod
    def read(cls, votes: Iterable[tuple[Task, Worker, Label]]) -> Ballots[Task, Worker, Label]:
        """Take in votes, all of them or none.

        :raises ValueError: A vote does not have three parts, or its label is missing (NaN).
        :raises TypeError: A part of a vote is not hashable, such as a list of labels.
        """
        by_task: dict[Task, list[tuple[Worker, Label]]] = {}
        for number, vote in numbered(votes):
            task, worker, label = vote
            try:
                hash((task, worker, label))
            except TypeError as unhashable:
                message = (
                    f"Vote {number} is {vote!r}, {unhashable}: give text or numbers, and for "
                    "several answers one vote each, or the tuple of them as one label."
                )
                raise TypeError(message) from None
            if isinstance(label, float) and isnan(label):
                raise ValueError(f"Vote {number} is {vote!r}: leave out votes without a label.")
            by_task.setdefault(task, []).append((worker, label))
        return cls(by_task)

    @property
    def workers(self) -> list[Worker]:
        """Everybody who voted, once."""
        return list(dict.fromkeys(worker for cast in self.by_task.values() for worker, _ in cast))

    @property
    def labels(self) -> list[Label]:
        """Every label that was given, once."""
        return list(dict.fromkeys(label for cast in self.by_task.values() for _, label in cast))

    def decide(
        self, probabilities: Mapping[Task, Mapping[Label, float]]
    ) -> tuple[dict[Task, Label], frozenset[Task]]:
        """Choose a label for each task, and tell where that took a rule."""
        labels, ties = {}, set()
        for task, cast in self.by_task.items():
            given = Counter(label for _, label in cast)
            rounded = {label: round(p, DIGITS) for label, p in probabilities[task].items()}
            top = max(rounded.values())
            best = [label for label in dict.fromkeys([*given, *rounded]) if rounded[label] == top]
            labels[task] = max(best, key=given.__getitem__)
            if len(best) > 1:
                ties.add(task)
        return labels, frozenset(ties)

    def skills(self, belief: Mapping[Task, Mapping[Label, float]]) -> dict[Worker, float]:
        """Average, over the votes of each worker, how far each is believed to be right."""
        believed: dict[Worker, list[float]] = {}
        for task, cast in self.by_task.items():
            for worker, label in cast:
                believed.setdefault(worker, []).append(belief[task].get(label, 0.0))
        return {worker: fmean(right) for worker, right in believed.items()}
