"""The SQLite file of a journal: transactions on disk, and checks that the file is intact."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Final
from uuid import uuid4

from crowdflower.exceptions import JournalCorrupt, JournalError, JournalLocked

BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for another process that is writing."""

_APPLICATION: Final = 0x43464A4C
_VERSION: Final = 2

_TABLE: Final = """
    CREATE TABLE operations (
        op_id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        account TEXT NOT NULL,
        method TEXT NOT NULL,
        path TEXT NOT NULL,
        body TEXT NOT NULL,
        "key" TEXT,
        state TEXT NOT NULL,
        before TEXT NOT NULL,
        cents INTEGER,
        evidence TEXT NOT NULL,
        note TEXT NOT NULL,
        prepared_at REAL NOT NULL,
        sent_at REAL,
        settled_at REAL,
        sent_step INTEGER,
        settled_step INTEGER
    )
"""
_ONCE: Final = """
    CREATE UNIQUE INDEX once ON operations (account, "key")
    WHERE state NOT IN ('rejected', 'not_applied')
"""
_ACCOUNTS: Final = "CREATE TABLE accounts (fingerprint TEXT PRIMARY KEY, account TEXT NOT NULL)"
_STEPS: Final = "CREATE TABLE steps (last INTEGER NOT NULL)"


class Store:
    """The rows of a journal, in a file or in memory.

    :param path: The file; ``None`` for memory.
    :param busy_timeout: Seconds to wait for another process that is writing.
    """

    def __init__(self, path: Path | None, busy_timeout: float = BUSY_TIMEOUT) -> None:
        self.path = path
        self._busy_timeout = busy_timeout
        self._file: tuple[int, int] | None = None
        self._memory: sqlite3.Connection | None = None
        self._lock = Lock()
        self._pid = os.getpid()

    @property
    def exists(self) -> bool:
        """Whether the journal may hold anything; does not open the file."""
        return self.path is None or self._file is not None or self.path.exists()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction; its changes are on disk when the block has ended.

        :raises JournalError: The file cannot be opened, read or written.
        """
        try:
            with self._connect() as connection:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    yield connection
                    connection.execute("COMMIT")
                finally:  # an interrupt may come between any two statements
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            busy = "locked" in str(error) or "busy" in str(error)
            error_type: type[JournalError] = JournalLocked if busy else JournalError
            problem = str(error)
        except sqlite3.Error as error:
            damaged = type(error) is sqlite3.DatabaseError
            error_type, problem = JournalCorrupt if damaged else JournalError, str(error)
        except OSError as error:
            error_type, problem = JournalError, error.strerror or type(error).__name__
        else:
            return
        raise error_type(f"the journal {self.path or 'in memory'} cannot be used: {problem}")

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection; for a file, a new one for each transaction.

        So threads and forked processes never share a connection.
        """
        if self.path is not None:
            with closing(self._open(self.path)) as connection:
                yield connection
            return
        if self._pid != os.getpid():  # a thread of the parent may hold the lock
            self._pid, self._lock = os.getpid(), Lock()
        with self._lock:
            if self._memory is None:
                self._memory = sqlite3.connect(
                    ":memory:", isolation_level=None, check_same_thread=False
                )
                weakref.finalize(self, self._memory.close)
                _create_tables(self._memory)
            yield self._memory

    def _open(self, path: Path) -> sqlite3.Connection:
        if self._file is None and not path.exists():
            _create(path)
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw", uri=True, timeout=self._busy_timeout, isolation_level=None
        )
        try:
            stat = path.stat()
            self._check(connection, path, (stat.st_dev, stat.st_ino))
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA fullfsync = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, connection: sqlite3.Connection, path: Path, file: tuple[int, int]) -> None:
        """Check that the file is an intact journal, and the same file as before."""
        if self._file not in {None, file}:
            raise JournalError(
                f"the journal {self.path} was replaced while it was in use: earlier payments are in"
                " the file that was there before"
            )
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != _APPLICATION:
            raise JournalCorrupt(
                f"{self.path} is not a journal; choose another path, or move that file away"
            )
        if version > _VERSION:
            raise JournalError(
                f"the journal {self.path} was written by a newer release of crowdflower; upgrade to"
                " use it here"
            )
        if self._file is None:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise JournalCorrupt(f"the journal {self.path} is damaged: {found}")
        if version < _VERSION:
            _migrate(connection, path)
        self._file = file


def _create(path: Path) -> None:
    """Create an empty journal, which appears under its name when it is complete."""
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            _create_tables(connection)
        with suppress(FileExistsError):  # another process was faster: use its journal
            os.link(draft, path)
    finally:
        draft.unlink()
    if hasattr(os, "O_DIRECTORY"):
        folder_handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder_handle)
        finally:
            os.close(folder_handle)


def _create_tables(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_TABLE)
    connection.execute(_ONCE)
    connection.execute(_ACCOUNTS)
    connection.execute(_STEPS)
    connection.execute("INSERT INTO steps VALUES (0)")
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a journal of version 1.0.0 up to date in one transaction, after a copy of the file."""
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 1:  # otherwise another process has just done it
        _copy(path, path.with_name(f"{path.name}.1.0.0"))
        connection.execute("ALTER TABLE operations ADD COLUMN sent_step INTEGER")
        connection.execute("ALTER TABLE operations ADD COLUMN settled_step INTEGER")
        connection.execute(_ACCOUNTS)
        connection.execute(_STEPS)
        _number_events(connection)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")


def _number_events(connection: sqlite3.Connection) -> None:
    """Order the events of version 1.0.0, which recorded the order of rows and the wall clock.

    If the two disagree, the clock was set back. Then every payment counts as made while every other
    one was open, so that none is taken for the proof of another.
    """
    rows = connection.execute(
        "SELECT rowid, prepared_at, sent_at, settled_at FROM operations ORDER BY rowid"
    ).fetchall()
    starts = [prepared for _, prepared, *_ in rows]
    ordered = starts == sorted(starts)
    for _, *times in rows:
        known = [time for time in times if time is not None]
        ordered = ordered and known == sorted(known)
    events = [
        (time, row, column)
        for row, _, sent, settled in rows
        for column, time in (("sent_step", sent), ("settled_step", settled))
        if time is not None
    ]
    steps = {"sent_step": 1, "settled_step": 2}
    for step, (_, row, column) in enumerate(sorted(events), 1):
        connection.execute(
            f"UPDATE operations SET {column} = ? WHERE rowid = ?",  # noqa: S608 - constants
            (step if ordered else steps[column], row),
        )
    connection.execute("INSERT INTO steps VALUES (?)", (max(2, len(events)),))


def _copy(path: Path, target: Path) -> None:
    """Copy a journal, for its owner only; the copy appears under its name when it is complete.

    If another file has that name, a number is appended.
    """
    draft = path.with_name(f".{target.name}.{uuid4().hex}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(draft)) as copy:
            source.backup(copy)
        for number in count(1):
            with suppress(FileExistsError):
                os.link(draft, f"{target}-{number}" if number > 1 else target)
                return
    finally:
        draft.unlink(missing_ok=True)
