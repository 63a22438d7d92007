"""Truth and skill found together: Dawid and Skene's model, and its one-coin form.

Both walk in the same two steps. From what is believed about the tasks follows how good each worker
is (fit); from how good the workers are follows what to believe about the tasks (expect). They
differ in what a worker is: a whole table of who says what when the truth is which, or one number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import exp, fsum, log
from sys import float_info
from typing import TypeAlias

from crowdflower.quality.consensus import Ballots, Consensus, Label, Task, Worker

Belief: TypeAlias = list[list[float]]
"""``belief[task][label]``: how probable a label is; rows sum to 1."""

Evidence: TypeAlias = list[list[list[float]]]
"""``evidence[worker][given][true]``: the logarithm of the probability that a worker gives one label
while another is true."""

GUESS = 0.7
"""How often somebody is right of whom nothing is known; what smoothing draws everybody towards."""


def dawid_skene(
    votes: Iterable[tuple[Task, Worker, Label]],
    *,
    smoothing: float = 1.0,
    tolerance: float = 1e-6,
    passes: int = 100,
    accuracy: float | None = None,
) -> Consensus[Task, Worker, Label]:
    """Find the truth, how frequent each label is, and what each worker mistakes for what.

    Workers who are wrong in a regular way count as much as workers who are right: whoever always
    says the opposite tells the truth. The same votes in the same order give the same result.

    :param votes: As for :func:`~crowdflower.quality.majority_vote`, and so are the errors.
    :param smoothing: How many votes on tasks of each label, >= 0, every worker is assumed to have
        given beforehand, seven in ten of them right: so nobody is taken to be infallible, or a
        liar, for a few votes. 0 is the model of the paper, at its best from some dozen votes a
        worker on.
    :param tolerance: Stop once no probability moves by more than this.
    :param passes: Stop after so many rounds over all votes, at least 1, come what may.
    :param accuracy: Start from workers who are right with this probability, in (0, 1), and equally
        frequent labels. Default: start from the shares of the majority vote.
    :returns: Every label has a probability for every task; the skill of a worker is the mean
        probability of the labels they gave.
    :raises ValueError: An option lies outside the range above.

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
    return _solve(_fit_tables, votes, _Limits(smoothing, tolerance, passes, accuracy))


def one_coin(
    votes: Iterable[tuple[Task, Worker, Label]],
    *,
    smoothing: float = 1.0,
    tolerance: float = 1e-6,
    passes: int = 100,
    accuracy: float | None = None,
) -> Consensus[Task, Worker, Label]:
    """Find the truth and one skill a worker, who errs towards every other label alike.

    It has fewer numbers to find than :func:`dawid_skene`, and so does better with few votes.
    Parameters, result and errors are the same.

    >>> answers = {"ann": "abcab", "bob": "abcab", "cem": "abcaa", "eve": "bcabc"}
    >>> votes = [(task, who, given[task]) for task in range(5) for who, given in answers.items()]
    >>> {worker: round(skill, 1) for worker, skill in one_coin(votes).skills.items()}
    {'ann': 1.0, 'bob': 1.0, 'cem': 0.8, 'eve': 0.0}

    Source: Zhang, Chen, Zhou and Jordan, `Spectral Methods Meet EM
    <https://jmlr.org/papers/v17/14-511.html>`_, Journal of Machine Learning Research 17 (2016).
    """
    return _solve(_fit_coins, votes, _Limits(smoothing, tolerance, passes, accuracy))


@dataclass(frozen=True)
class _Limits:
    """Where to start, how much to trust few votes, when to stop."""

    smoothing: float
    tolerance: float
    passes: int
    accuracy: float | None

    def __post_init__(self) -> None:
        if not self.smoothing >= 0:
            raise ValueError(f"smoothing is a number from 0 up, not {self.smoothing!r}.")
        if not self.tolerance >= 0:
            raise ValueError(f"tolerance is a number from 0 up, not {self.tolerance!r}.")
        if self.passes < 1:
            raise ValueError(f"passes is a whole number from 1 up, not {self.passes!r}.")
        if self.accuracy is not None and not 0 < self.accuracy < 1:
            raise ValueError(f"accuracy lies between 0 and 1, not at {self.accuracy!r}.")


@dataclass(frozen=True)
class _Cast:
    """The votes as numbers: ``tasks[task]`` lists the positions of ``(worker, label)``."""

    tasks: list[list[tuple[int, int]]]
    workers: int
    labels: int


