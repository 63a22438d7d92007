"""PostgreSQL: one database for several machines, with many writers at the same time.

:mod:`crowdflower.sandbox.store.engines.locks` says which writers wait for each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
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
"""Seconds to wait for a lock or a connection; an upload of half a million rows takes less."""

MAX_CONNECTIONS: Final = 16
"""Connections of one process; PostgreSQL's default limit is a hundred for all."""

MIN_INTEGER: Final = -(2**63)
"""The smallest integer of 64 bits."""

_NOTHING: Final = "Nothing was done."
_DISCONNECTED: Final = re.compile(r"08...|57P0[123]")

_RETRYABLE: Final = frozenset({"40001", "40P01", "23505"})
"""SQLSTATEs of conflicts: serialization failure, deadlock, unique violation."""

_BUSY: Final = f"The database was busy with other requests for too long. {_NOTHING} Send it again."
_FAILURES: Final[dict[str, tuple[type[StoreFailure], str]]] = {
    "40001": (Busy, _BUSY),
    "40P01": (Busy, _BUSY),
    "55P03": (Busy, _BUSY),
    "53300": (Busy, f"The database has no free connections. {_NOTHING} Send it again."),
    "53100": (Full, f"The disk of the database is full. {_NOTHING} Free some space first."),
    "25006": (Unusable, f"The database is read-only: is it a standby? {_NOTHING}"),
    "42501": (Unusable, f"The database user lacks a permission. {_NOTHING}"),
}
"""SQLSTATE to failure and message.

Source: PostgreSQL, `Error Codes <https://www.postgresql.org/docs/current/errcodes-appendix.html>`_.
"""

_SQLITE_SYNTAX: Final = re.compile(r"\?|%|(?<!:):([a-z]\w*)|\bIS ([01])\b")
_POSTGRESQL_ONLY: Final = re.compile(r"/\*!(.*?)\*/", re.DOTALL)


class PostgreSQL:
    """A schema of a PostgreSQL database: the first in the ``search_path``.

    :param url: The URL of the database.
    """

    single_writer = False

    def __init__(self, url: URL) -> None:
        self._url = url
        self.engine = _engine(url)
        event.listen(self.engine, "do_connect", self._open_connection)
        self._is_closed = False
        event.listen(self.engine, "checkin", self._close_returned)
        self._name = url.set(query={}).render_as_string()

    @contextmanager
    def begin(self, *, writes: bool) -> Iterator[Connection]:
        """Open a connection and begin a transaction, which ends with the block."""
        # Readers see one snapshot. Writers must see what was committed while they waited for a
        # lock.
        mode = "READ COMMITTED" if writes else "REPEATABLE READ, READ ONLY"
        with self._translate_errors(), self._connect(mode) as connection:
            yield connection
            try:
                connection.commit()
            except DBAPIError as error:
                if writes and _is_disconnect(error):
                    raise Unconfirmed from error
                raise

    def begin_apart(self) -> AbstractContextManager[Connection]:
        """Begin to read: nobody waits for the end of a reader."""
        return self.begin(writes=False)

    def driver(self, connection: Connection) -> PsycopgDriver:
        """Return psycopg's connection below SQLAlchemy's, wrapped."""
        return PsycopgDriver(connection.connection.driver_connection)

    def open(self) -> bool:
        """Create the tables in an empty schema; in any other, check that they are the sandbox's.

        :returns: Whether the tables existed before.
        """
        with self.begin(writes=True) as connection:
            # Several processes may start at the same time.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('crowdflower'))"))
            encoding = connection.execute(text("SHOW server_encoding")).scalar()
            if encoding != "UTF8":
                raise self._mismatch(f"text in {encoding}, not in UTF8")
            is_new = schema.is_empty(connection)
            if is_new:
                schema.create(connection)
            elif mismatch := schema.schema_mismatch(connection):
                raise self._mismatch(f"{mismatch}; this is version {VERSION}")
            elif schema.is_outdated(connection):
                schema.migrate(connection, self.driver(connection))
        return not is_new

    def empty(self) -> None:
        """Delete all rows and restart the ids."""
        names = [f'"{table.name}"' for table in metadata.sorted_tables if table is not schema_info]
        with self.begin(writes=True) as connection:
            connection.execute(text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY"))

    def close(self) -> None:
        """Close all connections; one that a thread is still using is closed when it is returned."""
        self._is_closed = True
        self.engine.dispose()

    def _close_returned(self, connection: Any, _: object) -> None:
        # The pool that the connection belonged to is gone, and would leave it open.
        if self._is_closed and connection is not None:
            connection.close()

    def is_retryable(self, error: BaseException) -> bool:
        """Return whether a transaction that failed with this error may succeed when retried."""
        return any(_sqlstate(each) in _RETRYABLE or _is_disconnect(each) for each in _causes(error))

    def _open_connection(self, dialect: Any, *_: object) -> Any:
        """Open a connection; an error has no frames of psycopg, which hold the password."""
        try:
            positional, named = dialect.create_connect_args(self._url)
            return dialect.connect(*positional, **named)
        except psycopg.Error as error:
            failure = error.with_traceback(None)
        named = failure.__cause__ = failure.__context__ = None
        raise failure

    @contextmanager
    def _connect(self, mode: str) -> Iterator[Connection]:
        """Begin a transaction, on a new connection if the server had closed the pooled one."""
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
    def _translate_errors(self) -> Iterator[None]:
        """Raise errors of PostgreSQL as the :class:`StoreFailure` that they mean."""
        try:
            yield
        except PoolTimeout as error:
            raise Busy(_BUSY) from error
        except (psycopg.Error, DBAPIError) as error:
            if _is_disconnect(error):
                reason = str(getattr(error, "orig", error)).partition("\n")[0]
                message = f"{self._name} cannot be reached: {reason}. {_NOTHING}"
                raise Unreachable(message) from error
            if (known := _FAILURES.get(_sqlstate(error) or "")) is None:
                raise
            kind, message = known
            raise kind(message) from error

    def _mismatch(self, what: str) -> SchemaMismatch:
        return SchemaMismatch(
            f"{self._name} holds {what}. Nothing was changed. Use another database, in UTF8, for"
            f" the sandbox, or another schema by adding ?options=-csearch_path%3DNAME."
        )


class IntegerDumper(IntDumper):
    """Refuses integers of more than 64 bits, as SQLite's driver does."""

    def upgrade(self, obj: int, format: Any) -> Any:  # noqa: A002 - psycopg's name for it
        """Choose the type of an integer."""
        if not MIN_INTEGER <= obj <= -MIN_INTEGER - 1:
            raise OverflowError(f"{obj:.3g} does not fit into 64 bits.")
        return super().upgrade(obj, format)


class PsycopgDriver:
    """Runs statements that are written for SQLite on a connection of psycopg.

    :param connection: The psycopg connection.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Any = (), /) -> PsycopgResult:
        """Execute a statement."""
        return PsycopgResult(self._connection.execute(translate(sql), values))

    def executemany(self, sql: str, lines: Iterable[Any], /) -> PsycopgResult:
        """Execute a statement for each row of values."""
        cursor = self._connection.cursor()
        cursor.executemany(translate(sql), lines)
        return PsycopgResult(cursor)

    def copy(self, table: str, columns: Iterable[str], lines: Iterable[Any], /) -> int:
        """Insert rows by ``COPY``; return how many."""
        cursor = self._connection.cursor()
        with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copying:
            for line in lines:
                copying.write_row(line)
        return int(cursor.rowcount)


class PsycopgResult:
    """The result of a statement, with the interface of SQLite's driver."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.fetchone = cursor.fetchone
        self.fetchall = cursor.fetchall
        self.rowcount = int(cursor.rowcount)

    @property
    def lastrowid(self) -> int:
        """The id of the inserted row, which the statement returned."""
        return int(self._cursor.fetchone()[0])

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)


