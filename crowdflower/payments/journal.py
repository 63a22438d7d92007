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
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from crowdflower.exceptions import DuplicateOperation, InvalidInput, JournalError
from crowdflower.payments.journal_file import PATIENCE, Store

State: TypeAlias = Literal["prepared", "sent", "applied", "rejected", "unknown", "not_applied"]
"""``prepared`` has not left, ``sent`` has perhaps, ``unknown`` has and got no answer;
``rejected`` was refused or never left; ``not_applied`` is what a person found out."""

PENDING: Final = ("prepared", "sent", "unknown")
"""The states in which it is open whether it was paid."""


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
        self._store = Store(self.path, patience)
        self._now = now

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
        with self._store.transaction() as connection:
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
        with self._store.transaction() as connection:
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
        with self._store.transaction() as connection:
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
        with self._store.transaction() as connection:
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
        with self._store.transaction() as connection:
            return _one(connection, "op_id = ?", op_id)

    def pending(self, account: str | None = None) -> list[Operation]:
        """Return the operations of which it is open whether they were paid, oldest first.

        :param account: Only those of this account.
        """
        if not self._store.is_there:
            return []  # to look makes no file
        with self._store.transaction() as connection:
            found = _all(connection, "state IN (?, ?, ?)", *PENDING)
        return [each for each in found if account in {None, each.account}]

    def beside(self, operation: Operation, *, anywhere: bool = False) -> list[Operation]:
        """Return other payments that may have taken effect since this one was sent.

        :param anywhere: Those on other paths too.
        """
        since = operation.sent_at.timestamp() if operation.sent_at else 0.0
        with self._store.transaction() as connection:
            found = _all(
                connection,
                "account = ? AND op_id != ? AND state IN ('sent', 'unknown', 'applied')"
                " AND (settled_at IS NULL OR state = 'unknown' OR settled_at >= ?)",
                *(operation.account, operation.op_id, since),
            )
        return [each for each in found if anywhere or each.path == operation.path]


_WORDS: Final[Mapping[State, str]] = {
    "prepared": "it is being made right now, or its process ended before it was sent",
    "sent": "it was sent, and what became of it is not written down",
    "applied": "it was paid",
    "rejected": "it was refused, or never left",
    "unknown": "it was sent, and whether it was paid is not known",
    "not_applied": "it was found not to have been paid",
}


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
