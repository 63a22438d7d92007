"""What hand-written statements run on: as much of a driver's connection as they need.

They are written once, as SQLite understands them: ``?`` and ``:name`` for values, ``IS 0`` for a
flag that is not set. What stands in ``/*! … */`` is a comment to SQLite, which needs no locks on
rows, and a part of the statement to PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, runtime_checkable


class Result(Protocol):
    """What a statement found, or what it did."""

    @property
    def rowcount(self) -> int:
        """How many rows it touched."""

    @property
    def lastrowid(self) -> int | None:
        """The number of the row that it inserted, where it ends in ``/*! RETURNING id */``."""

    def fetchone(self) -> Any:
        """Return the next row, or ``None``."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows that are left."""


class Driver(Protocol):
    """A connection to a database, as its driver has it."""

    def execute(self, sql: str, values: Any = ..., /) -> Result:
        """Run a statement."""

    def executemany(self, sql: str, lines: Iterable[Any], /) -> Result:
        """Run a statement for each of some lines of values."""


@runtime_checkable
class BulkDriver(Driver, Protocol):
    """One that has a quicker way for many rows."""

    def copy(self, table: str, columns: Iterable[str], lines: Iterable[Any], /) -> int:
        """Insert lines of values into a table; return how many there were."""
