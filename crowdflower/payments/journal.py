"""The journal: each payment is recorded before it is sent (a write-ahead log).

The service cannot list bonuses, and has no idempotency keys. So each payment is a row in a journal,
written to disk before the first byte is sent. After a crash, the journal shows what may have been
paid. A payment with a key cannot be started twice, not even from another process. The API key is
never in the journal.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import astuple, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from crowdflower._types import one_line
from crowdflower.exceptions import DuplicateOperation, InvalidInput, JournalError
from crowdflower.payments.journal_file import BUSY_TIMEOUT, Store
from crowdflower.payments.records import PENDING, Operation, PaymentPattern, State

log = logging.getLogger(__name__)


class Journal:
    """The payments of one machine, or of one process.

    The file is opened for the first payment: a client whose journal cannot be used can still read.
    Threads and processes may share the file, which must be on a local disk.

    :param path: A file, created if it does not exist, readable only by its owner. By default the
        journal is in memory, and lost with this object.
    :param patience: Seconds to wait for another process that is writing (SQLite's busy timeout).
    :param now: Returns the time, for the record.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        patience: float = BUSY_TIMEOUT,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = None if path is None else Path(path).expanduser().absolute()
        self._store = Store(self.path, patience)
        self.now = now
        """Returns the time, for the record."""

    def __repr__(self) -> str:
        return f"<Journal {self.path or 'in memory'}>"

    @property
    def exists(self) -> bool:
        """Whether the journal may hold anything; does not open the file."""
        return self._store.exists

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """Begin a transaction on the file, for what else it holds.

        :raises JournalError: The file cannot be opened, read or written.
        """
        return self._store.transaction()

    # Writing, in the order of a payment's states

    def prepare(self, operation: Operation, pattern: PaymentPattern | None = None) -> Operation:
        """Record a payment that is about to be made; from now on its key is in use.

        :param pattern: Which earlier payments with its key are the same; by default those with the
            same parameters.
        :raises DuplicateOperation: A payment with this key was started before.
        :raises InvalidInput: The key was used before for another payment.
        """
        row = {**_to_row(operation), "prepared_at": self.now()}
        columns = ", ".join(f'"{name}"' for name in row)
        values = ", ".join("?" * len(row))
        with self._store.transaction() as connection:
            connection.execute(  # without a file, a payment with a key has the same id each time
                "DELETE FROM operations WHERE op_id = ? AND state IN ('rejected', 'not_applied')",
                (operation.op_id,),
            )
            with suppress(sqlite3.IntegrityError):
                connection.execute(
                    f"INSERT INTO operations ({columns}) VALUES ({values})",  # noqa: S608
                    [*row.values()],
                )
                return _one(connection, "op_id = ?", operation.op_id)
            earlier = _one(connection, _HAS_KEY, operation.account, operation.key)
        check_same(
            earlier,
            pattern
            or PaymentPattern.of(operation.name, operation.method, operation.path, operation.body),
        )
        raise duplicate(earlier)

    def send(self, op_id: str, before: Mapping[str, Any], cents: int | None) -> Operation:
        """Record that the request is about to be sent.

        :raises JournalError: The operation was resolved in the meantime; it must not be sent.
        """
        with self._store.transaction() as connection:
            update = connection.execute(
                "UPDATE operations SET state = 'sent', sent_at = ?, sent_step = ?, before = ?,"
                " cents = ? WHERE op_id = ? AND state = 'prepared'",
                (self.now(), _next_step(connection), json.dumps(before), cents, op_id),
            )
            operation = _one(connection, "op_id = ?", op_id) if update.rowcount == 1 else None
        if operation is None:
            raise JournalError(
                f"operation {op_id} was resolved before it was sent; it was not sent"
            )
        cost = "at an unknown cost" if cents is None else f"for at most {cents} cents"
        _log(operation, f"sending {operation.method} /{operation.path} {cost}")
        return operation

    def reject_unsent(self, op_id: str, evidence: str) -> Operation:
        """Close a payment that was never sent, unless it is sent meanwhile; its key is free then.

        :returns: The operation; ``rejected``, or in the state that another process gave it.
        """
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE operations SET state = 'rejected', evidence = ?, settled_at = ?,"
                " settled_step = ? WHERE op_id = ? AND state = 'prepared'",
                (evidence, self.now(), _next_step(connection), op_id),
            )
            return _one(connection, "op_id = ?", op_id)

    def keep_result(self, op_id: str, result: Mapping[str, Any]) -> None:
        """Record what the service answered to a payment; it was made, whatever its state."""
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE operations SET result = ? WHERE op_id = ?", (json.dumps(result), op_id)
            )

    def settle(self, op_id: str, state: State, evidence: str) -> Operation:
        """Record the outcome of an operation; ``unknown`` replaces no outcome that is known.

        Another process may have found out meanwhile, or sent it again.
        """
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE operations SET state = ?, evidence = ?, settled_at = ?, settled_step = ?"
                " WHERE op_id = ? AND (? <> 'unknown' OR state IN ('prepared', 'sent', 'unknown'))",
                (state, evidence, self.now(), _next_step(connection), op_id, state),
            )
            operation = _one(connection, "op_id = ?", op_id)
        _log(operation, f"{state}, {evidence.partition(':')[0]}")  # the rest may quote the service
        return operation

    def resolve(
        self, op_id: str, state: Literal["applied", "not_applied"], note: str = ""
    ) -> Operation:
        """Record what a person found out; ``not_applied`` frees the key.

        :raises InvalidInput: No operation has this id, or it is not pending.
        """
        if state not in {"applied", "not_applied"}:
            raise InvalidInput(
                f"an operation can be resolved as applied or not_applied, not {state!r}"
            )
        with self._store.transaction() as connection:
            found = _one(connection, "op_id = ?", op_id)
            if found.state not in PENDING:
                raise InvalidInput(
                    f"operation {op_id} is not pending: {_DESCRIPTIONS[found.state]}"
                )
            connection.execute(
                "UPDATE operations SET state = ?, note = ?, settled_at = ?, settled_step = ?"
                " WHERE op_id = ?",
                (state, note, self.now(), _next_step(connection), op_id),
            )
            operation = _one(connection, "op_id = ?", op_id)
        _log(operation, f"resolved as {state}")
        return operation

    # Reading

    def get(self, op_id: str) -> Operation:
        """Return an operation.

        :raises InvalidInput: No operation has this id.
        """
        with self._store.transaction() as connection:
            return _one(connection, "op_id = ?", op_id)

    def find(self, account: str, key: str) -> Operation | None:
        """Return the payment that uses a key; ``None`` if the key is free."""
        if not self._store.exists:
            return None
        with self._store.transaction() as connection:
            found = _all(connection, _HAS_KEY, account, key)
        return found[0] if found else None

    def pending(self) -> list[Operation]:
        """Return payments of all accounts whose outcome is unknown, oldest first."""
        if not self._store.exists:
            return []  # reading does not create the file
        with self._store.transaction() as connection:
            return _all(connection, "state IN (?, ?, ?)", *PENDING)

    def beside(self, operation: Operation, *, anywhere: bool = False) -> list[Operation]:
        """Return other payments that may have taken effect since this one was sent.

        :param anywhere: Include payments with another path.
        """
        with self._store.transaction() as connection:
            found = _all(
                connection,
                "account = ? AND op_id != ? AND state IN ('sent', 'unknown', 'applied')"
                " AND (settled_step IS NULL OR state = 'unknown' OR settled_step >"
                " (SELECT sent_step FROM operations WHERE op_id = ?))",
                *(operation.account, operation.op_id, operation.op_id),
            )
        return [each for each in found if anywhere or each.path == operation.path]

    def sent_lately(self, path: str, within: float) -> list[Operation]:
        """Return payments to a path that were, or may have been, made in the last seconds.

        :param within: Seconds.
        """
        if not self._store.exists:
            return []
        with self._store.transaction() as connection:
            return _all(
                connection,
                "path = ? AND state IN ('sent', 'unknown', 'applied') AND sent_at > ?",
                *(path, self.now() - within),
            )

    # Accounts

    def find_account(self, fingerprints: Sequence[str]) -> str | None:
        """Return the account that was recorded for any of these hashes of address and key."""
        if not self._store.exists:
            return None
        with self._store.transaction() as connection:
            for fingerprint in fingerprints:
                found = connection.execute(
                    "SELECT account FROM accounts WHERE fingerprint = ?", (fingerprint,)
                ).fetchone()
                if found is not None:
                    return str(found[0])
        return None

    def add_account(self, fingerprints: Sequence[str], account: str) -> None:
        """Record whose hashes these are; payments recorded under them become the account's."""
        with self._store.transaction() as connection:
            for fingerprint in fingerprints:
                connection.execute(
                    "INSERT OR REPLACE INTO accounts VALUES (?, ?)", (fingerprint, account)
                )
                for table in ("operations", "creations", "uploads"):
                    connection.execute(  # a key that is in use in both stays in use in both
                        f"UPDATE OR IGNORE {table} SET account = ? WHERE account = ?",  # noqa: S608
                        (account, fingerprint),
                    )


