"""What a journal file remembers of an upload with a key, so that a killed one can be continued.

The rows come again from the caller, so they are not here. What must survive is what was sent, and
whether it arrived: without it a continued upload could read the job before late rows are in it, and
would not know which units that arrived twice are its own.
"""

from __future__ import annotations

import json
import sqlite3
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from crowdflower.http.base_client import Clock
from crowdflower.rows.recovery.upload_lock import lock_upload

Transaction = Callable[[], AbstractContextManager[sqlite3.Connection]]
"""Begins a transaction of the journal; its changes are on disk when the block has ended."""

_OPEN: Final = "open"


class UploadRecord:
    """What was sent to a job and is not known to be there once. This class forgets it at the end.

    :ivar key: The key column of an upload that did not end; ``None`` if there is none.
    :ivar is_unknown: Whether the outcome of its last request is unknown.
    :ivar expected: How many rows the job has when that request has arrived.
    :ivar may_be_twice: Whether rows that were given up as lost may still arrive.
    :ivar ignored: Units that repeat a row and stay in the job, such as canceled ones.
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.key: str | None = None
        self.is_unknown = False
        self.expected: int | None = None
        self.may_be_twice = False
        self.ignored: set[int] = set()

    def check_job(self, created_at: object) -> None:
        """Forget everything if the record is of another job: a sandbox may use ids again."""

    def sent_hashes(self) -> Iterator[int]:
        """Yield the hash of the key of each row that was sent."""
        yield from ()

    def send(self, key: str, keys: Iterable[str], expected: int | None) -> None:
        """Record that rows are about to be sent."""

    def settle(self) -> None:
        """Record that the outcome of the last request is known."""

    def withdraw(self) -> None:
        """Record that no row of the last request was stored."""

    def save(self) -> None:
        """Record ``may_be_twice`` and ``ignored``."""

    def finish(self) -> None:
        """Record that every row is in the job once."""


class JournaledUpload(UploadRecord):
    """The record of the uploads to one job, in a journal file.

    :param account: The account of the job, as the journal names it.
    :raises JournalError: The journal cannot be read.
    """

    def __init__(self, transaction: Transaction, account: str, job_id: int) -> None:
        super().__init__()
        self._transaction = transaction
        self._name = (account, job_id)
        self._upload: int | None = None
        self._created_at: object = None
        self._number = 0
        self._load()

    def _load(self) -> None:
        with self._transaction() as connection:
            found = connection.execute(
                'SELECT id, "key", state, progress FROM uploads WHERE account = ? AND job_id = ?',
                self._name,
            ).fetchone()
            if found is None:
                return
            self._upload, key, state, progress = found
            last = connection.execute(
                "SELECT number, state, expected FROM upload_chunks WHERE upload = ?"
                " ORDER BY number DESC LIMIT 1",
                (self._upload,),
            ).fetchone()
        known: dict[str, Any] = json.loads(progress)
        self.ignored = set(known["ignored"])
        self._created_at = known["created_at"]
        if state == _OPEN:
            self.key = key
            self.may_be_twice = known["may_be_twice"]
        if last is not None:
            self._number = last[0]
            self.is_unknown = last[1] == "sent"
            self.expected = last[2]

    def check_job(self, created_at: object) -> None:
        """Forget everything if the record is of another job: a sandbox may use ids again."""
        if self._upload is not None and None not in {created_at, self._created_at}:
            if created_at == self._created_at:
                return
            with self._transaction() as connection:
                connection.execute("DELETE FROM upload_chunks WHERE upload = ?", (self._upload,))
                connection.execute("DELETE FROM uploads WHERE id = ?", (self._upload,))
            self._forget()
            self._upload, self._number = None, 0
        self._created_at = created_at

    def sent_hashes(self) -> Iterator[int]:
        """Yield the hash of the key of each row that was sent by an upload that did not end."""
        for number in range(1, self._number + 1):
            with self._transaction() as connection:
                found = connection.execute(
                    "SELECT keys FROM upload_chunks WHERE upload = ? AND number = ?",
                    (self._upload, number),
                ).fetchone()
            yield from array("q", found[0] if found else b"")

    def send(self, key: str, keys: Iterable[str], expected: int | None) -> None:
        """Record that rows are about to be sent; it is on disk when this returns.

        :raises JournalError: It could not be recorded; the rows must not be sent.
        """
        hashes = array("q", map(key_hash, keys)).tobytes()
        with self._transaction() as connection:
            if self.key is None:
                self._begin(connection, key)
            connection.execute(
                "INSERT INTO upload_chunks VALUES (?, ?, 'sent', ?, ?)",
                (self._upload, self._number + 1, expected, hashes),
            )
        self.key = key
        self._number += 1
        self.is_unknown, self.expected = True, expected

    def _begin(self, connection: sqlite3.Connection, key: str) -> None:
        connection.execute(
            'INSERT INTO uploads (account, job_id, "key", state, progress, started_at)'
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, job_id) DO UPDATE SET"
            ' "key" = excluded."key", state = excluded.state, progress = excluded.progress,'
            " started_at = excluded.started_at",
            (*self._name, key, _OPEN, self._progress(), time.time()),
        )
        (self._upload,) = connection.execute(
            "SELECT id FROM uploads WHERE account = ? AND job_id = ?", self._name
        ).fetchone()

    def settle(self) -> None:
        """Record that the outcome of the last request is known."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE upload_chunks SET state = 'done' WHERE upload = ? AND number = ?",
                (self._upload, self._number),
            )
        self.is_unknown = False

    def withdraw(self) -> None:
        """Record that no row of the last request was stored."""
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM upload_chunks WHERE upload = ? AND number = ?",
                (self._upload, self._number),
            )
        self._number -= 1
        self.is_unknown = False

    def save(self) -> None:
        """Record ``may_be_twice`` and ``ignored``."""
        if self._upload is not None:
            with self._transaction() as connection:
                connection.execute(
                    "UPDATE uploads SET progress = ? WHERE id = ?", (self._progress(), self._upload)
                )

    def finish(self) -> None:
        """Record that every row is in the job once; only ``ignored`` is kept."""
        if self.key is None:
            return
        self.key, self.is_unknown, self.may_be_twice = None, False, False
        with self._transaction() as connection:
            connection.execute("DELETE FROM upload_chunks WHERE upload = ?", (self._upload,))
            connection.execute(
                "UPDATE uploads SET state = 'done', progress = ? WHERE id = ?",
                (self._progress(), self._upload),
            )
        self._number = 0

    def _progress(self) -> str:
        return json.dumps(
            {
                "created_at": self._created_at,
                "may_be_twice": self.may_be_twice,
                "ignored": sorted(self.ignored),
            }
        )


