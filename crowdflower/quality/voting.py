"""What many voters say together: majority vote, and Wawa, which weighs the voters by it."""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING

from crowdflower.quality.consensus import Ballots, Consensus, Label, Task, Worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def majority_vote(votes: Iterable[tuple[Task, Worker, Label]]) -> Consensus[Task, Worker, Label]:
    """Let every vote count the same.

    :param votes: ``(task, worker, label)`` each, in the order they were given; anything hashable
        will do for the three. Who votes twice on a task counts twice.
    :returns: The probability of a label is its share of the votes on a task, the skill of a worker
        the share of their votes that agree with the outcome. No votes give an empty consensus.
    :raises ValueError: A vote does not have three parts, or its label is missing (NaN).
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
    {1: 'a', 2: 'b'}
    >>> outcome.ties
    frozenset({2})
    >>> outcome.skills
    {'ann': 1.0, 'bob': 0.0, 'cem': 1.0}

    Source: Snow, O'Connor, Jurafsky and Ng, `Cheap and Fast, But is it Good?
    <https://aclanthology.org/D08-1027/>`_, EMNLP 2008, who measure it against experts.
    """
    return _majority(Ballots.read(votes))


def wawa(votes: Iterable[tuple[Task, Worker, Label]]) -> Consensus[Task, Worker, Label]:
    """Weigh each vote by how often its worker agrees with the majority.

    Wawa is *worker agreement with aggregate*: a majority vote, and then a second one in which the
    skills that the first found are the weights.

    :param votes: As for :func:`majority_vote`, and so are the errors.
    :returns: The probability of a label is its share of the weight of a task; the skill of a
        worker is their weight.

    >>> from itertools import product
    >>> mine, theirs = "ACBCBD", "ACBBDD"
    >>> votes = [(task, "me", label) for task, label in enumerate(mine)]
    >>> votes += [(task, who, theirs[task]) for task, who in product(range(6), ("you", "she"))]
    >>> round(wawa(votes).skills["me"], 2)
    0.67

    Source: Appen, `Calculating Worker Agreement with Aggregate (Wawa)
    <https://success.appen.com/hc/en-us/articles/202703205>`_, with its example. To vote again with
    the skills as weights is what `crowd-kit <https://crowd-kit.readthedocs.io>`_ does under this
    name.
    """
    ballots = Ballots.read(votes)
    skills = _majority(ballots).skills
    probabilities = _shares(ballots, skills)
    labels, ties = ballots.decide(probabilities)
    return Consensus(labels, probabilities, skills, ties)


def _majority(ballots: Ballots[Task, Worker, Label]) -> Consensus[Task, Worker, Label]:
    probabilities = _shares(ballots, dict.fromkeys(ballots.workers, 1.0))
    labels, ties = ballots.decide(probabilities)
    skills = ballots.skills({task: {label: 1.0} for task, label in labels.items()})
    return Consensus(labels, probabilities, skills, ties)


def _shares(
    ballots: Ballots[Task, Worker, Label], weights: Mapping[Worker, float]
) -> dict[Task, dict[Label, float]]:
    """Share the weight behind each task among its labels.

    It is never 0: somebody agrees with the majority of each task, and has a skill for it.
    """
    shares: dict[Task, dict[Label, float]] = {}
    for task, cast in ballots.by_task.items():
        behind: dict[Label, list[float]] = {}
        for worker, label in cast:
            behind.setdefault(label, []).append(weights[worker])
        total = fsum(weights[worker] for worker, _ in cast)
        shares[task] = {label: fsum(given) / total for label, given in behind.items()}
    return shares
