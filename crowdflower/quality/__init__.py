"""Quality of answers: trust, confidence, agreement, aggregation, and consensus models.

.. code-block:: text

    trust               accuracy of a contributor on test questions
    confidence          share of the trust behind each answer to a question
    option_confidence   the same for questions with several answers
    agreement           mean confidence of the questions of a unit
    aggregate           the aggregated answers to a question, by the rule in the form
    linked              the aggregated entries of a group that may be answered several times

    hierarchical_dawid_skene  a model that trusts workers as far as they are known; the default
    majority_vote             equal weights
    wawa                      weights from agreement with the majority
    one_coin                  a model with one accuracy per worker
    dawid_skene               a model with a confusion matrix per worker
    multiple_choice           any of these, for questions with several answers

    VoteColumns         votes in columns, for millions of them; needs NumPy

The first six compute what the service computes from judgments. The others go beyond it, with
single votes: each takes ``(task, worker, label)`` votes, or :class:`VoteColumns`, and returns a
:class:`Consensus`, which does not depend on the order of the votes. :doc:`/aggregation` helps to
choose. All are pure functions, and none rounds its results.
"""

from typing import TYPE_CHECKING, Any

from crowdflower.quality.aggregation import aggregate, linked
from crowdflower.quality.consensus import Consensus
from crowdflower.quality.expectation_maximization import dawid_skene, one_coin
from crowdflower.quality.hierarchical import Priors, hierarchical_dawid_skene
from crowdflower.quality.methods import DEFAULT_METHOD, METHODS, check_method, run_method
from crowdflower.quality.multiple_choice import multiple_choice
from crowdflower.quality.trust_and_confidence import (
    agreement,
    confidence,
    option_confidence,
    trust,
)
from crowdflower.quality.voting import majority_vote, wawa

if TYPE_CHECKING:
    from crowdflower.quality.vote_columns import VoteColumns

__all__ = [
    "DEFAULT_METHOD",
    "METHODS",
    "Consensus",
    "Priors",
    "VoteColumns",
    "aggregate",
    "agreement",
    "check_method",
    "confidence",
    "dawid_skene",
    "hierarchical_dawid_skene",
    "linked",
    "majority_vote",
    "multiple_choice",
    "one_coin",
    "option_confidence",
    "run_method",
    "trust",
    "wawa",
]


def __getattr__(name: str) -> Any:
    """Import what needs NumPy only when it is asked for."""
    if name == "VoteColumns":
        from crowdflower.quality.vote_columns import VoteColumns  # noqa: PLC0415 - imports NumPy

        return VoteColumns
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
