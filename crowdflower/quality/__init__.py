"""Quality of answers: trust, confidence, agreement, aggregation, and consensus models.

.. code-block:: text

    trust               accuracy of a contributor on test questions
    confidence          share of the trust behind each answer to a question
    option_confidence   the same for questions with several answers
    agreement           mean confidence of the questions of a unit
    aggregate           the aggregated answers to a question, by the rule in the form
    linked              the aggregated entries of a group that may be answered several times

    majority_vote       equal weights
    wawa                weights from agreement with the majority
    one_coin            a model with one accuracy per worker
    dawid_skene         a model with a confusion matrix per worker

The first six compute what the service computes from judgments. The last four go beyond it, with
the votes of the *full* report: each takes ``(task, worker, label)`` votes and returns a
:class:`Consensus`. All are pure functions, and none rounds its results.
"""

from typing import Final

from crowdflower.quality.aggregation import aggregate, linked
from crowdflower.quality.consensus import Consensus
from crowdflower.quality.expectation_maximization import dawid_skene, one_coin
from crowdflower.quality.trust_and_confidence import (
    agreement,
    confidence,
    option_confidence,
    trust,
)
from crowdflower.quality.voting import majority_vote, wawa

METHODS: Final = {
    "majority": majority_vote,
    "wawa": wawa,
    "one-coin": one_coin,
    "dawid-skene": dawid_skene,
}
"""The consensus methods, by the names that ``job.aggregate`` takes."""

__all__ = [
    "METHODS",
    "Consensus",
    "aggregate",
    "agreement",
    "confidence",
    "dawid_skene",
    "linked",
    "majority_vote",
    "one_coin",
    "option_confidence",
    "trust",
    "wawa",
]
