"""Where a journal stands: an SQLite file that is whole, still the same, and written to the disk."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Final
from uuid import uuid4

from crowdflower.exceptions import JournalCorrupt, JournalError, JournalLocked

PATIENCE: Final = 5.0
"""Seconds to wait for another process that is writing."""

_APPLICATION: Final = 0x43464A4C
_VERSION: Final = 1

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
        settled_at REAL
    )
"""
_ONCE: Final = """
    CREATE UNIQUE INDEX once ON operations (account, "key")
    WHERE state NOT IN ('rejected', 'not_applied')
"""


class Store:
    """The lines of a journal, in a file or in memory, a transaction at a time.

    :param path: The file; ``None`` for memory.
    :param patience: Seconds to wait for another process that is writing.
    """

    def __init__(self, path: Path | None, patience: float = PATIENCE) -> None:
        self.path = path
        self._patience = patience
        self._file: tuple[int, int] | None = None
        self._memory: sqlite3.Connection | None = None
        self._lock = Lock()
        self._pid = os.getpid()

    @property
    def is_there(self) -> bool:
        """Whether anything was ever written, as far as that can be told without opening it."""
        return self.path is None or self._file is not None or self.path.exists()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection whose changes are all kept, on the disk, or none of them.

        :raises JournalError: They cannot be.
        """
        try:
            with self._connected() as connection:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    yield connection
                    connection.execute("COMMIT")
                finally:  # an interrupt may come between any two of these
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            busy = "locked" in str(error) or "busy" in str(error)
            kind: type[JournalError] = JournalLocked if busy else JournalError
            problem = str(error)
        except sqlite3.Error as error:
            damaged = type(error) is sqlite3.DatabaseError
            kind, problem = JournalCorrupt if damaged else JournalError, str(error)
        except OSError as error:
            kind, problem = JournalError, error.strerror or type(error).__name__
        else:
            return
        raise kind(f"the journal {self.path or 'in memory'} cannot be used: {problem}")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection: one of its own for each transaction, where there is a file.

        So no thread and no forked process ever holds what another one is using.
        """
        if self.path is not None:
            with closing(self._opened(self.path)) as connection:
                yield connection
            return
        if self._pid != os.getpid():
            self._pid, self._lock = os.getpid(), Lock()  # a thread of the parent may hold the old
        with self._lock:
            if self._memory is None:
                self._memory = sqlite3.connect(
                    ":memory:", isolation_level=None, check_same_thread=False
                )
                weakref.finalize(self, self._memory.close)
                _furnish(self._memory)
            yield self._memory

    def _opened(self, path: Path) -> sqlite3.Connection:
        if self._file is None and not path.exists():
            _create(path)
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw", uri=True, timeout=self._patience, isolation_level=None
        )
        try:
            there = path.stat()
            self._check(connection, (there.st_dev, there.st_ino))
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA fullfsync = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, connection: sqlite3.Connection, file: tuple[int, int]) -> None:
        """See that the file is a journal, whole, and still the one that was written to before."""
        if self._file not in {None, file}:
            raise JournalError(
                f"the journal {self.path} was replaced while it was in use: what was paid stands in"
                " the file that is gone"
            )
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != _APPLICATION:
            raise JournalCorrupt(f"{self.path} is no journal; name another file, or move it away")
        if version != _VERSION:
            raise JournalError(f"the journal {self.path} was written by a newer release")
        if self._file is None:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise JournalCorrupt(f"the journal {self.path} is damaged: {found}")
            self._file = file


def _create(path: Path) -> None:
    """Make an empty journal, visible only once it is complete."""
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            _furnish(connection)
        with suppress(FileExistsError):  # another process was faster; its journal is as good
            os.link(draft, path)
    finally:
        draft.unlink()
    if hasattr(os, "O_DIRECTORY"):
        folder_itself = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder_itself)
        finally:
            os.close(folder_itself)


def _furnish(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_TABLE)
    connection.execute(_ONCE)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute("COMMIT")