_HAS_KEY: Final = "account = ? AND \"key\" = ? AND state NOT IN ('rejected', 'not_applied')"


def check_same(earlier: Operation, pattern: PaymentPattern) -> None:
    """Check that a key is not used for two different payments.

    :raises InvalidInput: The earlier payment with the key is another one.
    """
    if not pattern.matches(earlier):
        raise InvalidInput(
            f"the key {earlier.key!r} names another payment: {pattern.describe_other(earlier)};"
            " nothing was sent"
        )


def duplicate(earlier: Operation) -> DuplicateOperation:
    """Return the error of a payment that was started before."""
    return DuplicateOperation(
        f"{earlier.name} with the key {earlier.key!r} was started before:"
        f" {_DESCRIPTIONS[earlier.state]} (operation {earlier.op_id}). It was not started again",
        operation=earlier,
    )


_DESCRIPTIONS: Final[Mapping[State, str]] = {
    "prepared": "it is being made now, or its process ended before it was sent",
    "sent": "it was sent, and its outcome is not recorded",
    "applied": "it was paid",
    "rejected": "it was refused, or never sent",
    "unknown": "it was sent, and whether it was paid is not known",
    "not_applied": "it was resolved as not paid",
}


def _log(operation: Operation, what: str) -> None:
    key = "" if operation.key is None else f", key {operation.key!r:.200}"
    log.info("%s: %s", operation.name, one_line(f"{what} (operation {operation.op_id}{key})"))


