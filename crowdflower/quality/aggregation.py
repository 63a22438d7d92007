"""Aggregation of the answers to one question of a unit, by the rule in the form."""

from __future__ import annotations

import re
from math import isfinite
from statistics import fmean, pvariance
from typing import TYPE_CHECKING, Any

from crowdflower.quality.trust_and_confidence import option_confidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CONFIDENCE = "confidence"
"""Key of the confidence beside an answer, or beside the answers of a linked entry."""

_RULES = "agg, agg_N (N = 1, 2, …), cagg_X (X from 0 to 1), all, avg"
"""The supported values of ``aggregation``, for error messages."""

_RULE = re.compile(
    r"agg|agg_(?P<top>0*[1-9]\d*)|cagg_(?P<above>0?\.\d+|0|1(\.0+)?)|all|avg", re.ASCII
)
"""Matches the supported values of ``aggregation``, with the number of ``agg_N`` and ``cagg_X``."""


def aggregate(
    how: str, answers: Sequence[tuple[str | Sequence[str], float]], options: Sequence[str] = ()
) -> dict[str, Any] | list[Any]:
    """Aggregate the answers to one question of a unit.

    ========== ==================================================================================
    ``how``    result
    ========== ==================================================================================
    ``agg``    the answer with the highest confidence: ``{"agg": answer, "confidence": share}``
    ``agg_N``  the N best answers: ``{"agg": [answers], "confidence": [shares]}``
    ``cagg_X`` all with a confidence above X: ``{"agg": [answers], "confidence": [shares]}``
    ``all``    a list of all answers, unchanged
    ``avg``    mean and population variance of the numbers: ``{"avg": mean, "variance": variance}``
    ========== ==================================================================================

    :param how: The value of ``aggregation`` in the form.
    :param answers: ``(answer, trust)`` pairs, shape ``(n,)``, in the order they were given, of
        trusted contributors who saw the question. An answer is a string, or a sequence of strings
        where several may be chosen; trust as in :func:`~crowdflower.quality.confidence`. ``all``
        and ``avg`` give every answer the same weight.
    :param options: The values of the options in the order of the form: on a tie, the last one
        wins, as in :func:`~crowdflower.quality.confidence`.
    :returns: The value under the question in a unit's results. Nothing is rounded or joined with
        newlines; that is left to the report. Both values are ``None`` without answers, or if all
        trust is 0. ``avg`` ignores answers that are not finite numbers.
    :raises ValueError: ``how`` is not a supported aggregation; the message lists these.

    >>> aggregate("agg", [("yes", 1.0), ("no", 0.75), ("yes", 0.75)])
    {'agg': 'yes', 'confidence': 0.7}
    >>> aggregate("agg", [("yes", 0.8), ("no", 0.8)], options=["yes", "no"])
    {'agg': 'no', 'confidence': 0.5}
    >>> chosen = [(["cat", "dog"], 0.9), (["cat"], 0.8), (["dog", "bird"], 0.5)]
    >>> aggregate("agg_2", chosen)["agg"]
    ['cat', 'dog']
    >>> aggregate("cagg_0.7", chosen)["agg"]
    ['cat']
    >>> aggregate("all", chosen)
    [['cat', 'dog'], ['cat'], ['dog', 'bird']]
    >>> spread = aggregate("avg", [("4", 0.9), ("4", 0.8), ("3", 1.0)])
    >>> round(spread["avg"], 4), round(spread["variance"], 4)
    (3.6667, 0.2222)

    Source: CrowdFlower, `CML Attribute: Aggregation
    <https://success.crowdflower.com/hc/en-us/articles/203527635>`_, and Appen, `Guide to:
    Aggregation <https://success.appen.com/appen-success-center/dashboards-reports/\
reports-in-quality-flow/guide-to-aggregation>`_. Which variance the service prints is not
    documented.
    """
    rule = _RULE.fullmatch(how)
    if not rule:
        raise ValueError(f"there is no aggregation {how!r}; use {_RULES}")
    if how == "all":
        return [answer if isinstance(answer, str) else list(answer) for answer, _ in answers]
    if how == "avg":
        numbers = list(_numbers(answers))
        return {
            "avg": fmean(numbers) if numbers else None,
            "variance": pvariance(numbers) if numbers else None,
        }
    if not any(trust for _, trust in answers):
        return {"agg": None, "confidence": None}
    ranked = list(option_confidence(answers, options).items())
    if how == "agg":
        answer, share = ranked[0] if ranked else (None, None)
        return {"agg": answer, "confidence": share}
    top, above = rule["top"], rule["above"]
    kept = ranked[: int(top)] if top else [item for item in ranked if item[1] > float(above)]
    return {"agg": [answer for answer, _ in kept], "confidence": [share for _, share in kept]}


def linked(judgments: Sequence[Sequence[Mapping[str, str]]]) -> list[dict[str, Any]]:
    """Aggregate the linked answers of a repeated group: count equal entries.

    :param judgments: The entries of each trusted contributor, each a mapping of question to
        answer; a contributor without entries counts, too. Shape ``(n,)``.
    :returns: Every distinct entry once, with its ``confidence`` beside its answers: the share of
        contributors who entered it, a fraction in (0, 1], not rounded. Best first; on a tie, the
        one entered first.

    One of two contributors entered Johnny Appleseed:

    >>> johnny = {"first_name": "Johnny", "last_name": "Appleseed"}
    >>> for entry in linked([[johnny], [{"first_name": "John", "last_name": "Chapman"}]]):
    ...     print(entry)
    {'first_name': 'Johnny', 'last_name': 'Appleseed', 'confidence': 0.5}
    {'first_name': 'John', 'last_name': 'Chapman', 'confidence': 0.5}

    Source: Appen, `Guide to cml:group and multiple="true" Aggregation
    <https://success.appen.com/hc/en-us/articles/360044427991>`_: contributors have equal weight,
    whatever their trust, and the best comes first. That a contributor who enters the same twice
    counts once is our interpretation of its "unique submissions".
    """
    counts: dict[tuple[tuple[str, str], ...], int] = {}
    for entries in judgments:
        for entry in dict.fromkeys(tuple(each.items()) for each in entries):
            counts[entry] = counts.get(entry, 0) + 1
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    return [{**dict(entry), CONFIDENCE: count / len(judgments)} for entry, count in ranked]


def _numbers(answers: Sequence[tuple[str | Sequence[str], float]]) -> Iterator[float]:
    """Yield the answers that are finite numbers."""
    for answer, _ in answers:
        for text in (answer,) if isinstance(answer, str) else answer:
            try:
                number = float(text)
            except ValueError:
                continue
            if isfinite(number):
                yield number
