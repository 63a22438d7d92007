"""A transaction as the rules see it: connection, clock, limits and warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Executable, Table, delete, insert

from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.store import tables
from crowdflower.sandbox.store.fast.driver import Driver

MIN_KEPT_EVENTS = 1000
"""The latest events that are always kept; at most twice as many are."""


@dataclass(frozen=True)
class Limits:
    """The limits of one sandbox. The defaults are those of the service, where they are known.

    Sources: CrowdFlower, `Job Costs
    <https://success.crowdflower.com/hc/en-us/articles/202703165>`_ (least reserve); the official
    Ruby client's README (five rows to launch; two other READMEs launch three).
    """

    strict: bool = False
    """Refuse requests that would otherwise get a warning, with status 422."""

    job_scripts: bool = False
    """Whether the scripts and styles of jobs run, in a frame without an origin."""

    rows_per_job: int | None = None
    """Maximum of units in a job; ``None`` for no limit. The service has 250,000."""

    min_units_to_launch: int = 5
    """Units below which a launch gets a warning."""

    minimum_reserve_cents: int = 1000
    """Minimum that an order reserves; the rest is released when the job ends."""

    charge_internal: bool = False
    """Whether pages of the internal channel are charged."""

    window: int = 2000
    """Open units among which a page may begin; small, so that early units finish early."""

    bonus_cents: int = 2000
    """Maximum of one bonus, in US cents."""

    channels_without_bonus: frozenset[str] = frozenset()
    """Channels whose contributors cannot get a bonus."""

    names_in_reports: bool = False
    """Whether reports have the names of contributors; those of the service have numbers only."""


@dataclass
class Transaction:
    """An open transaction; its changes are committed or rolled back together."""

    connection: Connection
    """SQLAlchemy's connection, for most statements."""

    driver: Driver
    """The driver's own connection, for statements that must be fast."""

    clock: Clock
    limits: Limits = field(default_factory=Limits)

    isolated: bool = True
    """Whether no other transaction can change what this one reads, so that it needs no locks."""

    warnings: list[str] = field(default_factory=list)
    """What was requested and is ignored or changed; for a header of the response."""

    def warn(self, message: str) -> None:
        """Add a warning that something requested is ignored or changed."""
        if message not in self.warnings:
            self.warnings.append(message)

    def refuse_warnings(self) -> None:
        """Refuse a request that was warned about, if the sandbox is strict.

        :raises Invalid: The request got a warning; the message has all of them.
        """
        if self.warnings and self.limits.strict:
            raise Invalid(" ".join(self.warnings))

    def record(self, kind: str, job_id: int | None = None, **detail: Any) -> None:
        """Record an event: something that happened without a request for it.

        Only the latest events are kept.
        """
        values = {"kind": kind, "job_id": job_id, "detail": detail, "created_at": self.clock.now()}
        number = self.add(tables.event, values)
        if number % MIN_KEPT_EVENTS == 0:
            self.run(delete(tables.event).where(tables.event.c.id <= number - MIN_KEPT_EVENTS))

    def one(self, statement: Executable) -> Any:
        """Return the only row, or ``None``."""
        try:
            return self.connection.execute(statement).one_or_none()
        except OverflowError:  # an id beyond 64 bits: no such row
            return None

    def all(self, statement: Executable) -> list[Any]:
        """Return all rows as a list."""
        return list(self.connection.execute(statement))

    def add(self, table: Table, values: Mapping[str, Any]) -> int:
        """Insert one row and return its id."""
        key = self.connection.execute(insert(table), values).inserted_primary_key
        return int(key[0]) if key else 0

    def run(self, statement: Executable, values: Mapping[str, Any] | None = None) -> int:
        """Execute a statement and return how many rows it changed."""
        return self.connection.execute(statement, values).rowcount
