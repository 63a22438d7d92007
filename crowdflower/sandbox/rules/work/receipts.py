"""What a contributor is told about a page that was handed in, the first time and every other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from crowdflower.sandbox.store.column_types import encode


@dataclass(frozen=True)
class Feedback:
    """A test question that was missed: what would have been right, and why."""

    unit_id: int
    field: str
    accepted: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Receipt:
    """What became of a page."""

    assignment_id: int
    mode: Literal["quiz", "work"]

    judgments: int
    """How many were stored."""

    passed: bool | None
    """Whether a quiz was passed; ``None`` for a page of work."""

    state: str
    """How the contributor stands in the job now: working, failed_quiz, removed, …"""

    trust: float
    """Rounded to 4 places."""

    pay_cents: float
    """What the page pays, in US cents."""

    feedback: tuple[Feedback, ...] = ()
    """Test questions of a page of work that were missed, except hidden ones."""

    def to_text(self) -> str:
        """Write it to be stored; by hand, since this happens with every page."""
        feedback = [vars(each) for each in self.feedback]
        return encode({**vars(self), "feedback": feedback})

    @classmethod
    def from_text(cls, text: str) -> Receipt:
        """Read it as it was stored."""
        values = json.loads(text)
        feedback = (
            Feedback(each["unit_id"], each["field"], tuple(each["accepted"]), each["reason"])
            for each in values.pop("feedback")
        )
        return cls(**values, feedback=tuple(feedback))
