"""Test questions: whether an answer is among those that are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from crowdflower.cml.pattern_syntax import LARGEST_PROGRAM, PatternError
from crowdflower.cml.patterns import escaped, pattern

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Matching:
    """How the answers to one question are compared with those that are right.

    :param how: ``any``: one answer that was given is right, whatever else was given. ``strict``:
        each answer that was given is right. ``exact``: the right ones were given, and no others.
        ``regex``: an answer matches the pattern.
    :param pattern: For ``regex``; ``{seed}`` stands for the right answer.
    :param flags: For ``regex``: ``i`` ignores case, ``m`` reads across the ends of lines.
    :param no_escape: For ``regex``: what is special in the right answer stays special.

    >>> Matching("any").right(["cat", "bird"], ["cat", "dog"])
    True
    >>> Matching("strict").right(["cat", "bird"], ["cat", "dog"])
    False
    >>> Matching("exact").right(["Dog", "cat"], ["cat", "dog"])
    True
    >>> Matching("regex", pattern="^the {seed}$").right(["the end"], ["end"])
    True

    Letters are compared without case, blanks at the ends do not count, and several blanks are one.

    Source: Figure Eight, `Guide to: Additional CML Attributes
    <https://success.figure-eight.com/hc/en-us/articles/203530735>`_, and Appen, `Test Question
    Settings <https://success.appen.com/hc/en-us/articles/115002374506>`_, for the first three;
    Appen, `Guide to: Regular Expression with Test Questions
    <https://success.appen.com/hc/en-us/articles/203530735>`_, for the last.
    """

    how: Literal["any", "strict", "exact", "regex"] = "any"
    pattern: str = ""
    flags: str = ""
    no_escape: bool = False

    def right(self, given: Sequence[str], accepted: Sequence[str]) -> bool:
        """Tell whether what was given is right; nothing given is right if nothing is asked for."""
        if self.how == "regex":
            return any(self._matches(answer, seed) for answer in given for seed in accepted)
        answers, wanted = {_plain(each) for each in given}, {_plain(each) for each in accepted}
        if self.how == "exact":
            return answers == wanted
        if self.how == "strict":
            return bool(answers) and answers <= wanted
        return not answers.isdisjoint(wanted)

    def _matches(self, answer: str, seed: str) -> bool:
        """Search with the pattern; a right answer that breaks it is taken letter by letter."""
        for text in (seed if self.no_escape else escaped(seed), escaped(seed)):
            filled = self.pattern.replace("{seed}", text)
            try:
                return pattern(filled, self.flags, LARGEST_PROGRAM).found_in(answer)
            except PatternError:
                continue
        return _plain(answer) == _plain(seed)


def _plain(answer: str) -> str:
    return " ".join(answer.split()).casefold()
