"""What one person answers to one question, given what is right: pure, with all chance handed in."""

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
"""What people write where nothing better is known."""

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
"""What people write where the form wants a number, a date, an address or a long story."""

LEAST_ACCURACY: Final = 0.05
"""Below it, the spread around a rating would have no bounds."""


@dataclass(frozen=True)
class Respondent:
    """One person, as far as answers go.

    :param profile: What kind of person.
    :param accuracy: How often they are right: a fraction in [0, 1].
    :param fatigue: How much of it is gone by now; it does not go below guessing.
    :param preference: Question to a whole number >= 0 that never changes: it decides which option a
        spammer always chooses, and what the contrary say instead of the truth.
    """

    profile: Profile
    accuracy: float
    preference: Callable[[str], int]
    fatigue: float = 0.0

    def accuracy_among(self, options: int, difficulty: float) -> float:
        """Give the probability of the right one among so many options.

        :param difficulty: From 0 to 1, where everybody guesses.
        """
        guess = 1 / options
        fresh = max(self.accuracy - self.fatigue, min(self.accuracy, guess))
        return guess + (fresh - guess) * (1 - difficulty)


def answer(
    question: Field,
    right: Sequence[str],
    who: Respondent,
    chance: Random,
    *,
    difficulty: float = 0.0,
    remarks: Sequence[str] = REMARKS,
) -> str | list[str] | None:
    """Answer one question.

    :param question: As the row shows it.
    :param right: The right values; none for a text that nothing is known about.
    :param chance: The stream of this answer and of no other.
    :param difficulty: From 0, as easy as they come, to 1, where everybody guesses.
    :param remarks: What to write where the truth is not known.
    :returns: What to submit; ``None`` to leave the question alone.
    :raises ValueError: A text must be answered, and nothing known passes its validators.
    """
    if question.kind == "checkbox":
        return _ticked(question, right, who, chance, difficulty)
    if not question.options:
        text = _text(question, right, who, chance, remarks)
        return [text] if question.listed and text else text
    if question.multiple:
        chosen = _several(question, right, who, chance, difficulty)
        return (chosen[:1] if question.repeated else chosen) or None
    value = _one(question, right[0], who, chance, difficulty)
    return [value] if question.repeated else value


def _one(question: Field, right: str, who: Respondent, chance: Random, difficulty: float) -> str:
    """Choose one option."""
    values = [option.value for option in question.options]
    if who.profile.habit == "confused":
        return _mistaken(right, who, chance)
    if question.kind == "ratings" and who.profile.habit == "truthful":
        accuracy = who.accuracy_among(len(values), difficulty)
        return values[_near(len(values), values.index(right), accuracy, chance)]
    right_one = values.index(right)
    return values[_pick(question.name, len(values), right_one, who, chance, difficulty)]


def _several(
    question: Field, right: Sequence[str], who: Respondent, chance: Random, difficulty: float
) -> list[str]:
    """Choose any number of options: each is a question of its own, to be chosen or not."""
    name, values = question.name, [option.value for option in question.options]
    if who.profile.habit == "constant":
        return [values[who.preference(name) % len(values)]]
    if who.profile.habit == "confused":
        return list(dict.fromkeys(_mistaken(value, who, chance) for value in right))
    chosen = [
        value for value in values if _pick(name, 2, int(value in right), who, chance, difficulty)
    ]
    if not chosen and question.required:
        chosen = [chance.choice(values)]
    return chosen


def _ticked(
    question: Field, right: Sequence[str], who: Respondent, chance: Random, difficulty: float
) -> str | None:
    """Check a single checkbox, or leave it."""
    value = question.options[0].value
    if question.required:
        return value
    is_right = int(value in right)
    return value if _pick(question.name, 2, is_right, who, chance, difficulty) else None


def _pick(
    name: str, options: int, right: int, who: Respondent, chance: Random, difficulty: float
) -> int:
    """Choose one of so many options by habit; each is a number from 0."""
    match who.profile.habit:
        case "random":
            return chance.randrange(options)
        case "constant":
            return who.preference(name) % options
        case "contrary":
            return (right + 1 + who.preference(name) % max(options - 1, 1)) % options
    if options == 1 or chance.random() < who.accuracy_among(options, difficulty):
        return right
    wrong = chance.randrange(options - 1)
    return wrong + (wrong >= right)


def _near(points: int, right: int, accuracy: float, chance: Random) -> int:
    """Choose a point of a scale: normal around the right one, which comes up so often."""
    if accuracy >= 1:
        return right
    spread = 0.5 / NormalDist().inv_cdf((1 + max(accuracy, LEAST_ACCURACY)) / 2)
    return min(max(round(chance.normalvariate(right, spread)), 0), points - 1)


def _mistaken(right: str, who: Respondent, chance: Random) -> str:
    """Take one value for another, as the table of a confusion says."""
    row = who.profile.confuses.get(right, {right: 1.0})
    return chance.choices(list(row), list(row.values()))[0]


def _text(
    question: Field, right: Sequence[str], who: Respondent, chance: Random, remarks: Sequence[str]
) -> str | None:
    """Write something: the truth, the truth with a slip, or a remark; whatever the form takes."""
    remark = (
        remarks[who.preference(question.name) % len(remarks)]
        if who.profile.habit == "constant"
        else chance.choice(remarks)
    )
    tried = [remark]
    if right and who.profile.habit in {"truthful", "confused"}:
        truth = right[0]
        is_right = chance.random() < max(who.accuracy - who.fatigue, 0)
        slips = chance.random() < who.profile.typos
        wanted = [_slip(truth, chance), truth] if slips else [truth]
        tried = [*wanted, remark] if is_right else [remark, *wanted]
    for text in chain(tried, remarks, SPECIMENS):
        try:
            is_taken = bool(question.read(text))
        except ValueError:
            continue
        if is_taken:
            return text
    if not question.required:
        return None
    raise ValueError(
        f"Nothing a simulated contributor knows to write passes the validators of "
        f"{question.name!r} ({' '.join(question.validators)}): give texts that do, as "
        f"texts={{{question.name!r}: [...]}}."
    )


def _slip(text: str, chance: Random) -> str:
    """Swap two neighbouring characters, or double the only one."""
    if len(text) < 2:  # noqa: PLR2004 - there are no neighbours
        return text * 2
    at = chance.randrange(len(text) - 1)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
