"""Intervals of the probabilities of a fitted model, computed when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp, sqrt
from typing import Any, Final, Protocol

NINETY_PERCENT: Final = 1.645
"""Half the width of a 90 % interval of a normal distribution, in standard deviations."""

PRIOR_VOTES: Final = 5.0
"""Votes that are added to those of a worker when the variance of a likelihood is estimated."""


class FittedModel(Protocol):
    """What is read of a fitted model; tasks, labels and votes are numbers."""

    def score(self, task: int, label: int) -> float:
        """Return the logarithm of the belief in a label, up to a constant."""

    def belief(self, task: int, label: int) -> float:
        """Return the probability of a label, not softened."""

    def likelihood(self, vote: int, label: int, given: int) -> float:
        """Return the probability of a vote if a label is the true one."""


class VotesByNumber(Protocol):
    """What is read of the votes."""

    @property
    def task_values(self) -> list[Any]:
        """The tasks by their numbers."""

    @property
    def label_values(self) -> list[Any]:
        """The labels by their numbers."""

    def on_task(self, task: int) -> list[tuple[int, int, int, float]]:
        """Return number, worker, label and weight of each vote on a task."""

    def of_worker(self, worker: int) -> list[tuple[int, float]]:
        """Return the task and the weight of each vote of a worker."""


@dataclass
class Intervals:
    """Computes the interval of a label of a task.

    :param known: The number of the true label of each task; ``None`` or -1 where it is not known.
    """

    votes: VotesByNumber
    known: Sequence[int | None]
    fitted: FittedModel
    labels: Mapping[Any, Any]
    probabilities: Mapping[Any, Mapping[Any, float]]

    def __call__(self, task: Any, label: Any = None) -> tuple[float, float]:
        """Return the interval of a label of a task, by default of the chosen one."""
        label = self.labels[task] if label is None else label
        number, wanted = self._tasks[task], self._labels[label]
        probability = self.probabilities[task].get(label, 0.0)
        others = [each for each in self._labels.values() if each != wanted]
        if self._known(number) is not None or not others:
            return probability, probability
        second = max(others, key=lambda each: self.fitted.score(number, each))
        difference = self.fitted.score(number, wanted) - self.fitted.score(number, second)
        width = NINETY_PERCENT * sqrt(self._variance(number, wanted, second))
        return (
            min(_logistic(difference - width), probability),
            max(_logistic(difference + width), probability),
        )

    def _variance(self, task: int, *labels: int) -> float:
        """Return the variance of the log odds of two labels."""
        total = 0.0
        for vote, worker, given, weight in self.votes.on_task(task):
            for label in labels:
                likelihood = self.fitted.likelihood(vote, label, given)
                own = weight * self._belief(task, label) ** 2
                observed = max(self._observed(worker, label) - own, 0.0) + PRIOR_VOTES
                total += weight**2 * (1 - likelihood) / (likelihood * observed)
        return total

    def _observed(self, worker: int, label: int) -> float:
        """Return how many votes a worker gave on tasks whose true label is probably this one."""
        key = worker, label
        if key not in self._cache:
            self._cache[key] = sum(
                weight * self._belief(task, label) ** 2
                for task, weight in self.votes.of_worker(worker)
            )
        return self._cache[key]

    def _belief(self, task: int, label: int) -> float:
        known = self._known(task)
        return self.fitted.belief(task, label) if known is None else float(label == known)

    def _known(self, task: int) -> int | None:
        label = self.known[task]
        return None if label is None or label < 0 else int(label)

    @cached_property
    def _cache(self) -> dict[tuple[int, int], float]:
        return {}

    @cached_property
    def _tasks(self) -> dict[Any, int]:
        return {task: number for number, task in enumerate(self.votes.task_values)}

    @cached_property
    def _labels(self) -> dict[Any, int]:
        return {label: number for number, label in enumerate(self.votes.label_values)}


def _logistic(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds)) if log_odds > 0 else 1 - 1 / (1 + exp(log_odds))
