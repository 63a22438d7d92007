"""The database of one sandbox: transactions, snapshots and retries.

What depends on the kind of database is in :mod:`crowdflower.sandbox.store.engines.sqlite` and
:mod:`crowdflower.sandbox.store.engines.postgresql`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from threading import local
from typing import Final, Protocol, TypeVar
from urllib.parse import unquote
from weakref import finalize

from sqlalchemy import URL, Connection, Engine, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from crowdflower._types import SecretText
from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.store.engines.sqlite import MEMORY, SQLite
from crowdflower.sandbox.store.failures import Unconfirmed
from crowdflower.sandbox.store.fast.driver import Driver
from crowdflower.sandbox.store.tables import assignment, event, job, ledger
from crowdflower.sandbox.store.transaction import Limits, Transaction

T = TypeVar("T")

MAX_ATTEMPTS: Final = 4
"""Attempts at a transaction that conflicts with others, the first included."""


class Backend(Protocol):
    """An engine: what differs between SQLite and PostgreSQL."""

    engine: Engine

    @property
    def single_writer(self) -> bool:
        """Whether the engine admits one writer at a time."""

    def begin(self, *, writes: bool) -> AbstractContextManager[Connection]:
        """Open a connection and begin a transaction, which ends with the block."""

    def begin_apart(self) -> AbstractContextManager[Connection]:
        """Begin a transaction that reads, and for whose end nobody waits."""

    def driver(self, connection: Connection) -> Driver:
        """Return the driver's own connection below SQLAlchemy's."""

    def open(self) -> bool:
        """Create the tables in an empty database; in any other, check that they are the sandbox's.

        :returns: Whether the tables existed before.
        """

    def empty(self) -> None:
        """Delete all rows and restart the ids."""

    def close(self) -> None:
        """Close every connection."""

    def is_retryable(self, error: BaseException) -> bool:
        """Return whether a transaction that failed with this error may succeed when retried."""


class Database:
    """The database of one sandbox: in memory, in a file, or on a PostgreSQL server.

    :param url: ``sqlite://`` for memory; ``sqlite:///PATH`` for a file, created when missing;
        ``postgresql://USER:PASSWORD@HOST/NAME`` for a database that several processes share, with
        ``?options=-csearch_path%3DNAME`` appended for one schema of it.
    :param clock: The source of time, tokens and random numbers for every transaction.
    :param limits: The limits of this sandbox.
    :raises StoreFailure: The database cannot be used: it holds other tables or tables of another
        version, is damaged, is unreachable, or another process is writing to it.
    :raises OSError: The file cannot be created or written.
    :raises ValueError: The URL names another kind of database.
    :raises ImportError: The driver that the URL needs is not installed.

    After :meth:`close`, every other method raises :class:`RuntimeError`.

    >>> from crowdflower.sandbox.store.tables import schema_info
    >>> database = Database()
    >>> with database.transaction() as tx:
    ...     tx.one(select(schema_info)).version
    3
    >>> database.close()
    """

    def __init__(
        self, url: str = MEMORY, clock: Clock | None = None, *, limits: Limits | None = None
    ) -> None:
        url = SecretText(url)
        address = _parse_url(url)
        self.name = address.set(query={}).render_as_string()
        """The URL, without the password."""
        self.clock = clock or Clock()
        self.limits = limits or Limits()
        self._local = local()
        self._is_closed = False
        self._backend = _backend(address)
        del address  # its query may hold a password
        # Python 3.13 and later warn about connections that were left open.
        finalize(self, self._backend.engine.dispose)
        try:
            if self._backend.open():
                with self.snapshot() as tx:
                    self.clock.catch_up(_latest_time(tx))
        except BaseException:
            self._backend.engine.dispose()
            raise

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Run the block in a write transaction: committed at its end, rolled back when it raises.

        Inside another transaction of the same thread it is a savepoint, which can be rolled back
        alone. A conflict with another writer is not retried here; use :meth:`write` for that.

        :raises StoreFailure: The database failed; the transaction was rolled back.
        :raises RuntimeError: The thread is inside a :meth:`snapshot`, which is read-only.
        """
        current: Transaction | None = getattr(self._local, "transaction", None)
        if current is None:
            with self._begin(writes=True) as current:
                yield current
        elif self._local.reads:
            raise RuntimeError("A snapshot is read-only: end it before you write.")
        else:
            with current.connection.begin_nested():
                yield current

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """Run the block in a read-only transaction: all of its statements see the same data.

        Inside a transaction of the same thread, the block sees that transaction's changes.

        :raises StoreFailure: The database failed.
        """
        current: Transaction | None = getattr(self._local, "transaction", None)
        if current is not None:
            yield current
            return
        with self._begin(writes=False) as current:
            yield current

    def write(
        self,
        do: Callable[[Transaction], T],
        *,
        attempts: int = MAX_ATTEMPTS,
        idempotent: bool = False,
    ) -> T:
        """Run a function in a transaction, and retry it after a conflict with another writer.

        :param do: Called once per attempt; a failed attempt is rolled back.
        :param attempts: How many attempts at most.
        :param idempotent: Whether to retry too when the connection was lost during the commit:
            ``do`` must then find out whether the lost attempt was committed.
        :returns: What ``do`` returned.

        >>> database = Database()
        >>> database.write(lambda tx: tx.clock.token()) == database.clock.token()
        False
        >>> database.close()
        """
        return self._retry(partial(_run, self.transaction, do), attempts, idempotent=idempotent)

    def read(self, do: Callable[[Transaction], T]) -> T:
        """Run a function in a :meth:`snapshot`; retry it when the connection was lost."""
        return self._retry(partial(_run, self.snapshot, do), MAX_ATTEMPTS, idempotent=True)

    def read_apart(self, do: Callable[[Transaction], T]) -> T:
        """Run a function that reads for seconds, so that nobody waits for its end.

        As :meth:`read`, but a database in memory, which has one connection, is copied first.

        >>> database = Database()
        >>> database.read_apart(lambda tx: database.write(lambda tx: 7))
        Traceback (most recent call last):
          ...
        RuntimeError: A snapshot is read-only: end it before you write.
        >>> database.close()
        """
        begin = partial(self._begin, writes=False, apart=True)
        return self._retry(partial(_run, begin, do), MAX_ATTEMPTS, idempotent=True)

    def reset(self) -> None:
        """Delete all rows and restart the ids; the clock keeps its time.

        :raises RuntimeError: The thread is inside a transaction of this database.
        """
        if getattr(self._local, "transaction", None) is not None:
            raise RuntimeError("A transaction is open: end it before you reset the database.")
        self._retry(self._backend.empty, MAX_ATTEMPTS, idempotent=True)

    def require_open(self) -> None:
        """Raise an error if the database was closed.

        :raises RuntimeError: The database was closed.
        """
        if self._is_closed:
            raise RuntimeError(
                "The sandbox is closed, and its data in memory is gone. Use it before close(), or"
                " inside its with block."
            )

    def close(self) -> None:
        """Close all connections; a database in memory is lost."""
        self._is_closed = True
        self._backend.close()

    def _retry(self, attempt: Callable[[], T], attempts: int, *, idempotent: bool) -> T:
        if getattr(self._local, "transaction", None) is not None:
            attempts = 1
        while True:
            attempts -= 1
            try:
                return attempt()
            except Exception as error:
                is_safe = idempotent or not isinstance(error, Unconfirmed)
                if not (attempts and is_safe and self._backend.is_retryable(error)):
                    raise

    @contextmanager
    def _begin(self, *, writes: bool, apart: bool = False) -> Iterator[Transaction]:
        self.require_open()
        backend = self._backend
        with backend.begin_apart() if apart else backend.begin(writes=writes) as connection:
            driver = self._backend.driver(connection)
            isolated = self._backend.single_writer or not writes
            current = Transaction(connection, driver, self.clock, self.limits, isolated)
            self._local.transaction = current
            self._local.reads = not writes
            try:
                yield current
            finally:
                self._local.transaction = None


