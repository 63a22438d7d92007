"""The consensus of a model that was fitted with NumPy: chosen labels, and the rest when read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdflower.quality.consensus import Consensus
from crowdflower.quality.hierarchical.array_fit import ArrayFit, fit
from crowdflower.quality.hierarchical.array_state import ArrayProblem
from crowdflower.quality.hierarchical.intervals import Intervals
from crowdflower.quality.hierarchical.method import MAX_PROBABILITIES, Settings, check_labels
from crowdflower.quality.indexed_votes import HALF_KNOWN
from crowdflower.quality.trust_and_confidence import TIE_DIGITS
from crowdflower.quality.vote_columns import Floats, Integers, VoteColumns

Flags = NDArray[np.bool_]


def solve(votes: Any, weights: Any, settings: Settings) -> Consensus[Any, Any, Any]:
    """Fit the hierarchical model of Dawid and Skene; errors are those of the method."""
    columns = VoteColumns.read(votes, weights)
    answers = settings.answers(set(columns.task_values)) if settings.known else {}
    frequencies = settings.frequencies
    check_labels(columns.label_values, answers, settings.options, frequencies)
    if not len(columns):
        return Consensus({}, {}, {}, frozenset())
    columns = columns.with_labels([*settings.options, *(frequencies or ()), *answers.values()])
    known = np.full(len(columns.task_values), -1, np.int32)
    if answers:
        index = {label: place for place, label in enumerate(columns.label_values)}
        for number, task in enumerate(columns.task_values):
            if task in answers:
                known[number] = index[answers[task]]
    shares = None
    if frequencies:
        shares = np.array([frequencies[label] for label in columns.label_values], np.float64)
    problem = ArrayProblem(
        columns, known, shares, settings.priors, settings.passes, settings.tolerance
    )
    tasks, labels = len(columns.task_values), len(columns.label_values)
    return build_consensus(problem, fit(problem), complete=tasks * labels <= MAX_PROBABILITIES)


def build_consensus(
    problem: ArrayProblem, fitted: ArrayFit, *, complete: bool
) -> Consensus[Any, Any, Any]:
    """Turn numbers back into tasks, workers and labels, in the order of the votes.

    :param complete: Whether each label has a probability for every task, or only those given for
        it.
    """
    votes = problem.votes
    tasks, workers, labels = votes.task_values, votes.worker_values, votes.label_values
    chosen, tied, doubted = _decide(fitted)
    is_known = problem.known >= 0
    chosen[is_known] = problem.known[is_known]
    numbers = chosen.tolist()
    by_task = {tasks[task]: labels[numbers[task]] for task in votes.task_order.tolist()}
    rows = ProbabilityRows(problem, fitted, complete=complete)
    skills = _skills(fitted).tolist()
    median = votes.votes_per_worker
    return Consensus(
        by_task,
        rows,
        {workers[worker]: skills[worker] for worker in votes.worker_order.tolist()},
        frozenset(tasks[task] for task in np.flatnonzero(tied & ~is_known)),
        frozenset(tasks[task] for task in np.flatnonzero(doubted & ~is_known)),
        fitted.passes,
        fitted.converged,
        1 / fitted.scale,
        median,
        median < HALF_KNOWN,
        Intervals(votes, problem.known.tolist(), fitted, by_task, rows),
    )


class ProbabilityRows(Mapping[Any, dict[Any, float]]):
    """The probabilities of each task, as a dict that is made when it is read."""

    def __init__(self, problem: ArrayProblem, fitted: ArrayFit, *, complete: bool) -> None:
        self._votes = problem.votes
        self._known = problem.known
        self._fitted = fitted
        self._complete = complete

    def __getitem__(self, task: Any) -> dict[Any, float]:
        number = self._number_of[task]
        votes, state = self._votes, self._fitted.state
        values = votes.label_values
        known = int(self._known[number])
        every = self._label_order if self._complete else state.given_labels(number)
        if known >= 0:
            return {values[label]: float(label == known) for label in every}
        probabilities, rests = self._fitted.probabilities
        slots = state.slots_of(number)
        of_slots = dict(zip(state.labels_of(number), probabilities[slots].tolist(), strict=True))
        rest, others = float(rests[number]), float(state.others[number])
        share = rest / others if rest else 0.0
        frequencies = state.frequencies
        return {
            values[label]: of_slots[label]
            if label in of_slots
            else share * float(frequencies[label])
            for label in every
        }

    def __iter__(self) -> Iterator[Any]:
        values = self._votes.task_values
        return (values[task] for task in self._votes.task_order.tolist())

    def __len__(self) -> int:
        return len(self._votes.task_values)

    def __repr__(self) -> str:
        return f"<probabilities of {len(self):,} tasks>"

    @cached_property
    def _number_of(self) -> dict[Any, int]:
        return {task: number for number, task in enumerate(self._votes.task_values)}

    @cached_property
    def _label_order(self) -> list[int]:
        given = self._votes.label_order.tolist()
        rest = set(range(len(self._votes.label_values))).difference(given)
        return [*given, *sorted(rest)]


def _decide(fitted: ArrayFit) -> tuple[Integers, Flags, Flags]:
    """Return the chosen label of each task, and which tasks are tied, and doubted.

    The rules are those of ``Votes.decide``: the most probable label among those given; on a tie,
    the one with more votes on the task, then on all tasks, then the first in sorted order.
    """
    state = fitted.state
    probabilities, rests = fitted.probabilities
    slots, task, label, weight = state.given_slots()
    rounded = np.round(probabilities[slots], TIE_DIGITS)
    first = np.searchsorted(task, np.arange(state.tasks))
    top = np.maximum.reduceat(rounded, first)
    best = np.flatnonzero(rounded == top[task])
    count = np.bincount(task[best], minlength=state.tasks)
    chosen = np.empty(state.tasks, np.int32)
    chosen[task[best]] = label[best]
    tied = count > 1
    among = best[tied[task[best]]]
    totals = np.round(np.bincount(label, weight, state.labels), TIE_DIGITS)
    order = np.lexsort(
        (-label[among], totals[label[among]], np.round(weight[among], TIE_DIGITS), task[among])
    )
    chosen[task[among][order]] = label[among][order]  # of repeated tasks, the last one stays
    beyond = state.most_probable_beyond(probabilities, rests, slots)
    return chosen, tied, np.round(beyond, TIE_DIGITS) > top


def _skills(fitted: ArrayFit) -> Floats:
    """Return the mean probability of the labels that each worker gave."""
    state = fitted.state
    probabilities, _ = fitted.probabilities
    of_votes = probabilities.take(state.slot_of_vote())
    worker, workers = state.votes.worker, len(state.votes.worker_values)
    counts = np.bincount(worker, minlength=workers)
    skills: Floats = np.bincount(worker, of_votes, workers) / counts
    return skills
