"""Regular expressions from strangers, in time that can be proved.

:mod:`re` follows one path after the other and comes back: ``(a+)+$`` on forty letters takes it
years, and while it is busy no other thread runs, so that a time limit cannot even fire. Here a
pattern becomes a program of some steps, and a text is read once from left to right with the *set*
of steps that it may have reached (Thompson's construction): the time is at most the length of the
program times the length of the text, whatever the pattern.

Both are limited, too: :data:`LONGEST_PATTERN`, :data:`MOST_WORK`, and the steps of a program.
What the method cannot do is refused when the pattern is read: references to groups and
assertions about what stands before or behind.

Source: Ken Thompson, *Regular Expression Search Algorithm*, CACM 11 (1968) 419-422.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from crowdflower.cml.pattern_syntax import PatternError, Step, steps

LONGEST_PATTERN: Final = 200
"""Characters in a pattern."""

MOST_WORK: Final = 2_000_000
"""Steps times characters, about a second; a text that would take more does not match."""


@lru_cache(maxsize=512)
def pattern(text: str, flags: str = "", limit: int = LONGEST_PATTERN) -> Pattern:
    """Read a pattern; the same one is read once.

    :param text: In the syntax that JavaScript, Ruby and Python share.
    :param flags: ``i`` to ignore case, ``m`` to let ``.`` match the end of a line too.
    :param limit: Characters that it may have.
    :raises PatternError: It cannot be read, or is too large.
    """
    if len(text) > limit:
        raise PatternError(f"it has more than {limit} characters")
    return Pattern(steps(text, flags))


class Pattern:
    """A pattern, ready to search with.

    >>> pattern("^[A-Z]{2}-[0-9]+$").found_in("FI-00100")
    True
    >>> pattern("(a+)+$").found_in("a" * 40 + "b")
    False
    """

    def __init__(self, program: tuple[Step, ...]) -> None:
        self._program = program

    def found_in(self, text: str) -> bool:
        """Tell whether any part of a text matches; one that is too long to be read does not."""
        program = self._program
        if len(program) * (len(text) + 1) > MOST_WORK:
            return False
        reached: set[int] = set()
        for at in range(len(text) + 1):
            reached = self._closure({0, *reached}, text, at)
            if len(program) - 1 in reached:
                return True
            if at < len(text):
                letter = text[at]
                reached = {
                    step + 1
                    for step in reached
                    if (reads := program[step].reads) is not None and reads(letter)
                }
        return False

    def _closure(self, steps: set[int], text: str, at: int) -> set[int]:
        """Follow all steps that read nothing, each once."""
        waiting, reached = list(steps), set[int]()
        while waiting:
            step = waiting.pop()
            if step in reached:
                continue
            reached.add(step)
            _, looks, jumps = self._program[step]
            waiting += [step + jump for jump in jumps]
            if looks is not None and looks(text, at):
                waiting.append(step + 1)
        return reached


def escaped(text: str) -> str:
    r"""Write a text so that a pattern means exactly it.

    >>> escaped("1+1")
    '1\\+1'
    """
    return "".join(each if each.isalnum() or each.isspace() else f"\\{each}" for each in text)
