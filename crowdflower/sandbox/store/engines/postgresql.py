"""PostgreSQL: one database for several machines, and many writers at the same time.

Who has to wait for whom is said in :mod:`crowdflower.sandbox.store.engines.locks`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg.types.numeric import IntDumper
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from crowdflower.sandbox.store.engines import schema
from crowdflower.sandbox.store.failures import (
    Busy,
    Full,
    SchemaMismatch,
    StoreFailure,
    Unconfirmed,
    Unreachable,
    Unusable,
)
from crowdflower.sandbox.store.tables import VERSION, metadata, schema_info

LOCK_TIMEOUT: Final = 30
"""Seconds to wait for another transaction; an upload of half a million rows takes less."""

MAX_CONNECTIONS: Final = 16
"""Of one process; PostgreSQL takes a hundred, if nobody tells it otherwise."""

MIN_INTEGER: Final = -(2**63)
"""The smallest number that a column can hold."""

_NOTHING: Final = "Nothing was done."
_DISCONNECTED: Final = re.compile(r"08...|57P0[123]")

_RETRYABLE: Final = frozenset({"40001", "40P01", "23505"})
"""Somebody else was quicker, with the same rows or with the same name."""

_BUSY: Final = f"The database was busy with other requests for too long. {_NOTHING} Send it again."
_FAILURES: Final[dict[str, tuple[type[StoreFailure], str]]] = {
    "40001": (Busy, _BUSY),
    "40P01": (Busy, _BUSY),
    "55P03": (Busy, _BUSY),
    "53300": (Busy, f"The database takes no more connections. {_NOTHING} Send it again."),
    "53100": (Full, f"There is no room left for the database. {_NOTHING} Make room first."),
    "25006": (Unusable, f"The database may only be read: is it a standby? {_NOTHING}"),
    "42501": (Unusable, f"The user of the database may not do this. {_NOTHING}"),
}
"""What follows from an error, by its SQLSTATE.

Source: PostgreSQL, `Error Codes <https://www.postgresql.org/docs/current/errcodes-appendix.html>`_.
"""

_SQLITE_SYNTAX: Final = re.compile(r"\?|%|(?<!:):([a-z]\w*)|\bIS ([01])\b")
_POSTGRESQL_ONLY: Final = re.compile(r"/\*!(.*?)\*/", re.DOTALL)


class PostgreSQL:
    """A schema of a PostgreSQL database: the one that comes first in the ``search_path``.

    :param url: Where, and as whom.
    """

    single_writer = False

    def __init__(self, url: URL) -> None:
        self.engine = _engine(url)
        self._name = url.set(query={}).render_as_string()

    @contextmanager
    def begin(self, *, writes: bool) -> Iterator[Connection]:
        """Connect for one transaction; it ends with the block."""
        # What is read is read from one moment. What is written is decided on what is true now:
        # whoever waited for a turn has to see what was done meanwhile.
        mode = "READ COMMITTED" if writes else "REPEATABLE READ, READ ONLY"
        with self._translated_errors(), self._connected(mode) as connection:
            yield connection
            try:
                connection.commit()
            except DBAPIError as error:
                if writes and _is_disconnect(error):
                    raise Unconfirmed from error
                raise

    def driver(self, connection: Connection) -> PsycopgDriver:
        """Return the driver's side of a connection."""
        return PsycopgDriver(connection.connection.driver_connection)

    def open(self) -> bool:
        """Make the tables where there are none; else see that they are ours.

        :returns: Whether they were there.
        """
        with self.begin(writes=True) as connection:
            # Several processes may start at the same time.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('crowdflower'))"))
            encoding = connection.execute(text("SHOW server_encoding")).scalar()
            if encoding != "UTF8":
                raise self._mismatch(f"text in {encoding}, and not in UTF8")
            is_new = schema.is_empty(connection)
            if is_new:
                schema.create(connection)
            elif strange := schema.schema_mismatch(connection):
                raise self._mismatch(f"{strange}, and this is version {VERSION}")
        return not is_new

    def empty(self) -> None:
        """Forget all rows; ids begin anew."""
        names = [f'"{table.name}"' for table in metadata.sorted_tables if table is not schema_info]
        with self.begin(writes=True) as connection:
            connection.execute(text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY"))

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def is_retryable(self, error: BaseException) -> bool:
        """Tell whether a transaction that ended in this error may succeed the next time."""
        return any(_state(each) in _RETRYABLE or _is_disconnect(each) for each in _causes(error))

    @contextmanager
    def _connected(self, mode: str) -> Iterator[Connection]:
        """Begin; with another connection, when the server had ended the one at hand."""
        connection = self.engine.connect().execution_options(sandbox_begin=mode)
        try:
            connection.begin()
        except DBAPIError as error:
            connection.close()
            if not error.connection_invalidated:
                raise
            connection = self.engine.connect().execution_options(sandbox_begin=mode)
            connection.begin()
        with connection:
            yield connection

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Let what the database fails at come up as what it is."""
        try:
            yield
        except PoolTimeout as error:
            raise Busy(_BUSY) from error
        except (psycopg.Error, DBAPIError) as error:
            if _is_disconnect(error):
                said = str(getattr(error, "orig", error)).partition("\n")[0]
                raise Unreachable(f"{self._name} cannot be reached: {said}. {_NOTHING}") from error
            if (known := _FAILURES.get(_state(error) or "")) is None:
                raise
            kind, message = known
            raise kind(message) from error

    def _mismatch(self, what: str) -> SchemaMismatch:
        return SchemaMismatch(
            f"{self._name} holds {what}. Nothing was changed. Give the sandbox a database of its"
            f" own, in UTF8, or a schema of its own by adding ?options=-csearch_path%3DNAME."
        )


class IntegerDumper(IntDumper):
    """Hands numbers to PostgreSQL that a column can hold, as SQLite's driver does."""

    def upgrade(self, obj: int, format: Any) -> Any:  # noqa: A002 - psycopg's name for it
        """Choose the type of a number."""
        if not MIN_INTEGER <= obj <= -MIN_INTEGER - 1:
            raise OverflowError(f"{obj:.3g} is no number of 64 bits.")
        return super().upgrade(obj, format)


class PsycopgDriver:
    """The driver's connection, for statements that are written for SQLite.

    :param connection: As psycopg has it.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Any = (), /) -> PsycopgResult:
        """Run a statement."""
        return PsycopgResult(self._connection.execute(translate(sql), values))

    def executemany(self, sql: str, lines: Iterable[Any], /) -> PsycopgResult:
        """Run a statement for each of some lines of values."""
        cursor = self._connection.cursor()
        cursor.executemany(translate(sql), lines)
        return PsycopgResult(cursor)

    def copy(self, table: str, columns: Iterable[str], lines: Iterable[Any], /) -> int:
        """Insert lines of values into a table; return how many there were."""
        cursor = self._connection.cursor()
        with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copying:
            for line in lines:
                copying.write_row(line)
        return int(cursor.rowcount)


class PsycopgResult:
    """What a statement found or did, as SQLite's driver says it."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.fetchone = cursor.fetchone
        self.fetchall = cursor.fetchall
        self.rowcount = int(cursor.rowcount)

    @property
    def lastrowid(self) -> int:
        """The number of the row that was inserted, which the statement returned."""
        return int(self._cursor.fetchone()[0])

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)


