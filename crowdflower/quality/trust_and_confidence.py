"""Trust in contributors, confidence in answers, and agreement on units."""

from __future__ import annotations

from math import fsum, inf
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TIE_DIGITS = 9
"""Shares that are equal to this many decimal places are a tie; further digits are rounding."""


def trust(seen: int, missed: int, forgiven: int = 0) -> float:
    """Return the share of test questions that a contributor answered correctly.

    :param seen: Test questions answered in this job, the quiz included.
    :param missed: Those of them answered wrong.
    :param forgiven: Missed ones that the requester has forgiven; they count as right.
    :returns: A fraction in [0, 1], not rounded; 1.0 without any test question, since there is no
        evidence against the contributor.
    :raises ValueError: A count is negative, or more are missed than seen, or forgiven than missed.

    >>> round(trust(seen=44, missed=5), 4)
    0.8864
    >>> round(trust(seen=44, missed=5, forgiven=1), 4)
    0.9091
    >>> trust(seen=0, missed=0)
    1.0

    Source: Appen, `Guide to: Contributors Page
    <https://success.appen.com/hc/en-us/articles/201855679>`_: trust is the accuracy on the test
    questions seen in the current job. That a forgiven one counts as right is our interpretation.
    """
    if not 0 <= forgiven <= missed <= seen:
        raise ValueError(
            f"seen={seen}, missed={missed}, forgiven={forgiven} is impossible: give counts with "
            "0 <= forgiven <= missed <= seen"
        )
    return (seen - missed + forgiven) / seen if seen else 1.0


def confidence(
    answers: Sequence[tuple[str, float]], options: Sequence[str] = ()
) -> dict[str, float]:
    """Return the share of trust behind each answer to one question of a unit.

    :param answers: ``(answer, trust)`` pairs, shape ``(n,)``, in any order; trust is a weight >= 0
        without a unit, at most 1 for a single contributor.
    :param options: The values of the options in the order of the form, which decides ties.
    :returns: ``{answer: confidence}``, one key per distinct answer, best first; fractions in
        [0, 1] that sum to 1, not rounded. On a tie, the last in the order of the form comes first.
        Answers that are not among the options come after those, from Z to A.
    :raises ValueError: The sum of trust is 0, so shares are undefined, or a trust is negative or
        not finite.

    >>> shares = confidence([("beef", 4.4703), ("chicken", 1.8571), ("veggie", 0.9231)])
    >>> round(shares["beef"], 4)
    0.6166

    Trust can outweigh a majority:

    >>> shares = confidence([("yes", 0.50), ("yes", 0.45), ("no", 1.00)])
    >>> {answer: round(share, 4) for answer, share in shares.items()}
    {'no': 0.5128, 'yes': 0.4872}

    On a tie, the last option wins:

    >>> confidence([("yes", 1.0), ("no", 1.0)], options=["yes", "no", "unsure"])
    {'no': 0.5, 'yes': 0.5}

    Source: Figure Eight, `How to Calculate a Confidence Score
    <https://success.figure-eight.com/hc/en-us/articles/201855939>`_, steps 1 to 3. The order
    of ties is that of the reports of a job of 2014 with 1,200 units: in all of its 141 ties, the
    last option won.
    """
    return option_confidence([((answer,), trust) for answer, trust in answers], options)


def option_confidence(
    answers: Sequence[tuple[Sequence[str], float]], options: Sequence[str] = ()
) -> dict[str, float]:
    """Return the share of trust behind each option, where contributors may choose several.

    :param answers: ``(chosen, trust)`` pairs, shape ``(n,)``, in any order. An option given
        twice counts once; choosing none is an answer too, and counts against every option. Leave
        out contributors who did not see the question.
    :param options: As in :func:`confidence`.
    :returns: ``{option: confidence}``, one key per option chosen at least once, ordered as in
        :func:`confidence`; fractions in [0, 1], not rounded, that need not sum to 1.
    :raises ValueError: As in :func:`confidence`.

    >>> chosen = [(["cat", "dog"], 0.9), (["cat"], 0.8), (["dog", "bird"], 0.5)]
    >>> {option: round(share, 4) for option, share in option_confidence(chosen).items()}
    {'cat': 0.7727, 'dog': 0.6364, 'bird': 0.2273}

    Source: as in :func:`confidence`, for each option on its own. This gives the confidence that a
    job of 2014 reports for each of its 1,200 units.
    """
    trusts: dict[str, list[float]] = {}
    for chosen, trust in answers:
        if not 0 <= trust < inf:
            raise ValueError(
                f"the trust of answer {chosen!r} must be finite and at least 0, not {trust!r}"
            )
        for option in dict.fromkeys((chosen,) if isinstance(chosen, str) else chosen):
            trusts.setdefault(option, []).append(trust)
    total = fsum(trust for _, trust in answers)
    if not total:
        raise ValueError(
            f"the trust of the {len(answers)} answers sums to 0, so they have no confidence"
        )
    shares = {option: fsum(given) / total for option, given in trusts.items()}

    places = {option: place for place, option in enumerate(options)}

    def rank(option: str) -> tuple[float, int, str]:
        return round(shares[option], TIE_DIGITS), places.get(option, -1), option

    return {option: shares[option] for option in sorted(shares, key=rank, reverse=True)}


def agreement(confidences: Iterable[float]) -> float | None:
    """Return the agreement on a unit: the mean confidence of its questions.

    :param confidences: The confidence of the best answer to each question. The service gives every
        answer the same weight for this, and counts those of contributors who lost trust too; so
        give all answers, with the same trust, to get its number.
    :returns: A fraction in [0, 1], not rounded; ``None`` without questions.

    >>> first = confidence([("B", 1.0), ("B", 1.0), ("B", 1.0), ("D", 1.0)])
    >>> second = confidence([("A", 1.0), ("C", 1.0), ("C", 1.0), ("B", 1.0)])
    >>> agreement([first["B"], second["C"]])
    0.625

    Source: Figure Eight, `How to Calculate Overall Unit Agreement
    <https://success.figure-eight.com/hc/en-us/articles/360038386492>`_, with its example. Which
    answers count is that of a job of 2014: all judgments give its number in 1,003 of 1,003 units,
    the trusted ones alone in 797.
    """
    known = list(confidences)
    return fmean(known) if known else None
