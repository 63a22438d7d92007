r"""From the text of a regular expression to the steps of a program.

The syntax is what JavaScript, Ruby and Python share: letters and escapes, sets, groups,
alternatives, repetitions, and the places ``^ $ \b \B \A \z``. See
:mod:`crowdflower.cml.patterns` for how a program runs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST_PROGRAM: Final = 2_000
"""Steps in a program; ``a{100}`` takes a hundred."""

_Test: TypeAlias = "Callable[[str], bool]"
_Place: TypeAlias = "Callable[[str, int], bool]"


class Step(NamedTuple):
    """One of four things: read a character, look at the place, go on elsewhere, or be done."""

    reads: _Test | None = None
    looks: _Place | None = None
    jumps: tuple[int, ...] = ()


_CLASSES: Final[dict[str, _Test]] = {
    "d": str.isdecimal,
    "s": str.isspace,
    "w": lambda each: each.isalnum() or each == "_",
}
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "0": "\0"}
_CODES: Final = {"x": 2, "u": 4}
_COUNTS = re.compile(r"\{(\d{1,5})(?:(,)(\d{0,5}))?\}", re.ASCII)
_SIGNS: Final[dict[str, tuple[int, int | None]]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class PatternError(ValueError):
    """A pattern that cannot be read."""


class PatternUnsupportedError(PatternError):
    """A pattern that other machines can read, and this one cannot."""


def steps(text: str, flags: str) -> tuple[Step, ...]:
    """Read a pattern; the last step of its program is the one that is reached by a match.

    :param flags: ``i`` to ignore case, ``m`` or ``s`` to let ``.`` match the end of a line too.
    :raises PatternError: It cannot be read, or is too large.
    """
    return _Compiler(text, flags).program()


def _word(text: str, at: int) -> bool:
    return 0 <= at < len(text) and _CLASSES["w"](text[at])


def _boundary(text: str, at: int) -> bool:
    return _word(text, at - 1) != _word(text, at)


def _start(_: str, at: int) -> bool:
    return at == 0


def _end(text: str, at: int) -> bool:
    return at == len(text) or (at == len(text) - 1 and text[at] == "\n")


_PLACES: Final[dict[str, _Place]] = {
    "^": _start,
    "$": _end,
    r"\A": _start,
    r"\z": _end,
    r"\Z": _end,
    r"\b": _boundary,
    r"\B": lambda text, at: not _boundary(text, at),
}


class _Compiler:
    """From text to steps, by recursive descent; brackets nest as deep as 200 characters allow."""

    def __init__(self, text: str, flags: str) -> None:
        self.text = text
        self.at = 0
        self.ignore_case = "i" in flags
        self.any_line = "m" in flags or "s" in flags

    def program(self) -> tuple[Step, ...]:
        steps = self.choice()
        if self.at < len(self.text):
            raise PatternError(f'")" at place {self.at + 1} closes nothing')
        return (*steps, Step())

    def choice(self) -> list[Step]:
        steps = self.sequence()
        while self.take("|"):
            other = self.sequence()
            fork, join = Step(jumps=(1, len(steps) + 2)), Step(jumps=(len(other) + 1,))
            steps = [fork, *steps, join, *other]
        return steps

    def sequence(self) -> list[Step]:
        steps: list[Step] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            steps += self.repeated()
            if len(steps) > LARGEST_PROGRAM:
                raise PatternError("it is too large; repeat fewer times")
        return steps

    def repeated(self) -> list[Step]:
        steps = self.atom()
        while (bounds := self.quantifier()) is not None:
            low, high = bounds
            if len(steps) * max(low, high or 1) > LARGEST_PROGRAM:
                raise PatternError("it is too large; repeat fewer times")
            once, length = steps, len(steps)
            steps = once * low
            if high is None:
                steps += [Step(jumps=(1, length + 2)), *once, Step(jumps=(-length - 1,))]
            else:
                for left in range(high - low, 0, -1):
                    steps += [Step(jumps=(1, left * (length + 1))), *once]
        return steps

    def quantifier(self) -> tuple[int, int | None] | None:
        counted = _COUNTS.match(self.text, self.at)
        sign = self.text[self.at : self.at + 1]
        if counted:
            low, comma, high = counted.groups()
            bounds = int(low), int(high) if high else (None if comma else int(low))
            self.at = counted.end()
        elif sign in _SIGNS:
            bounds = _SIGNS[sign]
            self.at += 1
        else:
            return None
        if bounds[1] is not None and bounds[1] < bounds[0]:
            raise PatternError(f"{{{bounds[0]},{bounds[1]}}} counts backwards")
        if self.take("+"):
            raise PatternUnsupportedError("possessive repetition")
        self.take("?")
        return bounds

    def atom(self) -> list[Step]:
        for sign, place in _PLACES.items():
            if self.take(sign):
                return [Step(looks=place)]
        if self.take("("):
            return self.group()
        return [Step(self.one())]

    def one(self) -> _Test:
        """Read what matches one character."""
        if self.take("["):
            return self.characters()
        if self.take("."):
            return (lambda _: True) if self.any_line else "\n".__ne__
        if self.take("\\"):
            test, literal = self.escape()
            return test or self.same(literal)
        character = self.text[self.at]
        self.at += 1
        if character in _SIGNS:
            raise PatternError(f'"{character}" at place {self.at} repeats nothing')
        return self.same(character)

    def group(self) -> list[Step]:
        if self.take("?"):
            named = self.take("P<") or (
                self.text.startswith("<", self.at)
                and self.text[self.at + 1 : self.at + 2] not in {"=", "!"}
            )
            if named:
                self.at = self.text.find(">", self.at) + 1 or len(self.text)
            elif not self.take(":"):
                raise PatternUnsupportedError("looking ahead or behind, and flags in the middle")
        steps = self.choice()
        if not self.take(")"):
            raise PatternError('a bracket is open; add ")"')
        return steps

    def escape(self) -> tuple[_Test | None, str]:
        """Read what follows a backslash: a class of characters, or one."""
        character = self.text[self.at : self.at + 1]
        self.at += 1
        if not character:
            raise PatternError("a backslash stands at the end")
        if character.lower() in _CLASSES:
            test = _CLASSES[character.lower()]
            return (lambda each: not test(each)) if character.isupper() else test, ""
        if character in _CODES:
            digits = self.text[self.at : self.at + _CODES[character]]
            self.at += len(digits)
            try:
                return None, chr(int(digits, 16))
            except ValueError:
                raise PatternError(f"\\{character} wants {_CODES[character]} digits") from None
        if character in _ESCAPES:
            return None, _ESCAPES[character]
        if character.isalnum():
            raise PatternUnsupportedError(f"\\{character}")
        return None, character

    def characters(self) -> _Test:
        """Read a set, from behind its opening bracket."""
        opposite = self.take("^")
        tests: list[_Test] = []
        ranges: list[tuple[str, str]] = []
        first = True
        while first or not self.take("]"):
            first = False
            test, low = self.member()
            if test is not None:
                tests.append(test)
                continue
            high = low
            if (
                self.text[self.at : self.at + 1] == "-"
                and self.text[self.at + 1 : self.at + 2] != "]"
            ):
                self.at += 1
                test, high = self.member()
                if test is not None:
                    tests.append(test)
                    ranges.append(("-", "-"))
                    high = low
            if high < low:
                raise PatternError(f"{low}-{high} counts backwards")
            ranges.append((low, high))
        fold = self.ignore_case

        def contains(each: str) -> bool:
            forms = {each, each.lower(), each.upper()} if fold else (each,)
            found = any(test(each) for test in tests) or any(
                low <= form <= high for form in forms for low, high in ranges
            )
            return found != opposite

        return contains

    def member(self) -> tuple[_Test | None, str]:
        if self.at >= len(self.text):
            raise PatternError('a set is open; add "]"')
        character = self.text[self.at]
        self.at += 1
        if character != "\\":
            return None, character
        if self.take("b"):
            return None, "\b"
        return self.escape()

    def same(self, character: str) -> _Test:
        if self.ignore_case:
            lower = character.lower()
            return lambda each: each.lower() == lower
        return character.__eq__

    def take(self, sign: str) -> bool:
        found = self.text.startswith(sign, self.at)
        if found:
            self.at += len(sign)
        return found
