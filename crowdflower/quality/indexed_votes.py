"""Votes as numbers: what the models compute with, in an order of its own.

Sums of floating-point numbers depend on their order in the last digit, and expectation maximization
can amplify that. So tasks, workers, labels and the votes on a task are sorted, and the order in
which votes are given makes no difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final, Generic

from crowdflower.quality.consensus import Label, Task, Votes, Worker, sort_values

HALF_KNOWN: Final = 5.0
"""Number of other votes of a worker at which the worker counts as half known."""

DIGITS: Final = 12
"""Decimal places to which models round probabilities after every pass. Without it, the last digits
of a perfect tie, which is a saddle point, would grow with every pass and break it at random."""


@dataclass(frozen=True)
class IndexedVotes(Generic[Task, Worker, Label]):
    """Votes with indices in place of values.

    ``tasks[t]`` is a list of ``(worker, label)``, and ``weights[t]`` has the weight of each.
    """

    tasks: list[list[tuple[int, int]]]
    weights: list[list[float]]
    task_values: list[Task]
    worker_values: list[Worker]
    label_values: list[Label]

    @classmethod
    def of(
        cls, votes: Votes[Task, Worker, Label], more_labels: Iterable[Label] = ()
    ) -> IndexedVotes[Task, Worker, Label]:
        """Index checked votes.

        :param more_labels: Labels that are possible, besides those given.
        """
        task_values = sort_values(votes.by_task)
        worker_values = sort_values(votes.workers)
        label_values = sort_values(dict.fromkeys([*votes.labels, *more_labels]))
        workers = {worker: index for index, worker in enumerate(worker_values)}
        labels = {label: index for index, label in enumerate(label_values)}
        tasks, weights = [], []
        for task in task_values:
            pairs = [(workers[worker], labels[label]) for worker, label in votes.by_task[task]]
            ordered = sorted(zip(pairs, votes.weights_of(task), strict=True))
            tasks.append([pair for pair, _ in ordered])
            weights.append([weight for _, weight in ordered])
        return cls(tasks, weights, task_values, worker_values, label_values)

    @property
    def workers(self) -> int:
        """The number of workers."""
        return len(self.worker_values)

    @property
    def labels(self) -> int:
        """The number of labels."""
        return len(self.label_values)

    @cached_property
    def first(self) -> list[int]:
        """The number of the first vote of each task, and the number of votes at the end."""
        return list(accumulate(map(len, self.tasks), initial=0))

    def on_task(self, task: int) -> list[tuple[int, int, int, float]]:
        """Return number, worker, label and weight of each vote on a task."""
        votes = zip(self.tasks[task], self.weights[task], strict=True)
        numbered = enumerate(votes, self.first[task])
        return [(number, worker, label, weight) for number, ((worker, label), weight) in numbered]

    def of_worker(self, worker: int) -> list[tuple[int, float]]:
        """Return the task and the weight of each vote of a worker."""
        return self._votes_of[worker]

    @cached_property
    def _votes_of(self) -> list[list[tuple[int, float]]]:
        found: list[list[tuple[int, float]]] = [[] for _ in range(self.workers)]
        for task, (votes, weights) in enumerate(zip(self.tasks, self.weights, strict=True)):
            for (worker, _), weight in zip(votes, weights, strict=True):
                found[worker].append((task, weight))
        return found

    @cached_property
    def by_worker(self) -> list[float]:
        """The sum of the weights of each worker's votes."""
        sums = [0.0] * self.workers
        for votes, weights in zip(self.tasks, self.weights, strict=True):
            for (worker, _), weight in zip(votes, weights, strict=True):
                sums[worker] += weight
        return sums

    def known_share(self, half_known: float = HALF_KNOWN) -> float:
        """Return how well the workers are known from their other votes, in [0, 1).

        It is 0 if everybody voted once. A crowd that prefers a label, and tasks of which more have
        that label, look the same until single workers are known; so label frequencies that are
        estimated from the votes count only by this share.
        """
        parts: Counter[tuple[float, float]] = Counter(
            (self.by_worker[worker], weight)
            for votes, weights in zip(self.tasks, self.weights, strict=True)
            for (worker, _), weight in zip(votes, weights, strict=True)
        )
        known = total = 0.0
        for (of_worker, weight), count in sorted(parts.items()):
            others = max(of_worker - weight, 0.0)
            known += count * weight * others / (others + half_known)
            total += count * weight
        return known / total if total else 0.0
