"""What an upload is to send, and what it has sent: in a file that outlives the process.

The file is a database of SQLite, for its owner alone. It holds the rows, so that a source which can
be read only once is not needed again, and it counts, sorts and compares them, so that none of this
is done in memory. Whoever has it open has it alone; a process that is killed lets it go.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import islice
from os import PathLike, fspath
from pathlib import Path
from tempfile import mkstemp
from typing import Any, Final

from crowdflower._types import JSONObject
from crowdflower.exceptions import InvalidInput, SourceChanged, UploadError, UploadLocked
from crowdflower.http.encoding import can_be_written
from crowdflower.rows.upload_keys import Source

ROWS_PER_CHUNK: Final = 5000
BYTES_PER_CHUNK: Final = 5_000_000
"""What is sent at a time: what may have to be looked for when its answer is lost."""

SCHEMA: Final = """
    CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE row (number INTEGER PRIMARY KEY, key TEXT NOT NULL, line BLOB NOT NULL);
    CREATE TABLE chunk (
        number INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT 'planned', expected INTEGER
    );
    CREATE TABLE seen (key TEXT, unit INTEGER, PRIMARY KEY (key, unit)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Chunk:
    """Rows that are sent together, by their numbers.

    :param state: ``planned``, ``sent`` (nobody knows what became of it) or ``done``.
    :param expected: How many rows the job has once it is there.
    """

    number: int
    first: int
    last: int
    state: str
    expected: int | None


@dataclass
class Progress:
    """What has come of an upload so far."""

    rows: int = 0
    found: int = -1
    """Rows that were there before it began; -1 where nobody has looked yet."""
    resends: int = 0
    duplicates_removed: int = 0
    is_finished: bool = False


@contextmanager
def opened(path: str | PathLike[str] | None) -> Iterator[Plan]:
    """Open a plan, or begin one; nobody else can have it open meanwhile.

    :param path: Where it is; in a temporary file by default, which stays only if the plan was kept.
    :raises UploadLocked: Somebody has it open.
    :raises InvalidInput: The file is something else.
    """
    if path is None:
        handle, name = mkstemp(prefix="crowdflower-", suffix=".upload")
        os.close(handle)
    else:
        name = fspath(path)
        # A second handle on a file that SQLite has locked would, once closed, give the lock away.
        with suppress(FileExistsError):
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    plan = Plan(name)
    try:
        yield plan
    finally:
        plan.close()
        if path is None and not plan.is_kept:
            with suppress(OSError):
                os.unlink(name)  # noqa: PTH108 - a name, as it was given


class Plan:
    """Rows to send, in chunks, and what the job was seen to hold of them."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.is_kept = False
        """Whether a temporary one is to stay where it is."""
        self._base = _connected(path)
        try:
            self._take()
        except BaseException:
            self._base.close()
            raise

    def _take(self) -> None:
        problem = None
        try:
            for setting in (
                "locking_mode = EXCLUSIVE",
                "synchronous = FULL",
                "cache_size = -16000",
            ):
                self._base.execute(f"PRAGMA {setting}")
            self._base.execute("BEGIN EXCLUSIVE")
            names = {name for (name,) in self._base.execute("SELECT name FROM sqlite_master")}
            self._base.execute("COMMIT")
            if not names:
                self._base.executescript(f"BEGIN; {SCHEMA} COMMIT;")
            elif not {"about", "row", "chunk", "seen"} <= names:
                problem = f"{self.path} is no plan of an upload"
            self.progress = Progress(**({} if problem else self._about("progress", {})))
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise UploadLocked(f"somebody else is at the upload of {self.path}") from None
            raise unusable(self.path, error) from None
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            problem = f"{self.path} is no plan of an upload: {error}"
        if problem:
            raise InvalidInput(problem)

    def close(self) -> None:
        """Let go of it."""
        self._base.close()

    # Planning

    def begin(self, source: Source, about: JSONObject) -> None:
        """Take all rows in, or see that they are those that are in it.

        :param about: What else must be the same when it goes on: job, key, options.
        :raises InvalidInput: A row cannot be sent, or a key is there twice; nothing was sent.
        :raises SourceChanged: The plan is one of other rows, or for another job.
        """
        about = {**about, "content_type": source.content_type, "header": source.header.hex()}
        planned = self._about("source", None)
        if planned is not None:
            self._compare(planned, about)
            if planned["digest"] != _digest(source.rows):
                raise SourceChanged(
                    f"these are not the rows that the upload of {self.path} began with; finish it"
                    " with those, or begin another one"
                )
            return
        digest = sha256()
        with self._transaction():
            rows = self._insert(source.rows, digest)
            if not rows:
                raise InvalidInput(
                    "there are no rows to upload; was their iterator consumed before?"
                )
            self._index(about["key"])
            self.progress.rows = rows
            self._write("source", {**about, "digest": digest.hexdigest()})
            self._write("progress", asdict(self.progress))

    def _compare(self, planned: JSONObject, about: JSONObject) -> None:
        for name, value in about.items():
            if planned.get(name) != value:
                raise SourceChanged(
                    f"the upload of {self.path} began with {name} {planned.get(name)!r}, not"
                    f" {value!r}"
                )

    def _insert(self, rows: Iterator[tuple[str, bytes]], digest: Any) -> int:
        """Take rows in and cut them into chunks."""
        count = 0
        first, size = 1, 0
        while batch := list(islice(rows, 1000)):
            numbered = [(count + place, key, line) for place, (key, line) in enumerate(batch, 1)]
            self._base.executemany("INSERT INTO row VALUES (?, ?, ?)", numbered)
            for number, _, line in numbered:
                digest.update(line)
                if number > first and (
                    number - first >= ROWS_PER_CHUNK or size + len(line) > BYTES_PER_CHUNK
                ):
                    self._cut(first, number - 1)
                    first, size = number, 0
                size += len(line)
            count += len(batch)
        if count:
            self._cut(first, count)
        return count

    def _cut(self, first: int, last: int) -> None:
        self._base.execute("INSERT INTO chunk (first, last) VALUES (?, ?)", (first, last))

    def _index(self, key: str) -> None:
        try:
            self._base.execute("CREATE UNIQUE INDEX row_key ON row (key)")
        except sqlite3.IntegrityError:
            first, second, value = self._one(
                "SELECT min(number), max(number), key FROM row GROUP BY key HAVING count(*) > 1"
                " ORDER BY 1 LIMIT 1"
            )
        else:
            return
        raise InvalidInput(
            f"rows {first} and {second} have the same {key!r}, {value!r:.80}; a key names one row",
            row=second,
        )

    # Sending

    @property
    def key(self) -> str:
        """The column by which rows are told apart."""
        return str(self._about("source", {})["key"])

    @property
    def content_type(self) -> str:
        """What the chunks are."""
        return str(self._about("source", {})["content_type"])

    @property
    def was_sent(self) -> bool:
        """Whether the job may hold any of the rows because of this upload."""
        return bool(self._one("SELECT count(*) FROM chunk WHERE state <> 'planned'")[0])

    def chunks(self) -> list[Chunk]:
        """List all chunks, in order."""
        return [Chunk(*values) for values in self._base.execute("SELECT * FROM chunk ORDER BY 1")]

    def mark(self, chunk: Chunk, state: str, expected: int | None = None) -> None:
        """Note what became of a chunk, or what is about to be tried; on disk when this returns."""
        self._base.execute(
            "UPDATE chunk SET state = ?, expected = ? WHERE number = ?",
            (state, expected, chunk.number),
        )

    def lacking(self, chunk: Chunk) -> list[bytes]:
        """Return the rows of a chunk that the job was not seen to hold."""
        query = (
            "SELECT line FROM row WHERE number BETWEEN ? AND ?"
            " AND NOT EXISTS (SELECT 1 FROM seen WHERE seen.key = row.key) ORDER BY number"
        )
        return [line for (line,) in self._base.execute(query, (chunk.first, chunk.last))]

    def body(self, lines: Iterable[bytes]) -> bytes:
        """Make of rows what is sent."""
        return bytes.fromhex(self._about("source", {})["header"]) + b"".join(lines)

    def save(self) -> None:
        """Keep the progress."""
        self._write("progress", asdict(self.progress))

    def finish(self) -> None:
        """Note that all is done, and forget the rows."""
        self.progress.is_finished = True
        with self._transaction():
            self.save()
            for table in ("row", "seen"):
                self._base.execute(f"DELETE FROM {table}")  # noqa: S608 - two names of ours
        with suppress(sqlite3.Error):  # the rows are where they should be, however large this is
            self._base.execute("VACUUM")

    # Looking

    def see(self, units: Iterable[tuple[str, int]]) -> None:
        """Take in what the job holds: key and id of each unit, in place of what was seen before."""
        ours = ((key, unit) for key, unit in units if can_be_written(key))  # as all of ours can
        with self._transaction():
            self._base.execute("DELETE FROM seen")
            self._base.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", ours)

    @property
    def present(self) -> int:
        """How many of the rows were seen."""
        query = "SELECT count(*) FROM row WHERE EXISTS (SELECT 1 FROM seen WHERE key = row.key)"
        return int(self._one(query)[0])

    def spares(self) -> list[int]:
        """List the units that are there once too often; of each row the oldest is not among them.

        They are as many as were sent twice, and no more.
        """
        query = (
            "SELECT unit FROM seen JOIN row USING (key) WHERE unit >"
            " (SELECT min(unit) FROM seen AS other WHERE other.key = seen.key) ORDER BY unit"
        )
        return [unit for (unit,) in self._base.execute(query)]

    # The database

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._base.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")

    def _one(self, query: str) -> Any:
        return self._base.execute(query).fetchone()

    def _about(self, name: str, otherwise: Any) -> Any:
        found = self._base.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return otherwise if found is None else json.loads(found[0])

    def _write(self, name: str, value: JSONObject) -> None:
        self._base.execute("REPLACE INTO about VALUES (?, ?)", (name, json.dumps(value)))


def _connected(path: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(Path(path).absolute(), timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        raise unusable(path, error) from None


def unusable(path: str, error: Exception) -> UploadError:
    """Say of a plan that it cannot be read or written; rows may have been sent."""
    return UploadError(f"the plan in {path} cannot be kept: {error}")


def _digest(rows: Iterator[tuple[str, bytes]]) -> str:
    digest = sha256()
    for _, line in rows:
        digest.update(line)
    return digest.hexdigest()
