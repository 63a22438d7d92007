"""The stopping rule: decides whether a unit needs more judgments. Pure: it reads no database.

Both paths use it: :mod:`~crowdflower.sandbox.rules.work.submission` for the units of a page, and
:mod:`~crowdflower.sandbox.rules.completion.finalization` for every other change.

Source: Appen, `Guide to: Dynamic Judgments
<https://success.appen.com/hc/en-us/articles/203219205>`_.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from crowdflower.sandbox.rules.results import aggregation
from crowdflower.sandbox.rules.results.aggregation import WeightedAnswers


def next_state(
    job: Any,
    state: str,
    needed: int,
    trusted: int,
    judgments: Collection[WeightedAnswers],
    *,
    may_reopen: bool = False,
) -> tuple[str, int]:
    """Return the state of a unit whose judgments changed, and how many judgments it needs.

    :param job: A row of the job, or the part of it that handing out pages reads.
    :param state: State of the unit so far.
    :param needed: Trusted judgments that it needed so far.
    :param trusted: Trusted judgments that it has now.
    :param judgments: These judgments; read only for dynamic collection.
    :param may_reopen: Whether a finalized unit that lacks judgments becomes judgable again.

    >>> from types import SimpleNamespace
    >>> job = SimpleNamespace(variable_judgments_mode="none")
    >>> next_state(job, "judgable", 3, 2, ()), next_state(job, "judgable", 3, 3, ())
    (('judgable', 3), ('finalized', 3))
    >>> next_state(job, "finalized", 3, 2, (), may_reopen=True)
    ('judgable', 3)
    """
    if state == "judgable" and trusted >= needed:
        return ("finalized", needed) if is_final(job, judgments) else (state, trusted + 1)
    if state == "finalized" and trusted < needed and may_reopen:
        return "judgable", needed
    return state, needed


def is_final(job: Any, judgments: Collection[WeightedAnswers]) -> bool:
    """Return whether a unit that has the judgments it needed is final.

    With a fixed number of judgments, it always is. With dynamic judgments, one more is collected
    until each deciding question has an answer of sufficient confidence, or until
    ``options.dynamic_matching`` contributors agree on each, or until the unit has
    ``max_judgments_per_unit``.

    :param job: A row of the job, or the part of it that handing out pages reads.
    :param judgments: The trusted judgments of the unit.

    >>> from types import SimpleNamespace
    >>> job = SimpleNamespace(
    ...     variable_judgments_mode="auto_confidence",
    ...     max_judgments_per_unit=5,
    ...     options={},
    ...     min_unit_confidence=0.7,
    ...     confidence_fields=["spam"],
    ...     fields={"spam": "agg"},
    ... )
    >>> is_final(job, [WeightedAnswers({"spam": "yes"}, 1.0), WeightedAnswers({"spam": "no"}, 1.0)])
    False
    >>> is_final(
    ...     job, [WeightedAnswers({"spam": "yes"}, 1.0), WeightedAnswers({"spam": "yes"}, 1.0)]
    ... )
    True
    """
    if job.variable_judgments_mode == "none":
        return True
    maximum = job.max_judgments_per_unit
    if maximum is not None and len(judgments) >= maximum:
        return True
    deciding = aggregation.deciding_questions(job)
    matching = job.options.get("dynamic_matching")
    if matching:
        return all(aggregation.count_matching(name, judgments) >= matching for name in deciding)
    minimum = job.min_unit_confidence or 0.0
    confidences = (aggregation.best_confidence(job, name, judgments) for name in deciding)
    return all(confidence is None or confidence >= minimum for confidence in confidences)
