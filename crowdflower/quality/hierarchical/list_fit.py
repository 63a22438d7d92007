"""The hierarchical model of Dawid and Skene, fitted with plain lists.

Only :func:`fit` is used elsewhere, so that another implementation can take its place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from math import exp, log
from typing import TYPE_CHECKING

from crowdflower.quality.hierarchical.model import (
    SCALES,
    WITHOUT_TABLES,
    Fit,
    Problem,
    choose_scale,
    softmax,
)
from crowdflower.quality.indexed_votes import DIGITS

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class _State:
    """The votes in columns, and what changes from pass to pass."""

    problem: Problem

    start: list[int] = field(init=False)
    """Number of the first vote of each task, and the number of votes at the end."""

    worker: list[int] = field(init=False)
    weight: list[float] = field(init=False)
    pair: list[int] = field(init=False)
    """Number of the pair of worker and label of each vote."""

    place: list[int] = field(init=False)
    """Slot of each vote's label."""

    slots: list[Sequence[int]] = field(init=False)
    beliefs: list[list[float]] = field(init=False)
    rests: list[float] = field(init=False)
    scores: list[list[float]] = field(init=False)
    frequencies: list[float] = field(init=False)
    others: list[float] = field(init=False)
    """The frequency of all labels without a slot together, by task."""

    odds: list[float] = field(init=False)
    """The probability that a vote for the true label was copied from it and not by habit."""

    copied: list[float] = field(init=False)
    """The probability that a vote was copied from the true label."""

    likelihoods: list[list[float]] = field(init=False)

    def __post_init__(self) -> None:
        votes, labels = self.problem.votes, self.problem.votes.labels
        self.tables = labels < WITHOUT_TABLES
        self.start = [0, *accumulate(map(len, votes.tasks))]
        self.worker = [worker for task in votes.tasks for worker, _ in task]
        self.weight = [weight for task in votes.weights for weight in task]
        pairs: dict[tuple[int, int], int] = {}
        self.pair = [pairs.setdefault(each, len(pairs)) for task in votes.tasks for each in task]
        self.votes_of = votes.by_worker
        self.votes_for = [0.0] * len(pairs)
        for pair, weight in zip(self.pair, self.weight, strict=True):
            self.votes_for[pair] += weight
        every = range(labels)
        self.slots = [
            every if self.tables else sorted({label for _, label in task}) for task in votes.tasks
        ]
        self.place, self.beliefs = [], []
        for task, weights, slots, known in zip(
            votes.tasks, votes.weights, self.slots, self.problem.known, strict=True
        ):
            index = {label: place for place, label in enumerate(slots)}
            shares = [0.0] * len(slots)
            for (_, label), weight in zip(task, weights, strict=True):
                self.place.append(index[label])
                shares[index[label]] += weight
            total = sum(shares)
            self.beliefs.append(
                [round(share / total, DIGITS) for share in shares]
                if known is None
                else [float(label == known) for label in slots]
            )
        copying = self.problem.priors.copying
        self.rests = [0.0] * len(votes.tasks)
        self.others = [0.0] * len(votes.tasks)
        self.odds = [copying / (copying + (1 - copying) / labels)] * len(self.pair)
        self.copied = [0.0] * len(self.pair)
        self.likelihoods = [[]] * len(self.pair)
        self.scores = [[]] * len(votes.tasks)
        self.frequencies = [1 / labels] * labels
        self.known_share = votes.known_share(self.problem.priors.half_known)


def fit(problem: Problem) -> Fit:
    """Alternate estimates of workers and labels until no probability moves."""
    state = _State(problem)
    passes, converged = 0, False
    while not converged and passes < problem.passes:
        passes += 1
        _estimate_frequencies(state)
        converged = _estimate_labels(state, *_estimate_workers(state)) <= problem.tolerance
    return Fit(
        state.slots,
        state.beliefs,
        state.rests,
        state.others,
        state.frequencies,
        state.scores,
        state.likelihoods,
        passes,
        converged,
        _fit_scale(state) if problem.votes.labels > 1 else 1.0,
    )


def _estimate_frequencies(state: _State) -> None:
    """Estimate how frequent each label is, as far as the workers are known."""
    problem, labels = state.problem, state.problem.votes.labels
    if problem.frequencies is not None:
        state.frequencies = problem.frequencies
    else:
        sums, common, tasks = [0.0] * labels, 0.0, 0
        before = state.frequencies
        for known, slots, beliefs, rest, others in zip(
            problem.known, state.slots, state.beliefs, state.rests, state.others, strict=True
        ):
            if known is not None:
                continue
            tasks += 1
            share = rest / others if others > 0 else 0.0
            common += share
            for label, belief in zip(slots, beliefs, strict=True):
                sums[label] += belief - share * before[label]
        alpha = problem.priors.frequency_votes
        known_share, size = state.known_share, tasks + labels * alpha
        counts = [
            max(total + common * share, 0.0) for total, share in zip(sums, before, strict=True)
        ]
        state.frequencies = [
            known_share * (count + alpha) / size + (1 - known_share) / labels for count in counts
        ]
    if not state.tables:
        frequencies, total = state.frequencies, sum(state.frequencies)
        state.others = [
            max(total - sum(frequencies[label] for label in slots), 0.0)
            if len(slots) < labels
            else 0.0
            for slots in state.slots
        ]


