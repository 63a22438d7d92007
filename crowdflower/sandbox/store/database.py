"""One database, and who may use it when.

SQLite lets one writer in at a time and tells the others to try again. So that nobody has to,
writers of one process stand in line for a lock, and a transaction says with its first word that it
will write (``BEGIN IMMEDIATE``): what it read cannot be overtaken before it is acted upon.

In memory there is one connection, and readers stand in the same line. In a file readers do not wait
(write-ahead log), and what was committed survives a power cut (synchronous FULL).
"""

from __future__ import annotations

import atexit
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from threading import Lock, RLock, local
from typing import Any
from weakref import finalize

from sqlalchemy import Connection, Engine, create_engine, event, func, insert, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool, StaticPool
from sqlalchemy.schema import CreateIndex, CreateTable

from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.store.failures import SchemaMismatch
from crowdflower.sandbox.store.sqlite_file import File, failure
from crowdflower.sandbox.store.tables import VERSION, assignment, job, ledger, metadata, schema_info
from crowdflower.sandbox.store.tables import event as happened
from crowdflower.sandbox.store.transaction import Limits, Transaction

MEMORY = "sqlite://"
"""The address of a database that nobody else can see, gone when it is closed."""


class Database:
    """The tables of one sandbox, in memory or in a file.

    :param url: ``sqlite://`` for memory, ``sqlite:///PATH`` for a file, made when missing.
    :param clock: Gives every transaction its time, ids and chance.
    :param limits: What this sandbox allows.
    :raises StoreFailure: The file cannot be used: it holds something else or tables of another
        version, or is damaged, or somebody else is writing to it.
    :raises OSError: The file cannot be made, or not be written.
    :raises ValueError: The address is of another kind of database.

    >>> database = Database()
    >>> with database.transaction() as tx:
    ...     tx.one(select(schema_info)).version
    1
    >>> database.close()
    """

    def __init__(
        self, url: str = MEMORY, clock: Clock | None = None, *, limits: Limits | None = None
    ) -> None:
        self.url = make_url(url)
        if self.url.get_backend_name() != "sqlite":
            raise ValueError(
                f"The sandbox keeps its data in SQLite: give sqlite:// for memory or "
                f"sqlite:///PATH for a file, not {self.url.render_as_string()}."
            )
        self.clock = clock or Clock()
        self.limits = limits or Limits()
        self.in_memory = self.url.database in (None, "", ":memory:")
        self._writing = RLock()
        self._here = local()
        self._file = None if self.in_memory else File(Path(str(self.url.database)))
        self._engine = _engine_on(self._file) if self._file else _engine_in_memory()
        finalize(self, self._engine.dispose)  # from 3.13 on Python warns of what was left open
        try:
            if self.in_memory:
                self._copy_template()
            else:
                self._open_file()
        except BaseException:
            self._engine.dispose()
            raise

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Let one writer in: all of the block happens, or, when it raises, nothing of it.

        Inside another transaction of the same thread it becomes a part of that one, which can be
        undone alone.

        :raises StoreFailure: The database cannot do it; nothing of the block happened.
        :raises RuntimeError: The thread is inside a :meth:`snapshot`, which only reads.
        """
        current: Transaction | None = getattr(self._here, "transaction", None)
        if current is None:
            with self._writing, self._begin("IMMEDIATE") as current:
                yield current
        elif self._here.reads:
            raise RuntimeError("Writing inside of a snapshot: end the snapshot first.")
        else:
            with current.connection.begin_nested():
                yield current

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """Read, all of it from one moment.

        Inside a transaction of the same thread it sees what that one has written so far.

        :raises StoreFailure: The database cannot do it.
        """
        current: Transaction | None = getattr(self._here, "transaction", None)
        if current is not None:
            yield current
            return
        with ExitStack() as stack:
            if self.in_memory:
                stack.enter_context(self._writing)
            yield stack.enter_context(self._begin("DEFERRED"))

    def reset(self) -> None:
        """Forget everything, ids included; the clock runs on.

        :raises RuntimeError: The thread is inside a transaction of this database.
        """
        if getattr(self._here, "transaction", None) is not None:
            raise RuntimeError("Resetting inside of a transaction: end the transaction first.")
        if self.in_memory:
            self._copy_template()
            return
        with self.transaction() as tx:
            for table in reversed(metadata.sorted_tables):
                if table is not schema_info:
                    tx.connection.execute(table.delete())
            tx.connection.execute(text("DELETE FROM sqlite_sequence"))
            _start_ids(tx.connection)

    def close(self) -> None:
        """Close every connection; in memory that is the end of the data."""
        with self._writing:
            self._engine.dispose()

    @contextmanager
    def _begin(self, mode: str) -> Iterator[Transaction]:
        if self._file is not None:
            self._file.require()
        with _understood(), self._engine.connect() as connection:
            connection.execution_options(sandbox_begin=mode)
            with connection.begin():
                transaction = Transaction(connection, self.clock, self.limits)
                self._here.transaction = transaction
                self._here.reads = mode == "DEFERRED"
                try:
                    yield transaction
                finally:
                    self._here.transaction = None

    def _copy_template(self) -> None:
        with self._writing, self._engine.connect() as connection, _TEMPLATE_LOCK:
            _template().backup(connection.connection.driver_connection)  # type: ignore[arg-type]

    def _open_file(self) -> None:
        """Make the tables of a new file; of another, see that they are ours before any change."""
        with self.transaction() as tx:
            names = inspect(tx.connection).get_table_names()
            if not names:
                _create(tx.connection)
            elif schema_info.name not in names:
                raise self._mismatch("no sandbox")
            else:
                version = tx.one(select(schema_info.c.version)).version
                if version != VERSION:
                    raise self._mismatch(f"version {version} of the tables")
                self.clock.catch_up(_latest(tx))
        # The log is a property of the file. It cannot be changed inside of a transaction.
        with self._writing, _understood(), self._engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA journal_mode = WAL")

    def _mismatch(self, what: str) -> SchemaMismatch:
        return SchemaMismatch(
            f"{self.url.database} holds {what}, and this is version {VERSION}. Nothing was changed."
            f" Download the reports you need with the version that made it, then start on a new"
            f" file."
        )


@contextmanager
def _understood() -> Iterator[None]:
    """Let what the database fails at come up as what it is."""
    try:
        yield
    except Exception as error:
        known = failure(error)
        if known is None:
            raise
        raise known from error


def _engine_on(file: File) -> Engine:
    engine = create_engine(MEMORY, creator=file.connect, poolclass=QueuePool)
    return _prepared(engine, "PRAGMA synchronous = FULL", "PRAGMA cache_size = -65536")


def _engine_in_memory() -> Engine:
    engine = create_engine(MEMORY, poolclass=StaticPool, connect_args={"check_same_thread": False})
    return _prepared(engine)


def _prepared(engine: Engine, *pragmas: str) -> Engine:
    """Take transactions out of the driver's hands: it would begin them late, and only to read."""

    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        for pragma in (*pragmas, "PRAGMA foreign_keys = ON", "PRAGMA temp_store = MEMORY"):
            connection.execute(pragma)

    def begun(connection: Connection) -> None:
        mode = connection.get_execution_options().get("sandbox_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")

    listen: Callable[..., Any] = event.listen
    listen(engine, "connect", connected)
    listen(engine, "begin", begun)
    return engine