_COLUMNS: Final = tuple(each.name for each in fields(Operation))
_TIMES: Final = ("prepared_at", "sent_at", "settled_at")
_JSON: Final = ("before", "result")


def _next_step(connection: sqlite3.Connection) -> int:
    """Return the next number of the journal's sequence, which orders events; clocks step back."""
    connection.execute("UPDATE steps SET last = last + 1")
    (step,) = connection.execute("SELECT last FROM steps").fetchone()
    return int(step)


def _to_row(operation: Operation) -> dict[str, Any]:
    row = dict(zip(_COLUMNS, astuple(operation), strict=True))
    for name in _TIMES:
        row[name] = row[name] and row[name].timestamp()
    for name in _JSON:
        row[name] = None if row[name] is None else json.dumps(row[name])
    return row


def _all(connection: sqlite3.Connection, where: str, *values: object) -> list[Operation]:
    columns = ", ".join(f'"{name}"' for name in _COLUMNS)
    rows = connection.execute(
        f"SELECT {columns} FROM operations WHERE {where} ORDER BY rowid",  # noqa: S608
        values,
    )
    return [_from_row(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _one(connection: sqlite3.Connection, where: str, *values: object) -> Operation:
    found = _all(connection, where, *values)
    if not found:
        raise InvalidInput(f"the journal has no operation {values[0]!r}")
    return found[0]


def _from_row(row: dict[str, Any]) -> Operation:
    for name in _TIMES:
        if row[name] is not None:
            row[name] = datetime.fromtimestamp(row[name], UTC)
    for name in _JSON:
        row[name] = None if row[name] is None else json.loads(row[name])
    return Operation(**row)
