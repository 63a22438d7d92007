"""The tables of a journal, and how those of earlier versions are migrated."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Final
from uuid import uuid4

APPLICATION: Final = 0x43464A4C
VERSION: Final = 3

_OPERATIONS: Final = """
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
        settled_step INTEGER,
        result TEXT
    )
"""
"""Payments. ``before`` and ``result`` are JSON."""

_ONCE: Final = """
    CREATE UNIQUE INDEX once ON operations (account, "key")
    WHERE state NOT IN ('rejected', 'not_applied')
"""
_ACCOUNTS: Final = "CREATE TABLE accounts (fingerprint TEXT PRIMARY KEY, account TEXT NOT NULL)"
_STEPS: Final = "CREATE TABLE steps (last INTEGER NOT NULL)"
_CREATIONS: Final = """
    CREATE TABLE creations (
        account TEXT NOT NULL,
        alias TEXT NOT NULL,
        attributes TEXT NOT NULL,
        job_id INTEGER,
        newest_id INTEGER,
        started_at REAL NOT NULL,
        owner TEXT,
        PRIMARY KEY (account, alias)
    )
"""
"""Jobs that are being created. ``attributes`` is JSON; ``newest_id`` is the newest job before the
request; ``owner`` is the process that is at it."""

_UPLOADS: Final = """
    CREATE TABLE uploads (
        id INTEGER PRIMARY KEY,
        account TEXT NOT NULL,
        job_id INTEGER NOT NULL,
        "key" TEXT NOT NULL,
        state TEXT NOT NULL,
        progress TEXT NOT NULL,
        started_at REAL NOT NULL,
        UNIQUE (account, job_id)
    )
"""
"""The latest upload with a key to each job; ``progress`` is JSON."""

_UPLOAD_CHUNKS: Final = """
    CREATE TABLE upload_chunks (
        upload INTEGER NOT NULL,
        number INTEGER NOT NULL,
        state TEXT NOT NULL,
        expected INTEGER,
        keys BLOB NOT NULL,
        PRIMARY KEY (upload, number)
    )
"""
"""Requests of unfinished uploads; ``keys`` are hashes of eight bytes, the rows are not here."""


def create_tables(connection: sqlite3.Connection) -> None:
    """Create the tables of an empty journal in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in (
        _OPERATIONS,
        _ONCE,
        _ACCOUNTS,
        _STEPS,
        "INSERT INTO steps VALUES (0)",
        _CREATIONS,
        _UPLOADS,
        _UPLOAD_CHUNKS,
        f"PRAGMA application_id = {APPLICATION}",
        f"PRAGMA user_version = {VERSION}",
    ):
        connection.execute(statement)
    connection.execute("COMMIT")


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a journal of an earlier version up to date in one transaction, after a copy of it."""
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version < VERSION:  # otherwise another process has just done it
        _copy(path, path.with_name(f"{path.name}.{_RELEASES[version]}"))
        for earlier in range(version, VERSION):
            _MIGRATIONS[earlier](connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _add_steps_and_accounts(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE operations ADD COLUMN sent_step INTEGER")
    connection.execute("ALTER TABLE operations ADD COLUMN settled_step INTEGER")
    connection.execute(_ACCOUNTS)
    connection.execute(_STEPS)
    _number_events(connection)


def _add_results_creations_and_uploads(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE operations ADD COLUMN result TEXT")
    connection.execute(_CREATIONS)
    connection.execute(_UPLOADS)
    connection.execute(_UPLOAD_CHUNKS)


_MIGRATIONS: Final[Mapping[int, Callable[[sqlite3.Connection], None]]] = MappingProxyType(
    {1: _add_steps_and_accounts, 2: _add_results_creations_and_uploads}
)
"""From each version to the next one."""

_RELEASES: Final = {1: "1.0.0", 2: "1.1.0.dev0"}
"""Which release wrote a version, for the name of the copy."""


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
