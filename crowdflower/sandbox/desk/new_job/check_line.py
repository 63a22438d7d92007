"""One line of the list of checks before a launch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["good", "warn", "bad"]
"""Done, to think about, or to fix: with one of the last, a launch is refused."""


@dataclass(frozen=True)
class Check:
    """One line of the list."""

    verdict: Verdict
    head: str
    text: str
    url: str = ""
    """Where it is put right."""
    link: str = ""
