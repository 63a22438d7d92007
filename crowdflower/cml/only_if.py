"""Conditions of ``only-if``: their grammar, and whether they hold for given answers.

::

    condition = all ( "||" all )*           any of them holds
    all       = term ( "++" term )*         all of them hold
    term      = "!" term | "(" condition ")" | question
    question  = name                        is answered, or is checked
              | name ":[" value "]"         this value is one of the answers
              | name ":[" number "]"        the option with this number, from 0
              | name ":checked" | name ":unchecked" | name ":required"

Source: Figure Eight, `Guide to: CML Logic
<https://success.figure-eight.com/hc/en-us/articles/203566645>`_, for names, values and numbers;
``||``, ``++`` and ``!`` are taken from forms in use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MAX_DEPTH: Final = 50
"""How deep parentheses may be nested."""

_STATES: Final = {"checked", "required", "unchecked"}
_NAME = re.compile(r"[^\s:\[\]()!|+&=]+")
_VALUE = re.compile(r":\s*\[([^\]]*)\]")
_STATE = re.compile(r":\s*([^\s:\[\]()!|+&=]+)")
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True)
class Answered:
    """The question has an answer that is not blank."""

    name: str

    def holds(self, given: Mapping[str, Sequence[str]]) -> bool:
        """Return whether it holds for the answers to the questions that are shown."""
        return bool(given.get(self.name))


@dataclass(frozen=True)
class Chosen:
    """The value is one of the answers to the question."""

    name: str
    value: str

    def holds(self, given: Mapping[str, Sequence[str]]) -> bool:
        """Return whether it holds for the answers to the questions that are shown."""
        return self.value in given.get(self.name, ())


@dataclass(frozen=True)
class Reference:
    """A question as written in a condition, not resolved to a field yet.

    :param value: The text between square brackets; ``None`` without them.
    :param state: ``checked``, ``unchecked``, ``required`` or empty.
    """

    name: str
    value: str | None = None
    state: str = ""

    def holds(self, given: Mapping[str, Sequence[str]]) -> bool:
        """Return whether it holds as written; a question that does not exist is not answered."""
        if self.value is not None:
            return self.value in given.get(self.name, ())
        return bool(given.get(self.name)) != (self.state == "unchecked")


@dataclass(frozen=True)
class Not:
    """Negation."""

    part: Condition

    def holds(self, given: Mapping[str, Sequence[str]]) -> bool:
        """Return whether the part does not hold."""
        return not self.part.holds(given)


@dataclass(frozen=True)
class AllOf:
    """Conjunction."""

    parts: tuple[Condition, ...]

    def holds(self, given: Mapping[str, Sequence[str]]) -> bool:
        """Return whether all parts hold."""
        return all(part.holds(given) for part in self.parts)


@dataclass(frozen=True)
class AnyOf:
    """Disjunction."""

    parts: tuple[Condition, ...]

    def holds(self, given: Mapping[str, Sequence[str]]) -> bool:
        """Return whether any part holds."""
        return any(part.holds(given) for part in self.parts)


Condition: TypeAlias = Answered | Chosen | Reference | Not | AllOf | AnyOf


class OnlyIfError(ValueError):
    """The condition has a syntax error; ``offset`` is its position in the text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def parse_condition(text: str) -> Condition:
    """Parse a condition.

    >>> parse_condition("sentiment:[negative]++!spam").holds({"sentiment": ["negative"]})
    True
    >>> parse_condition("a:[x] || b:[y]").holds({"b": ["z"]})
    False

    :raises OnlyIfError: The text does not follow the grammar above.
    """
    return _Parser(text).parse()


def references(condition: Condition) -> Iterator[Reference | Answered | Chosen]:
    """Yield the references of a condition to questions, from left to right.

    >>> [reference.name for reference in references(parse_condition("a++(b||!c)"))]
    ['a', 'b', 'c']
    """
    if isinstance(condition, Not):
        yield from references(condition.part)
    elif isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from references(part)
    else:
        yield condition


def replace_references(
    condition: Condition, replacement: Callable[[Reference], Condition]
) -> Condition:
    """Return the condition with each reference replaced."""
    if isinstance(condition, Reference):
        return replacement(condition)
    if isinstance(condition, Not):
        return Not(replace_references(condition.part, replacement))
    if isinstance(condition, AllOf):
        return AllOf(tuple(replace_references(part, replacement) for part in condition.parts))
    if isinstance(condition, AnyOf):
        return AnyOf(tuple(replace_references(part, replacement) for part in condition.parts))
    return condition


_FIXES: Final = {
    "&": 'write "++" for "and"',
    "+": 'write "++" for "and"',
    ")": '")" has no matching "("; remove it',
    ":": "write name:[value] for an answer",
    "=": "write name:[value] for an answer",
    "|": 'write "||" for "or"',
}
"""Unexpected character to what the author should write instead."""


class _Parser:
    """Recursive descent over the grammar, one method a rule."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.offset = 0
        self.depth = 0

    def parse(self) -> Condition:
        condition = self.condition()
        if self.offset < len(self.text):
            self.fail(_FIXES.get(self.text[self.offset], 'join conditions with "++" or "||"'))
        return condition

    def condition(self) -> Condition:
        parts = [self.all()]
        while self.accept("||"):
            parts.append(self.all())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def all(self) -> Condition:
        parts = [self.term()]
        while self.accept("++"):
            parts.append(self.term())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def term(self) -> Condition:
        negated = False
        while self.accept("!"):
            negated = not negated
        term = self.parentheses() if self.accept("(") else self.question()
        return Not(term) if negated else term

    def parentheses(self) -> Condition:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"parentheses are nested more than {MAX_DEPTH} deep")
        inner = self.condition()
        if not self.accept(")"):
            self.fail('a parenthesis is not closed; add ")"')
        self.depth -= 1
        return inner

    def question(self) -> Condition:
        name = _NAME.match(self.text, self.offset)
        if name is None:
            self.fail("the name of a question is missing; write name:[value]")
        self.offset = name.end()
        if value := _VALUE.match(self.text, self.offset):
            self.offset = value.end()
            if not value.group(1).strip():
                self.fail(f"a value is missing; write {name.group()}:[value]")
            self.skip_space()
            return Reference(name.group(), value=value.group(1).strip())
        if state := _STATE.match(self.text, self.offset):
            if state.group(1) not in _STATES:
                self.fail(f"write {name.group()}:[{state.group(1)}] for an answer")
            self.offset = state.end()
            self.skip_space()
            return Reference(name.group(), state=state.group(1))
        self.skip_space()
        return Reference(name.group())

    def accept(self, token: str) -> bool:
        self.skip_space()
        found = self.text.startswith(token, self.offset)
        if found:
            self.offset += len(token)
            self.skip_space()
        return found

    def skip_space(self) -> None:
        space = _SPACE.match(self.text, self.offset)
        self.offset = space.end() if space else self.offset

    def fail(self, message: str) -> NoReturn:
        raise OnlyIfError(message, self.offset)