@lru_cache(maxsize=1024)
def translate(sql: str) -> str:
    """Write a statement in PostgreSQL's words and psycopg's.

    >>> translate("SELECT id FROM unit WHERE job_id = ? AND resolved IS 0 /*! FOR UPDATE */")
    'SELECT id FROM unit WHERE job_id = %s AND resolved IS FALSE  FOR UPDATE '
    """
    return _SQLITE_SYNTAX.sub(_replacement, _POSTGRESQL_ONLY.sub(r"\1", sql))


def _replacement(found: re.Match[str]) -> str:
    name, truth = found.groups()
    if name is not None:
        return f"%({name})s"
    if truth is not None:
        return "IS TRUE" if truth == "1" else "IS FALSE"
    return "%s" if found[0] == "?" else "%%"


def _engine(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=MAX_CONNECTIONS,
        max_overflow=0,
        pool_timeout=LOCK_TIMEOUT,
        hide_parameters=True,
    )

    def connected(connection: Any, _: object) -> None:
        # Transactions are begun below, in the mode that they need.
        connection.autocommit = True
        connection.adapters.register_dumper(int, IntegerDumper)
        connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}s'")

    def begun(connection: Connection) -> None:
        mode = connection.get_execution_options().get("sandbox_begin", "READ COMMITTED")
        connection.exec_driver_sql(f"BEGIN ISOLATION LEVEL {mode}")

    listen: Callable[..., Any] = event.listen
    listen(engine, "connect", connected)
    listen(engine, "begin", begun)
    return engine


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _state(error: BaseException) -> str | None:
    """Return the SQLSTATE of an error, as the driver has it or as SQLAlchemy wraps it."""
    state: str | None = getattr(getattr(error, "orig", error), "sqlstate", None)
    return state


def _is_disconnect(error: BaseException) -> bool:
    """Tell whether there is no connection, or none any more."""
    driven = getattr(error, "orig", error)
    state = _state(error)
    if state is not None:
        return _DISCONNECTED.fullmatch(state) is not None
    return isinstance(driven, psycopg.OperationalError)
