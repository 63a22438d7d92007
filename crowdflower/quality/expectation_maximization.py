"""Expectation maximization (EM): the model of Dawid and Skene, and its one-coin variant.

Both alternate two steps. The M-step estimates each worker from the probabilities of the labels; the
E-step computes the probabilities of the labels from the workers. They differ in the parameters of
a worker: a confusion matrix, or one accuracy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import exp, fsum, log
from sys import float_info
from typing import TypeAlias

from crowdflower.quality.consensus import Consensus, Label, Task, Votes, Worker

Probabilities: TypeAlias = list[list[float]]
"""``probabilities[task][label]``; rows sum to 1."""

LogLikelihoods: TypeAlias = list[list[list[float]]]
"""``likelihoods[worker][given][true]``: the logarithm of the probability that a worker gives one
label when another is true."""

PRIOR_ACCURACY = 0.7
"""Accuracy of a worker without votes, towards which smoothing moves all workers."""


def dawid_skene(
    votes: Iterable[tuple[Task, Worker, Label]],
    *,
    smoothing: float = 1.0,
    tolerance: float = 1e-6,
    passes: int = 100,
    accuracy: float | None = None,
) -> Consensus[Task, Worker, Label]:
    """Estimate the labels, their frequencies, and a confusion matrix per worker.

    Workers who are wrong systematically are as informative as workers who are right: a worker who
    always gives the opposite label reveals the true one. The result is deterministic for the same
    votes in the same order.

    :param votes: As for :func:`~crowdflower.quality.majority_vote`, with the same errors.
    :param smoothing: Number of pseudo-votes per worker and true label, >= 0, seven in ten of them
        right, so that a few votes do not make a worker look perfect or always wrong. 0 is the model
        of the paper, which works best from some dozen votes per worker on.
    :param tolerance: Stop when no probability changes by more than this.
    :param passes: Maximum number of iterations over all votes, at least 1.
    :param accuracy: Start from workers with this accuracy, in (0, 1), and equally frequent labels.
        Default: start from the vote shares of the majority vote.
    :returns: Every label has a probability for every task; the skill of a worker is the mean
        probability of the labels they gave.
    :raises ValueError: An option is outside the range above.

    >>> votes = [(task, who, label) for who in ("ann", "bob") for task, label in enumerate("aabba")]
    >>> votes += [(task, "eve", label) for task, label in enumerate("bbaab")]
    >>> outcome = dawid_skene(votes)
    >>> "".join(outcome.labels.values())
    'aabba'
    >>> {worker: round(skill, 2) for worker, skill in outcome.skills.items()}
    {'ann': 1.0, 'bob': 1.0, 'eve': 0.0}

    Source: Dawid and Skene, `Maximum Likelihood Estimation of Observer Error-Rates Using the EM
    Algorithm <https://doi.org/10.2307/2346806>`_, Applied Statistics 28 (1979); smoothing is ours.
    """
    return _solve(_fit_confusion_matrices, votes, _Options(smoothing, tolerance, passes, accuracy))


def one_coin(
    votes: Iterable[tuple[Task, Worker, Label]],
    *,
    smoothing: float = 1.0,
    tolerance: float = 1e-6,
    passes: int = 100,
    accuracy: float | None = None,
) -> Consensus[Task, Worker, Label]:
    """Estimate the labels and one accuracy per worker; all wrong labels are equally likely.

    It has fewer parameters than :func:`dawid_skene`, and so works better with few votes. Arguments,
    result and errors are the same.

    >>> answers = {"ann": "abcab", "bob": "abcab", "cem": "abcaa", "eve": "bcabc"}
    >>> votes = [(task, who, given[task]) for task in range(5) for who, given in answers.items()]
    >>> {worker: round(skill, 1) for worker, skill in one_coin(votes).skills.items()}
    {'ann': 1.0, 'bob': 1.0, 'cem': 0.8, 'eve': 0.0}

    Source: Zhang, Chen, Zhou and Jordan, `Spectral Methods Meet EM
    <https://jmlr.org/papers/v17/14-511.html>`_, Journal of Machine Learning Research 17 (2016).
    """
    return _solve(_fit_accuracies, votes, _Options(smoothing, tolerance, passes, accuracy))


@dataclass(frozen=True)
class _Options:
    """The options of both models, checked."""

    smoothing: float
    tolerance: float
    passes: int
    accuracy: float | None

    def __post_init__(self) -> None:
        if not self.smoothing >= 0:
            raise ValueError(f"smoothing must be at least 0, not {self.smoothing!r}")
        if not self.tolerance >= 0:
            raise ValueError(f"tolerance must be at least 0, not {self.tolerance!r}")
        if self.passes < 1:
            raise ValueError(f"passes must be at least 1, not {self.passes!r}")
        if self.accuracy is not None and not 0 < self.accuracy < 1:
            raise ValueError(f"accuracy must be between 0 and 1, not {self.accuracy!r}")


@dataclass(frozen=True)
class _IndexedVotes:
    """Votes with indices in place of values: ``tasks[task]`` is a list of ``(worker, label)``."""

    tasks: list[list[tuple[int, int]]]
    workers: int
    labels: int


def _solve(
    fit: Callable[[_IndexedVotes, Probabilities, float], LogLikelihoods],
    votes: Iterable[tuple[Task, Worker, Label]],
    options: _Options,
) -> Consensus[Task, Worker, Label]:
    """Alternate both steps until the probabilities converge."""
    checked = Votes.read(votes)
    labels = {label: index for index, label in enumerate(checked.labels)}
    workers = {worker: index for index, worker in enumerate(checked.workers)}
    tasks = [[(workers[w], labels[x]) for w, x in given] for given in checked.by_task.values()]
    indexed = _IndexedVotes(tasks, len(workers), len(labels))
    if options.accuracy is None:
        probabilities = _vote_shares(indexed)
        likelihoods = fit(indexed, probabilities, options.smoothing)
    else:
        probabilities = [[1 / len(labels)] * len(labels) for _ in tasks]
        likelihoods = [_log_likelihoods(options.accuracy, len(labels))] * len(workers)
    for _ in range(options.passes):
        before, probabilities = probabilities, _expect(indexed, probabilities, likelihoods)
        if _largest_change(before, probabilities) <= options.tolerance:
            break
        likelihoods = fit(indexed, probabilities, options.smoothing)
    by_task = {
        task: dict(zip(labels, row, strict=True))
        for task, row in zip(checked.by_task, probabilities, strict=True)
    }
    chosen, ties = checked.decide(by_task)
    return Consensus(chosen, by_task, checked.skills(by_task), ties)


def _vote_shares(votes: _IndexedVotes) -> Probabilities:
    """Return the share of each label in the votes on each task."""
    shares = []
    for task in votes.tasks:
        row = [0.0] * votes.labels
        for _, given in task:
            row[given] += 1 / len(task)
        shares.append(row)
    return shares


def _expect(
    votes: _IndexedVotes, probabilities: Probabilities, likelihoods: LogLikelihoods
) -> Probabilities:
    """E-step: return the probabilities of the labels, given the workers and label frequencies."""
    columns = zip(*probabilities, strict=True)
    priors = [_finite_log(fsum(column) / len(probabilities)) for column in columns]
    expected = []
    for task in votes.tasks:
        rows = [likelihoods[worker][given] for worker, given in task]
        scores = [sum(column) for column in zip(priors, *rows, strict=True)]
        # Subtracting the maximum avoids underflow to 0/0 with hundreds of votes on one task.
        best = max(scores)
        odds = [exp(score - best) for score in scores]
        total = sum(odds)
        expected.append([odd / total for odd in odds])
    return expected


def _fit_confusion_matrices(
    votes: _IndexedVotes, probabilities: Probabilities, smoothing: float
) -> LogLikelihoods:
    """M-step of Dawid and Skene: estimate the confusion matrix of each worker."""
    labels = range(votes.labels)
    right = smoothing * PRIOR_ACCURACY
    wrong = smoothing * (1 - PRIOR_ACCURACY) / max(votes.labels - 1, 1)
    pseudo_counts = [[right if true == given else wrong for true in labels] for given in labels]
    counts = [[list(row) for row in pseudo_counts] for _ in range(votes.workers)]
    for task, row in zip(votes.tasks, probabilities, strict=True):
        for worker, given in task:
            cell = counts[worker][given]
            for true, probability in enumerate(row):
                cell[true] += probability
    return [_normalize(matrix) for matrix in counts]


def _normalize(matrix: list[list[float]]) -> list[list[float]]:
    """Turn the counts of one worker into logarithms of probabilities, column by column."""
    totals = [sum(column) for column in zip(*matrix, strict=True)]
    return [
        [
            _finite_log(count / total if total else 1 / len(matrix))
            for count, total in zip(row, totals, strict=True)
        ]
        for row in matrix
    ]


def _fit_accuracies(
    votes: _IndexedVotes, probabilities: Probabilities, smoothing: float
) -> LogLikelihoods:
    """M-step of the one-coin model: estimate the accuracy of each worker."""
    right = [smoothing * PRIOR_ACCURACY] * votes.workers
    total = [smoothing] * votes.workers
    for task, row in zip(votes.tasks, probabilities, strict=True):
        for worker, given in task:
            right[worker] += row[given]
            total[worker] += 1
    return [_log_likelihoods(r / n, votes.labels) for r, n in zip(right, total, strict=True)]


def _log_likelihoods(accuracy: float, labels: int) -> list[list[float]]:
    """Return the matrix of a worker with one accuracy and equally likely wrong labels."""
    right, wrong = _finite_log(accuracy), _finite_log((1 - accuracy) / max(labels - 1, 1))
    return [
        [right if true == given else wrong for true in range(labels)] for given in range(labels)
    ]


def _largest_change(before: Probabilities, after: Probabilities) -> float:
    """Return the largest change of any probability."""
    return max(
        (
            abs(new - old)
            for old_row, new_row in zip(before, after, strict=True)
            for old, new in zip(old_row, new_row, strict=True)
        ),
        default=0.0,
    )


def _finite_log(probability: float) -> float:
    """Return a logarithm that is finite at 0: an event without observations is still possible."""
    return log(max(probability, float_info.min))
