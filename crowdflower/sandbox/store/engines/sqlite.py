"""SQLite, in memory or in a file: one writer at a time.

SQLite admits one writer and answers "database is locked" to the others. To avoid that, the writers
of one process wait for a lock, and write transactions begin with ``BEGIN IMMEDIATE``, so that what
they read cannot change before they write.

In memory there is one connection, and readers wait for the same lock. In a file, readers do not
wait (write-ahead log), and committed data survives a power cut (synchronous FULL).
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
from typing import Any, Final, cast
from urllib.parse import quote

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url, text
from sqlalchemy.pool import Pool, QueuePool, StaticPool
from sqlalchemy.util import LRUCache

from crowdflower._types import SecretText
from crowdflower.sandbox.store.engines import schema
from crowdflower.sandbox.store.engines.sqlite_file import BUSY_TIMEOUT, DatabaseFile, store_failure
from crowdflower.sandbox.store.failures import SchemaMismatch
from crowdflower.sandbox.store.fast.driver import Driver
from crowdflower.sandbox.store.tables import VERSION, metadata, schema_info

MEMORY = "sqlite://"
"""The URL of a private database in memory, lost when it is closed."""

_WAL_RETRY_DELAY = 0.02

_UPGRADE = "Upgrade crowdflower to open it."


class SQLite:
    """A database in memory, or in a file that several processes may share.

    :param url: ``sqlite://`` for memory, ``sqlite:///PATH`` for a file, created when missing.
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
        """Open a connection and begin a transaction, which ends with the block."""
        with ExitStack() as stack:
            if writes or self._file is None:
                stack.enter_context(self._write_lock)
            if self._file is not None:
                self._file.require_unchanged()
            stack.enter_context(_translate_errors())
            connection = stack.enter_context(self.engine.connect())
            connection.execution_options(sandbox_begin="IMMEDIATE" if writes else "DEFERRED")
            stack.enter_context(connection.begin())
            yield connection

    @contextmanager
    def begin_apart(self) -> Iterator[Connection]:
        """Begin to read so that nobody waits for the end: in memory, in a copy of the database."""
        if self._file is not None:
            with self.begin(writes=False) as connection:
                yield connection
            return
        engine = _memory_engine()
        try:
            with _translate_errors(), engine.connect() as connection:
                with self._write_lock, self.engine.connect() as original:
                    copy = connection.connection.driver_connection
                    self.driver(original).backup(copy)  # type: ignore[attr-defined]
                with connection.begin():
                    yield connection
        finally:
            engine.dispose()

    def driver(self, connection: Connection) -> Driver:
        """Return the :mod:`sqlite3` connection below SQLAlchemy's."""
        return cast(Driver, connection.connection.driver_connection)

    def open(self) -> bool:
        """Create the tables in a new file; in any other, check them, and migrate old ones.

        Before that, the file is copied; the copy ends in ``.1.0.0``, the version that made it.

        :returns: Whether the tables existed before.
        """
        if self._file is None:
            self._copy_template()
            return False
        with self.begin(writes=True) as connection:
            is_new = schema.is_empty(connection)
            if is_new:
                _create(connection)
            elif mismatch := schema.schema_mismatch(connection):
                expected, advice = f"; this is version {VERSION}", _UPGRADE
                if mismatch == schema.NOT_A_SANDBOX:
                    expected, advice = "", "Use another file for the sandbox."
                raise SchemaMismatch(
                    f"{self._file.path} holds {mismatch}{expected}. Nothing was changed. {advice}"
                )
            elif schema.is_outdated(connection):
                self._file.copy(".1.0.0")
                schema.migrate(connection, self.driver(connection))
        # The journal mode belongs to the file, and cannot be changed inside a transaction.
        with self._write_lock, _translate_errors(), self.engine.connect() as connection:
            _enable_wal(self.driver(connection))
        return not is_new

    def empty(self) -> None:
        """Delete all rows and restart the ids."""
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
        """Close all connections; a database in memory is lost."""
        with self._write_lock:
            self.engine.dispose()

    def is_retryable(self, error: BaseException) -> bool:  # noqa: ARG002 - part of the protocol
        """Return False: writers wait for the lock, so that they do not conflict."""
        return False

    def _copy_template(self) -> None:
        with self._write_lock, self.engine.connect() as connection, _TEMPLATE_LOCK:
            _template().backup(connection.connection.driver_connection)  # type: ignore[arg-type]


