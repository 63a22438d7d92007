"""The plan of an upload: its rows, chunks and progress, in an SQLite file that survives a crash.

Only its owner can read the file. It holds the rows, so that a source that can be read only once is
not needed again, and counts, sorts and compares them, so that this takes no memory. One process at
a time has it open (an exclusive lock, which the system releases when the process is killed).
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import islice
from os import PathLike, fspath
from pathlib import Path
from tempfile import mkstemp
from typing import Any, Final

from crowdflower._types import JSONObject, describe_type, is_path
from crowdflower.exceptions import (
    InvalidInput,
    RefusedError,
    SourceChanged,
    UploadError,
    UploadLocked,
)
from crowdflower.rows.recovery.known_units import KnownUnits, transaction
from crowdflower.rows.upload_keys import Source

ROWS_PER_CHUNK: Final = 5000
BYTES_PER_CHUNK: Final = 5_000_000
"""Limits of a chunk: what has to be found again when its response is lost."""

SCHEMA: Final = """
    CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE row (number INTEGER PRIMARY KEY, key TEXT NOT NULL, line BLOB NOT NULL);
    CREATE TABLE chunk (
        number INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT 'planned', expected INTEGER
    );
    CREATE TABLE seen (key TEXT, unit INTEGER, PRIMARY KEY (key, unit)) WITHOUT ROWID;
