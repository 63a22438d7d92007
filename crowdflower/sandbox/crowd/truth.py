"""What is right, so that somebody can be right or wrong about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from crowdflower.cml import Field
    from crowdflower.sandbox.clock import Chance, Clock

Source: TypeAlias = "str | Callable[[Mapping[str, Any]], object] | Mapping[str, float]"
"""Where the truth about one question is: a column of the rows, a function of the row, or, for one
that is made up, the probability of each answer."""

YES = frozenset({"true", "1", "yes", "checked"})
"""What a column may say of a single checkbox that is to be checked, besides its value."""


@dataclass(frozen=True)
class Truth:
    """The right answers to every question of every row.

    The first source that has one decides: what was given for the question; the column of right
    answers, in test questions; a truth drawn from the options, the same each time, which nobody
    but the crowd knows.

    :param clock: Where what is made up comes from.
    :param given: Question to source.
    """

    clock: Clock
    given: Mapping[str, Source] = field(default_factory=dict)

    def answers_to(self, question: Field, unit_id: int, row: Mapping[str, Any]) -> tuple[str, ...]:
        """Give the right answers to a question: values of its options, or texts.

        :returns: One, or for a question that takes several any number; empty for a text that
            nothing is known about, and for a checkbox that is to stay unchecked.
        :raises ValueError: The truth stands in a column that the row does not have, or is none of
            the options.
        """
        source = self.given.get(question.name)
        if isinstance(source, str):
            if source not in row:
                raise ValueError(
                    f"The truth about {question.name!r} is to stand in the column {source!r}, "
                    f"and unit {unit_id} has only {', '.join(row)}."
                )
            found = row[source]
        else:
            found = source(row) if callable(source) else None
        if _is_blank(found):
            found = row.get(question.gold) if question.gold else None
        if not _is_blank(found):
            return _read(question, found, unit_id)
        prior = source if isinstance(source, Mapping) else {}
        return _made_up(question, prior, self.clock.chance("truth", unit_id, question.name))


def _is_blank(value: object) -> bool:
    return value is None or value in ("", [])


def _read(question: Field, found: object, unit_id: int) -> tuple[str, ...]:
    """Turn what a column or a function says into values of options; texts are left as they are."""
    texts = [_text(each) for each in (found if isinstance(found, list | tuple) else [found])]
    if not question.options:
        return tuple(texts)
    texts = [line.strip() for text in texts for line in text.splitlines()]
    right = [value for text in texts if (value := _option(question, text))]
    if question.kind == "checkbox":
        is_checked = right or any(text.casefold() in YES for text in texts)
        return (question.options[0].value,) if is_checked else ()
    if not right:
        raise ValueError(
            f"The truth about {question.name!r} of unit {unit_id} is {found!r}, and its options "
            f"are {', '.join(repr(option.value) for option in question.options)}."
        )
    return tuple(dict.fromkeys(right)) if question.multiple else (right[0],)


def _option(question: Field, text: str) -> str | None:
    """Find the option that a text means: the value, else the label, else either in any case."""
    for written in (str, str.casefold):
        wanted = written(text)
        for said in ("value", "label"):
            for option in question.options:
                if written(getattr(option, said)) == wanted:
                    return option.value
    return None


def _text(value: object) -> str:
    """Write a value as a form would submit it.

    >>> _text(True), _text(4.0), _text("4")
    ('true', '4', '4')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _made_up(question: Field, prior: Mapping[str, float], chance: Chance) -> tuple[str, ...]:
    """Draw a truth; all options are as likely where nothing else is said."""
    values = [option.value for option in question.options]
    if not values:
        return ()
    if question.multiple or question.kind == "checkbox":
        drawn = tuple(value for value in values if chance.random() < prior.get(value, 0.5))
        is_empty_handed = question.multiple and not drawn
        return (chance.choice(values),) if is_empty_handed else drawn
    weights = [prior.get(value, 0.0 if prior else 1.0) for value in values]
    if not any(weights):
        raise ValueError(
            f"The truth about {question.name!r} is to be drawn from {dict(prior)!r}, and its "
            f"options are {', '.join(map(repr, values))}."
        )
    return tuple(chance.choices(values, weights))