def _estimate_workers(
    state: _State,
) -> tuple[list[float], list[float], list[list[float]], list[list[float]]]:
    """Sum up, by worker, what was copied, and how often each label was given for each true label.

    :returns: The copied votes by worker and by pair of worker and label; and, with matrices, the
        votes by true label for each pair and for each worker.
    """
    labels = range(state.problem.votes.labels)
    by_worker, by_pair = [0.0] * len(state.votes_of), [0.0] * len(state.votes_for)
    tables = state.tables
    cells = [[0.0 for _ in labels] for _ in by_pair] if tables else []
    columns = [[0.0 for _ in labels] for _ in by_worker] if tables else []
    for task, beliefs in enumerate(state.beliefs):
        for vote in range(state.start[task], state.start[task + 1]):
            worker, pair, weight = state.worker[vote], state.pair[vote], state.weight[vote]
            copied = state.copied[vote] = beliefs[state.place[vote]] * state.odds[vote]
            by_worker[worker] += weight * copied
            by_pair[pair] += weight * copied
            if tables:
                cell, column = cells[pair], columns[worker]
                for label in labels:
                    cell[label] += weight * beliefs[label]
                    column[label] += weight * beliefs[label]
    return by_worker, by_pair, cells, columns


def _estimate_labels(
    state: _State,
    by_worker: list[float],
    by_pair: list[float],
    cells: list[list[float]],
    columns: list[list[float]],
) -> float:
    """Estimate the labels, each vote weighted by the other votes of its worker.

    :returns: The largest change of any probability.
    """
    problem, priors = state.problem, state.problem.priors
    labels = range(problem.votes.labels)
    prior_copied = priors.copying_votes * priors.copying
    prior_habit = priors.habit_votes / len(labels)
    log_frequencies = list(map(log, state.frequencies))
    largest = 0.0
    for task, slots in enumerate(state.slots):
        beliefs = state.beliefs[task]
        scores = [log_frequencies[label] for label in slots]
        for vote in range(state.start[task], state.start[task + 1]):
            worker, pair, place = state.worker[vote], state.pair[vote], state.place[vote]
            weight, copied = state.weight[vote], state.copied[vote]
            own, by_habit = weight * copied, weight * (1 - copied)
            count = state.votes_of[worker]
            copying = (by_worker[worker] - own + prior_copied) / (
                count - weight + priors.copying_votes
            )
            habit = (state.votes_for[pair] - by_pair[pair] - by_habit + prior_habit) / (
                count - by_worker[worker] - by_habit + priors.habit_votes
            )
            wrong = (1 - copying) * habit
            right = copying + wrong
            state.odds[vote] = copying / right
            if state.tables:
                cell, column, size = cells[pair], columns[worker], priors.table_votes
                likelihood = [
                    log(
                        (
                            max(cell[label] - weight * beliefs[label], 0.0)
                            + size * (right if label == place else wrong)
                        )
                        / (max(column[label] - weight * beliefs[label], 0.0) + size)
                    )
                    for label in labels
                ]
                for label in labels:
                    scores[label] += weight * likelihood[label]
            else:
                likelihood = [right, wrong]
                scores[place] += weight * log(right / wrong)
            state.likelihoods[vote] = likelihood
        if problem.known[task] is None:
            exact, rest = softmax(scores, state.others[task])
            after = [round(belief, DIGITS) for belief in exact]
            largest = max(
                largest, *(abs(new - old) for new, old in zip(after, beliefs, strict=True))
            )
            state.beliefs[task], state.rests[task] = after, round(rest, DIGITS)
            state.scores[task] = scores
    return largest


def _fit_scale(state: _State) -> float:
    """Choose the scale that best predicts each vote from the other votes on its task."""
    fits = [0.0] * len(SCALES)
    for task, scores in enumerate(state.scores):
        if not scores:
            continue
        others = state.others[task]
        for vote in range(state.start[task], state.start[task + 1]):
            weight, place, likelihood = (
                state.weight[vote],
                state.place[vote],
                state.likelihoods[vote],
            )
            if state.tables:
                from_others = [
                    score - weight * each for score, each in zip(scores, likelihood, strict=True)
                ]
                chances = [exp(each) for each in likelihood]
            else:
                right, wrong = likelihood
                from_others = list(scores)
                from_others[place] -= weight * log(right / wrong)
            for index, scale in enumerate(SCALES):
                predicted, _ = softmax(from_others, others, scale)
                if state.tables:
                    chance = sum(map(float.__mul__, predicted, chances))
                else:
                    chance = wrong + (right - wrong) * predicted[place]
                fits[index] += weight * log(chance)
    return choose_scale(fits, state.problem.priors)
