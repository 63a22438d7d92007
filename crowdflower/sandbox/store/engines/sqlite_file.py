"""An SQLite file: creates it, checks that it was not replaced, and translates its errors.

A file that is moved or overwritten while it is open goes on to exist only for the processes that
have it open: what they write is lost. So each transaction first checks that the file is still at
its path, and later connections never create a new file there.

Source: SQLite, `How To Corrupt An SQLite Database File
<https://www.sqlite.org/howtocorrupt.html>`_, on files that are unlinked or renamed while in use,
and on a log that is separated from its database.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Final
from uuid import uuid4

from sqlalchemy.exc import DBAPIError

from crowdflower.sandbox.store.failures import Busy, Full, StoreFailure, Unusable

BUSY_TIMEOUT: Final = 5.0
"""Seconds to wait for a writer in another process."""

_NOTHING: Final = "Nothing was done."
_RESTORE: Final = "Stop the server, restore the file from a copy, and start it again."

_FAILURES: Final[dict[str, StoreFailure]] = {
    "database is locked": Busy(
        f"Another process has been writing to the database for {BUSY_TIMEOUT:g} seconds."
        f" {_NOTHING} Send the request again."
    ),
    "database or disk is full": Full(
        f"The disk of the database is full. {_NOTHING} Free some space and send the request again."
    ),
    "disk I/O error": Full(
        f"The disk refused a write. {_NOTHING} Check its free space and its health, and send the"
        f" request again."
    ),
    "attempt to write a readonly database": Unusable(
        f"The database file is read-only. {_NOTHING} Make the file and its directory writable, and"
        f" send the request again."
    ),
    "unable to open database file": Unusable(
        f"The database file cannot be opened. {_NOTHING} Check that it exists and that its"
        f" permissions allow reading and writing."
    ),
    "file is not a database": Unusable(
        f"The file is not an SQLite database, or its header is damaged. {_NOTHING} {_RESTORE}"
    ),
    "database disk image is malformed": Unusable(
        f"The database file is damaged. {_NOTHING} {_RESTORE}"
    ),
}
"""SQLite's message to failure; the messages have been the same since version 3.5."""


class DatabaseFile:
    """A database file, created when it is missing.

    :param path: The path of the file.
    :raises Unusable: The file is missing, but the log of its latest changes exists.
    :raises OSError: The file cannot be created or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        log = Path(f"{self.path}-wal")
        if log.exists() and log.stat().st_size and not (path.exists() and path.stat().st_size):
            raise Unusable(
                f"{path} is missing, but the log of its latest changes exists. Put the file back"
                f" beside {log.name}, or remove that as well to start with an empty database."
            )
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)  # it holds API keys
        try:
            self._identity = _identity(os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def connect(self) -> sqlite3.Connection:
        """Open a connection that any thread may use; never create a file."""
        return sqlite3.connect(
            f"{self.path.as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT,
            check_same_thread=False,
        )

    def copy(self, suffix: str) -> None:
        """Copy the database to a file beside it, which appears when it is complete.

        If another file has that name, a number is appended.
        """
        draft = self.path.with_name(f".{self.path.name}{suffix}.{uuid4().hex}")
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))  # it holds API keys
        try:
            with closing(self.connect()) as source, closing(sqlite3.connect(draft)) as copy:
                source.backup(copy)
            for number in count(1):
                with suppress(FileExistsError):
                    os.link(draft, f"{self.path}{suffix}{f'-{number}' if number > 1 else ''}")
                    return
        finally:
            draft.unlink(missing_ok=True)

    def require_unchanged(self) -> None:
        """Raise an error if the path no longer leads to the file that was opened.

        :raises Unusable: The file was moved, removed or replaced.
        """
        try:
            is_same = _identity(self.path.stat()) == self._identity
        except OSError:
            is_same = False
        if not is_same:
            raise Unusable(
                f"The database file was moved, removed or replaced. {_NOTHING} Stop the server, put"
                f" the file back, and start it again."
            )


def store_failure(error: BaseException) -> StoreFailure | None:
    """Return the failure that a driver's error means; ``None`` for an error that only a bug causes.

    SQLite rolls back the whole transaction after such an error, so the last exception may be about
    a savepoint that no longer exists; therefore the causes are searched too.

    >>> store_failure(sqlite3.OperationalError("database or disk is full"))
    Full('The disk of the database is full. Nothing was done. Free some space and send the request \
again.')
    >>> store_failure(ValueError("database or disk is full"))
    """
    if not isinstance(error, (sqlite3.Error, DBAPIError)):
        return None
    cause: BaseException | None = error
    while cause is not None:
        known = _FAILURES.get(str(cause)) if isinstance(cause, sqlite3.Error) else None
        if known is not None:
            return type(known)(*known.args)
        cause = cause.__cause__ or cause.__context__
    return None


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
