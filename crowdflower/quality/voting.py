"""Consensus by voting: majority vote, and Wawa, which weights workers by agreement with it."""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING

from crowdflower.quality.consensus import Consensus, Label, Task, Votes, Worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def majority_vote(votes: Iterable[tuple[Task, Worker, Label]]) -> Consensus[Task, Worker, Label]:
    """Find the majority label of each task; all votes have the same weight.

    :param votes: ``(task, worker, label)`` tuples of hashable values, in any order. Two votes of a
        worker on one task count twice.
    :returns: The probability of a label is its share of the votes on a task; the skill of a worker
        is the share of their votes that agree with the consensus. Without votes, it is empty.
    :raises ValueError: A vote does not have three parts, or one of them is missing (``None``, NaN,
        NaT, or ``NA`` of pandas). An empty string is a label.
    :raises TypeError: A part of a vote is not hashable, such as a list of labels.

    >>> votes = [
    ...     (1, "ann", "a"),
    ...     (1, "bob", "b"),
    ...     (1, "cem", "a"),
    ...     (2, "ann", "b"),
    ...     (2, "bob", "a"),
    ... ]
    >>> outcome = majority_vote(votes)
    >>> outcome.labels
    {1: 'a', 2: 'a'}
    >>> outcome.ties
    frozenset({2})
    >>> outcome.skills
    {'ann': 0.5, 'bob': 0.5, 'cem': 1.0}

    Source: Snow, O'Connor, Jurafsky and Ng, `Cheap and Fast, But is it Good?
    <https://aclanthology.org/D08-1027/>`_, EMNLP 2008, which compares it with experts.
    """
    return _majority(Votes.read(votes))


def wawa(votes: Iterable[tuple[Task, Worker, Label]]) -> Consensus[Task, Worker, Label]:
    """Find the label of each task by votes weighted by agreement with the majority.

    Wawa is *worker agreement with aggregate*: a majority vote, then a second vote that uses the
    skills from the first as weights.

    :param votes: As for :func:`majority_vote`, with the same errors.
    :returns: The probability of a label is its share of the weight on a task; the skill of a
        worker is their weight. Where the majority is a tie of two labels, each of their voters
        agrees with it by one half.

    >>> from itertools import product
    >>> mine, theirs = "ACBCBD", "ACBBDD"
    >>> votes = [(task, "me", label) for task, label in enumerate(mine)]
    >>> votes += [(task, who, theirs[task]) for task, who in product(range(6), ("you", "she"))]
    >>> round(wawa(votes).skills["me"], 2)
    0.67

    Source: Appen, `Calculating Worker Agreement with Aggregate (Wawa)
    <https://success.appen.com/hc/en-us/articles/202703205>`_, with its example. The second vote
    is what `crowd-kit <https://crowd-kit.readthedocs.io>`_ does under this name.
    """
    checked = Votes.read(votes)
    skills = _agreement_with_majority(checked)
    probabilities = _shares(checked, skills)
    labels, ties = checked.decide(probabilities)
    median = checked.votes_per_worker
    return Consensus(labels, probabilities, skills, ties, votes_per_worker=median)


def _agreement_with_majority(votes: Votes[Task, Worker, Label]) -> dict[Worker, float]:
    """Return the share of each worker's votes for a majority; of m tied ones, each counts 1/m."""
    agreements: dict[Task, dict[Label, float]] = {}
    for task in votes.by_task:
        counts = votes.weights_by_label(task)
        best = [label for label, count in counts.items() if count == max(counts.values())]
        agreements[task] = dict.fromkeys(best, 1 / len(best))
    return votes.skills(agreements)


def _majority(votes: Votes[Task, Worker, Label]) -> Consensus[Task, Worker, Label]:
    probabilities = _shares(votes, dict.fromkeys(votes.workers, 1.0))
    labels, ties = votes.decide(probabilities)
    skills = votes.skills({task: {label: 1.0} for task, label in labels.items()})
    median = votes.votes_per_worker
    return Consensus(labels, probabilities, skills, ties, votes_per_worker=median)


def _shares(
    votes: Votes[Task, Worker, Label], weights: Mapping[Worker, float]
) -> dict[Task, dict[Label, float]]:
    """Return the share of each label in the weight on each task.

    The weight on a task is never 0: at least one worker agrees with its majority, so that the skill
    of that worker is above 0.
    """
    shares: dict[Task, dict[Label, float]] = {}
    for task, given in votes.by_task.items():
        by_label: dict[Label, list[float]] = {}
        for worker, label in given:
            by_label.setdefault(label, []).append(weights[worker])
        total = fsum(weights[worker] for worker, _ in given)
        shares[task] = {label: fsum(each) / total for label, each in by_label.items()}
    return shares
