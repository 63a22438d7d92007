"""One question of a form: what it asks, and what counts as an answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from crowdflower.cml.gold import Matching

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crowdflower.cml.only_if import Condition
    from crowdflower.cml.validators import Rule

LONGEST_ANSWER: Final = 100_000
"""Characters in one answer."""

MOST_ANSWERS: Final = 1_000
"""Answers to one question that takes several."""

UNANSWERED: Final = "Please answer this question."

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Option:
    """One of the answers to choose from.

    :param value: What is submitted, and stands in results and reports.
    :param label: What a contributor reads.
    :param checked: Whether it is chosen before anybody chooses.
    """

    value: str
    label: str
    checked: bool = False


@dataclass(frozen=True)
class Field:
    """One question.

    :param name: Key of its answers, and column in reports.
    :param label: What a contributor reads.
    :param kind: Tag without ``cml:``: ``text``, ``textarea``, ``checkbox``, ``checkboxes``,
        ``radios``, ``select``, ``ratings``, ``hidden`` or ``meta``.
    :param options: What can be chosen, in order; a single checkbox has one option.
    :param required: Whether an answer must be there, if the question is shown.
    :param multiple: Whether its answers are a list.
    :param default: What ``default`` says. For a text an example that is not an answer; for a
        single checkbox the value when it is not checked; for a select the label chosen at first.
    :param instructions: Help beside the question, as HTML.
    :param only_if: When it is shown, including the conditions of the groups around it.
    :param gold: Column with right answers; ``None`` if it is no test question.
    :param aggregation: What becomes of its answers, such as ``agg``, ``avg``, ``all``.
    :param line: Line of its tag in the form, from 1.
    :param column: Column of its tag, from 1.
    :param span: Offsets of the question in the form, from its ``<`` to behind its end.
    :param value: What a hidden field submits.
    :param repeated: Whether it stands in a group that a contributor may repeat; its answers are
        then a list with one place for each time, blank where nothing was answered.
    :param dynamic: Whether the name itself depends on the row, so that it is no fixed column.
    :param attributes: All attributes of the tag as written, character references resolved.
    :param validators: Names of its validators, in order.
    :param rules: What is run on an answer that is not blank, in order.
    :param matching: How its answers are compared with those of a test question.
    """

    name: str
    label: str
    kind: str
    options: tuple[Option, ...] = ()
    required: bool = False
    multiple: bool = False
    default: str | None = None
    instructions: str = ""
    only_if: Condition | None = None
    gold: str | None = None
    aggregation: str = "agg"
    line: int = 1
    column: int = 1
    span: tuple[int, int] = (0, 0)
    value: str = ""
    repeated: bool = False
    dynamic: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    validators: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = field(default=(), repr=False, compare=False)
    matching: Matching = field(default=Matching(), repr=False)
    _values: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = {option.value for option in self.options}
        if self.kind == "checkbox" and self.default is not None:
            values.add(self.default)
        object.__setattr__(self, "_values", frozenset(values))

    @property
    def listed(self) -> bool:
        """Whether its answers travel as a list."""
        return self.multiple or self.repeated

    def read(self, given: object) -> list[str]:
        """Read what came as an answer: check it, put it in shape, leave out what is blank.

        >>> colour = Field("colour", "Colour?", "radios", (Option("r", "Red"), Option("b", "Blue")))
        >>> colour.read("r"), colour.read("")
        (['r'], [])
        >>> colour.read("g")
        Traceback (most recent call last):
            ...
        ValueError: "g" is not among the options; choose from: r, b.

        :raises ValueError: It cannot be an answer; the message is for the contributor.
        """
        texts = self._texts(given)
        if self.repeated:
            answers = [self._answer(text) for text in texts]
            if self.required and (not answers or "" in answers):
                raise ValueError(UNANSWERED)
            return answers if any(answers) else []
        answers = list(dict.fromkeys(answer for text in texts if (answer := self._answer(text))))
        if self.required and not self._is_answer(answers):
            raise ValueError(UNANSWERED)
        return answers

    def stored(self, answers: list[str]) -> str | list[str] | None:
        """Give the form in which answers are kept; ``None`` if there is nothing to keep.

        A text that was shown and left empty is kept as such; a choice that nobody made is not.
        """
        if self.listed:
            return answers or None
        if answers:
            return answers[0]
        if self.kind == "checkbox":
            return self.default
        return "" if self.kind in {"text", "textarea"} else None

    def _is_answer(self, answers: Sequence[str]) -> bool:
        """Tell whether something was answered; what an unchecked box submits is nothing."""
        if self.kind == "checkbox":
            return self.options[0].value in answers
        return bool(answers)

    def _texts(self, given: object) -> list[str]:
        if given is None:
            return []
        if isinstance(given, str):
            texts = [given]
        elif isinstance(given, list | tuple):
            texts = list(given)
        else:
            raise ValueError(f"An answer is text, or a list of texts; this is {given!r:.60}.")  # noqa: TRY004
        if len(texts) > (MOST_ANSWERS if self.listed else 1):
            few = f"{MOST_ANSWERS:,} answers at most" if self.listed else "one answer"
            raise ValueError(f"This question takes {few}; there are {len(texts)}.")
        for text in texts:
            if not isinstance(text, str):
                raise ValueError(f"An answer is text; this is {text!r:.60}.")  # noqa: TRY004
            if len(text) > LONGEST_ANSWER:
                raise ValueError(f"An answer has {LONGEST_ANSWER:,} characters at most.")
            if _UNSTORABLE.search(text):
                raise ValueError("An answer cannot hold NUL or half of a surrogate pair.")
        return texts

    def _answer(self, text: str) -> str:
        """Put one answer in shape; what is blank, or only the example, becomes empty."""
        if self.kind == "hidden":
            return text
        if not text.strip():
            return ""
        if self._values and text not in self._values:
            few = ", ".join(option.value for option in self.options[:10])
            more = ", …" if len(self.options) > 10 else ""  # noqa: PLR2004 - as many as above
            raise ValueError(f'"{text:.60}" is not among the options; choose from: {few}{more}.')
        if self.kind in {"text", "textarea"} and text == self.default:
            return ""
        for rule in self.rules:
            text = rule(text)
        return text
