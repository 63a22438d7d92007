"""Conditions: which questions a contributor sees, by the answers to others.

::

    condition = all ( "||" all )*           one of them holds
    all       = term ( "++" term )*         all of them hold
    term      = "!" term | "(" condition ")" | question
    question  = name                        has been answered, or is checked
              | name ":[" value "]"         this answer is among those given
              | name ":[" number "]"        the option at this place, counted from 0
              | name ":checked" | name ":unchecked" | name ":required"

Source: Figure Eight, `Guide to: CML Logic
<https://success.figure-eight.com/hc/en-us/articles/203566645>`_, for names, values and places;
``||``, ``++`` and ``!`` are what forms in use write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

DEEPEST: Final = 50
"""How deep brackets may nest."""

_WORDS: Final = {"checked", "required", "unchecked"}
_NAME = re.compile(r"[^\s:\[\]()!|+&=]+")
_VALUE = re.compile(r":\s*\[([^\]]*)\]")
_WORD = re.compile(r":\s*([^\s:\[\]()!|+&=]+)")
_BLANKS = re.compile(r"\s*")


@dataclass(frozen=True)
class Answered:
    """The question has an answer that is not blank."""

    name: str

    def holds(self, given: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether it does, with these answers to the questions that are shown."""
        return bool(given.get(self.name))


@dataclass(frozen=True)
class Chosen:
    """One of the answers to the question is this one."""

    name: str
    value: str

    def holds(self, given: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether it is, with these answers to the questions that are shown."""
        return self.value in given.get(self.name, ())


@dataclass(frozen=True)
class Mention:
    """A question as a condition writes it, before anybody looked what kind of question that is.

    :param test: What stands between square brackets; ``None`` without them.
    :param word: ``checked``, ``unchecked``, ``required``, or nothing.
    """

    name: str
    test: str | None = None
    word: str = ""

    def holds(self, given: Mapping[str, Sequence[str]]) -> bool:
        """Take it as it stands: what nobody knows has not been answered."""
        if self.test is not None:
            return self.test in given.get(self.name, ())
        return bool(given.get(self.name)) != (self.word == "unchecked")


@dataclass(frozen=True)
class Not:
    """The opposite."""

    part: Condition

    def holds(self, given: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether the part does not hold."""
        return not self.part.holds(given)


@dataclass(frozen=True)
class All:
    """All parts together."""

    parts: tuple[Condition, ...]

    def holds(self, given: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether each part holds."""
        return all(part.holds(given) for part in self.parts)


@dataclass(frozen=True)
class OneOf:
    """One part or more."""

    parts: tuple[Condition, ...]

    def holds(self, given: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether any part holds."""
        return any(part.holds(given) for part in self.parts)


Condition: TypeAlias = Answered | Chosen | Mention | Not | All | OneOf


class OnlyIfError(ValueError):
    """A condition that cannot be read; ``offset`` is where in its text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def read(text: str) -> Condition:
    """Read a condition.

    >>> read("sentiment:[negative]++!spam").holds({"sentiment": ["negative"]})
    True
    >>> read("a:[x] || b:[y]").holds({"b": ["z"]})
    False

    :raises OnlyIfError: It does not follow the grammar above.
    """
    return _Reader(text).whole()


def mentions(condition: Condition) -> Iterator[Mention | Answered | Chosen]:
    """List the questions that a condition looks at, from left to right.

    >>> [mention.name for mention in mentions(read("a++(b||!c)"))]
    ['a', 'b', 'c']
    """
    if isinstance(condition, Not):
        yield from mentions(condition.part)
    elif isinstance(condition, All | OneOf):
        for part in condition.parts:
            yield from mentions(part)
    else:
        yield condition


def bound(condition: Condition, meaning: Callable[[Mention], Condition]) -> Condition:
    """Put in place of each question what is meant by it."""
    if isinstance(condition, Mention):
        return meaning(condition)
    if isinstance(condition, Not):
        return Not(bound(condition.part, meaning))
    if isinstance(condition, All):
        return All(tuple(bound(part, meaning) for part in condition.parts))
    if isinstance(condition, OneOf):
        return OneOf(tuple(bound(part, meaning) for part in condition.parts))
    return condition


_EXPECTED: Final = {
    "&": 'write "++" for "and"',
    "+": 'write "++" for "and"',
    ")": 'a bracket closes that was never opened; remove ")"',
    ":": "write name:[value] for an answer",
    "=": "write name:[value] for an answer",
    "|": 'write "||" for "or"',
}


class _Reader:
    """The grammar, one method a line."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def whole(self) -> Condition:
        condition = self.condition()
        if self.at < len(self.text):
            self.refuse(_EXPECTED.get(self.text[self.at], 'join conditions with "++" or "||"'))
        return condition

    def condition(self) -> Condition:
        parts = [self.all()]
        while self.next("||"):
            parts.append(self.all())
        return parts[0] if len(parts) == 1 else OneOf(tuple(parts))

    def all(self) -> Condition:
        parts = [self.term()]
        while self.next("++"):
            parts.append(self.term())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def term(self) -> Condition:
        opposite = False
        while self.next("!"):
            opposite = not opposite
        term = self.brackets() if self.next("(") else self.question()
        return Not(term) if opposite else term

    def brackets(self) -> Condition:
        self.depth += 1
        if self.depth > DEEPEST:
            self.refuse(f"brackets nest deeper than {DEEPEST}")
        inner = self.condition()
        if not self.next(")"):
            self.refuse('a bracket is open; add ")"')
        self.depth -= 1
        return inner

    def question(self) -> Condition:
        name = _NAME.match(self.text, self.at)
        if name is None:
            self.refuse("the name of a question is missing; write name:[value]")
        self.at = name.end()
        if value := _VALUE.match(self.text, self.at):
            self.at = value.end()
            if not value.group(1).strip():
                self.refuse(f"a value is missing; write {name.group()}:[value]")
            self.blanks()
            return Mention(name.group(), test=value.group(1).strip())
        if word := _WORD.match(self.text, self.at):
            if word.group(1) not in _WORDS:
                self.refuse(f"write {name.group()}:[{word.group(1)}] for an answer")
            self.at = word.end()
            self.blanks()
            return Mention(name.group(), word=word.group(1))
        self.blanks()
        return Mention(name.group())

    def next(self, sign: str) -> bool:
        self.blanks()
        found = self.text.startswith(sign, self.at)
        if found:
            self.at += len(sign)
            self.blanks()
        return found

    def blanks(self) -> None:
        blanks = _BLANKS.match(self.text, self.at)
        self.at = blanks.end() if blanks else self.at

    def refuse(self, what: str) -> NoReturn:
        raise OnlyIfError(what, self.at)
