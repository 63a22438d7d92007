"""The hierarchical model of Dawid and Skene in columns: what changes from pass to pass.

Votes are processed in blocks, so that what one block needs stays in the cache of the processor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crowdflower.quality.hierarchical.model import Priors
from crowdflower.quality.vote_columns import Floats, Integers, VoteColumns

BLOCK: Final = 1 << 15
"""Votes that are processed at a time."""

ONE: Final = np.ones(1)
"""The weight of votes without weights."""

Slots: TypeAlias = NDArray[np.int64]
"""Numbers of slots, or of what they belong to."""

Block: TypeAlias = tuple[slice, slice]
"""Some tasks, and their votes."""


@dataclass(frozen=True)
class ArrayProblem:
    """The votes, what is known about the answers, and when to stop."""

    votes: VoteColumns

    known: Integers
    """The true label of each task, where it is known; otherwise -1."""

    frequencies: Floats | None
    """The known frequency of each label."""

    priors: Priors
    passes: int
    tolerance: float

    @property
    def labels(self) -> int:
        """The number of labels."""
        return len(self.votes.label_values)


class ArrayState(ABC):
    """The votes in columns, and what changes from pass to pass."""

    scores: Floats
    """Logarithms of the beliefs by slot, up to a constant."""

    others: Floats
    """The frequency of all labels without a slot together, by task."""

    def __init__(self, problem: ArrayProblem) -> None:
        votes = problem.votes
        self.problem = problem
        self.votes = votes
        self.labels = problem.labels
        self.tasks = len(votes.task_values)
        self.weight = votes.weight
        self.is_free = problem.known < 0
        self.all_free = bool(self.is_free.all())
        self.sizes = np.diff(votes.first)
        self.blocks = list(_blocks(votes.first))
        self.frequencies = np.full(self.labels, 1 / self.labels)
        self.rests = np.zeros(self.tasks)
        self.others = np.zeros(self.tasks)
        copying = problem.priors.copying
        odds = copying / (copying + (1 - copying) / self.labels)
        self.odds = np.full(len(votes), odds)
        self.copied = np.empty(len(votes))
        self.known_share = votes.known_share(problem.priors.half_known)
        self._number_pairs()
        self.votes_for = self._sum_pairs(self.weight)
        self._number_slots()
        self.beliefs = self._vote_shares()

    # The layout

    def _number_pairs(self) -> None:
        """Number the pairs of worker and label that have votes."""
        votes, labels = self.votes, self.labels
        workers = len(votes.worker_values)
        pair = votes.worker.astype(np.int64) * labels + votes.label
        if workers * labels <= 4 * len(votes) + BLOCK:
            self.pairs = workers * labels
            self.worker_of_pair = np.repeat(np.arange(workers), labels)
        else:
            found, pair = np.unique(pair, return_inverse=True)
            self.pairs, self.worker_of_pair = len(found), found // labels
        self.pair = pair.astype(np.int32)

    def _sum_pairs(self, weights: Floats | None) -> Floats:
        return np.bincount(self.pair, weights, self.pairs).astype(np.float64, copy=False)

    @abstractmethod
    def _number_slots(self) -> None: ...

    @abstractmethod
    def slots_of(self, task: int) -> slice:
        """Return the slots of a task."""

    @abstractmethod
    def find_slot(self, task: int, label: int) -> int | None:
        """Return the slot of a label of a task; ``None`` if it has none."""

    @abstractmethod
    def labels_of(self, task: int) -> list[int]:
        """Return the labels of the slots of a task."""

    @abstractmethod
    def slot_of_vote(self) -> Slots:
        """Return the slot of the label of each vote."""

    @abstractmethod
    def given_slots(self) -> tuple[Slots, Slots, Slots, Floats]:
        """Return the slots of labels given: slot, task, label, and the weight of the votes."""

    def given_labels(self, task: int) -> list[int]:
        """Return the labels that have a vote on a task."""
        at = slice(int(self.votes.first[task]), int(self.votes.first[task + 1]))
        return list(dict.fromkeys(self.votes.label[at].tolist()))

    @abstractmethod
    def most_probable_beyond(self, probabilities: Floats, rests: Floats, given: Slots) -> Floats:
        """Return the highest probability, by task, of a label that no worker gave for it."""

    @abstractmethod
    def _vote_shares(self) -> Floats: ...

    # A pass

    def estimate_frequencies(self) -> None:
        """Estimate how frequent each label is, as far as the workers are known."""
        problem = self.problem
        if problem.frequencies is not None:
            self.frequencies = problem.frequencies
            return
        counts = self._label_counts()
        alpha, labels = problem.priors.frequency_votes, self.labels
        size = int(self.is_free.sum()) + labels * alpha
        estimate = (np.maximum(counts, 0.0) + alpha) / size
        self.frequencies = self.known_share * estimate + (1 - self.known_share) / labels

    @abstractmethod
    def _label_counts(self) -> Floats: ...

    @abstractmethod
    def estimate_workers(self) -> None:
        """Sum up, by worker, what was copied, and the votes by true label."""

    @abstractmethod
    def estimate_labels(self) -> float:
        """Estimate the labels; return the largest change of any probability."""

    def _sum_copied(self) -> None:
        weighted = self.copied if self.weight is None else self.copied * self.weight
        self.copied_by_pair = self._sum_pairs(weighted)
        workers = len(self.votes.worker_values)
        self.copied_by_worker = np.bincount(self.worker_of_pair, self.copied_by_pair, workers)
        priors, counts = self.problem.priors, self.votes.by_worker
        self._copying_sum = self.copied_by_worker + priors.copying_votes * priors.copying
        self._copying_size = counts + priors.copying_votes
        self._habit_sum = self.votes_for - self.copied_by_pair + priors.habit_votes / self.labels
        self._habit_size = counts - self.copied_by_worker + priors.habit_votes

    def _copy_or_habit(self, at: slice) -> tuple[Floats, Floats]:
        """Return, for some votes, how often their workers copy, and answer so by habit.

        Both are estimated from the other votes of the worker.
        """
        worker, pair = self.votes.worker[at], self.pair[at]
        copied = self.copied[at]
        amount = ONE if self.weight is None else self.weight[at]
        own = copied * amount
        by_habit = amount - own
        copying = self._copying_sum.take(worker)
        copying -= own
        copying /= self._copying_size.take(worker) - amount
        habit = self._habit_sum.take(pair)
        habit -= by_habit
        habit /= self._habit_size.take(worker) - by_habit
        habit *= 1 - copying
        return copying, habit

    # After the last pass

    @abstractmethod
    def soften(self, scale: float) -> tuple[Floats, Floats]:
        """Return the softened probability of each slot, and of the rest of each task."""

    @abstractmethod
    def fits_of_scales(self) -> Floats:
        """Return how well each scale predicts each vote from the other votes on its task."""

    @abstractmethod
    def likelihood(self, vote: int, label: int, given: int) -> float:
        """Return the probability of a vote if a label is the true one."""

    def _is_counted(self, at: slice) -> NDArray[np.bool_] | None:
        """Return which votes are on tasks whose label is not known; ``None`` if all are."""
        if self.all_free:
            return None
        return np.repeat(self.is_free[at], self.sizes[at])

    def _sum_fits(self, chances: Floats, block: Block) -> float:
        """Return the sum of the logarithms of the chances of some votes, weighted."""
        tasks, at = block
        logs = np.log(chances)
        if self.weight is not None:
            logs *= self.weight[at]
        counted = self._is_counted(tasks)
        return float(logs.sum() if counted is None else logs[counted].sum())


def _blocks(first: NDArray[np.int64]) -> Iterator[Block]:
    """Yield tasks with about :data:`BLOCK` votes together, and their votes."""
    cuts, tasks = [0], len(first) - 1
    while cuts[-1] < tasks:
        wanted = int(np.searchsorted(first, first[cuts[-1]] + BLOCK, side="right")) - 1
        cuts.append(max(cuts[-1] + 1, wanted))
    for start, end in pairwise(cuts):
        yield slice(start, end), slice(int(first[start]), int(first[end]))
