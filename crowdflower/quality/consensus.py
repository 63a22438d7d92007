"""Votes and their consensus: the input and output of all consensus methods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isnan
from statistics import fmean
from typing import Generic, TypeVar

from crowdflower.quality.trust_and_confidence import TIE_DIGITS

Task = TypeVar("Task", bound=Hashable)
Worker = TypeVar("Worker", bound=Hashable)
Label = TypeVar("Label", bound=Hashable)


@dataclass(frozen=True, repr=False)
class Consensus(Generic[Task, Worker, Label]):
    """The result of a consensus method; tasks, workers and labels in the order of the votes."""

    labels: dict[Task, Label]
    """The most probable label of each task. On a tie, the label with more votes wins, then the one
    given first."""

    probabilities: dict[Task, dict[Label, float]]
    """The probability of each label of each task: fractions that sum to 1. A label that the method
    does not consider for a task has no entry there."""

    skills: dict[Worker, float]
    """The estimated share of correct votes of each worker: a fraction in [0, 1]."""

    ties: frozenset[Task]
    """The tasks whose most probable label was a tie."""

    def __repr__(self) -> str:
        """Return a summary; the full content would fill pages at a prompt."""
        ties = f", {len(self.ties)} tied" if self.ties else ""
        return f"<Consensus of {len(self.skills)} workers on {len(self.labels)} tasks{ties}>"


def numbered_votes(
    votes: Iterable[tuple[Task, Worker, Label]],
) -> Iterator[tuple[int, tuple[Task, Worker, Label]]]:
    """Yield the votes with their numbers, from 1.

    :raises ValueError: A vote does not have three parts.

    >>> list(numbered_votes([("t1", "ann", "a")]))
    [(1, ('t1', 'ann', 'a'))]
    """
    for number, vote in enumerate(votes, start=1):
        try:
            task, worker, label = vote
        except (TypeError, ValueError):
            message = f"vote {number} is {vote!r}: each vote must be (task, worker, label)"
            raise ValueError(message) from None
        yield number, (task, worker, label)


@dataclass(frozen=True)
class Votes(Generic[Task, Worker, Label]):
    """Checked votes, grouped by task, in the order they were given."""

    by_task: dict[Task, list[tuple[Worker, Label]]]

    @classmethod
    def read(cls, votes: Iterable[tuple[Task, Worker, Label]]) -> Votes[Task, Worker, Label]:
        """Check the votes and group them by task.

        :raises ValueError: A vote does not have three parts, or its label is missing (NaN).
        :raises TypeError: A part of a vote is not hashable, such as a list of labels.
        """
        by_task: dict[Task, list[tuple[Worker, Label]]] = {}
        for number, vote in numbered_votes(votes):
            task, worker, label = vote
            try:
                hash((task, worker, label))
            except TypeError as unhashable:
                message = (
                    f"vote {number} is {vote!r}, {unhashable}: use strings or numbers; for several "
                    "answers, give one vote each, or one tuple as the label"
                )
                raise TypeError(message) from None
            if isinstance(label, float) and isnan(label):
                raise ValueError(f"vote {number} is {vote!r}: leave out votes without a label")
            by_task.setdefault(task, []).append((worker, label))
        return cls(by_task)

    @property
    def workers(self) -> list[Worker]:
        """The distinct workers."""
        return list(dict.fromkeys(worker for votes in self.by_task.values() for worker, _ in votes))

    @property
    def labels(self) -> list[Label]:
        """The distinct labels."""
        return list(dict.fromkeys(label for votes in self.by_task.values() for _, label in votes))

    def decide(
        self, probabilities: Mapping[Task, Mapping[Label, float]]
    ) -> tuple[dict[Task, Label], frozenset[Task]]:
        """Return the most probable label of each task, and the tasks with a tie."""
        labels, ties = {}, set()
        for task, votes in self.by_task.items():
            counts = Counter(label for _, label in votes)
            rounded = {label: round(p, TIE_DIGITS) for label, p in probabilities[task].items()}
            top = max(rounded.values())
            best = [label for label in dict.fromkeys([*counts, *rounded]) if rounded[label] == top]
            labels[task] = max(best, key=counts.__getitem__)
            if len(best) > 1:
                ties.add(task)
        return labels, frozenset(ties)

    def skills(self, probabilities: Mapping[Task, Mapping[Label, float]]) -> dict[Worker, float]:
        """Return the mean probability of the labels that each worker gave."""
        by_worker: dict[Worker, list[float]] = {}
        for task, votes in self.by_task.items():
            for worker, label in votes:
                by_worker.setdefault(worker, []).append(probabilities[task].get(label, 0.0))
        return {worker: fmean(given) for worker, given in by_worker.items()}
