"""The hierarchical model in columns, with many labels: only the labels given for a task count."""

from __future__ import annotations

import numpy as np

from crowdflower.quality.hierarchical.array_state import ArrayState, Slots
from crowdflower.quality.hierarchical.model import SCALES
from crowdflower.quality.indexed_votes import DIGITS
from crowdflower.quality.vote_columns import Floats


class LabelSlots(ArrayState):
    """With many labels: a task has slots for the labels given, and workers have no matrices."""

    def _number_slots(self) -> None:
        key = self.votes.task.astype(np.int64) * self.labels + self.votes.label
        found, slot = np.unique(key, return_inverse=True)
        self.slot: Slots = slot
        self.task_of_slot = found // self.labels
        self.label_of_slot = found % self.labels
        self.first_slot = np.searchsorted(self.task_of_slot, np.arange(self.tasks + 1))
        counts = np.diff(self.first_slot)
        self._has_rest = counts < self.labels
        self._is_free_slot = self.is_free[self.task_of_slot]

    def slots_of(self, task: int) -> slice:
        """Return the slots of a task."""
        return slice(int(self.first_slot[task]), int(self.first_slot[task + 1]))

    def find_slot(self, task: int, label: int) -> int | None:
        """Return the slot of a label of a task."""
        slots = self.slots_of(task)
        at = slots.start + int(np.searchsorted(self.label_of_slot[slots], label))
        is_there = at < slots.stop and self.label_of_slot[at] == label
        return at if is_there else None

    def labels_of(self, task: int) -> list[int]:
        """Return the labels of the slots of a task."""
        found: list[int] = self.label_of_slot[self.slots_of(task)].tolist()
        return found

    def slot_of_vote(self) -> Slots:
        """Return the slot of the label of each vote."""
        return self.slot

    def given_slots(self) -> tuple[Slots, Slots, Slots, Floats]:
        """Return slot, task, label and weight of the labels given."""
        weight = np.bincount(self.slot, self.weight, len(self.task_of_slot)).astype(np.float64)
        return np.arange(len(weight)), self.task_of_slot, self.label_of_slot, weight

    def most_probable_beyond(self, probabilities: Floats, rests: Floats, given: Slots) -> Floats:  # noqa: ARG002 - all slots are given
        """Return the highest probability, by task, of a label that no worker gave for it."""
        # Of the labels without a slot, the most frequent one is the most probable.
        share = np.divide(rests, self.others, out=np.zeros(self.tasks), where=self.others > 0)
        highest = np.zeros(self.tasks)
        open_tasks = np.flatnonzero(self._has_rest)
        for label in np.argsort(-self.frequencies, kind="stable"):
            if not len(open_tasks):
                break
            has_slot = np.zeros(self.tasks, bool)
            has_slot[self.task_of_slot[self.label_of_slot == label]] = True
            found = open_tasks[~has_slot[open_tasks]]
            highest[found] = self.frequencies[label]
            open_tasks = open_tasks[has_slot[open_tasks]]
        return share * highest

    def _vote_shares(self) -> Floats:
        _, task, _, shares = self.given_slots()
        shares /= np.bincount(task, shares, self.tasks)[task]
        np.round(shares, DIGITS, out=shares)
        if not self.all_free:
            fixed = ~self._is_free_slot
            known = self.problem.known[self.task_of_slot]
            shares[fixed] = (self.label_of_slot == known)[fixed]
        return shares

    def _label_counts(self) -> Floats:
        before = self.frequencies
        share = np.divide(self.rests, self.others, out=np.zeros(self.tasks), where=self.others > 0)
        share[~self.is_free] = 0.0
        beyond = self.beliefs - share[self.task_of_slot] * before[self.label_of_slot]
        beyond[~self._is_free_slot] = 0.0
        sums = np.bincount(self.label_of_slot, beyond, self.labels)
        counts: Floats = sums + share.sum() * before
        return counts

    def estimate_frequencies(self) -> None:
        """Estimate how frequent each label is, and all labels without a slot together."""
        super().estimate_frequencies()
        in_slots = np.bincount(self.task_of_slot, self.frequencies[self.label_of_slot], self.tasks)
        self.others = np.maximum(self.frequencies.sum() - in_slots, 0.0)
        self.others[~self._has_rest] = 0.0

    def estimate_workers(self) -> None:
        """Sum up what each worker copied."""
        np.multiply(self.beliefs.take(self.slot), self.odds, out=self.copied)
        self._sum_copied()

    def estimate_labels(self) -> float:
        """Estimate the labels; return the largest change of any probability."""
        self.scores = self._score(adopt=True)
        after, rests = self._normalize(self.scores, 1.0)
        np.round(after, DIGITS, out=after)
        rests = np.round(rests, DIGITS)
        fixed = ~self._is_free_slot
        after[fixed] = self.beliefs[fixed]
        rests[~self.is_free] = 0.0
        largest = float(np.abs(after - self.beliefs).max())
        self.beliefs, self.rests = after, rests
        return largest

    def _score(self, *, adopt: bool) -> Floats:
        logs = np.empty(len(self.votes))
        for _, at in self.blocks:
            copying, habit = self._copy_or_habit(at)
            right = copying + habit
            if adopt:
                np.divide(copying, right, out=self.odds[at])
            right /= habit
            np.log(right, out=right)
            if self.weight is not None:
                right *= self.weight[at]
            logs[at] = right
        scores = np.bincount(self.slot, logs, len(self.task_of_slot))
        scores += np.log(self.frequencies)[self.label_of_slot]
        return scores

    def _normalize(self, scores: Floats, scale: float) -> tuple[Floats, Floats]:
        """Turn the scores of all slots into probabilities; return those of the rests too."""
        rest = np.full(self.tasks, -np.inf)
        has_rest = self.others > 0
        rest[has_rest] = np.log(self.others[has_rest])
        top = np.maximum(np.maximum.reduceat(scores, self.first_slot[:-1]), rest)
        odds = np.exp(scale * (scores - top[self.task_of_slot]))
        odds_of_rest = np.exp(scale * (rest - top))
        total = np.bincount(self.task_of_slot, odds, self.tasks) + odds_of_rest
        return odds / total[self.task_of_slot], odds_of_rest / total

    def soften(self, scale: float) -> tuple[Floats, Floats]:
        """Return the softened probability of each slot, and of the rest of each task."""
        odds, rests = self._normalize(self.scores, scale)
        fixed = ~self._is_free_slot
        odds[fixed] = self.beliefs[fixed]
        rests[~self.is_free] = 0.0
        return odds, rests

    def fits_of_scales(self) -> Floats:
        """Return how well each scale predicts each vote from the other votes on its task."""
        fits = np.zeros(len(SCALES))
        rest = np.full(self.tasks, -np.inf)
        has_rest = self.others > 0
        rest[has_rest] = np.log(self.others[has_rest])
        top = np.maximum(np.maximum.reduceat(self.scores, self.first_slot[:-1]), rest)
        shifted = self.scores - top[self.task_of_slot]
        rest -= top
        for index, scale in enumerate(SCALES):
            odds = np.exp(scale * shifted)
            total = np.bincount(self.task_of_slot, odds, self.tasks) + np.exp(scale * rest)
            others = np.maximum(total[self.task_of_slot] - odds, 0.0)
            for block in self.blocks:
                chances = self._predict(block[1], scale, shifted, others)
                fits[index] += self._sum_fits(chances, block)
        return fits

    def _predict(self, at: slice, scale: float, shifted: Floats, others: Floats) -> Floats:
        """Return the probability of each of some votes, predicted from the other votes.

        Without the vote, the odds of its own slot are smaller, and those of the others the same.
        """
        slot = self.slot[at]
        copying, habit = self._copy_or_habit(at)
        log_ratio = np.log((copying + habit) / habit)
        if self.weight is not None:
            log_ratio *= self.weight[at]
        own = np.exp(scale * (shifted.take(slot) - log_ratio))
        share = own / (own + others.take(slot))
        predicted: Floats = habit + copying * share
        return predicted

    def likelihood(self, vote: int, label: int, given: int) -> float:
        """Return the probability of a vote if a label is the true one."""
        at = slice(vote, vote + 1)
        copying, habit = (float(each[0]) for each in self._copy_or_habit(at))
        return habit + copying * (label == given)
