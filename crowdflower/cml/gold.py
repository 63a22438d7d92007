"""Test questions: whether an answer is accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from crowdflower.cml.regex import compile_regex, escape
from crowdflower.cml.regex_compiler import MAX_PROGRAM_LENGTH, RegexError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Matching:
    """How the answers to a test question are compared with the accepted answers.

    :param how: ``any``: at least one answer is accepted. ``strict``: all answers are accepted.
        ``exact``: the answers are the accepted ones, all of them. ``regex``: an answer matches the
        pattern.
    :param pattern: For ``regex``; ``{seed}`` stands for the accepted answer.
    :param flags: For ``regex``: ``i`` ignores case, ``m`` lets ``.`` match line ends.
    :param no_escape: For ``regex``: the accepted answer is itself a pattern, not literal text.

    >>> Matching("any").accepts(["cat", "bird"], ["cat", "dog"])
    True
    >>> Matching("strict").accepts(["cat", "bird"], ["cat", "dog"])
    False
    >>> Matching("exact").accepts(["Dog", "cat"], ["cat", "dog"])
    True
    >>> Matching("regex", pattern="^the {seed}$").accepts(["the end"], ["end"])
    True

    Except for ``regex``, case and spaces at the ends are ignored, and several spaces count as one.

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

    def accepts(self, answers: Sequence[str], accepted: Sequence[str]) -> bool:
        """Return whether the answers are right; with ``exact``, none are if none are accepted."""
        if self.how == "regex":
            return any(self._matches(answer, seed) for answer in answers for seed in accepted)
        given, wanted = (
            {_normalize(each) for each in answers},
            {_normalize(each) for each in accepted},
        )
        if self.how == "exact":
            return given == wanted
        if self.how == "strict":
            return bool(given) and given <= wanted
        return not given.isdisjoint(wanted)

    def _matches(self, answer: str, seed: str) -> bool:
        """Search with the pattern; a seed that makes it invalid is escaped, or compared as text."""
        for text in (seed if self.no_escape else escape(seed), escape(seed)):
            filled = self.pattern.replace("{seed}", text)
            try:
                return compile_regex(filled, self.flags, MAX_PROGRAM_LENGTH).search(answer)
            except RegexError:
                continue
        return _normalize(answer) == _normalize(seed)


def _normalize(answer: str) -> str:
    return " ".join(answer.split()).casefold()
