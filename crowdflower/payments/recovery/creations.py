"""Jobs that are being created, in the journal: what was begun is finished, not begun again."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from crowdflower._types import JSONObject
from crowdflower.payments.journal import Journal


@dataclass(frozen=True)
class Creation:
    """A job that is being created, or whose creation was interrupted."""

    alias: str
    attributes: JSONObject
    """What the job was to be created with."""

    job_id: int | None
    """The job, if the service has answered with its id."""

    newest_id: int | None
    """The newest job of the account before the request was sent; ``None`` if it was not sent."""

    started_at: datetime


class Creations:
    """The creations of one account, in the file of a journal.

    :param account: The account, as the journal names it.
    """

    def __init__(self, journal: Journal, account: str) -> None:
        self._journal = journal
        self._account = account
        self._owner = f"{os.getpid()} {_start_of(os.getpid())} {uuid4()}"

    def find(self, alias: str) -> Creation | None:
        """Return the creation of a job that was begun and not finished."""
        if not self._journal.exists:
            return None
        with self._journal.transaction() as connection:
            found = self._row(connection, alias)
        return None if found is None else found[0]

    def claim(self, alias: str, attributes: Mapping[str, Any]) -> Creation | None:
        """Begin a creation, or take over one whose process has ended.

        :returns: The creation, which this process owns until :meth:`release` or :meth:`finish`;
            ``None`` while another process, or another call in this one, is at it.
        """
        with self._journal.transaction() as connection:
            found = self._row(connection, alias)
            if found is None:
                connection.execute(
                    "INSERT INTO creations (account, alias, attributes, started_at, owner)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (self._account, alias, _dump(attributes), self._journal.now(), self._owner),
                )
            elif found[1] is not None and _is_alive(found[1]):
                return None
            else:
                self._set(connection, alias, owner=self._owner)
            found = self._row(connection, alias)
        return None if found is None else found[0]

    def begin_request(self, alias: str, attributes: Mapping[str, Any], newest_id: int) -> None:
        """Record what is about to be sent, and which job is the newest one before."""
        with self._journal.transaction() as connection:
            self._set(connection, alias, attributes=_dump(attributes), newest_id=newest_id)

    def set_job(self, alias: str, job_id: int | None) -> None:
        """Record the id of the new job, or that there is no such job any more."""
        with self._journal.transaction() as connection:
            self._set(connection, alias, job_id=job_id)

    def release(self, alias: str) -> None:
        """Leave a creation to the next call."""
        with self._journal.transaction() as connection:
            connection.execute(
                "UPDATE creations SET owner = NULL WHERE account = ? AND alias = ? AND owner = ?",
                (self._account, alias, self._owner),
            )

    def finish(self, alias: str) -> None:
        """Forget a creation: the job is complete, or was not created."""
        with self._journal.transaction() as connection:
            connection.execute(
                "DELETE FROM creations WHERE account = ? AND alias = ?", (self._account, alias)
            )

    def _row(
        self, connection: sqlite3.Connection, alias: str
    ) -> tuple[Creation, str | None] | None:
        found = connection.execute(
            "SELECT attributes, job_id, newest_id, started_at, owner FROM creations"
            " WHERE account = ? AND alias = ?",
            (self._account, alias),
        ).fetchone()
        if found is None:
            return None
        attributes, job_id, newest_id, started_at, owner = found
        started = datetime.fromtimestamp(started_at, UTC)
        return Creation(alias, json.loads(attributes), job_id, newest_id, started), owner

    def _set(self, connection: sqlite3.Connection, alias: str, **values: object) -> None:
        changes = ", ".join(f"{name} = ?" for name in values)
        connection.execute(
            f"UPDATE creations SET {changes} WHERE account = ? AND alias = ?",  # noqa: S608
            (*values.values(), self._account, alias),
        )


def _dump(attributes: Mapping[str, Any]) -> str:
    return json.dumps(attributes, default=str)


def _is_alive(owner: str) -> bool:
    """Return whether the process of an owner runs; its id may be that of another by now."""
    number, start, *_ = owner.split(" ")
    with suppress(ValueError, OverflowError):
        return _exists(int(number)) and _start_of(int(number)) == start
    return False


def _exists(number: int) -> bool:
    if number == os.getpid() or sys.platform == "win32":  # there, a signal ends the process
        return number == os.getpid()
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:  # the process of another user
        return True
    return True


def _start_of(number: int) -> str:
    """Return when a process started, in clock ticks since the boot; ``-`` if it is not shown."""
    with suppress(OSError, IndexError):
        stat = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[19]
    return "-"
