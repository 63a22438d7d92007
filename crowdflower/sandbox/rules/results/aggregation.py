"""What answers to one question come to, weighted by the trust of those who gave them.

Trust and confidence are rounded to 4 places in what is shown, and nowhere else.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from crowdflower.quality import aggregate, agreement
from crowdflower.quality import linked as linked_answers
from crowdflower.sandbox.rules.results.shapes import PLACES
from crowdflower.sandbox.rules.settings.questions import with_confidence
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.fast import bulk_queries

if TYPE_CHECKING:
    from crowdflower.cml import Group


class TrustedJudgment(NamedTuple):
    """What one trusted contributor answered about a row."""

    data: dict[str, Any]
    trust: float

    @classmethod
    def read(cls, answers: bulk_queries.TrustedJudgment) -> TrustedJudgment:
        """Decode what was stored."""
        return cls(json.loads(answers.data), answers.trust)


def read_trusted(tx: Transaction, unit_ids: Collection[int]) -> dict[int, list[TrustedJudgment]]:
    """Read the judgments of some rows that count, by row, the oldest first."""
    found = bulk_queries.read_trusted_judgments(tx.driver, list(unit_ids))
    return {
        number: [TrustedJudgment.read(each) for each in answers]
        for number, answers in found.items()
    }


def aggregate_answers(
    name: str, how: str, given: Collection[TrustedJudgment]
) -> dict[str, Any] | list[Any]:
    """Put together what contributors answered to one question, rounded to 4 places.

    Those who were not asked it, since another answer hid it, are not among them.

    >>> aggregate_answers(
    ...     "spam",
    ...     "agg",
    ...     [TrustedJudgment({"spam": "yes"}, 1.0), TrustedJudgment({"spam": "no"}, 0.8)],
    ... )
    {'agg': 'yes', 'confidence': 0.5556}
    """
    answers = [(each.data[name], each.trust) for each in given if name in each.data]
    found = aggregate(how, answers)
    if isinstance(found, list):
        return found
    return {key: _round(value) for key, value in found.items()}


def aggregate_group(group: Group, given: Iterable[TrustedJudgment]) -> list[dict[str, Any]]:
    """Put together what contributors entered in a group that repeats, rounded to 4 places."""
    found = linked_answers([group.entries(each.data) for each in given])
    return [{**entry, "confidence": round(entry["confidence"], PLACES)} for entry in found]


def deciding_questions(job: Any) -> list[str]:
    """List the questions that decide over dynamic judgments."""
    return list(job.confidence_fields or with_confidence(job.fields or {}))


def best_confidence(job: Any, name: str, given: Collection[TrustedJudgment]) -> float | None:
    """Return the confidence of the best answer to a question, not rounded.

    ``None`` when nobody was asked it, or its aggregation has no confidence.
    """
    answers = [(each.data[name], each.trust) for each in given if name in each.data]
    found = aggregate((job.fields or {}).get(name, "agg"), answers)
    sure = found.get("confidence") if isinstance(found, dict) else None
    if isinstance(sure, list):
        return max(sure, default=None)
    return sure


def count_matching(name: str, given: Iterable[TrustedJudgment]) -> int:
    """Count the contributors who gave the answer that most of them gave.

    >>> count_matching(
    ...     "spam", [TrustedJudgment({"spam": "yes"}, 1.0), TrustedJudgment({"spam": "yes"}, 0.8)]
    ... )
    2
    """
    answers = Counter(json.dumps(each.data[name]) for each in given if name in each.data)
    return max(answers.values(), default=0)


def unit_agreement(job: Any, state: str, given: Collection[TrustedJudgment]) -> float | None:
    """Return how far contributors agree on a finalized row, rounded; else ``None``.

    It is the mean, over all questions with a confidence that anybody was asked, of the share of
    contributors who gave the most common answer. Unlike confidence it goes by heads: trust does
    not weigh in, and the questions that decide over dynamic judgments are not singled out.

    Source: Figure Eight, `How to Calculate Overall Unit Agreement
    <https://success.figure-eight.com/hc/en-us/articles/360038386492>`_. A script that reads the
    service's reports compares agreement with 0.666666666666667, of three contributors with three
    different trusts, which fits.
    """
    if state != "finalized":
        return None
    alike = [TrustedJudgment(each.data, 1.0) for each in given]
    shares = (best_confidence(job, name, alike) for name in with_confidence(job.fields or {}))
    mean = agreement(share for share in shares if share is not None)
    return None if mean is None else round(mean, PLACES)


def _round(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, PLACES)
    return [_round(each) for each in value] if isinstance(value, list) else value
