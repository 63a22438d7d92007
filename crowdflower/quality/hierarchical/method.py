"""A hierarchical model of Dawid and Skene: safe with few votes, and good with many."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain, islice
from math import isclose
from typing import TYPE_CHECKING, Any, Final

from crowdflower.quality.consensus import Consensus, Label, Task, Votes, Worker, is_missing
from crowdflower.quality.hierarchical.intervals import Intervals
from crowdflower.quality.hierarchical.list_fit import fit
from crowdflower.quality.hierarchical.model import WITHOUT_TABLES, Fit, Priors, Problem
from crowdflower.quality.indexed_votes import HALF_KNOWN, IndexedVotes
from crowdflower.quality.trust_and_confidence import TIE_DIGITS

if TYPE_CHECKING:
    from collections.abc import Collection, Container

MAX_PROBABILITIES: Final = 2_000_000
"""Number of probabilities in a result up to which each label has one for every task."""

MANY_VOTES: Final = 2000
"""Votes from which on NumPy is used, if it is installed; to import it takes a tenth of a second."""


def hierarchical_dawid_skene(
    votes: Iterable[tuple[Task, Worker, Label]],
    *,
    weights: Iterable[float] | None = None,
    known: Mapping[Task, Label] | None = None,
    options: Collection[Label] = (),
    frequencies: Mapping[Label, float] | None = None,
    priors: Priors = Priors(),  # noqa: B008 - immutable
    passes: int = 50,
    tolerance: float = 1e-3,
) -> Consensus[Task, Worker, Label]:
    """Estimate the labels and the workers, trusting single workers only as far as they are known.

    With one vote per worker, it is the majority vote; with many, the model of Dawid and Skene. In
    between, the confusion matrix of a worker is pooled with a model of two numbers (how often they
    copy the true label, and which labels they give otherwise), and these with what is assumed of
    anybody. A vote is weighted by the other votes of its worker only. Label frequencies count as
    far as the workers are known. From six labels on, workers have the two numbers only. The
    probabilities are then softened by one number, so that they predict votes from the other votes
    on a task as well as possible (temperature scaling).

    :param votes: As for :func:`~crowdflower.quality.majority_vote`, with the same errors.
    :param weights: How much each vote counts, in the order of the votes: finite numbers >= 0. A
        vote with weight 2 counts as two; one with weight 0 is left out.
    :param known: Task to its true label, as for test questions. Their votes tell more about their
        workers. They are not part of the label frequencies.
    :param options: All possible labels, if some may have no votes. By default, those given.
    :param frequencies: Label to its share of the tasks, if that is known: positive numbers that sum
        to 1. By default, they are estimated.
    :param priors: What is assumed of workers.
    :param passes: Maximum number of iterations over all votes, at least 1.
    :param tolerance: Stop when no probability changes by more than this.
    :returns: Every label has a probability for every task; with more than two million of them, only
        the labels given for a task have. The skill of a worker is the mean probability of the
        labels they gave.
    :raises ValueError: An option is outside the range above, or a label is not among the options or
        has no frequency.
    :raises TypeError: A part of a vote, or a label, is not hashable, such as a list.

    Ann and Bob agree, and Eve says the opposite:

    >>> votes = [(task, who, label) for who in ("ann", "bob") for task, label in enumerate("aabba")]
    >>> votes += [(task, "eve", label) for task, label in enumerate("bbaab")]
    >>> outcome = hierarchical_dawid_skene(votes)
    >>> "".join(outcome.labels.values())
    'aabba'
    >>> round(outcome.probabilities[0]["a"], 4)
    0.9665
    >>> low, high = outcome.interval(0)
    >>> low < 0.9665 < high
    True

    Of strangers, three who agree are more certain than two against one:

    >>> votes = [(1, "ann", "x"), (1, "bob", "x"), (1, "cem", "x")]
    >>> votes += [(2, "dan", "x"), (2, "eva", "x"), (2, "fay", "y")]
    >>> outcome = hierarchical_dawid_skene(votes)
    >>> {task: round(row["x"], 4) for task, row in outcome.probabilities.items()}
    {1: 0.9945, 2: 0.85}

    Sources: Dawid and Skene, `Maximum Likelihood Estimation of Observer Error-Rates Using the EM
    Algorithm <https://doi.org/10.2307/2346806>`_ (1979); the worker of two numbers: Hovy,
    Berg-Kirkpatrick, Vaswani and Hovy, `Learning Whom to Trust with MACE
    <https://aclanthology.org/N13-1132/>`_, NAACL 2013; pooled matrices: Paun et al., `Comparing
    Bayesian Models of Annotation <https://aclanthology.org/Q18-1040/>`_, TACL 2018; weights from
    the other votes: Liu, Peng and Ihler, *Variational Inference for Crowdsourcing*, NIPS 2012;
    temperature scaling: Guo et al., *On Calibration of Modern Neural Networks*, ICML 2017. That
    frequencies count as far as workers are known, and that votes choose the temperature, is ours.
    """
    if passes < 1:
        raise ValueError(f"passes must be at least 1, not {passes!r}")
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be at least 0, not {tolerance!r}")
    settings = Settings(dict(known or {}), options, frequencies, priors, passes, tolerance)
    columns = sys.modules.get("crowdflower.quality.vote_columns")
    if columns and isinstance(votes, columns.VoteColumns):
        return _solve_with_numpy(votes, weights, settings)
    votes = iter(votes)
    first = list(islice(votes, MANY_VOTES))
    votes = chain(first, votes)
    if len(first) == MANY_VOTES and find_spec("numpy"):
        return _solve_with_numpy(votes, weights, settings)
    return _solve_with_lists(votes, weights, settings)


@dataclass(frozen=True)
class Settings:
    """The options of the method, checked as far as they can be without the votes."""

    known: Mapping[Any, Any]
    options: Collection[Any]
    frequencies: Mapping[Any, float] | None
    priors: Priors
    passes: int
    tolerance: float

    def answers(self, tasks: Container[Any]) -> dict[Any, Any]:
        """Return the known labels of tasks that have votes."""
        return {task: label for task, label in self.known.items() if task in tasks}


def _solve_with_numpy(votes: Any, weights: Any, settings: Settings) -> Consensus[Any, Any, Any]:
    from crowdflower.quality.hierarchical.array_consensus import solve  # noqa: PLC0415 - imports numpy

    return solve(votes, weights, settings)


def _solve_with_lists(votes: Any, weights: Any, settings: Settings) -> Consensus[Any, Any, Any]:
    checked = Votes.read(votes, weights)
    answers = settings.answers(checked.by_task)
    frequencies = settings.frequencies
    check_labels(checked.labels, answers, settings.options, frequencies)
    if not checked.by_task:
        return Consensus({}, {}, {}, frozenset())
    more = [*settings.options, *(frequencies or ()), *answers.values()]
    indexed = IndexedVotes.of(checked, more)
    index = {label: place for place, label in enumerate(indexed.label_values)}
    problem = Problem(
        indexed,
        [index[answers[task]] if task in answers else None for task in indexed.task_values],
        [frequencies[label] for label in indexed.label_values] if frequencies else None,
        settings.priors,
        settings.passes,
        settings.tolerance,
    )
    return _result(checked, problem, fit(problem))


def check_labels(
    given_labels: Iterable[Any],
    known: Mapping[Any, Any],
    options: Collection[Any],
    frequencies: Mapping[Any, float] | None,
) -> None:
    """Refuse labels that are missing or not possible."""
    for name, labels in (("known", known.values()), ("options", options)):
        unhashable = [label for label in labels if not isinstance(label, Hashable)]
        if unhashable:
            raise TypeError(f"{name} contains {unhashable[0]!r}: a label must be hashable")
        missing = [label for label in labels if is_missing(label)]
        if missing:
            raise ValueError(f"{name} contains a missing label, {missing[0]!r}: leave it out")
    given = dict.fromkeys([*given_labels, *known.values()])
    for label in given:
        if options and label not in options:
            raise ValueError(f"label {label!r} is not among the options: {list(options)!r}")
    if frequencies is not None:
        _check_frequencies(frequencies, [*given, *options])


def _check_frequencies(frequencies: Mapping[Any, float], labels: Collection[Any]) -> None:
    """Refuse frequencies that are invalid, or missing for a label."""
    for label in labels:
        if label not in frequencies:
            raise ValueError(f"label {label!r} has no frequency: give one for each label")
    for label, share in frequencies.items():
        if is_missing(share) or not 0 < share <= 1:
            raise ValueError(f"the frequency of {label!r} must be above 0, not {share!r}")
    total = sum(frequencies.values())
    if not isclose(total, 1, abs_tol=1e-6):
        raise ValueError(f"the frequencies must sum to 1, not {total!r}")


def _result(
    votes: Votes[Task, Worker, Label], problem: Problem, fitted: Fit
) -> Consensus[Task, Worker, Label]:
    """Turn numbers back into tasks, workers and labels, in the order of the votes."""
    indexed: IndexedVotes[Task, Worker, Label] = problem.votes
    numbers = {label: number for number, label in enumerate(indexed.label_values)}
    every = list(dict.fromkeys([*votes.labels, *numbers]))
    complete = len(votes.by_task) * len(every) <= MAX_PROBABILITIES
    by_frequency = sorted(numbers.values(), key=lambda number: -fitted.frequencies[number])
    probabilities: dict[Task, dict[Label, float]] = {task: {} for task in votes.by_task}
    doubted, answers = set(), {}
    for number, (task, known) in enumerate(zip(indexed.task_values, problem.known, strict=True)):
        given = votes.weights_by_label(task)
        row = probabilities[task]
        if known is not None:
            answers[task] = indexed.label_values[known]
            row |= {
                label: float(numbers[label] == known) for label in (every if complete else given)
            }
            continue
        probability = _probabilities(fitted, number)
        row |= {label: probability(numbers[label]) for label in (every if complete else given)}
        not_given = (each for each in by_frequency if indexed.label_values[each] not in given)
        # Without matrices, the most frequent label is the most probable of those not given.
        likely = list(not_given if len(every) < WITHOUT_TABLES else islice(not_given, 1))
        top = max((round(probability(each), TIE_DIGITS) for each in likely), default=0.0)
        if top > max(round(row[label], TIE_DIGITS) for label in given):
            doubted.add(task)
    labels, ties = votes.decide(probabilities)
    labels |= answers
    return Consensus(
        labels,
        probabilities,
        votes.skills(probabilities),
        ties - answers.keys(),
        frozenset(doubted),
        fitted.passes,
        fitted.converged,
        1 / fitted.scale,
        votes.votes_per_worker,
        votes.votes_per_worker < HALF_KNOWN,
        Intervals(indexed, problem.known, fitted, labels, probabilities),
    )


def _probabilities(fitted: Fit, task: int) -> Callable[[int], float]:
    """Return the function that returns the probability of a label of a task."""
    softened, rest = fitted.softened(task)
    of_slots = dict(zip(fitted.slots[task], softened, strict=True))
    share = rest / fitted.others[task] if rest else 0.0
    return lambda label: of_slots[label] if label in of_slots else share * fitted.frequencies[label]