"""

_MISSING: Final = (
    "FROM row WHERE number BETWEEN ? AND ?"
    " AND NOT EXISTS (SELECT 1 FROM seen WHERE seen.key = row.key) ORDER BY number"
)

_ROW: Final = re.compile(
    r"\b(?P<counts_header>unable to parse )?row (?P<number>[0-9]{1,7})\b", re.IGNORECASE
)
"""How a refusal names a row: where the service cannot parse one, it counts the header too."""


@dataclass(frozen=True)
class Chunk:
    """Rows that are sent in one request, by their numbers.

    :param state: ``planned``, ``sent`` (outcome unknown) or ``done``.
    :param expected: How many rows the job has when the chunk has arrived.
    """

    number: int
    first: int
    last: int
    state: str
    expected: int | None


@dataclass
class Progress:
    """The counters of an upload."""

    rows: int = 0
    found: int = -1
    """Rows that the job held before the upload; -1 until the job has been read."""
    resends: int = 0
    duplicates_removed: int = 0
    is_finished: bool = False
    ignored: list[int] = field(default_factory=list)
    """Units that repeat a row and stay in the job, such as canceled ones."""


@contextmanager
def open_plan(
    path: str | PathLike[str] | None = None, *, is_temporary: bool = False
) -> Iterator[Plan]:
    """Open a plan exclusively; create it if the file does not exist.

    :param path: By default a temporary file, which is deleted unless ``plan.is_kept``.
    :param is_temporary: Without ``path``, use a temporary file that has no name, so that it is gone
        when the process ends, also if it is killed.
    :raises UploadLocked: Another process has the plan open.
    :raises InvalidInput: The file is not a plan.
    """
    if path is None and is_temporary:
        name = ""
    elif path is None:
        handle, name = mkstemp(prefix="crowdflower-", suffix=".upload")
        os.close(handle)
    else:
        if not is_path(path):
            raise InvalidInput(
                "resume must be the file of the plan, a string or a Path, not"
                f" {describe_type(path)}"
            )
        name = fspath(path)
        # Closing a second handle on a file that SQLite has locked would release the lock.
        with suppress(FileExistsError):
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    plan = Plan(name)
    plan.is_temporary = path is None
    try:
        yield plan
    finally:
        plan.close()
        if path is None and name and not plan.is_kept:
            with suppress(OSError):
                os.unlink(name)  # noqa: PTH108 - a string


class Plan:
    """Rows to send, in chunks, and which of them the job holds."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.is_temporary = False
        """Whether the file is deleted after the plan is closed, unless it is kept."""
        self.is_kept = False
        """Whether a temporary file stays after the plan is closed."""
        self.refused_row: int | None = None
        """Number of the row that the service named when it refused a chunk."""
        self._connection = _connect(path)
        try:
            self._lock_and_load()
        except BaseException:
            self._connection.close()
            raise

    def _lock_and_load(self) -> None:
        problem = None
        try:
            for setting in (
                "locking_mode = EXCLUSIVE",
                "synchronous = FULL" if self.path else "synchronous = OFF",
                "cache_size = -16000",
            ):
                self._connection.execute(f"PRAGMA {setting}")
            self._connection.execute("BEGIN EXCLUSIVE")
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            names = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master")}
            self._connection.execute("COMMIT")
            if not names:
                self._connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
            elif not {"about", "row", "chunk", "seen"} <= names:
                problem = f"{self.path} is not an upload plan"
            elif version > 0:
                problem = (
                    f"the upload plan {self.path} was written by a newer release of crowdflower;"
                    " upgrade to continue it"
                )
            self.progress = Progress(**({} if problem else self._read("progress", {})))
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise UploadLocked(
                    f"another process is using the upload plan {self.path}"
                ) from None
            raise plan_error(self.path, error) from None
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            problem = f"{self.path} is not an upload plan: {error}"
        if problem:
            raise InvalidInput(problem)
        self.units = KnownUnits(self._connection)

    def close(self) -> None:
        """Close the file, which releases the lock."""
        self._connection.close()

    # Planning

    def begin(self, source: Source, about: JSONObject) -> None:
        """Store all rows; in a plan that has rows, check that they are the same.

        :param about: What else must be the same on resume: job, key, options.
        :raises InvalidInput: A row cannot be sent, or two rows have the same key; nothing was sent.
        :raises SourceChanged: The plan has other rows, or is for another job.
        """
        about = {**about, "content_type": source.content_type, "header": source.header.hex()}
        planned = self._read("source", None)
        if planned is not None and not self.has_sent:
            self._discard()
            planned = None
        if planned is not None:
            self._compare(planned, about)
            if planned["digest"] != _digest(source.rows):
                raise SourceChanged(
                    f"these are not the rows that the upload plan {self.path} began with; resume it"
                    " with those rows, or start a new plan"
                )
            return
        digest = sha256()
        with transaction(self._connection):
            rows = self._insert(source.rows, digest)
            if not rows:
                raise InvalidInput("no rows to upload; was their iterator consumed before?")
            self._check_unique(about["key"])
            self.progress.rows = rows
            self._write("source", {**about, "digest": digest.hexdigest()})
            self._write("progress", asdict(self.progress))

    def _discard(self) -> None:
        """Forget rows of which none was sent: after a refusal they come again, corrected."""
        with transaction(self._connection):
            self._connection.execute("DROP INDEX IF EXISTS row_key")
            for table in ("about", "row", "chunk", "seen"):
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
        self.progress = Progress()

    def _compare(self, planned: JSONObject, about: JSONObject) -> None:
        for name, value in about.items():
            if planned.get(name) != value:
                raise SourceChanged(
                    f"the upload plan {self.path} began with {name} {planned.get(name)!r}, not"
                    f" {value!r}"
                )

    def _insert(self, rows: Iterator[tuple[str, bytes]], digest: Any) -> int:
        """Store rows and cut them into chunks; return how many."""
        count = 0
        first, size = 1, 0
        while batch := list(islice(rows, 1000)):
            keys, lines = zip(*batch, strict=True)
            numbers = range(count + 1, count + len(batch) + 1)
            self._connection.executemany(
                "INSERT INTO row VALUES (?, ?, ?)", zip(numbers, keys, lines, strict=True)
            )
            joined = b"".join(lines)
            digest.update(joined)
            count += len(batch)
            if count - first < ROWS_PER_CHUNK and size + len(joined) <= BYTES_PER_CHUNK:
                size += len(joined)
                continue
            for number, line in zip(numbers, lines, strict=True):
                is_full = number - first >= ROWS_PER_CHUNK or size + len(line) > BYTES_PER_CHUNK
                if is_full and number > first:
                    self._add_chunk(first, number - 1)
                    first, size = number, 0
                size += len(line)
        if count:
            self._add_chunk(first, count)
        return count

    def _add_chunk(self, first: int, last: int) -> None:
        self._connection.execute("INSERT INTO chunk (first, last) VALUES (?, ?)", (first, last))

    def _check_unique(self, key: str) -> None:
        try:
            self._connection.execute("CREATE UNIQUE INDEX row_key ON row (key)")
        except sqlite3.IntegrityError:
            first, second, value = self._one(
                "SELECT min(number), max(number), key FROM row GROUP BY key HAVING count(*) > 1"
                " ORDER BY 1 LIMIT 1"
            )
        else:
            return
        raise InvalidInput(
            f"rows {first} and {second} have the same {key!r}, {value!r:.80}; keys must be unique",
            row=second,
        )

    # Sending

    @property
    def key(self) -> str:
        """The column whose value identifies a row."""
        return str(self._read("source", {})["key"])

    @property
    def content_type(self) -> str:
        """The content type of the chunks."""
        return str(self._read("source", {})["content_type"])

    @property
    def has_header(self) -> bool:
        """Whether each chunk begins with a header."""
        return bool(self._read("source", {})["header"])

    @property
    def has_sent(self) -> bool:
        """Whether any chunk has been sent, so that the job may hold rows of this upload."""
        return bool(self._one("SELECT count(*) FROM chunk WHERE state <> 'planned'")[0])

    def chunks(self) -> list[Chunk]:
        """List all chunks, in order."""
        found = self._connection.execute("SELECT * FROM chunk ORDER BY 1")
        return [Chunk(*values) for values in found]

    def mark(self, chunk: Chunk, state: str, expected: int | None = None) -> None:
        """Set the state of a chunk; it is on disk when this returns."""
        self._connection.execute(
            "UPDATE chunk SET state = ?, expected = ? WHERE number = ?",
            (state, expected, chunk.number),
        )

    def missing_lines(self, chunk: Chunk) -> list[bytes]:
        """Return the encoded rows of a chunk that the job did not hold when it was last read."""
        found = self._connection.execute(f"SELECT line {_MISSING}", (chunk.first, chunk.last))
        return [line for (line,) in found]

    def missing_keys(self, chunk: Chunk) -> Iterator[str]:
        """Yield the keys of the rows that :meth:`missing_lines` returns."""
        found = self._connection.execute(f"SELECT key {_MISSING}", (chunk.first, chunk.last))
        yield from (str(key) for (key,) in found)

    def present_keys(self) -> Iterator[str]:
        """Yield the keys of the rows that the job held when it was last read."""
        query = "SELECT key FROM row WHERE EXISTS (SELECT 1 FROM seen WHERE seen.key = row.key)"
        for (key,) in self._connection.execute(query):
            yield str(key)

    def name_row(self, error: RefusedError, chunk: Chunk) -> None:
        """Say which row of the upload a refusal means, which counts the rows of its request."""
        found = _ROW.search(str(error))
        if not found:
            return
        position = int(found["number"])
        if found["counts_header"] and self.has_header:
            position -= 1
        self.refused_row = number = self._row_number(chunk, position)
        if number not in {None, position}:
            reason = str(error).rstrip(".")
            error.args = (f"{reason} (this is row {number} of all the rows)",)

    def _row_number(self, chunk: Chunk, position: int) -> int | None:
        """Return the number of the row at a position, from 1, among the missing rows of a chunk."""
        query = f"SELECT number {_MISSING} LIMIT 1 OFFSET ?"
        values = (chunk.first, chunk.last, position - 1)
        found = self._connection.execute(query, values).fetchone() if position > 0 else None
        return None if found is None else int(found[0])

    def body(self, lines: Iterable[bytes]) -> bytes:
        """Return the request body for encoded rows."""
        return bytes.fromhex(self._read("source", {})["header"]) + b"".join(lines)

    def save(self) -> None:
        """Write the counters."""
        self._write("progress", asdict(self.progress))

    def finish(self) -> None:
        """Mark the upload as finished, and delete the rows."""
        self.progress.is_finished = True
        if self.is_temporary:
            self.save()
            return
        with transaction(self._connection):
            self.save()
            for table in ("row", "seen"):
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
        with suppress(sqlite3.Error):  # the upload succeeded, however large the file stays
            self._connection.execute("VACUUM")

    # The database

    def _one(self, query: str) -> Any:
        return self._connection.execute(query).fetchone()

    def _read(self, name: str, default: Any) -> Any:
        query = "SELECT value FROM about WHERE name = ?"
        found = self._connection.execute(query, (name,)).fetchone()
        return default if found is None else json.loads(found[0])

    def _write(self, name: str, value: JSONObject) -> None:
        self._connection.execute("REPLACE INTO about VALUES (?, ?)", (name, json.dumps(value)))


def _connect(path: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            Path(path).absolute() if path else "", timeout=0, isolation_level=None
        )
    except sqlite3.Error as error:
        raise plan_error(path, error) from None


def plan_error(path: str, error: Exception) -> UploadError:
    """Return the error for a plan that cannot be read or written; rows may have been sent."""
    return UploadError(f"the upload plan {path or 'in a temporary file'} cannot be used: {error}")


def _digest(rows: Iterator[tuple[str, bytes]]) -> str:
    digest = sha256()
    for _, line in rows:
        digest.update(line)
    return digest.hexdigest()
