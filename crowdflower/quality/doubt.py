"""How doubtful a consensus is: which answers are worth asking for again."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from typing import Any

from crowdflower.quality.consensus import Consensus, Task, Worker
from crowdflower.quality.trust_and_confidence import TIE_DIGITS


def doubt(consensus: Consensus[Task, Worker, Any], task: Task) -> tuple[float, float]:
    """Return how doubtful the label of a task is, and how evenly its probability is spread.

    :param consensus: The result of a method, or of ``multiple_choice``.
    :returns: ``(doubt, entropy)``, both rounded to 9 places, higher is more doubtful. The doubt is
        the probability that the label is wrong. For a question with several answers it is that of
        the most doubtful option: that a chosen one is wrong, or another one right. The entropy, in
        bits, orders tasks of equal doubt.
    :raises KeyError: The task has no votes.

    >>> from crowdflower.quality import majority_vote
    >>> votes = [(1, "ann", "x"), (1, "bob", "x"), (2, "ann", "x"), (2, "bob", "y")]
    >>> consensus = majority_vote(votes)
    >>> doubt(consensus, 1), doubt(consensus, 2)
    ((0.0, 0.0), (0.5, 1.0))
    """
    probabilities = consensus.probabilities[task]
    label = consensus.labels[task]
    if isinstance(label, (list, tuple, set, frozenset)):
        wrong = max((min(each, 1 - each) for each in probabilities.values()), default=0.0)
        spread = sum(_entropy({True: each, False: 1 - each}) for each in probabilities.values())
    else:
        wrong = 1 - probabilities[label]
        spread = _entropy(probabilities)
    return round(wrong, TIE_DIGITS), round(spread, TIE_DIGITS)


def _entropy(probabilities: Mapping[Any, float]) -> float:
    return sum(each * log2(1 / each) for each in probabilities.values() if each > 0)
