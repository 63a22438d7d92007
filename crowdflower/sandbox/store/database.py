"""One database, and who may use it when.

Which database it is decides how: see :mod:`crowdflower.sandbox.store.engines.sqlite` and
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

from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.store.engines.sqlite import MEMORY, SQLite
from crowdflower.sandbox.store.failures import Unconfirmed
from crowdflower.sandbox.store.fast.driver import Driver
from crowdflower.sandbox.store.tables import assignment, event, job, ledger
from crowdflower.sandbox.store.transaction import Limits, Transaction

T = TypeVar("T")

MAX_ATTEMPTS: Final = 4
"""How often something is tried, at most, that others get in the way of."""


class Backend(Protocol):
    """A kind of database."""

    engine: Engine

    @property
    def single_writer(self) -> bool:
        """Whether there is one writer at a time."""

    def begin(self, *, writes: bool) -> AbstractContextManager[Connection]:
        """Connect for one transaction; it ends with the block."""

    def driver(self, connection: Connection) -> Driver:
        """Return the driver's side of a connection."""

    def open(self) -> bool:
        """Make the tables where there are none; else see that they are ours.

        :returns: Whether they were there.
        """

    def empty(self) -> None:
        """Forget all rows; ids begin anew."""

    def close(self) -> None:
        """Close every connection."""

    def is_retryable(self, error: BaseException) -> bool:
        """Tell whether a transaction that ended in this error may succeed the next time."""


class Database:
    """The tables of one sandbox: in memory, in a file, or in a server's database.

    :param url: ``sqlite://`` for memory, ``sqlite:///PATH`` for a file, made when missing;
        ``postgresql://USER:PASSWORD@HOST/NAME`` for a database that several processes share, and
        ``?options=-csearch_path%3DNAME`` after it for a schema of that.
    :param clock: Gives every transaction its time, ids and chance.
    :param limits: What this sandbox allows.
    :raises StoreFailure: The database cannot be used: it holds something else or tables of another
        version, is damaged, cannot be reached, or somebody else is writing to it.
    :raises OSError: The file cannot be made, or not be written.
    :raises ValueError: The address is of another kind of database.
    :raises ImportError: The address needs a driver that is not installed.

    Once it is closed, everything else raises :class:`RuntimeError`.

    >>> from crowdflower.sandbox.store.tables import schema_info
    >>> database = Database()
    >>> with database.transaction() as tx:
    ...     tx.one(select(schema_info)).version
    1
    >>> database.close()
    """

    def __init__(
        self, url: str = MEMORY, clock: Clock | None = None, *, limits: Limits | None = None
    ) -> None:
        address = _parse_url(url)
        self.name = address.set(query={}).render_as_string()
        """Its address, without a password."""
        self.clock = clock or Clock()
        self.limits = limits or Limits()
        self._local = local()
        self._is_closed = False
        self._backend = _backend(address)
        # From 3.13 on Python warns of what was left open.
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
        """Let a writer in: all of the block happens, or, when it raises, nothing of it.

        Inside another transaction of the same thread it becomes a part of that one, which can be
        undone alone. Where others write at the same time it may end in a failure that another try
        would not: what can be done twice is better given to :meth:`write`.

        :raises StoreFailure: The database cannot do it; nothing of the block happened.
        :raises RuntimeError: The thread is inside a :meth:`snapshot`, which only reads.
        """
        current: Transaction | None = getattr(self._local, "transaction", None)
        if current is None:
            with self._begin(writes=True) as current:
                yield current
        elif self._local.reads:
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
        """Read something, all of it from one moment; again when the connection was lost."""
        return self._retry(partial(_run, self.snapshot, do), MAX_ATTEMPTS, idempotent=True)

    def reset(self) -> None:
        """Forget everything, ids included; the clock runs on.

        :raises RuntimeError: The thread is inside a transaction of this database.
        """
        if getattr(self._local, "transaction", None) is not None:
            raise RuntimeError("Resetting inside of a transaction: end the transaction first.")
        self._retry(self._backend.empty, MAX_ATTEMPTS, idempotent=True)

    def require_open(self) -> None:
        """See that it has not been closed.

        :raises RuntimeError: It has.
        """
        if self._is_closed:
            raise RuntimeError(
                "The sandbox is closed, and what it held in memory is gone. Use it before its"
                " close(), or inside of its with block."
            )

    def close(self) -> None:
        """Close every connection; in memory that is the end of the data."""
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
                again = idempotent or not isinstance(error, Unconfirmed)
                if not (attempts and again and self._backend.is_retryable(error)):
                    raise

    @contextmanager
    def _begin(self, *, writes: bool) -> Iterator[Transaction]:
        self.require_open()
        with self._backend.begin(writes=writes) as connection:
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
    opened: Callable[[], AbstractContextManager[Transaction]], do: Callable[[Transaction], T]
) -> T:
    with opened() as tx:
        return do(tx)


def _parse_url(url: str) -> URL:
    """Read an address; what is wrong with it is said without it, as there may be a password."""
    try:
        address = make_url(url)
        kind = address.get_backend_name()
    except (ArgumentError, ValueError):
        address, kind = make_url(MEMORY), "nothing of the kind"
    if "@" in (address.host or ""):  # what was read as a host is the rest of a password
        kind = "nothing of the kind"
    if kind not in {"sqlite", "postgresql", "postgres"}:
        raise ValueError(
            f"The sandbox keeps its data in SQLite or PostgreSQL: give sqlite:// for memory,"
            f" sqlite:///PATH for a file or postgresql://USER:PASSWORD@HOST/NAME, not {kind}. In"
            f" user and password, write @ : / and % as %40 %3A %2F and %25."
        )
    if kind == "sqlite":
        if "?" in url:
            raise ValueError(
                "The address of a file ends with its path; a ? in that is written %3F."
            )
        # Not every SQLAlchemy reads %20 as a blank here.
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
            f"a database in PostgreSQL needs {missing.name}, which is not installed;"
            " pip install 'crowdflower-client[postgres]' brings it"
        ) from missing
    return PostgreSQL(address)


def _latest_time(tx: Transaction) -> float:
    """Tell when the last thing happened that the tables know of; 0 if nothing has."""
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
