"""Regular expressions of untrusted authors, in linear time.

:mod:`re` backtracks: ``(a+)+$`` on forty letters takes it years, and no other thread runs
meanwhile, so that not even a timeout can end it. Here a pattern is compiled to a program (a
non-deterministic automaton), and the text is read once from left to right with the *set* of
instructions that can be reached (Thompson's construction): the time is at most the length of the
program times the length of the text, for any pattern.

Both are limited, too: :data:`MAX_PATTERN_LENGTH`, :data:`MAX_WORK`, and the length of a program.
What this method cannot do is refused at compile time: backreferences, lookaheads and lookbehinds.

Source: Ken Thompson, *Regular Expression Search Algorithm*, CACM 11 (1968) 419-422.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from crowdflower.cml.regex_compiler import Instruction, RegexError, compile_program

MAX_PATTERN_LENGTH: Final = 200
"""Characters in a pattern."""

MAX_WORK: Final = 2_000_000
"""Instructions times characters, about a second; longer texts do not match."""


@lru_cache(maxsize=512)
def compile_regex(pattern: str, flags: str = "", max_length: int = MAX_PATTERN_LENGTH) -> Regex:
    """Compile a pattern; the most recent ones are cached.

    :param pattern: In the syntax that JavaScript, Ruby and Python share.
    :param flags: ``i`` to ignore case, ``m`` to let ``.`` match line ends.
    :param max_length: Characters that the pattern may have.
    :raises RegexError: The pattern is invalid, unsupported or too large.
    """
    if len(pattern) > max_length:
        raise RegexError(f"it is longer than {max_length} characters")
    return Regex(compile_program(pattern, flags))


class Regex:
    """A compiled pattern.

    >>> compile_regex("^[A-Z]{2}-[0-9]+$").search("FI-00100")
    True
    >>> compile_regex("(a+)+$").search("a" * 40 + "b")
    False
    """

    def __init__(self, program: tuple[Instruction, ...]) -> None:
        self._program = program

    def search(self, text: str) -> bool:
        """Return whether any part of the text matches; beyond :data:`MAX_WORK`, ``False``."""
        program = self._program
        if len(program) * (len(text) + 1) > MAX_WORK:
            return False
        reached: set[int] = set()
        for offset in range(len(text) + 1):
            reached = self._closure({0, *reached}, text, offset)
            if len(program) - 1 in reached:
                return True
            if offset < len(text):
                character = text[offset]
                reached = {
                    place + 1
                    for place in reached
                    if (matches := program[place].matches) is not None and matches(character)
                }
        return False

    def _closure(self, places: set[int], text: str, offset: int) -> set[int]:
        """Follow all instructions that consume no character, each once."""
        stack, reached = list(places), set[int]()
        while stack:
            place = stack.pop()
            if place in reached:
                continue
            reached.add(place)
            _, asserts, jumps = self._program[place]
            stack += [place + jump for jump in jumps]
            if asserts is not None and asserts(text, offset):
                stack.append(place + 1)
        return reached


def escape(text: str) -> str:
    r"""Escape text, so that a pattern matches it literally.

    >>> escape("1+1")
    '1\\+1'
    """
    return "".join(each if each.isalnum() or each.isspace() else f"\\{each}" for each in text)
