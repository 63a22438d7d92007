"""The SQLite file of a journal: transactions on disk, and checks that the file is intact."""

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
from crowdflower.payments.journal_tables import APPLICATION, VERSION, create_tables, migrate

BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for another process that is writing."""


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
                create_tables(self._memory)
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
        if application != APPLICATION:
            raise JournalCorrupt(
                f"{self.path} is not a journal; choose another path, or move that file away"
            )
        if version > VERSION:
            raise JournalError(
                f"the journal {self.path} was written by a newer release of crowdflower; upgrade to"
                " use it here"
            )
        if self._file is None:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise JournalCorrupt(f"the journal {self.path} is damaged: {found}")
        if version < VERSION:
            migrate(connection, path)
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
            create_tables(connection)
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
