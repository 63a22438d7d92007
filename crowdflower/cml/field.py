"""One question of a form, and which answers it accepts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from crowdflower.cml.gold import Matching
from crowdflower.cml.problems import choices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crowdflower.cml.only_if import Condition
    from crowdflower.cml.validators import Rule

MAX_ANSWER_LENGTH: Final = 100_000
"""Characters in one answer."""

MAX_ANSWERS: Final = 1_000
"""Answers to one question with several answers."""

REQUIRED_MESSAGE: Final = "Please answer this question."

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Option:
    """One option of a question.

    :param value: The value that is submitted, and appears in results and reports. A blank value is
        a choice that does not count as an answer, such as the first line of a drop-down list.
    :param label: The text that contributors see.
    :param checked: Whether it is preselected.
    """

    value: str
    label: str
    checked: bool = False


@dataclass(frozen=True)
class Field:
    """One question of a form.

    :param name: Key of its answers, and column in reports.
    :param label: The text that contributors see.
    :param kind: Tag without ``cml:``: ``text``, ``textarea``, ``checkbox``, ``checkboxes``,
        ``radios``, ``select``, ``ratings``, ``hidden`` or ``meta``.
    :param options: The options to choose from, in order; a single checkbox has one.
    :param required: Whether an answer is required when the question is visible.
    :param multiple: Whether its answers are a list.
    :param default: The ``default`` attribute. For a text field, an example that does not count as
        an answer; for a single checkbox, the value when it is not checked; for a select, the label
        that is preselected.
    :param instructions: Help beside the question, as HTML.
    :param only_if: The condition for showing it, including those of the groups around it.
    :param gold: Column of accepted answers; ``None`` if it is not a test question.
    :param aggregation: How its answers are aggregated, such as ``agg``, ``avg``, ``all``.
    :param line: Line of its tag in the form, from 1.
    :param column: Column of its tag, from 1.
    :param span: Start and end offset of the question in the form.
    :param value: The value that a hidden field submits.
    :param repeated: Whether it is in a group that contributors may fill in several times; its
        answers are then a list with one item per entry, blank where nothing was answered.
    :param dynamic: Whether it is in a loop of Liquid, so that its name depends on the row.
    :param attributes: All attributes of the tag as written, character references decoded.
    :param validators: Names of its validators, in order.
    :param rules: The rules to run on an answer that is not blank, in order.
    :param matching: How its answers are compared with the accepted answers of a test question.
    :param required_message: What contributors see if they leave a required question blank.
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
    required_message: str = field(default=REQUIRED_MESSAGE, repr=False, compare=False)
    _answer_options: tuple[Option, ...] = field(init=False, repr=False, compare=False)
    _values: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = {option.value for option in self.options}
        if self.kind == "checkbox" and self.default is not None:
            values.add(self.default)
        object.__setattr__(self, "_values", frozenset(values))
        answers = tuple(option for option in self.options if option.value)
        object.__setattr__(self, "_answer_options", answers)

    @property
    def answer_options(self) -> tuple[Option, ...]:
        """The options that are answers: those whose value is not blank."""
        return self._answer_options

    @property
    def listed(self) -> bool:
        """Whether its answers are submitted and stored as a list."""
        return self.multiple or self.repeated

    def read(self, given: object) -> list[str]:
        """Validate and normalize the submitted answer; return the answers that are not blank.

        >>> colour = Field("colour", "Colour?", "radios", (Option("r", "Red"), Option("b", "Blue")))
        >>> colour.read("r"), colour.read("")
        (['r'], [])
        >>> colour.read("g")
        Traceback (most recent call last):
            ...
        ValueError: "g" is not among the options; choose from: r, b.

        :raises ValueError: The answer is invalid; the message is for the contributor.
        """
        texts = self._texts(given)
        if self.repeated:
            answers = [self._answer(text) for text in texts]
            if self.required and (not answers or "" in answers):
                raise ValueError(self.required_message)
            return answers if any(answers) else []
        answers = list(dict.fromkeys(answer for text in texts if (answer := self._answer(text))))
        if self.required and not self._is_answered(answers):
            raise ValueError(self.required_message)
        return answers

    def stored(self, answers: list[str]) -> str | list[str] | None:
        """Return the answers as they are stored; ``None`` if nothing is stored.

        A text field that was left empty is stored as an empty string; a question without a chosen
        option is not stored.
        """
        if self.listed:
            return answers or None
        if answers:
            return answers[0]
        if self.kind == "checkbox":
            return self.default
        return "" if self.kind in {"text", "textarea"} else None

    def _is_answered(self, answers: Sequence[str]) -> bool:
        """Return whether there is an answer; the value of an unchecked checkbox is not one."""
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
            raise ValueError(f"An answer must be a string or a list of strings, not {given!r:.60}.")  # noqa: TRY004
        if len(texts) > (MAX_ANSWERS if self.listed else 1):
            limit = f"at most {MAX_ANSWERS:,} answers" if self.listed else "one answer"
            raise ValueError(f"This question takes {limit}, not {len(texts):,}.")
        for text in texts:
            if not isinstance(text, str):
                raise ValueError(f"An answer must be a string, not {text!r:.60}.")  # noqa: TRY004
            if len(text) > MAX_ANSWER_LENGTH:
                raise ValueError(
                    f"An answer can have at most {MAX_ANSWER_LENGTH:,} characters; this one has "
                    f"{len(text):,}."
                )
            if _UNSTORABLE.search(text):
                raise ValueError("An answer cannot contain the character NUL or a lone surrogate.")
        return texts

    def _answer(self, text: str) -> str:
        """Validate and normalize one answer; a blank one, or the example, becomes empty."""
        if self.kind == "hidden":
            return text
        if not text.strip():
            return ""
        if self._values and text not in self._values:
            hint = choices([option.value for option in self.answer_options])
            raise ValueError(f'"{text:.60}" is not among the options{hint}')
        if self.kind in {"text", "textarea"} and text == self.default:
            return ""
        for rule in self.rules:
            text = rule(text)
        return text
