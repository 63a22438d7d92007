"""What happens to a page of answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row

from crowdflower.sandbox.store import Transaction


@dataclass(frozen=True)
class Feedback:
    unit_id: int
    field: str
    accepted: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Receipt:
    assignment_id: int
    mode: Literal["quiz", "work"]
    judgments: int
    passed: bool | None
    state: str
    trust: float
    pay_cents: float
    feedback: tuple[Feedback, ...]


def submit(
    tx: Transaction,
    worker: Row[Any],
    assignment_id: int,
    token: str,
    answers: Mapping[int, Mapping[str, Any]],
) -> Receipt: ...
