"""The interface of a driver's connection, as far as the hand-written SQL needs it.

Statements are written once, in SQLite's syntax: ``?`` and ``:name`` for parameters, ``IS 0`` for a
flag that is not set. ``/*! … */`` is a comment for SQLite, which needs no row locks, and part of
the statement for PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final, Protocol, runtime_checkable

ROWS_PER_STATEMENT: Final = 100
"""sqlite3 gives up the interpreter's lock for each statement, and then may wait to get it back;
databases limit the number of parameters."""


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


def insert_rows(driver: Driver, into: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows by as few statements as possible; ``executemany`` runs one for each.

    :param into: The table and its columns, such as ``ledger (kind, amount_mc)``.
    :param rows: Rows of values of these columns.
    """
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        some = rows[start : start + ROWS_PER_STATEMENT]
        statement = _insert(into, len(some[0]), len(some))
        driver.execute(statement, [*chain.from_iterable(some)])


@cache
def _insert(into: str, columns: int, rows: int) -> str:
    marks = f"({', '.join('?' * columns)})"
    return f"INSERT INTO {into} VALUES {', '.join([marks] * rows)}"  # noqa: S608 - of constants
