"""Expectation maximization (EM): the model of Dawid and Skene, and its one-coin variant.

Both alternate two steps. The M-step estimates each worker from the probabilities of the labels; the
E-step computes the probabilities of the labels from the workers. They differ in the parameters of
a worker: a confusion matrix, or one accuracy.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import exp, fsum, log
from sys import float_info
from typing import Any, Final, TypeAlias

from crowdflower.quality.consensus import Consensus, Label, Task, Votes, Worker
from crowdflower.quality.indexed_votes import DIGITS, IndexedVotes
from crowdflower.quality.trust_and_confidence import TIE_DIGITS

Probabilities: TypeAlias = list[list[float]]
"""``probabilities[task][label]``; rows sum to 1."""

LogLikelihoods: TypeAlias = list[list[list[float]]]
"""``likelihoods[worker][given][true]``: the logarithm of the probability that a worker gives one
label when another is true."""

PRIOR_ACCURACY: Final = 0.7
"""Accuracy of a worker without votes, towards which smoothing moves all workers."""

FEW_VOTES: Final = 10
"""Votes of the median worker below which these models are often worse than a majority vote."""


def dawid_skene(
    votes: Iterable[tuple[Task, Worker, Label]],
    *,
    smoothing: float = 4.0,
    tolerance: float = 1e-6,
    passes: int = 100,
    accuracy: float | None = None,
    warn: bool = True,
) -> Consensus[Task, Worker, Label]:
    """Estimate the labels, their frequencies, and a confusion matrix per worker.

    Workers who are wrong systematically are as informative as workers who are right: a worker who
    always gives the opposite label reveals the true one. With few votes per worker, use
    :func:`~crowdflower.quality.hierarchical_dawid_skene`; this model then warns.

    :param votes: As for :func:`~crowdflower.quality.majority_vote`, with the same errors.
    :param smoothing: Number of pseudo-votes per worker and true label, >= 0, seven in ten of them
        right, so that a few votes do not make a worker look perfect or always wrong. Label
        frequencies then count as far as the workers are known: not at all if everybody voted once.
        0 is the model of the paper, which works best from some dozen votes per worker on.
    :param tolerance: Stop when no probability changes by more than this.
    :param passes: Maximum number of iterations over all votes, at least 1.
    :param accuracy: Start from workers with this accuracy, in (0, 1), and equally frequent labels.
        Default: start from the vote shares of the majority vote.
    :param warn: Whether to warn if the median worker gave fewer than ten votes.
    :returns: Every label has a probability for every task; the skill of a worker is the mean
        probability of the labels they gave.
    :raises ValueError: An option is outside the range above.

    >>> mine, hers = "aabba" * 2, "bbaab" * 2
    >>> votes = [(task, who, label) for who in ("ann", "bob") for task, label in enumerate(mine)]
    >>> votes += [(task, "eve", label) for task, label in enumerate(hers)]
    >>> outcome = dawid_skene(votes)
    >>> "".join(outcome.labels.values())
    'aabbaaabba'
    >>> {worker: round(skill, 2) for worker, skill in outcome.skills.items()}
    {'ann': 0.99, 'bob': 0.99, 'eve': 0.01}

    Source: Dawid and Skene, `Maximum Likelihood Estimation of Observer Error-Rates Using the EM
    Algorithm <https://doi.org/10.2307/2346806>`_, Applied Statistics 28 (1979); smoothing, its
    default, and that the label is one that a worker gave for the task are ours.
    """
    options = _Options(smoothing, tolerance, passes, accuracy, warn)
    return _solve("dawid_skene", _fit_confusion_matrices, votes, options)


def one_coin(
    votes: Iterable[tuple[Task, Worker, Label]],
    *,
    smoothing: float = 10.0,
    tolerance: float = 1e-6,
    passes: int = 100,
    accuracy: float | None = None,
    warn: bool = True,
) -> Consensus[Task, Worker, Label]:
    """Estimate the labels and one accuracy per worker; all wrong labels are equally likely.

    Arguments, result and errors are those of :func:`dawid_skene`. It is the weakest of the models:
    it cannot see that a worker prefers a label, which many do.

    >>> answers = {"ann": "abcab", "bob": "abcab", "cem": "abcaa", "eve": "bcabc"}
    >>> tasks = range(10)
    >>> votes = [(task, who, given[task % 5]) for task in tasks for who, given in answers.items()]
    >>> {worker: round(skill, 1) for worker, skill in one_coin(votes).skills.items()}
    {'ann': 1.0, 'bob': 1.0, 'cem': 0.8, 'eve': 0.0}

    Source: Zhang, Chen, Zhou and Jordan, `Spectral Methods Meet EM
    <https://jmlr.org/papers/v17/14-511.html>`_, Journal of Machine Learning Research 17 (2016).
    """
    options = _Options(smoothing, tolerance, passes, accuracy, warn)
    return _solve("one_coin", _fit_accuracies, votes, options)


@dataclass(frozen=True)
class _Options:
    """The options of both models, checked."""

    smoothing: float
    tolerance: float
    passes: int
    accuracy: float | None
    warn: bool

    def __post_init__(self) -> None:
        if not self.smoothing >= 0:
            raise ValueError(f"smoothing must be at least 0, not {self.smoothing!r}")
        if not self.tolerance >= 0:
            raise ValueError(f"tolerance must be at least 0, not {self.tolerance!r}")
        if self.passes < 1:
            raise ValueError(f"passes must be at least 1, not {self.passes!r}")
        if self.accuracy is not None and not 0 < self.accuracy < 1:
            raise ValueError(f"accuracy must be between 0 and 1, not {self.accuracy!r}")


def _solve(
    name: str,
    fit: Callable[[IndexedVotes[Any, Any, Any], Probabilities, float], LogLikelihoods],
    votes: Iterable[tuple[Task, Worker, Label]],
    options: _Options,
) -> Consensus[Task, Worker, Label]:
    """Alternate both steps until the probabilities converge."""
    checked = Votes.read(votes)
    if not checked.by_task:
        return Consensus({}, {}, {}, frozenset())
    median = checked.votes_per_worker
    if options.warn and median < FEW_VOTES:
        warnings.warn(
            f"the median number of votes per worker is {median:g}: below {FEW_VOTES}, {name} may "
            "be worse than a majority vote; use hierarchical_dawid_skene",
            stacklevel=3,
        )
    indexed = IndexedVotes.of(checked)
    # Smoothing 0 is the model of the paper, in which frequencies count in full.
    known_share = indexed.known_share() if options.smoothing else 1.0
    if options.accuracy is None:
        probabilities = _vote_shares(indexed)
        likelihoods = fit(indexed, probabilities, options.smoothing)
    else:
        probabilities = [[1 / indexed.labels] * indexed.labels for _ in indexed.tasks]
        likelihoods = [_log_likelihoods(options.accuracy, indexed.labels)] * indexed.workers
    passes, converged = 0, False
    while not converged and passes < options.passes:
        passes += 1
        before = probabilities
        probabilities = _expect(indexed, before, likelihoods, known_share)
        converged = _largest_change(before, probabilities) <= options.tolerance
        likelihoods = fit(indexed, probabilities, options.smoothing)
    rows = dict(zip(indexed.task_values, probabilities, strict=True))
    order = [(label, indexed.label_values.index(label)) for label in checked.labels]
    by_task = {task: {label: rows[task][at] for label, at in order} for task in checked.by_task}
    chosen, ties = checked.decide(by_task)
    doubted = {
        task
        for task, row in by_task.items()
        if round(max(row.values()), TIE_DIGITS) > round(row[chosen[task]], TIE_DIGITS)
    }
    return Consensus(
        chosen,
        by_task,
        checked.skills(by_task),
        ties,
        frozenset(doubted),
        passes,
        converged,
        votes_per_worker=median,
        few_votes=median < FEW_VOTES,
    )


def _vote_shares(votes: IndexedVotes[Any, Any, Any]) -> Probabilities:
    """Return the share of each label in the votes on each task."""
    shares = []
    for task in votes.tasks:
        row = [0.0] * votes.labels
        for _, given in task:
            row[given] += 1 / len(task)
        shares.append([round(share, DIGITS) for share in row])
    return shares


def _expect(
    votes: IndexedVotes[Any, Any, Any],
    probabilities: Probabilities,
    likelihoods: LogLikelihoods,
    known_share: float,
) -> Probabilities:
    """E-step: return the probabilities of the labels, given the workers and label frequencies.

    :param known_share: How much the frequencies count; otherwise labels are equally frequent.
    """
    frequencies = [fsum(column) / len(votes.tasks) for column in zip(*probabilities, strict=True)]
    priors = [
        _finite_log(known_share * each + (1 - known_share) / votes.labels) for each in frequencies
    ]
    expected = []
    for task in votes.tasks:
        rows = [likelihoods[worker][given] for worker, given in task]
        scores = [sum(column) for column in zip(priors, *rows, strict=True)]
        # Subtracting the maximum avoids underflow to 0/0 with hundreds of votes on one task.
        best = max(scores)
        odds = [exp(score - best) for score in scores]
        total = sum(odds)
        expected.append([round(odd / total, DIGITS) for odd in odds])
    return expected


def _fit_confusion_matrices(
    votes: IndexedVotes[Any, Any, Any], probabilities: Probabilities, smoothing: float
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
    votes: IndexedVotes[Any, Any, Any], probabilities: Probabilities, smoothing: float
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
