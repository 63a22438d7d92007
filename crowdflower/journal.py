"""What was paid, written down before it is sent.

The service has no way to list bonuses, and none to repeat a request safely. So each payment is a
line in a journal, and that line has reached the disk before the first byte leaves. Whoever comes
back after a crash finds in it what may have been paid; whoever names a payment cannot begin it
twice, not even from another process. The journal holds no key.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal, TypeAlias
from uuid import uuid4

from crowdflower.exceptions import (
    DuplicateOperation,
    InvalidInput,
    JournalCorrupt,
    JournalError,
    JournalLocked,
)

State: TypeAlias = Literal["prepared", "sent", "applied", "rejected", "unknown", "not_applied"]
"""``prepared`` has not left, ``sent`` has perhaps, ``unknown`` has and got no answer;
``rejected`` was refused or never left; ``not_applied`` is what a person found out."""

PENDING: Final = ("prepared", "sent", "unknown")
"""The states in which it is open whether it was paid."""

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


@dataclass(frozen=True)
class Operation:
    """One payment, as the journal has it."""

    op_id: str
    name: str
    """``launch``, ``bonus`` or ``request_more_judgments``."""

    account: str = field(repr=False)
    """A fingerprint of the address and the key."""

    method: str
    path: str
    body: str
    key: str | None = None
    """The name that the caller gave to this payment."""

    state: State = "prepared"
    before: Mapping[str, Any] = field(default_factory=dict)
    """What was seen before it was sent; its effect is measured against that."""

    cents: int | None = None
    """What it costs, or may cost; ``None`` where that is not known."""

    evidence: str = ""
    """What was seen of its end."""

    note: str = ""
    """What the person wrote who resolved it."""

    prepared_at: datetime | None = None
    sent_at: datetime | None = None
    settled_at: datetime | None = None

    def pays_the_same_as(self, other: Operation) -> bool:
        """Tell whether both are the same request; the order of its parameters does not matter."""
        return (self.name, self.method, self.path) == (other.name, other.method, other.path) and (
            sorted(self.body.split("&")) == sorted(other.body.split("&"))
        )


class Journal:
    """The payments of one machine, or of one process.

    Nothing is opened before the first payment: a client whose journal is unusable can read.
    Several threads and processes may use the same file, which belongs on a local disk.

    :param path: A file, made when it is missing, for its owner's eyes only; by default the journal
        is in memory, and gone with this object.
    :param patience: Seconds to wait for another process that is writing.
    :param now: What time it is, for the record.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        patience: float = PATIENCE,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = None if path is None else Path(path).expanduser().absolute()
        self._patience = patience
        self._now = now
        self._file: tuple[int, int] | None = None
        self._memory: sqlite3.Connection | None = None
        self._lock = Lock()
        self._pid = os.getpid()

    def __repr__(self) -> str:
        return f"<Journal {self.path or 'in memory'}>"

    # What is written, in the order of a payment's life

    def prepare(self, operation: Operation) -> Operation:
        """Write down that a payment is about to be made; from here on its key is taken.

        :raises DuplicateOperation: One with this key was begun before.
        :raises InvalidInput: One with this key was begun before, and it was another payment.
        """
        line = {**_line(operation), "prepared_at": self._now()}
        columns = ", ".join(f'"{name}"' for name in line)
        values = ", ".join("?" * len(line))
        with self._transaction() as connection:
            with suppress(sqlite3.IntegrityError):
                connection.execute(
                    f"INSERT INTO operations ({columns}) VALUES ({values})",  # noqa: S608
                    [*line.values()],
                )
                return _one(connection, "op_id = ?", operation.op_id)
            earlier = _one(
                connection,
                "account = ? AND \"key\" = ? AND state NOT IN ('rejected', 'not_applied')",
                operation.account,
                operation.key,
            )
        if not earlier.pays_the_same_as(operation):
            raise InvalidInput(
                f"the key {operation.key!r} names another payment: a {earlier.name} by"
                f" {earlier.method} /{earlier.path}; nothing was sent"
            )
        raise DuplicateOperation(
            f"{operation.name} with the key {operation.key!r} was begun before:"
            f" {_WORDS[earlier.state]} (operation {earlier.op_id}). It was not begun again",
            operation=earlier,
        )

    def send(self, op_id: str, before: Mapping[str, Any], cents: int | None) -> Operation:
        """Write down that the request is about to leave.

        :raises JournalError: It may not: somebody resolved it in the meantime.
        """
        with self._transaction() as connection:
            done = connection.execute(
                "UPDATE operations SET state = 'sent', sent_at = ?, before = ?, cents = ?"
                " WHERE op_id = ? AND state = 'prepared'",
                (self._now(), json.dumps(before), cents, op_id),
            )
            if done.rowcount == 1:
                return _one(connection, "op_id = ?", op_id)
        raise JournalError(f"operation {op_id} was resolved before it was sent; it was not sent")

    def settle(self, op_id: str, state: State, evidence: str) -> Operation:
        """Write down what became of it."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE operations SET state = ?, evidence = ?, settled_at = ? WHERE op_id = ?",
                (state, evidence, self._now(), op_id),
            )
            return _one(connection, "op_id = ?", op_id)

    def resolve(
        self, op_id: str, state: Literal["applied", "not_applied"], note: str = ""
    ) -> Operation:
        """Write down what a person found out; ``not_applied`` makes the key free again.

        :raises InvalidInput: There is no such operation, or it is not open.
        """
        if state not in {"applied", "not_applied"}:
            raise InvalidInput(f"an operation is resolved as applied or not_applied, not {state!r}")
        with self._transaction() as connection:
            found = _one(connection, "op_id = ?", op_id)
            if found.state not in PENDING:
                raise InvalidInput(f"operation {op_id} is not open: {_WORDS[found.state]}")
            connection.execute(
                "UPDATE operations SET state = ?, note = ?, settled_at = ? WHERE op_id = ?",
                (state, note, self._now(), op_id),
            )
            return _one(connection, "op_id = ?", op_id)

    # What is read

    def get(self, op_id: str) -> Operation:
        """Return an operation.

        :raises InvalidInput: There is none.
        """
        with self._transaction() as connection:
            return _one(connection, "op_id = ?", op_id)

    def pending(self, account: str | None = None) -> list[Operation]:
        """Return the operations of which it is open whether they were paid, oldest first.

        :param account: Only those of this account.
        """
        if self.path is not None and self._file is None and not self.path.exists():
            return []  # to look makes no file
        with self._transaction() as connection:
            found = _all(connection, "state IN (?, ?, ?)", *PENDING)
        return [each for each in found if account in {None, each.account}]

    def beside(self, operation: Operation, *, anywhere: bool = False) -> list[Operation]:
        """Return other payments that may have taken effect since this one was sent.

        :param anywhere: Those on other paths too.
        """
        since = operation.sent_at.timestamp() if operation.sent_at else 0.0
        with self._transaction() as connection:
            found = _all(
                connection,
                "account = ? AND op_id != ? AND state IN ('sent', 'unknown', 'applied')"
                " AND (settled_at IS NULL OR state = 'unknown' OR settled_at >= ?)",
                *(operation.account, operation.op_id, since),
            )
        return [each for each in found if anywhere or each.path == operation.path]

    # Where it stands

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._connected() as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
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


_WORDS: Final[Mapping[State, str]] = {
    "prepared": "it is being made right now, or its process ended before it was sent",
    "sent": "it was sent, and what became of it is not written down",
    "applied": "it was paid",
    "rejected": "it was refused, or never left",
    "unknown": "it was sent, and whether it was paid is not known",
    "not_applied": "it was found not to have been paid",
}


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


_COLUMNS: Final = tuple(each.name for each in fields(Operation))
_TIMES: Final = ("prepared_at", "sent_at", "settled_at")


def _line(operation: Operation) -> dict[str, Any]:
    line = dict(zip(_COLUMNS, astuple(operation), strict=True))
    for name in _TIMES:
        line[name] = line[name] and line[name].timestamp()
    return {**line, "before": json.dumps(line["before"])}


def _all(connection: sqlite3.Connection, where: str, *values: object) -> list[Operation]:
    columns = ", ".join(f'"{name}"' for name in _COLUMNS)
    rows = connection.execute(
        f"SELECT {columns} FROM operations WHERE {where} ORDER BY prepared_at, op_id",  # noqa: S608
        values,
    )
    return [_operation(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _one(connection: sqlite3.Connection, where: str, *values: object) -> Operation:
    found = _all(connection, where, *values)
    if not found:
        raise InvalidInput(f"the journal has no operation {values[0]!r}")
    return found[0]


def _operation(row: dict[str, Any]) -> Operation:
    for name in _TIMES:
        if row[name] is not None:
            row[name] = datetime.fromtimestamp(row[name], timezone.utc)
    return Operation(**{**row, "before": json.loads(row["before"])})
