"""What a rule is given to work with: a connection, the clock, the limits, a place for warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Executable, Table, delete, insert

from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.store import tables
from crowdflower.sandbox.store.fast.driver import Driver

MIN_KEPT_EVENTS = 1000
"""Events that are kept at least; twice as many are kept at most."""


@dataclass(frozen=True)
class Limits:
    """What one sandbox allows. The defaults are those of the service, where they are known.

    Sources: CrowdFlower, `Job Costs
    <https://success.crowdflower.com/hc/en-us/articles/202703165>`_ (least reserve); the official
    Ruby client's README (five rows to launch).
    """

    strict: bool = False
    """Refuse what would else be ignored with a warning."""

    rows_per_job: int | None = None
    """Most rows in a job; ``None`` for no limit. The service has 250,000."""

    min_units_to_launch: int = 5
    """Fewest rows that a job may be launched with."""

    minimum_reserve_cents: int = 1000
    """Least that an order takes aside; what is left of it comes back when the job ends."""

    charge_internal: bool = False
    """Whether pages of one's own contributors cost anything."""

    window: int = 2000
    """How far into the open rows a page may begin; small, so that early rows finish early."""

    bonus_cents: int = 2000
    """Most that one bonus may be."""

    channels_without_bonus: frozenset[str] = frozenset()
    """Channels whose contributors cannot be given a bonus."""


@dataclass
class Transaction:
    """Everything inside one of these happens, or nothing of it does."""

    connection: Connection
    """SQLAlchemy's connection, for statements that need not be fast."""

    driver: Driver
    """The driver's own connection, for statements that must be fast."""

    clock: Clock
    limits: Limits = field(default_factory=Limits)

    isolated: bool = True
    """Whether all that it reads stays as it is until it ends, and it needs to wait for no turn."""

    warnings: list[str] = field(default_factory=list)
    """What was asked for and is not done as asked; for a header of the answer."""

    def warn(self, message: str) -> None:
        """Say that something was asked for and is not done as asked."""
        if message not in self.warnings:
            self.warnings.append(message)

    def record(self, kind: str, job_id: int | None = None, **detail: Any) -> None:
        """Keep what happened and nobody asked for at that moment; only the latest are kept."""
        values = {"kind": kind, "job_id": job_id, "detail": detail, "created_at": self.clock.now()}
        number = self.add(tables.event, values)
        if number % MIN_KEPT_EVENTS == 0:
            self.run(delete(tables.event).where(tables.event.c.id <= number - MIN_KEPT_EVENTS))

    def one(self, statement: Executable) -> Any:
        """Return the one row that there is, or ``None``."""
        try:
            return self.connection.execute(statement).one_or_none()
        except OverflowError:  # a number that no column can hold names no row
            return None

    def all(self, statement: Executable) -> list[Any]:
        """Return all rows, in memory."""
        return list(self.connection.execute(statement))

    def add(self, table: Table, values: Mapping[str, Any]) -> int:
        """Insert one row and return the number it got."""
        key = self.connection.execute(insert(table), values).inserted_primary_key
        return int(key[0]) if key else 0

    def run(self, statement: Executable, values: Mapping[str, Any] | None = None) -> int:
        """Change something; return how many rows it touched."""
        return self.connection.execute(statement, values).rowcount
