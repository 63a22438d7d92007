"""A database in one file: opened without making another, watched, and understood when it fails.

A file that is moved away or overwritten while it is open goes on to exist for whoever has it open,
and for nobody else: what is written there is lost. So before each transaction the file has to be
where it was, and a connection that is opened later never makes a new one in its place.

Source: SQLite, `How To Corrupt An SQLite Database File
<https://www.sqlite.org/howtocorrupt.html>`_, on files that are unlinked or renamed while in use,
and on a log that is separated from its database.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

from crowdflower.sandbox.store.failures import Busy, Full, StoreFailure, Unusable

BUSY_TIMEOUT: Final = 5.0
"""How long to wait for a writer in another process."""

_NOTHING: Final = "Nothing was done."
_RESTORE: Final = "End the server, restore the file from a copy, and start it again."

_FAILURES: Final[dict[str, StoreFailure]] = {
    "database is locked": Busy(
        f"Another process has been writing to the database for {BUSY_TIMEOUT:g} seconds."
        f" {_NOTHING} Send the request again."
    ),
    "database or disk is full": Full(
        f"There is no room left for the database. {_NOTHING} Make room and send the request again."
    ),
    "disk I/O error": Full(
        f"The disk did not take what was written. {_NOTHING} See that it has room and is sound, and"
        f" send the request again."
    ),
    "attempt to write a readonly database": Unusable(
        f"The file of the database may only be read. {_NOTHING} Let its owner write to it and to"
        f" its directory, and send the request again."
    ),
    "unable to open database file": Unusable(
        f"The file of the database cannot be opened. {_NOTHING} See that it is there and may be"
        f" read and written."
    ),
    "file is not a database": Unusable(
        f"The file is no database, or its beginning is damaged. {_NOTHING} {_RESTORE}"
    ),
    "database disk image is malformed": Unusable(
        f"The file of the database is damaged. {_NOTHING} {_RESTORE}"
    ),
}
"""What SQLite says, in the words it has had for these results since version 3.5."""


class DatabaseFile:
    """A file that is to stay where it is; it is made when it is missing.

    :param path: Where.
    :raises Unusable: It is missing, and the log of its latest changes is there.
    :raises OSError: It cannot be made, or not be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        log = Path(f"{self.path}-wal")
        if log.exists() and log.stat().st_size and not (path.exists() and path.stat().st_size):
            raise Unusable(
                f"{path} is not there, but the log of its latest changes is. Put the file back"
                f" beside {log.name}, or to begin anew remove that too."
            )
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)  # it holds keys
        try:
            self._identity = _identity(os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def connect(self) -> sqlite3.Connection:
        """Open a connection for any thread; never make a new file."""
        return sqlite3.connect(
            f"{self.path.as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT,
            check_same_thread=False,
        )

    def require_unchanged(self) -> None:
        """Go on only if the file is still the one that was opened.

        :raises Unusable: It is not.
        """
        try:
            is_the_same = _identity(self.path.stat()) == self._identity
        except OSError:
            is_the_same = False
        if not is_the_same:
            raise Unusable(
                f"The file of the database was moved, removed or replaced. {_NOTHING} End the"
                f" server, put the file back where it was, and start it again."
            )


def store_failure(error: BaseException) -> StoreFailure | None:
    """Tell what an error of the driver means; ``None`` for any that only a bug can cause.

    A failure undoes the transaction, savepoints and all, so what arrives may be an error about a
    savepoint that is no longer there; what it followed from is looked at too.

    >>> store_failure(sqlite3.OperationalError("database or disk is full"))
    Full('There is no room left for the database. Nothing was done. Make room and send the request \
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


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
