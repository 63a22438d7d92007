"""What is wrong with a form, and where it lies."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_PROBLEMS: Final = 50
"""Where a reader stops: whoever has fifty problems fixes the first ones and looks again."""

MOST_CANDIDATES: Final = 200
"""How many names are compared for "did you mean", so that a wrong one costs little time."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: what and what to do, and where.

    :param message: A sentence that says what is wrong and what to do.
    :param line: Line of the form, the first is 1.
    :param column: Column in that line, the first is 1; in characters, not bytes.
    :param subject: What it is about, such as ``cml:shapes``; may be empty.

    >>> print(Problem("Close <cml:text with >.", line=3, column=5))
    3:5: Close <cml:text with >.
    """

    message: str
    line: int
    column: int
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message}"


class CMLError(ValueError):
    """A form that cannot be used as it is written.

    :param problems: At least one, in the order of the form; fifty at most.

    >>> error = CMLError([Problem("First.", 1, 1), Problem("Second.", 2, 9)])
    >>> print(error)
    2 problems in this form:
    1:1: First.
    2:9: Second.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(tuple(problems))
        self.problems: tuple[Problem, ...] = tuple(problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems]
        if len(lines) > 1:
            lines.insert(0, f"{len(lines)} problems in this form:")
        return "\n".join(lines)


class Source:
    r"""The text of a form, which knows lines and columns, and collects what is wrong with it.

    >>> source = Source("<p>\n<cml:txt/>")
    >>> source.position(4)
    (2, 1)
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.unsupported: list[Problem] = []
        self._lines = [0, *(end.end() for end in re.finditer("\n", text))]
        self._hints = 0

    def position(self, offset: int) -> tuple[int, int]:
        """Give line and column of a character, both counted from 1."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def problem(self, offset: int, message: str) -> None:
        """Note what makes the form useless.

        :raises CMLError: There are so many that more would help nobody.
        """
        self.problems.append(Problem(message, *self.position(offset)))
        if len(self.problems) >= MOST_PROBLEMS:
            self.stop()

    def warning(self, offset: int, message: str) -> None:
        """Note what is probably not meant; beyond the first fifty nothing is noted."""
        if len(self.warnings) < MOST_PROBLEMS:
            self.warnings.append(Problem(message, *self.position(offset)))

    def hosted(self, offset: int, subject: str, message: str) -> None:
        """Note what only the hosted service can do; beyond the first fifty nothing is noted."""
        if len(self.unsupported) < MOST_PROBLEMS:
            self.unsupported.append(Problem(message, *self.position(offset), subject))

    def did_you_mean(self, word: str, candidates: Iterable[str], *, shape: str = '"{}"') -> str:
        """Name what looks most like a word, as many times as there may be problems."""
        self._hints += 1
        if self._hints > MOST_PROBLEMS:
            return ""
        return did_you_mean(word, candidates, shape=shape)

    def stop(self) -> None:
        """Give up if anything is wrong.

        :raises CMLError: Something is.
        """
        if self.problems:
            raise CMLError(sorted(self.problems, key=lambda each: (each.line, each.column)))


def did_you_mean(
    word: str, candidates: Iterable[str], *, nearness: float = 0.6, shape: str = '"{}"'
) -> str:
    """Name the candidate that looks most like the word, as the tail of a sentence; or nothing.

    :param nearness: How like it must look, from 0 to 1.
    :param shape: How to write it.

    >>> did_you_mean("sentimnet", ["sentiment", "topics"])
    '; did you mean "sentiment"?'
    >>> did_you_mean("colour", ["sentiment", "topics"])
    ''
    """
    few = [candidate for candidate, _ in zip(candidates, range(MOST_CANDIDATES), strict=False)]
    near = get_close_matches(word[:100], few, n=1, cutoff=nearness)
    return f"; did you mean {shape.format(near[0])}?" if near else ""