def _run(
    begin: Callable[[], AbstractContextManager[Transaction]], do: Callable[[Transaction], T]
) -> T:
    with begin() as tx:
        return do(tx)


def _parse_url(url: str) -> URL:
    """Parse a URL; the error messages do not repeat it, since it may hold a password."""
    try:
        address = make_url(url)
        kind = address.get_backend_name()
    except (ArgumentError, ValueError):
        address, kind = make_url(MEMORY), "an invalid URL"
    if "@" in (address.host or ""):  # the end of a password, parsed as a host
        kind = "an invalid URL"
    if kind not in {"sqlite", "postgresql", "postgres"}:
        raise ValueError(
            f"The database must be SQLite or PostgreSQL: sqlite:// for memory, sqlite:///PATH for a"
            f" file or postgresql://USER:PASSWORD@HOST/NAME, not {kind}. In user and password,"
            f" write @ : / and % as %40 %3A %2F and %25."
        )
    if kind == "sqlite":
        if "?" in url:
            raise ValueError("The URL of a file ends with its path. Write a ? in the path as %3F.")
        # Not every version of SQLAlchemy decodes %20 here.
        return address.set(database=unquote(url.partition(":///")[2]) or None)
    return address.set(drivername="postgresql") if kind == "postgres" else address


def _backend(address: URL) -> Backend:
    if address.get_backend_name() == "sqlite":
        return SQLite(address)
    try:
        from crowdflower.sandbox.store.engines.postgresql import PostgreSQL  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("crowdflower"):
            raise
        raise ImportError(
            f"PostgreSQL needs {missing.name}, which is not installed;"
            " run: pip install 'crowdflower-client[postgres]'"
        ) from missing
    return PostgreSQL(address)


def _latest_time(tx: Transaction) -> float:
    """Return the latest time in the tables, in seconds since 1970 UTC; 0 if they are empty."""
    moments = [
        ledger.c.created_at,
        job.c.created_at,
        assignment.c.started_at,
        event.c.created_at,
    ]
    newest = [select(each).order_by(each.table.c.id.desc()).limit(1) for each in moments]
    newest.append(select(func.max(job.c.updated_at)))
    found = tx.connection.execute(select(*(each.scalar_subquery() for each in newest))).one()
    return max(moment or 0.0 for moment in found)
