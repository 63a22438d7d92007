"""How far people are believed, and how far what they say."""

from __future__ import annotations

from math import fsum, inf
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DIGITS = 9
"""Shares that agree to so many decimal places are a tie: beyond them lies only rounding."""


def trust(seen: int, missed: int, forgiven: int = 0) -> float:
    """Share of the test questions a contributor answered as the requester would.

    :param seen: Test questions answered in this job, the quiz included.
    :param missed: Those of them answered wrong.
    :param forgiven: Those missed that the requester has since taken back; they count as right.
    :returns: A fraction in [0, 1], not rounded; 1.0 for somebody who saw no test question, since
        nothing speaks against them.
    :raises ValueError: More were missed than seen, or forgiven than missed.

    >>> round(trust(seen=44, missed=5), 4)
    0.8864
    >>> round(trust(seen=44, missed=5, forgiven=1), 4)
    0.9091
    >>> trust(seen=0, missed=0)
    1.0

    Source: Appen, `Guide to: Contributors Page
    <https://success.appen.com/hc/en-us/articles/201855679>`_: trust is the accuracy on the test
    questions seen in the current job. That a forgiven one counts as right is our reading.
    """
    if not 0 <= forgiven <= missed <= seen:
        raise ValueError(
            f"Of {seen} test questions seen, {missed} missed and {forgiven} forgiven: "
            "give forgiven <= missed <= seen, none below 0."
        )
    return (seen - missed + forgiven) / seen if seen else 1.0


def confidence(answers: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Share the trust behind one question of one unit among its answers.

    :param answers: ``(answer, trust)`` pairs, shape ``(n,)``, in the order they were given; trust
        is a weight >= 0 without a unit, at most 1 for a single contributor.
    :returns: ``{answer: confidence}``, one key per distinct answer, best first; fractions in
        [0, 1] that sum to 1, not rounded. Between equals the answer that more contributors gave
        comes first, then the one given first.
    :raises ValueError: The trust sums to 0, so shares of it have no meaning, or one is below 0.

    >>> shares = confidence([("beef", 4.4703), ("chicken", 1.8571), ("veggie", 0.9231)])
    >>> round(shares["beef"], 4)
    0.6166

    Weight can overrule a majority:

    >>> shares = confidence([("yes", 0.50), ("yes", 0.45), ("no", 1.00)])
    >>> {answer: round(share, 4) for answer, share in shares.items()}
    {'no': 0.5128, 'yes': 0.4872}

    Source: Figure Eight, `How to Calculate a Confidence Score
    <https://success.figure-eight.com/hc/en-us/articles/201855939>`_, steps 1 to 3. What happens
    between equals is not documented; the order here is ours.
    """
    return option_confidence([((answer,), trust) for answer, trust in answers])


def option_confidence(answers: Sequence[tuple[Sequence[str], float]]) -> dict[str, float]:
    """Find how much of the trust stands behind each option, where several may be chosen.

    :param answers: ``(options, trust)`` pairs, shape ``(n,)``, in the order they were given.
        Nobody chooses an option twice; choosing none at all is an answer too, and counts against
        every option. Leave out those who were never asked.
    :returns: ``{option: confidence}``, one key per option chosen by anybody, ordered as in
        :func:`confidence`; fractions in [0, 1], not rounded, that need not sum to 1.
    :raises ValueError: As in :func:`confidence`.

    >>> chosen = [(["cat", "dog"], 0.9), (["cat"], 0.8), (["dog", "bird"], 0.5)]
    >>> {option: round(share, 4) for option, share in option_confidence(chosen).items()}
    {'cat': 0.7727, 'dog': 0.6364, 'bird': 0.2273}

    Source: as in :func:`confidence`, each option taken for itself. Whether the service scores
    options or whole sets of them is not documented.
    """
    behind: dict[str, list[float]] = {}
    for options, trust in answers:
        if not 0 <= trust < inf:
            raise ValueError(f"Trust is a number from 0 up, not {trust!r} (answer {options!r}).")
        for option in dict.fromkeys((options,) if isinstance(options, str) else options):
            behind.setdefault(option, []).append(trust)
    total = fsum(trust for _, trust in answers)
    if not total:
        raise ValueError(f"The trust behind these {len(answers)} answers sums to 0: no shares.")
    shares = {option: fsum(trusts) / total for option, trusts in behind.items()}

    def rank(option: str) -> tuple[float, int]:
        return -round(shares[option], DIGITS), -len(behind[option])

    return {option: shares[option] for option in sorted(shares, key=rank)}


def agreement(confidences: Iterable[float]) -> float | None:
    """Say how much contributors agree on a unit: the mean over its questions.

    :param confidences: One for each question, that of the answer that won. The service weighs
        every answer alike for this, so for its number give every answer the same trust.
    :returns: A fraction in [0, 1], not rounded; ``None`` where there is no question.

    >>> first = confidence([("B", 1.0), ("B", 1.0), ("B", 1.0), ("D", 1.0)])
    >>> second = confidence([("A", 1.0), ("C", 1.0), ("C", 1.0), ("B", 1.0)])
    >>> agreement([first["B"], second["C"]])
    0.625

    Source: Figure Eight, `How to Calculate Overall Unit Agreement
    <https://success.figure-eight.com/hc/en-us/articles/360038386492>`_, with its example.
    """
    known = list(confidences)
    return fmean(known) if known else None