_TEMPLATE_LOCK = Lock()


@cache
def _template() -> sqlite3.Connection:
    """Make an empty database once in a process; copying it takes a fraction of a millisecond."""
    engine = _engine_in_memory()
    atexit.register(engine.dispose)
    with engine.connect() as connection, connection.begin():
        _create(connection)
        driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - for the type checker
    return driver


def _create(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        connection.execute(CreateTable(table))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(CreateIndex(index))
    connection.execute(insert(schema_info), {"version": VERSION})
    _start_ids(connection)


def _latest(tx: Transaction) -> float:
    """Tell when the last thing happened that the tables know of; 0 if nothing has."""
    moments = [
        ledger.c.created_at,
        job.c.created_at,
        assignment.c.started_at,
        happened.c.created_at,
    ]
    newest = [select(each).order_by(each.table.c.id.desc()).limit(1) for each in moments]
    newest.append(select(func.max(job.c.updated_at)))
    return max(tx.connection.execute(each).scalar() or 0.0 for each in newest)


def _start_ids(connection: Connection) -> None:
    """Let ids begin where they look real; they are not used again after a deletion."""
    starts = [
        {"name": table.name, "seq": column.identity.start - 1}
        for table in metadata.sorted_tables
        for column in table.primary_key
        if column.identity is not None and column.identity.start is not None
    ]
    connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), starts)
