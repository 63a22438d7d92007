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
    doubt                     how likely the label of a task is wrong

    krippendorff_alpha  agreement beyond chance, of any number of workers, and any kind of answer
    fleiss_kappa        the same for equal or different answers
    cohen_kappa         the same for two workers
    percent_agreement   the share of pairs of answers that agree

    VoteColumns         votes in columns, for millions of them; needs NumPy

The first six compute what the service computes from judgments. The others go beyond it, with
single votes: each takes ``(task, worker, label)`` votes, or :class:`VoteColumns`, and returns a
:class:`Consensus`, which does not depend on the order of the votes. :doc:`/aggregation` helps to
choose. The coefficients of agreement take such votes too, and return an :class:`Agreement` with an
interval; :doc:`/agreement` explains them. All are pure functions, and none rounds its results.
"""

from typing import TYPE_CHECKING, Any

from crowdflower.quality.aggregation import aggregate, linked
from crowdflower.quality.consensus import Consensus
from crowdflower.quality.doubt import doubt
from crowdflower.quality.expectation_maximization import dawid_skene, one_coin
from crowdflower.quality.hierarchical import Priors, hierarchical_dawid_skene
from crowdflower.quality.inter_rater import (
    AGREEMENT_METHODS,
    DEFAULT_AGREEMENT,
    Agreement,
    check_agreement_method,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    measure_agreement,
    percent_agreement,
)
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
    "AGREEMENT_METHODS",
    "DEFAULT_AGREEMENT",
    "DEFAULT_METHOD",
    "METHODS",
    "Agreement",
    "Consensus",
    "Priors",
    "VoteColumns",
    "aggregate",
    "agreement",
    "check_agreement_method",
    "check_method",
    "cohen_kappa",
    "confidence",
    "dawid_skene",
    "doubt",
    "fleiss_kappa",
    "hierarchical_dawid_skene",
    "krippendorff_alpha",
    "linked",
    "majority_vote",
    "measure_agreement",
    "multiple_choice",
    "one_coin",
    "option_confidence",
    "percent_agreement",
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
