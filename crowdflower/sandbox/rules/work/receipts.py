"""The receipt of a submitted page, which every repeated submission returns again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from crowdflower.sandbox.store.column_types import encode


@dataclass(frozen=True)
class Feedback:
    """A question that was answered incorrectly on a test question, with its accepted answers."""

    unit_id: int
    field: str
    accepted: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Receipt:
    """The result of a submitted page."""

    assignment_id: int
    mode: Literal["quiz", "work"]

    judgments: int
    """Number of stored judgments."""

    passed: bool | None
    """Whether a quiz was passed; ``None`` for a page of work."""

    state: str
    """The contributor's state in the job: working, failed_quiz, removed, …"""

    trust: float
    """Rounded to 4 places."""

    pay_cents: float
    """Pay for the page, in US cents."""

    feedback: tuple[Feedback, ...] = ()
    """Missed test questions of the page, except hidden ones."""

    def to_text(self) -> str:
        """Return the receipt as JSON; faster than ``dataclasses.asdict``, as every page has one."""
        feedback = [vars(each) for each in self.feedback]
        return encode({**vars(self), "feedback": feedback})

    @classmethod
    def from_text(cls, text: str) -> Receipt:
        """Read a receipt from its JSON."""
        values = json.loads(text)
        feedback = (
            Feedback(each["unit_id"], each["field"], tuple(each["accepted"]), each["reason"])
            for each in values.pop("feedback")
        )
        return cls(**values, feedback=tuple(feedback))