def _solve(
    fit: Callable[[_Cast, Belief, float], Evidence],
    votes: Iterable[tuple[Task, Worker, Label]],
    limits: _Limits,
) -> Consensus[Task, Worker, Label]:
    """Fit and expect in turn until nothing moves."""
    ballots = Ballots.read(votes)
    labels = {label: place for place, label in enumerate(ballots.labels)}
    workers = {worker: place for place, worker in enumerate(ballots.workers)}
    tasks = [[(workers[w], labels[x]) for w, x in cast] for cast in ballots.by_task.values()]
    cast = _Cast(tasks, len(workers), len(labels))
    if limits.accuracy is None:
        belief = _vote_shares(cast)
        evidence = fit(cast, belief, limits.smoothing)
    else:
        belief = [[1 / len(labels)] * len(labels) for _ in tasks]
        evidence = [_coin(limits.accuracy, len(labels))] * len(workers)
    for _ in range(limits.passes):
        before, belief = belief, _expect(cast, belief, evidence)
        if _moved(before, belief) <= limits.tolerance:
            break
        evidence = fit(cast, belief, limits.smoothing)
    probabilities = {
        task: dict(zip(labels, row, strict=True))
        for task, row in zip(ballots.by_task, belief, strict=True)
    }
    chosen, ties = ballots.decide(probabilities)
    return Consensus(chosen, probabilities, ballots.skills(probabilities), ties)


def _vote_shares(cast: _Cast) -> Belief:
    """Believe what the majority vote says."""
    belief = []
    for votes in cast.tasks:
        row = [0.0] * cast.labels
        for _, given in votes:
            row[given] += 1 / len(votes)
        belief.append(row)
    return belief


def _expect(cast: _Cast, belief: Belief, evidence: Evidence) -> Belief:
    """Say what to believe about each task, given how good the workers are."""
    priors = [_log(fsum(column) / len(belief)) for column in zip(*belief, strict=True)]
    expected = []
    for votes in cast.tasks:
        rows = [evidence[worker][given] for worker, given in votes]
        scores = [sum(column) for column in zip(priors, *rows, strict=True)]
        # Subtracting the best keeps exp() away from 0/0 where hundreds vote on one task.
        best = max(scores)
        odds = [exp(score - best) for score in scores]
        total = sum(odds)
        expected.append([odd / total for odd in odds])
    return expected


def _fit_tables(cast: _Cast, belief: Belief, smoothing: float) -> Evidence:
    """Say how often each worker gives each label when each is true."""
    labels = range(cast.labels)
    right, wrong = smoothing * GUESS, smoothing * (1 - GUESS) / max(cast.labels - 1, 1)
    assumed = [[right if true == given else wrong for true in labels] for given in labels]
    counts = [[list(row) for row in assumed] for _ in range(cast.workers)]
    for votes, row in zip(cast.tasks, belief, strict=True):
        for worker, given in votes:
            cell = counts[worker][given]
            for true, probability in enumerate(row):
                cell[true] += probability
    return [_logarithms(table) for table in counts]


def _logarithms(table: list[list[float]]) -> list[list[float]]:
    """Turn counts of one worker into logarithms of probabilities, column by column."""
    totals = [sum(column) for column in zip(*table, strict=True)]
    return [
        [
            _log(count / total if total else 1 / len(table))
            for count, total in zip(row, totals, strict=True)
        ]
        for row in table
    ]


def _fit_coins(cast: _Cast, belief: Belief, smoothing: float) -> Evidence:
    """Say how often each worker is right."""
    right = [smoothing * GUESS] * cast.workers
    voted = [smoothing] * cast.workers
    for votes, row in zip(cast.tasks, belief, strict=True):
        for worker, given in votes:
            right[worker] += row[given]
            voted[worker] += 1
    return [_coin(r / n, cast.labels) for r, n in zip(right, voted, strict=True)]


def _coin(accuracy: float, labels: int) -> list[list[float]]:
    """Write one accuracy as a table: right so often, and wrong in every other way alike."""
    right, wrong = _log(accuracy), _log((1 - accuracy) / max(labels - 1, 1))
    return [
        [right if true == given else wrong for true in range(labels)] for given in range(labels)
    ]


def _moved(before: Belief, after: Belief) -> float:
    """Find the largest change of any probability."""
    return max(
        (
            abs(new - old)
            for old_row, new_row in zip(before, after, strict=True)
            for old, new in zip(old_row, new_row, strict=True)
        ),
        default=0.0,
    )


def _log(probability: float) -> float:
    """Take a logarithm that is finite at 0: what never happened may still happen."""
    return log(max(probability, float_info.min))
