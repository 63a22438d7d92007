"""Problems of a form, with line and column, and the error that carries them."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from crowdflower._types import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_PROBLEMS: Final = 50
"""Parsing stops after this many problems: an author fixes the first ones and parses again."""

MAX_CANDIDATES: Final = 200
"""How many names are compared for "did you mean", so that an unknown name costs little time."""

MAX_CHOICES: Final = 10
"""How many names or options a message lists."""


@dataclass(frozen=True)
class Problem:
    """One problem of a form: what is wrong, where, and what to do.

    :param message: A sentence that says what is wrong and what to do.
    :param line: Line in the form, from 1.
    :param column: Column in that line, from 1; in characters, not bytes.
    :param subject: What it is about, such as ``cml:shapes``; may be empty.

    >>> print(Problem("Close <cml:text with >.", line=3, column=5))
    3:5: Close <cml:text with >.
    """

    message: str
    line: int
    column: int
    subject: str = ""

    def __str__(self) -> str:
        return one_line(f"{self.line}:{self.column}: {self.message}")


class CMLError(ValueError):
    """The form cannot be used as it is written.

    :param problems: From 1 to 50 problems, in the order of the form.

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
    r"""The text of a form: turns offsets into lines and columns, and collects problems.

    >>> source = Source("<p>\n<cml:txt/>")
    >>> source.position(4)
    (2, 1)
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.unsupported: list[Problem] = []
        self._line_starts = [0, *(newline.end() for newline in re.finditer("\n", text))]
        self._hints = 0

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of a character, both from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def add_problem(self, offset: int, message: str) -> None:
        """Record a problem that makes the form unusable.

        :raises CMLError: The maximum number of problems is reached.
        """
        self.problems.append(Problem(message, *self.position(offset)))
        if len(self.problems) >= MAX_PROBLEMS:
            self.raise_problems()

    def add_warning(self, offset: int, message: str) -> None:
        """Record a probable mistake in a usable form; only the first fifty are kept."""
        if len(self.warnings) < MAX_PROBLEMS:
            self.warnings.append(Problem(message, *self.position(offset)))

    def add_unsupported(self, offset: int, subject: str, message: str) -> None:
        """Record a feature that only the hosted service has; only the first fifty are kept."""
        if len(self.unsupported) < MAX_PROBLEMS:
            self.unsupported.append(Problem(message, *self.position(offset), subject))

    def did_you_mean(self, word: str, candidates: Iterable[str], *, shape: str = '"{}"') -> str:
        """Suggest the most similar candidate; after fifty suggestions, return ``""``."""
        self._hints += 1
        if self._hints > MAX_PROBLEMS:
            return ""
        return did_you_mean(word, candidates, shape=shape)

    def raise_problems(self) -> None:
        """Raise the problems found so far, if there are any.

        :raises CMLError: The form has at least one problem.
        """
        if self.problems:
            raise CMLError(sorted(self.problems, key=lambda each: (each.line, each.column)))


def did_you_mean(
    word: str, candidates: Iterable[str], *, cutoff: float = 0.6, shape: str = '"{}"'
) -> str:
    """Suggest the most similar candidate, as the end of a sentence; ``""`` if none is similar.

    :param cutoff: Minimum similarity, from 0 to 1.
    :param shape: Format string for the candidate.

    >>> did_you_mean("sentimnet", ["sentiment", "topics"])
    '; did you mean "sentiment"?'
    >>> did_you_mean("colour", ["sentiment", "topics"])
    ''
    """
    similar = find_similar(word, candidates, cutoff=cutoff)
    return f"; did you mean {shape.format(similar)}?" if similar else ""


def find_similar(word: str, candidates: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return the most similar candidate; ``""`` if none is similar.

    :param cutoff: Minimum similarity, from 0 to 1.
    """
    compared = [candidate for candidate, _ in zip(candidates, range(MAX_CANDIDATES), strict=False)]
    return next(iter(get_close_matches(word[:100], compared, n=1, cutoff=cutoff)), "")


def choices(names: Sequence[str]) -> str:
    """List what can be chosen, as the end of a sentence.

    >>> choices(["yes", "no"])
    '; choose from: yes, no.'
    >>> choices("abcdefghijklm")
    '; choose from: a, b, c, d, e, f, g, h, i, j, …'
    """
    listed = ", ".join(names[:MAX_CHOICES])
    return f"; choose from: {listed}" + (", …" if len(names) > MAX_CHOICES else ".")