class UploadJournal:
    """The uploads of a client, in its journal file.

    :param path: The file.
    :param transaction: Begins a transaction.
    :param account: Returns the client's account as the journal names it.
    """

    def __init__(self, path: Path, transaction: Transaction, account: Callable[[], str]) -> None:
        self._path = path
        self._transaction = transaction
        self._account = account

    @contextmanager
    def open(self, job_id: int, clock: Clock) -> Iterator[JournaledUpload]:
        """Lock the uploads to a job, and read what is remembered of the last one.

        :raises UploadLocked: Another process or thread is uploading to the job.
        :raises JournalError: The journal cannot be used.
        """
        account = self._account()
        with self._transaction():
            pass  # the journal exists, and its folder
        name = blake2b(f"{account} {job_id}".encode(), digest_size=4).hexdigest()
        file = self._path.with_name(f"{self._path.name}-upload-{job_id}-{name}")
        with lock_upload(file, f"an upload to job {job_id} with {self._path}", clock):
            yield JournaledUpload(self._transaction, account, job_id)


def key_hash(key: str) -> int:
    """Return the hash by which a journal knows a key, a signed number of 64 bits.

    >>> key_hash("A-1") == key_hash("A-1"), key_hash("A-1") == key_hash("A-2")
    (True, False)
    """
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)
