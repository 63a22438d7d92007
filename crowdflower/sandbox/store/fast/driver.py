"""The interface of a driver's connection, as far as the hand-written SQL needs it.

Statements are written once, in SQLite's syntax: ``?`` and ``:name`` for parameters, ``IS 0`` for a
flag that is not set. ``/*! … */`` is a comment for SQLite, which needs no row locks, and part of
the statement for PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, runtime_checkable


class Result(Protocol):
    """The result of a statement; a DB-API cursor is one."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement changed."""

    @property
    def lastrowid(self) -> int | None:
        """The id of the inserted row; the statement must end in ``/*! RETURNING id */``."""

    def fetchone(self) -> Any:
        """Return the next row, or ``None``."""

    def fetchall(self) -> list[Any]:
        """Return the remaining rows."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the remaining rows."""


class Driver(Protocol):
    """A connection of a database driver."""

    def execute(self, sql: str, values: Any = ..., /) -> Result:
        """Execute a statement."""

    def executemany(self, sql: str, lines: Iterable[Any], /) -> Result:
        """Execute a statement for each row of values."""


@runtime_checkable
class BulkDriver(Driver, Protocol):
    """A driver with a faster way to insert many rows."""

    def copy(self, table: str, columns: Iterable[str], lines: Iterable[Any], /) -> int:
        """Insert rows of values into a table; return how many."""
