"""Who is to be believed, and what: pure functions from answers to results.

.. code-block:: text

    trust               how far one contributor is believed, from test questions
    confidence          how the trust behind one question is shared among its answers
    option_confidence   the same where each contributor may choose several options
    agreement           one number for a whole unit, from the confidences of its questions
    aggregate           the answers to one question as a job's form asks for them
    linked              the answers to a group of questions that may be answered several times

    majority_vote       every vote counts the same
    wawa                votes weigh as much as their worker agrees with the majority
    one_coin            workers differ in skill
    dawid_skene         workers differ in skill, and in what they mistake for what

The first six say what the service does with judgments. The last four are what a careful reader of
the *full* report can do beyond it: each takes ``(task, worker, label)`` votes and returns a
:class:`Consensus`. Nothing here reads, writes, rounds or keeps state.
"""

from typing import Final

from crowdflower.quality.aggregation import aggregate, linked
from crowdflower.quality.consensus import Consensus
from crowdflower.quality.expectation_maximization import dawid_skene, one_coin
from crowdflower.quality.voting import majority_vote, wawa
from crowdflower.quality.weighing import agreement, confidence, option_confidence, trust

METHODS: Final = {
    "majority": majority_vote,
    "wawa": wawa,
    "one-coin": one_coin,
    "dawid-skene": dawid_skene,
}
"""The ways to weigh votes, by the names that ``job.aggregate`` takes."""

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
