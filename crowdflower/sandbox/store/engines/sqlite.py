"""SQLite: one writer at a time, in memory or in a file.

SQLite lets one writer in and tells the others to try again. So that nobody has to, writers of one
process stand in line for a lock, and a transaction says with its first word that it will write
(``BEGIN IMMEDIATE``): what it read cannot be overtaken before it is acted upon.

In memory there is one connection, and readers stand in the same line. In a file readers do not wait
(write-ahead log), and what was committed survives a power cut (synchronous FULL).
"""

from __future__ import annotations

import atexit
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from math import ceil
from pathlib import Path
from threading import Lock, RLock
from typing import Any, cast
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.pool import QueuePool, StaticPool

from crowdflower.sandbox.store.engines import schema
from crowdflower.sandbox.store.engines.sqlite_file import BUSY_TIMEOUT, DatabaseFile, store_failure
from crowdflower.sandbox.store.failures import SchemaMismatch
from crowdflower.sandbox.store.fast.driver import Driver
from crowdflower.sandbox.store.tables import VERSION, metadata, schema_info

MEMORY = "sqlite://"
"""The address of a database that nobody else can see, gone when it is closed."""

_WAL_RETRY_DELAY = 0.02

_START_OVER = (
    "Download the reports you need with the version that made it, then start on a new file."
)


class SQLite:
    """A database of this process, or of those that have the same file.

    :param url: ``sqlite://`` for memory, ``sqlite:///PATH`` for a file, made when missing.
    """

    single_writer = True

    def __init__(self, url: URL) -> None:
        self._file = (
            None if url.database in {None, "", ":memory:"} else DatabaseFile(Path(url.database))
        )
        self._write_lock = RLock()
        self.engine = _file_engine(self._file) if self._file else _memory_engine()

    @contextmanager
    def begin(self, *, writes: bool) -> Iterator[Connection]:
        """Connect for one transaction; it ends with the block."""
        with ExitStack() as stack:
            if writes or self._file is None:
                stack.enter_context(self._write_lock)
            if self._file is not None:
                self._file.require_unchanged()
            stack.enter_context(_translated_errors())
            connection = stack.enter_context(self.engine.connect())
            connection.execution_options(sandbox_begin="IMMEDIATE" if writes else "DEFERRED")
            stack.enter_context(connection.begin())
            yield connection

    def driver(self, connection: Connection) -> Driver:
        """Return the driver's side of a connection."""
        return cast(Driver, connection.connection.driver_connection)

    def open(self) -> bool:
        """Make the tables of a new file; of another, see that they are ours before any change.

        :returns: Whether they were there.
        """
        if self._file is None:
            self._copy_template()
            return False
        with self.begin(writes=True) as connection:
            is_new = schema.is_empty(connection)
            if is_new:
                _create(connection)
            elif strange := schema.schema_mismatch(connection):
                ours, advice = f", and this is version {VERSION}", _START_OVER
                if strange == schema.NOT_A_SANDBOX:
                    ours, advice = "", "Give the sandbox a file of its own."
                raise SchemaMismatch(
                    f"{self._file.path} holds {strange}{ours}. Nothing was changed. {advice}"
                )
        # The log is a property of the file. It cannot be changed inside of a transaction.
        with self._write_lock, _translated_errors(), self.engine.connect() as connection:
            _enable_wal(self.driver(connection))
        return not is_new

    def empty(self) -> None:
        """Forget all rows; ids begin anew."""
        if self._file is None:
            self._copy_template()
            return
        with self.begin(writes=True) as connection:
            for table in reversed(metadata.sorted_tables):
                if table is not schema_info:
                    connection.execute(table.delete())
            connection.execute(text("DELETE FROM sqlite_sequence"))
            _start_ids(connection)

    def close(self) -> None:
        """Close every connection; in memory that is the end of the data."""
        with self._write_lock:
            self.engine.dispose()

    def is_retryable(self, error: BaseException) -> bool:  # noqa: ARG002 - others ask
        """Tell that no transaction is: nobody was in its way."""
        return False

    def _copy_template(self) -> None:
        with self._write_lock, self.engine.connect() as connection, _TEMPLATE_LOCK:
            _template().backup(connection.connection.driver_connection)  # type: ignore[arg-type]


def _enable_wal(driver: Driver) -> None:
    """Have changes written to a log beside the file, so that readers do not wait for writers.

    Of two processes that ask for it at once, one is told that the database is locked, at once:
    SQLite does not let it wait where both could wait for ever. A moment later it is granted.
    """
    for _ in range(ceil(BUSY_TIMEOUT / _WAL_RETRY_DELAY)):
        with suppress(sqlite3.OperationalError):
            driver.execute("PRAGMA journal_mode = WAL")
            return
        time.sleep(_WAL_RETRY_DELAY)
    driver.execute("PRAGMA journal_mode = WAL")


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Let what the database fails at come up as what it is."""
    try:
        yield
    except Exception as error:
        known = store_failure(error)
        if known is None:
            raise
        raise known from error


def database_url(database: str | Path | None) -> str:
    """Return the URL of a database; a value without ``://`` is the path of an SQLite file.

    >>> database_url(None), database_url("postgresql://db.example.org/crowd")
    ('sqlite://', 'postgresql://db.example.org/crowd')
    """
    if database is None:
        return MEMORY
    if isinstance(database, str) and "://" in database:
        return database
    return f"sqlite:///{quote(str(Path(database).absolute()))}"


def _file_engine(file: DatabaseFile) -> Engine:
    engine = create_engine(MEMORY, creator=file.connect, poolclass=QueuePool, hide_parameters=True)
    return _configure(engine, "PRAGMA synchronous = FULL", "PRAGMA cache_size = -65536")


def _memory_engine() -> Engine:
    engine = create_engine(
        MEMORY,
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
        hide_parameters=True,
    )
    return _configure(engine)


def _configure(engine: Engine, *pragmas: str) -> Engine:
    """Take transactions out of the driver's hands: it would begin them late, and only to read."""

    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        for pragma in (*pragmas, "PRAGMA foreign_keys = ON", "PRAGMA temp_store = MEMORY"):
            connection.execute(pragma)
        connection.set_authorizer(_authorize)

    def begun(connection: Connection) -> None:
        mode = connection.get_execution_options().get("sandbox_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")

    listen: Callable[..., Any] = event.listen
    listen(engine, "connect", connected)
    listen(engine, "begin", begun)
    return engine


def _authorize(action: int, name: str | None, value: str | None, *_: str | None) -> int:
    """Let no statement, whoever wrote it, open another file or change how this one is kept."""
    is_setting = action == sqlite3.SQLITE_PRAGMA and value is not None and name != "journal_mode"
    if is_setting or action in {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


_TEMPLATE_LOCK = Lock()


@cache
def _template() -> sqlite3.Connection:
    """Make an empty database once in a process; copying it takes a fraction of a millisecond."""
    engine = _memory_engine()
    atexit.register(engine.dispose)
    with engine.connect() as connection, connection.begin():
        _create(connection)
        driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - for the type checker
    return driver


def _create(connection: Connection) -> None:
    schema.create(connection)
    _start_ids(connection)


def _start_ids(connection: Connection) -> None:
    """Let ids begin where they look real; they are not used again after a deletion."""
    starts = [
        {"name": table.name, "seq": column.identity.start - 1}
        for table in metadata.sorted_tables
        for column in table.primary_key
        if column.identity is not None and column.identity.start is not None
    ]
    connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), starts)
