"""The hierarchical model in columns, with few labels: a confusion matrix for each worker."""

from __future__ import annotations

import numpy as np

from crowdflower.quality.hierarchical.array_state import BLOCK, ArrayState, Slots
from crowdflower.quality.hierarchical.model import SCALES
from crowdflower.quality.indexed_votes import DIGITS
from crowdflower.quality.vote_columns import Floats, Integers


class ConfusionTables(ArrayState):
    """With few labels: each task has a slot for every label, each worker a confusion matrix.

    Slots are the rows of a matrix with a column per label, stored label by label.
    """

    def _number_slots(self) -> None:
        pass

    @property
    def _matrix(self) -> Floats:
        return self.beliefs.reshape(self.tasks, self.labels)

    def slots_of(self, task: int) -> slice:
        """Return the slots of a task."""
        return slice(task * self.labels, (task + 1) * self.labels)

    def find_slot(self, task: int, label: int) -> int | None:
        """Return the slot of a label of a task."""
        return task * self.labels + label

    def labels_of(self, task: int) -> list[int]:  # noqa: ARG002 - the same for all
        """Return the labels of the slots of a task."""
        return list(range(self.labels))

    def slot_of_vote(self) -> Slots:
        """Return the slot of the label of each vote."""
        return self.votes.task.astype(np.int64) * self.labels + self.votes.label

    def given_slots(self) -> tuple[Slots, Slots, Slots, Floats]:
        """Return slot, task, label and weight of the labels given."""
        weight = np.bincount(self.slot_of_vote(), self.weight, self.tasks * self.labels)
        slots = np.flatnonzero(weight)
        return slots, slots // self.labels, slots % self.labels, weight[slots].astype(np.float64)

    def most_probable_beyond(self, probabilities: Floats, rests: Floats, given: Slots) -> Floats:  # noqa: ARG002 - no rests
        """Return the highest probability, by task, of a label that no worker gave for it."""
        beyond = probabilities.copy()
        beyond[given] = 0.0
        most: Floats = beyond.reshape(self.tasks, self.labels).max(axis=1)
        return most

    def _vote_shares(self) -> Floats:
        counts = np.bincount(self.slot_of_vote(), self.weight, self.tasks * self.labels)
        shares = counts.reshape(self.tasks, self.labels).astype(np.float64)
        shares /= shares.sum(axis=1, keepdims=True)
        np.round(shares, DIGITS, out=shares)
        if not self.all_free:
            known = np.flatnonzero(~self.is_free)
            shares[known] = 0.0
            shares[known, self.problem.known[known]] = 1.0
        return shares.ravel()

    def _label_counts(self) -> Floats:
        matrix = self._matrix
        counts: Floats = (matrix if self.all_free else matrix[self.is_free]).sum(axis=0)
        return counts

    def estimate_workers(self) -> None:
        """Sum up what each worker copied, and the votes by true label."""
        matrix, labels = self._matrix, self.labels
        cells = np.zeros((labels, self.pairs))
        for tasks, at in self.blocks:
            sizes, pair, given = self.sizes[tasks], self.pair[at], self.votes.label[at]
            weight = None if self.weight is None else self.weight[at]
            own = np.zeros(at.stop - at.start)
            for label in range(labels):
                belief = np.repeat(matrix[tasks, label], sizes)
                own += belief * (given == label)
                if weight is not None:
                    belief *= weight
                _add_at(cells[label], pair, belief)
            own *= self.odds[at]
            self.copied[at] = own
        self._cells = cells
        workers = len(self.votes.worker_values)
        self._columns = np.stack([np.bincount(self.worker_of_pair, row, workers) for row in cells])
        self._sum_copied()

    def estimate_labels(self) -> float:
        """Estimate the labels; return the largest change of any probability."""
        before, largest = self._matrix, 0.0
        after = np.empty_like(before)
        self.scores = scores_of_all = np.empty(self.tasks * self.labels)
        matrix = scores_of_all.reshape(self.tasks, self.labels)
        for tasks, at in self.blocks:
            scores, _ = self._score(tasks, at, adopt=True)
            matrix[tasks] = scores
            scores -= scores.max(axis=1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=1, keepdims=True)
            np.round(scores, DIGITS, out=scores)
            if not self.all_free:
                fixed = ~self.is_free[tasks]
                scores[fixed] = before[tasks][fixed]
            largest = max(largest, float(np.abs(scores - before[tasks]).max()))
            after[tasks] = scores
        self._before = before
        self.beliefs = after.ravel()
        return largest

    def _score(
        self, tasks: slice, at: slice, *, adopt: bool = False, keep: bool = False
    ) -> tuple[Floats, list[Floats]]:
        """Return the scores of some tasks, and with ``keep`` the log likelihoods of their votes."""
        matrix = self._matrix if adopt else self._before
        log_frequencies = np.log(self.frequencies)
        sizes, pair = self.sizes[tasks], self.pair[at]
        worker, given = self.votes.worker[at], self.votes.label[at]
        weight = None if self.weight is None else self.weight[at]
        copying, habit = self._copy_or_habit(at)
        if adopt:
            np.divide(copying, copying + habit, out=self.odds[at])
        size = self.problem.priors.table_votes
        copying *= size
        habit *= size
        starts = self.votes.first[tasks] - at.start
        scores = np.empty((len(sizes), self.labels))
        likelihoods = []
        for label in range(self.labels):
            own = np.repeat(matrix[tasks, label], sizes)
            if weight is not None:
                own *= weight
            chance = self._cells[label].take(pair)
            chance -= own
            np.maximum(chance, 0.0, out=chance)
            chance += habit
            chance += copying * (given == label)
            total = self._columns[label].take(worker)
            total -= own
            np.maximum(total, 0.0, out=total)
            total += size
            chance /= total
            np.log(chance, out=chance)
            if keep:
                likelihoods.append(chance)
            weighted = chance if weight is None else chance * weight
            scores[:, label] = np.add.reduceat(weighted, starts)
            scores[:, label] += log_frequencies[label]
        return scores, likelihoods

    def soften(self, scale: float) -> tuple[Floats, Floats]:
        """Return the softened probability of each slot, and of the rest of each task."""
        odds = self.scores.reshape(self.tasks, self.labels) * scale
        odds -= odds.max(axis=1, keepdims=True)
        np.exp(odds, out=odds)
        odds /= odds.sum(axis=1, keepdims=True)
        if not self.all_free:
            odds[~self.is_free] = self._matrix[~self.is_free]
        return odds.ravel(), np.zeros(self.tasks)

    def fits_of_scales(self) -> Floats:
        """Return how well each scale predicts each vote from the other votes on its task."""
        fits = np.zeros(len(SCALES))
        for block in self.blocks:
            tasks, at = block
            scores, logs = self._score(tasks, at, keep=True)
            from_others = []
            for label, likelihood in enumerate(logs):
                rest = np.repeat(scores[:, label], self.sizes[tasks])
                rest -= likelihood if self.weight is None else likelihood * self.weight[at]
                from_others.append(rest)
            top = np.maximum.reduce(from_others)
            for each in from_others:
                np.subtract(each, top, out=each)
            chances = [np.exp(each) for each in logs]
            for index, scale in enumerate(SCALES):
                total = np.zeros(len(top))
                predicted = np.zeros(len(top))
                for rest, chance in zip(from_others, chances, strict=True):
                    odds = np.exp(scale * rest)
                    total += odds
                    odds *= chance
                    predicted += odds
                predicted /= total
                fits[index] += self._sum_fits(predicted, block)
        return fits

    def likelihood(self, vote: int, label: int, given: int) -> float:
        """Return the probability of a vote if a label is the true one."""
        at = slice(vote, vote + 1)
        copying, habit = (float(each[0]) for each in self._copy_or_habit(at))
        weight = 1.0 if self.weight is None else float(self.weight[vote])
        own = weight * float(self._before[self.votes.task[vote], label])
        size = self.problem.priors.table_votes
        cell = max(float(self._cells[label, self.pair[vote]]) - own, 0.0)
        column = max(float(self._columns[label, self.votes.worker[vote]]) - own, 0.0)
        return (cell + size * (habit + copying * (label == given))) / (column + size)


def _add_at(sums: Floats, places: Integers, values: Floats) -> None:
    """Add values at places that may be repeated."""
    if len(sums) <= 2 * BLOCK:
        sums += np.bincount(places, values, len(sums))
    else:
        np.add.at(sums, places, values)
