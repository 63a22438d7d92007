"""The answer of one contributor to one question, given the right answer: pure functions.

All randomness comes from the ``random`` argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.crowd.profiles import Profile

if TYPE_CHECKING:
    from random import Random

    from crowdflower.cml import Field

REMARKS: Final = (
    "Fine as it is",
    "Not sure about this one",
    "Clear from the first line",
    "Could be either",
    "Nothing to add",
    "See the text",
)
"""Default texts for open questions whose right answer is not known."""

SPECIMENS: Final = (
    "7",
    "42",
    "Springfield",
    "2000",
    "06/24/2015",
    "somebody@example.com",
    "https://example.com/page",
    "(212) 555-0142",
    "10001",
    "NY",
    "350 Fifth Avenue, New York, NY 10118",
    "The quick brown fox jumps over the lazy dog, and the lazy dog does not mind. " * 3,
)
"""Texts for validators that want a number, a date, an address or a long text."""

MIN_ACCURACY: Final = 0.05
"""Lower bound in computing the spread of ratings, which would become infinite at 0."""


@dataclass(frozen=True)
class Respondent:
    """A person who answers questions.

    :param profile: The kind of person.
    :param accuracy: How often they are right: a fraction in [0, 1].
    :param fatigue: Accuracy lost so far; accuracy does not drop below guessing.
    :param preference: Question to a constant integer >= 0. It selects the option that a constant
        spammer always chooses, and what a contrary contributor answers instead of the truth.
    """

    profile: Profile
    accuracy: float
    preference: Callable[[str], int]
    fatigue: float = 0.0

    def accuracy_among(self, options: int, difficulty: float) -> float:
        """Return the probability of choosing the right one among ``options`` options.

        :param difficulty: From 0 (easy) to 1 (everyone guesses).
        """
        guess = 1 / options
        accuracy = max(self.accuracy - self.fatigue, min(self.accuracy, guess))
        return guess + (accuracy - guess) * (1 - difficulty)


def answer(
    question: Field,
    right: Sequence[str],
    respondent: Respondent,
    random: Random,
    *,
    difficulty: float = 0.0,
    remarks: Sequence[str] = REMARKS,
) -> str | list[str] | None:
    """Answer one question.

    :param question: The question as this unit shows it.
    :param right: The right values; empty for an open question without a known answer.
    :param random: The random numbers of this answer only.
    :param difficulty: From 0 (easy) to 1 (everyone guesses).
    :param remarks: Texts for open questions without a known answer.
    :returns: The value to submit; ``None`` to leave the question unanswered.
    :raises ValueError: An open question is required, and no known text passes its validators.
    """
    if question.kind == "checkbox":
        return _answer_checkbox(question, right, respondent, random, difficulty)
    if not question.options:
        text = _answer_text(question, right, respondent, random, remarks)
        return [text] if question.listed and text else text
    if question.multiple:
        chosen = _answer_multiple(question, right, respondent, random, difficulty)
        return (chosen[:1] if question.repeated else chosen) or None
    value = _answer_single(question, right[0], respondent, random, difficulty)
    return [value] if question.repeated else value


def _answer_single(
    question: Field, right: str, respondent: Respondent, random: Random, difficulty: float
) -> str:
    """Choose one option."""
    values = [option.value for option in question.answer_options]
    if respondent.profile.habit == "confused":
        return _choose_confused(right, respondent, random)
    if question.kind == "ratings" and respondent.profile.habit == "truthful":
        accuracy = respondent.accuracy_among(len(values), difficulty)
        return values[_choose_rating(len(values), values.index(right), accuracy, random)]
    right_one = values.index(right)
    return values[
        _choose_option(question.name, len(values), right_one, respondent, random, difficulty)
    ]


def _answer_multiple(
    question: Field, right: Sequence[str], respondent: Respondent, random: Random, difficulty: float
) -> list[str]:
    """Choose any number of options, deciding about each of them separately."""
    name, values = question.name, [option.value for option in question.answer_options]
    if respondent.profile.habit == "constant":
        return [values[respondent.preference(name) % len(values)]]
    if respondent.profile.habit == "confused":
        return list(dict.fromkeys(_choose_confused(value, respondent, random) for value in right))
    chosen = [
        value
        for value in values
        if _choose_option(name, 2, int(value in right), respondent, random, difficulty)
    ]
    if not chosen and question.required:
        chosen = [random.choice(values)]
    return chosen


def _answer_checkbox(
    question: Field, right: Sequence[str], respondent: Respondent, random: Random, difficulty: float
) -> str | None:
    """Check a single checkbox, or leave it unchecked."""
    value = question.options[0].value
    if question.required:
        return value
    is_right = int(value in right)
    return (
        value
        if _choose_option(question.name, 2, is_right, respondent, random, difficulty)
        else None
    )


def _choose_option(
    name: str, options: int, right: int, respondent: Respondent, random: Random, difficulty: float
) -> int:
    """Choose one of ``options`` options by habit, as an index."""
    match respondent.profile.habit:
        case "random":
            return random.randrange(options)
        case "constant":
            return respondent.preference(name) % options
        case "contrary":
            return (right + 1 + respondent.preference(name) % max(options - 1, 1)) % options
    if options == 1 or random.random() < respondent.accuracy_among(options, difficulty):
        return right
    wrong = random.randrange(options - 1)
    return wrong + (wrong >= right)


def _choose_rating(points: int, right: int, accuracy: float, random: Random) -> int:
    """Choose a point of a scale, normally distributed around the right one.

    The right point itself comes up with the probability ``accuracy``.
    """
    if accuracy >= 1:
        return right
    spread = 0.5 / NormalDist().inv_cdf((1 + max(accuracy, MIN_ACCURACY)) / 2)
    return min(max(round(random.normalvariate(right, spread)), 0), points - 1)


def _choose_confused(right: str, respondent: Respondent, random: Random) -> str:
    """Choose a value by the confusion matrix of the profile."""
    row = respondent.profile.confuses.get(right, {right: 1.0})
    return random.choices(list(row), list(row.values()))[0]


def _literal_pattern(question: Field) -> tuple[str, ...]:
    """Return what a pattern such as ``^AB07$`` matches, the code of one row; it may match more."""
    return (question.attributes.get("data-validates-regex", "").removeprefix("^").rstrip("$"),)


def _answer_text(
    question: Field,
    right: Sequence[str],
    respondent: Respondent,
    random: Random,
    remarks: Sequence[str],
) -> str | None:
    """Write the truth, the truth with a typo, or a remark: the first that the form accepts."""
    remark = (
        remarks[respondent.preference(question.name) % len(remarks)]
        if respondent.profile.habit == "constant"
        else random.choice(remarks)
    )
    candidates = [remark]
    if right and respondent.profile.habit in {"truthful", "confused"}:
        truth = right[0]
        is_right = random.random() < max(respondent.accuracy - respondent.fatigue, 0)
        has_typo = random.random() < respondent.profile.typos
        truths = [_add_typo(truth, random), truth] if has_typo else [truth]
        candidates = [*truths, remark] if is_right else [remark, *truths]
    for text in chain(candidates, remarks, SPECIMENS, _literal_pattern(question)):
        try:
            is_accepted = bool(question.read(text))
        except ValueError:
            continue
        if is_accepted:
            return text
    if not question.required:
        return None
    raise ValueError(
        f"No text that simulated contributors know passes the validators of "
        f"{question.name!r} ({' '.join(question.validators)}): pass valid ones as "
        f"texts={{{question.name!r}: [...]}}."
    )


def _add_typo(text: str, random: Random) -> str:
    """Swap two neighbouring characters, or double the only one."""
    if len(text) < 2:  # noqa: PLR2004 - no neighbours
        return text * 2
    at = random.randrange(len(text) - 1)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
