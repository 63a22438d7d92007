"""The right answers, which simulated contributors give or miss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from crowdflower.cml import Field
    from crowdflower.sandbox.clock import Clock, RandomStream

Source: TypeAlias = "str | Callable[[Mapping[str, Any]], object] | Mapping[str, float]"
"""The source of a question's right answers: a column of the rows, a function of the row, or answers
with probabilities to draw one from."""

CHECKED_VALUES = frozenset({"true", "1", "yes", "checked"})
"""Values of a column, besides the option's own, that mean a checked checkbox."""


@dataclass(frozen=True)
class Truth:
    """The right answers to every question about every unit.

    The first source with an answer decides: the one configured for the question, the gold column of
    a test question, or an option drawn at random, always the same for a unit.

    :param clock: The source of random numbers.
    :param sources: Question to source.
    """

    clock: Clock
    sources: Mapping[str, Source] = field(default_factory=dict)

    def answers_to(self, question: Field, unit_id: int, row: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the right answers to a question: values of options, or texts.

        :returns: One answer, or any number for a question with several; empty for an open question
            without a known answer, and for a checkbox that should stay unchecked.
        :raises ValueError: The row lacks the column of the truth, or the truth is not one of the
            options.
        """
        source = self.sources.get(question.name)
        if isinstance(source, str):
            if source not in row:
                raise ValueError(
                    f"Unit {unit_id} has no column {source!r} with the truth about "
                    f"{question.name!r}; it has {', '.join(row)}."
                )
            truth = row[source]
        else:
            truth = source(row) if callable(source) else None
        if _is_blank(truth):
            truth = row.get(question.gold) if question.gold else None
        if not _is_blank(truth):
            return _values(question, truth, unit_id)
        prior = source if isinstance(source, Mapping) else {}
        return _draw(question, prior, self.clock.random("truth", unit_id, question.name))


def _is_blank(value: object) -> bool:
    return value is None or value in ("", [])


def _values(question: Field, truth: object, unit_id: int) -> tuple[str, ...]:
    """Convert a truth to values of options; for an open question, to strings."""
    if question.kind != "checkbox" and any(
        truth == option.value for option in question.answer_options
    ):
        return (str(truth),)  # as most are
    texts = [_text(each) for each in (truth if isinstance(truth, list | tuple) else [truth])]
    if not question.options:
        return tuple(texts)
    texts = [line.strip() for text in texts for line in text.splitlines()]
    right = [value for text in texts if (value := _option(question, text))]
    if question.kind == "checkbox":
        is_checked = right or any(text.casefold() in CHECKED_VALUES for text in texts)
        return (question.options[0].value,) if is_checked else ()
    if not right:
        raise ValueError(
            f"The truth about {question.name!r} of unit {unit_id} is {truth!r}, which is not one of"
            f" the options: {', '.join(repr(option.value) for option in question.answer_options)}."
        )
    return tuple(dict.fromkeys(right)) if question.multiple else (right[0],)


def _option(question: Field, text: str) -> str | None:
    """Find an option by value or label, exactly or else ignoring case; return its value."""
    for normalize in (str, str.casefold):
        wanted = normalize(text)
        for attribute in ("value", "label"):
            for option in question.answer_options:
                if normalize(getattr(option, attribute)) == wanted:
                    return option.value
    return None


def _text(value: object) -> str:
    """Return a value as the string that a form would submit.

    >>> _text(True), _text(4.0), _text("4")
    ('true', '4', '4')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _draw(question: Field, prior: Mapping[str, float], random: RandomStream) -> tuple[str, ...]:
    """Draw a truth by the prior probabilities; without them, all options are equally likely."""
    values = [option.value for option in question.answer_options]
    if not values:
        return ()
    if question.multiple or question.kind == "checkbox":
        drawn = tuple(value for value in values if random.random() < prior.get(value, 0.5))
        needs_one = question.multiple and not drawn
        return (random.choice(values),) if needs_one else drawn
    weights = [prior.get(value, 0.0 if prior else 1.0) for value in values]
    if not any(weights):
        raise ValueError(
            f"The truth about {question.name!r} cannot be drawn from {dict(prior)!r}: its options "
            f"are {', '.join(map(repr, values))}."
        )
    return tuple(random.choices(values, weights))
