r"""Compiles a regular expression to a program.

The syntax is what JavaScript, Ruby and Python share: literals and escapes, character sets, groups,
alternatives, quantifiers, and the assertions ``^ $ \b \B \A \z``. :mod:`crowdflower.cml.regex`
runs the program.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PROGRAM_LENGTH: Final = 2_000
"""Instructions in a program; ``a{100}`` takes a hundred."""

_CharacterTest: TypeAlias = "Callable[[str], bool]"
_Assertion: TypeAlias = "Callable[[str, int], bool]"


class Instruction(NamedTuple):
    """One of four: match a character, test the position, jump, or accept (nothing set)."""

    matches: _CharacterTest | None = None
    asserts: _Assertion | None = None
    jumps: tuple[int, ...] = ()


_CLASSES: Final[dict[str, _CharacterTest]] = {
    "d": str.isdecimal,
    "s": str.isspace,
    "w": lambda each: each.isalnum() or each == "_",
}
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "0": "\0"}
_CODE_DIGITS: Final = {"x": 2, "u": 4}
_COUNTS = re.compile(r"\{(\d{1,5})(?:(,)(\d{0,5}))?\}", re.ASCII)
_QUANTIFIERS: Final[dict[str, tuple[int, int | None]]] = {
    "*": (0, None),
    "+": (1, None),
    "?": (0, 1),
}


class RegexError(ValueError):
    """The pattern is invalid or too large."""


class UnsupportedRegexError(RegexError):
    """The pattern uses a feature that this engine does not support."""


def compile_program(pattern: str, flags: str) -> tuple[Instruction, ...]:
    """Compile a pattern; a match has reached the last instruction of the program.

    :param flags: ``i`` to ignore case, ``m`` or ``s`` to let ``.`` match line ends.
    :raises RegexError: The pattern is invalid, unsupported or too large.
    """
    return _Compiler(pattern, flags).program()


def _is_word(text: str, offset: int) -> bool:
    return 0 <= offset < len(text) and _CLASSES["w"](text[offset])


def _is_boundary(text: str, offset: int) -> bool:
    return _is_word(text, offset - 1) != _is_word(text, offset)


def _is_start(_: str, offset: int) -> bool:
    return offset == 0


def _is_end(text: str, offset: int) -> bool:
    return offset == len(text) or (offset == len(text) - 1 and text[offset] == "\n")


_ASSERTIONS: Final[dict[str, _Assertion]] = {
    "^": _is_start,
    "$": _is_end,
    r"\A": _is_start,
    r"\z": _is_end,
    r"\Z": _is_end,
    r"\b": _is_boundary,
    r"\B": lambda text, offset: not _is_boundary(text, offset),
}


class _Compiler:
    """Recursive descent; the length of a pattern limits how deep its groups are nested."""

    def __init__(self, pattern: str, flags: str) -> None:
        self.pattern = pattern
        self.offset = 0
        self.ignore_case = "i" in flags
        self.dot_all = "m" in flags or "s" in flags

    def program(self) -> tuple[Instruction, ...]:
        program = self.alternatives()
        if self.offset < len(self.pattern):
            raise RegexError(f'")" at position {self.offset + 1} has no matching "("')
        return (*program, Instruction())

    def alternatives(self) -> list[Instruction]:
        program = self.sequence()
        while self.accept("|"):
            other = self.sequence()
            fork = Instruction(jumps=(1, len(program) + 2))
            join = Instruction(jumps=(len(other) + 1,))
            program = [fork, *program, join, *other]
        return program

    def sequence(self) -> list[Instruction]:
        program: list[Instruction] = []
        while self.offset < len(self.pattern) and self.pattern[self.offset] not in "|)":
            program += self.repetition()
            if len(program) > MAX_PROGRAM_LENGTH:
                raise RegexError("it is too large; use smaller repeat counts")
        return program

    def repetition(self) -> list[Instruction]:
        program = self.atom()
        while (bounds := self.quantifier()) is not None:
            low, high = bounds
            if len(program) * max(low, high or 1) > MAX_PROGRAM_LENGTH:
                raise RegexError("it is too large; use smaller repeat counts")
            once, length = program, len(program)
            program = once * low
            if high is None:
                loop = Instruction(jumps=(-length - 1,))
                program += [Instruction(jumps=(1, length + 2)), *once, loop]
            else:
                for left in range(high - low, 0, -1):
                    program += [Instruction(jumps=(1, left * (length + 1))), *once]
        return program

    def quantifier(self) -> tuple[int, int | None] | None:
        counted = _COUNTS.match(self.pattern, self.offset)
        sign = self.pattern[self.offset : self.offset + 1]
        if counted:
            low, comma, high = counted.groups()
            bounds = int(low), int(high) if high else (None if comma else int(low))
            self.offset = counted.end()
        elif sign in _QUANTIFIERS:
            bounds = _QUANTIFIERS[sign]
            self.offset += 1
        else:
            return None
        if bounds[1] is not None and bounds[1] < bounds[0]:
            raise RegexError(f"the bounds of {{{bounds[0]},{bounds[1]}}} are in the wrong order")
        if self.accept("+"):
            raise UnsupportedRegexError("a possessive quantifier")
        self.accept("?")
        return bounds

    def atom(self) -> list[Instruction]:
        for sign, assertion in _ASSERTIONS.items():
            if self.accept(sign):
                return [Instruction(asserts=assertion)]
        if self.accept("("):
            return self.group()
        return [Instruction(self.character())]

    def character(self) -> _CharacterTest:
        """Compile what matches one character."""
        if self.accept("["):
            return self.character_set()
        if self.accept("."):
            return (lambda _: True) if self.dot_all else "\n".__ne__
        if self.accept("\\"):
            test, literal = self.escape()
            return test or self.literal(literal)
        character = self.pattern[self.offset]
        self.offset += 1
        if character in _QUANTIFIERS:
            raise RegexError(f'"{character}" at position {self.offset} has nothing to repeat')
        return self.literal(character)

    def group(self) -> list[Instruction]:
        if self.accept("?"):
            named = self.accept("P<") or (
                self.pattern.startswith("<", self.offset)
                and self.pattern[self.offset + 1 : self.offset + 2] not in {"=", "!"}
            )
            if named:
                self.offset = self.pattern.find(">", self.offset) + 1 or len(self.pattern)
            elif not self.accept(":"):
                raise UnsupportedRegexError("a lookahead, a lookbehind or an inline flag")
        program = self.alternatives()
        if not self.accept(")"):
            raise RegexError('a group is not closed; add ")"')
        return program

    def escape(self) -> tuple[_CharacterTest | None, str]:
        """Read the rest of an escape: return a character class, or a literal character."""
        character = self.pattern[self.offset : self.offset + 1]
        self.offset += 1
        if not character:
            raise RegexError("it ends with a backslash")
        if character.lower() in _CLASSES:
            test = _CLASSES[character.lower()]
            return (lambda each: not test(each)) if character.isupper() else test, ""
        if character in _CODE_DIGITS:
            count = _CODE_DIGITS[character]
            digits = self.pattern[self.offset : self.offset + count]
            self.offset += len(digits)
            try:
                return None, chr(int(digits, 16))
            except ValueError:
                raise RegexError(f"\\{character} needs {count} hexadecimal digits") from None
        if character in _ESCAPES:
            return None, _ESCAPES[character]
        if character.isalnum():
            raise UnsupportedRegexError(f"\\{character}")
        return None, character

    def character_set(self) -> _CharacterTest:
        """Compile a set such as ``[a-z_]``, from after its opening bracket."""
        negated = self.accept("^")
        tests: list[_CharacterTest] = []
        ranges: list[tuple[str, str]] = []
        first = True
        while first or not self.accept("]"):
            first = False
            test, low = self.set_member()
            if test is not None:
                tests.append(test)
                continue
            high = low
            if (
                self.pattern[self.offset : self.offset + 1] == "-"
                and self.pattern[self.offset + 1 : self.offset + 2] != "]"
            ):
                self.offset += 1
                test, high = self.set_member()
                if test is not None:
                    tests.append(test)
                    ranges.append(("-", "-"))
                    high = low
            if high < low:
                raise RegexError(f"the bounds of {low}-{high} are in the wrong order")
            ranges.append((low, high))
        ignore_case = self.ignore_case

        def contains(each: str) -> bool:
            variants = {each, each.lower(), each.upper()} if ignore_case else (each,)
            found = any(test(each) for test in tests) or any(
                low <= variant <= high for variant in variants for low, high in ranges
            )
            return found != negated

        return contains

    def set_member(self) -> tuple[_CharacterTest | None, str]:
        if self.offset >= len(self.pattern):
            raise RegexError('a set is not closed; add "]"')
        character = self.pattern[self.offset]
        self.offset += 1
        if character != "\\":
            return None, character
        if self.accept("b"):
            return None, "\b"
        return self.escape()

    def literal(self, character: str) -> _CharacterTest:
        if self.ignore_case:
            lower = character.lower()
            return lambda each: each.lower() == lower
        return character.__eq__

    def accept(self, token: str) -> bool:
        found = self.pattern.startswith(token, self.offset)
        if found:
            self.offset += len(token)
        return found