@lru_cache(maxsize=1024)
def translate(sql: str) -> str:
    """Translate a statement from SQLite's syntax to that of PostgreSQL and psycopg.

    >>> translate("SELECT id FROM unit WHERE job_id = ? AND resolved IS 0 /*! FOR UPDATE */")
    'SELECT id FROM unit WHERE job_id = %s AND resolved IS FALSE  FOR UPDATE '
    """
    return _SQLITE_SYNTAX.sub(_replacement, _POSTGRESQL_ONLY.sub(r"\1", sql))


def _replacement(match: re.Match[str]) -> str:
    name, truth = match.groups()
    if name is not None:
        return f"%({name})s"
    if truth is not None:
        return "IS TRUE" if truth == "1" else "IS FALSE"
    return "%s" if match[0] == "?" else "%%"


def _engine(url: URL) -> Engine:
    """Return an engine that does not know the password, since its repr shows its URL."""
    engine = create_engine(
        URL.create("postgresql+psycopg", url.username, host=url.host, database=url.database),
        pool_size=MAX_CONNECTIONS,
        max_overflow=0,
        pool_timeout=LOCK_TIMEOUT,
        hide_parameters=True,
    )

    def on_connect(connection: Any, _: object) -> None:
        # The "begin" event below starts each transaction in the mode it needs.
        connection.autocommit = True
        connection.adapters.register_dumper(int, IntegerDumper)
        connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}s'")

    def on_begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get("sandbox_begin", "READ COMMITTED")
        connection.exec_driver_sql(f"BEGIN ISOLATION LEVEL {mode}")

    listen: Callable[..., Any] = event.listen
    listen(engine, "connect", on_connect)
    listen(engine, "begin", on_begin)
    return engine


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE of an error of psycopg, or of SQLAlchemy's wrapper around one."""
    state: str | None = getattr(getattr(error, "orig", error), "sqlstate", None)
    return state


def _is_disconnect(error: BaseException) -> bool:
    """Return whether the error means that there is no connection to the server."""
    original = getattr(error, "orig", error)
    state = _sqlstate(error)
    if state is not None:
        return _DISCONNECTED.fullmatch(state) is not None
    return isinstance(original, psycopg.OperationalError)
