"""Who gets which page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row

from crowdflower.sandbox.store import Transaction


Reason = Literal[
    "job_not_running",
    "channel_not_enabled",
    "country",
    "account_age",
    "flagged",
    "rejected",
    "failed_quiz",
    "removed",
    "maxed",
    "exhausted",
    "no_work",
]


class Closed(Exception):
    reason: Reason


@dataclass(frozen=True)
class PageUnit:
    id: int
    data: dict[str, Any]


@dataclass(frozen=True)
class Page:
    assignment_id: int
    mode: Literal["quiz", "work"]
    token: str
    started_at: float
    expires_at: float
    units: tuple[PageUnit, ...]


def take_page(
    tx: Transaction, job: Row[Any], worker: Row[Any], *, only: Collection[int] | None = None
) -> Page: ...