def _enable_wal(driver: Driver) -> None:
    """Turn on the write-ahead log (WAL), so that readers do not wait for writers.

    When two processes do so at the same time, SQLite answers "database is locked" to one of them
    without waiting, since both could wait for ever; a retry succeeds.
    """
    for _ in range(ceil(BUSY_TIMEOUT / _WAL_RETRY_DELAY)):
        with suppress(sqlite3.OperationalError):
            driver.execute("PRAGMA journal_mode = WAL")
            return
        time.sleep(_WAL_RETRY_DELAY)
    driver.execute("PRAGMA journal_mode = WAL")


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise errors of SQLite as the :class:`StoreFailure` that they mean."""
    try:
        yield
    except Exception as error:
        known = store_failure(error)
        if known is None:
            raise
        raise known from error


def database_url(database: str | Path | None) -> str:
    """Return the URL of a database; a value without ``://`` is the path of an SQLite file.

    >>> print(database_url(None), database_url("postgresql://db.example.org/crowd"))
    sqlite:// postgresql://db.example.org/crowd
    """
    if database is None:
        return MEMORY
    if isinstance(database, str) and "://" in database:
        return SecretText(database)  # it may hold a password
    return f"sqlite:///{quote(str(Path(database).absolute()))}"


def _file_engine(file: DatabaseFile) -> Engine:
    connect: Any = file.connect
    pool = QueuePool(connect, dialect=_dialect())
    return _engine(pool, "PRAGMA synchronous = FULL", "PRAGMA cache_size = -65536")


def _memory_engine() -> Engine:
    return _engine(StaticPool(_connect_to_memory, dialect=_dialect()))


def _connect_to_memory() -> Any:
    return sqlite3.connect(":memory:", check_same_thread=False)


@cache
def _dialect() -> Dialect:
    """Return the dialect that all engines share, initialized by a connection.

    With it, they share the compiled statements too: to compile those of a first request would take
    each sandbox longer than all the rest.
    """
    engine = create_engine(MEMORY)
    engine.connect().close()
    engine.dispose()
    return engine.dialect


_COMPILED: Final = LRUCache[Any, Any](1000)
"""The compiled statements of all engines."""


def _engine(pool: Pool, *pragmas: str) -> Engine:
    """Turn off the driver's own transactions, which begin late and as readers; set the pragmas."""
    engine = Engine(
        pool,
        _dialect(),
        make_url(MEMORY),
        hide_parameters=True,
        execution_options={"compiled_cache": _COMPILED},
    )

    def on_connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        for pragma in (*pragmas, "PRAGMA foreign_keys = ON", "PRAGMA temp_store = MEMORY"):
            connection.execute(pragma)
        connection.set_authorizer(_authorize)

    def on_begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get("sandbox_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")

    listen: Callable[..., Any] = event.listen
    listen(engine, "connect", on_connect)
    listen(engine, "begin", on_begin)
    return engine


def _authorize(action: int, name: str | None, value: str | None, *_: str | None) -> int:
    """Deny statements that open another file or change a setting: an SQLite authorizer."""
    is_setting = action == sqlite3.SQLITE_PRAGMA and value is not None and name != "journal_mode"
    if is_setting or action in {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


_TEMPLATE_LOCK = Lock()


@cache
def _template() -> sqlite3.Connection:
    """Create an empty database once per process; copying it takes less than a millisecond."""
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
    """Start the ids at realistic numbers; SQLite does not reuse those of deleted rows."""
    starts = [
        {"name": table.name, "seq": column.identity.start - 1}
        for table in metadata.sorted_tables
        for column in table.primary_key
        if column.identity is not None and column.identity.start is not None
    ]
    connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), starts)
