"""The rows that a write has staged, and what it leaves to other writes to the same job.

A unit may be of several writes: one has sent it, and others have found it. A row that one of them
commits is never removed by another one. Their claims make sure of that, each by its own step before
it looks at those of the others:

* A commit first records its rows as taken in the claims of all other open writes. Then it refuses
  if one of these that has sent some of the rows is removing units. Then it verifies its rows.
* A write that is to remove units first says so by a tag. Then it leaves what others have taken, and
  what the tasks of other open writes have claimed: it records these rows as sent in their claims,
  so that they are removed with those.

So of a commit and a removal at the same time, one sees the other. If a process is killed between
two steps, rows may stay staged, and its call is to be repeated, but no row is lost. A write that is
aborted after its commit has taken rows over frees them, before it removes anything.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from crowdflower.exceptions import InvalidInput, NotFound, UploadIncomplete, warn
from crowdflower.http.base_client import BaseClient
from crowdflower.http.polling import poll
from crowdflower.rows.recovery.duplicate_units import DuplicateUnits
from crowdflower.rows.recovery.known_units import transaction
from crowdflower.rows.recovery.row_count import POLL_DELAYS, RowCount
from crowdflower.rows.recovery.upload_journal import key_hash
from crowdflower.rows.recovery.upload_target import UploadTarget
from crowdflower.rows.upload_keys import keys_of_units
from crowdflower.tables.partitions.partition_writer import (
    WriteReceipt,
    WriteToken,
    check_job,
    list_units,
)
from crowdflower.tables.partitions.write_claims import (
    ABORTED,
    FOUND,
    FREED,
    REMOVING,
    SENT,
    TAKEN,
    WriteClaims,
)

MAX_ROUNDS: Final = 5
"""How often the job is read and corrected."""

SETTLING: Final = (0.5, 1, 2)
"""Seconds between reads of a job in which rows of a task that was killed may still arrive."""

THREADS: Final = 8
"""Units that are deleted at a time."""

ALL_STAYS: Final = ". Nothing was launched, and all stays staged"
ATTEMPTS_OF_ONE_TASK: Final = (
    "; if these are attempts of one task, pass partition= to write_partition. Nothing was launched,"
    " and everything stays staged"
)
CALL_LATER: Final = "; call again later"
REPEAT_OR_ABORT: Final = (
    ": nothing was launched, and the others stay staged; repeat the tasks and commit again, or call"
    " abort_write"
)
ADVICE: Final = (ALL_STAYS, ATTEMPTS_OF_ONE_TASK, CALL_LATER, REPEAT_OR_ABORT)
"""Ends of messages for callers of commit_write; an engine that aborts by itself replaces them."""

_SCHEMA: Final = """
    CREATE TABLE claim (hash INTEGER NOT NULL, attempt TEXT NOT NULL, is_sent INTEGER NOT NULL);
    CREATE TABLE receipt (attempt TEXT PRIMARY KEY);
    CREATE TABLE taken (hash INTEGER NOT NULL, writer INTEGER NOT NULL);
    CREATE TABLE other (hash INTEGER NOT NULL, writer INTEGER NOT NULL, is_sent INTEGER NOT NULL);
    CREATE TABLE seen (key TEXT NOT NULL, unit INTEGER NOT NULL, hash INTEGER NOT NULL);
"""
_TAKEN: Final = "(SELECT hash FROM taken)"
_SENT: Final = "(SELECT hash FROM claim WHERE is_sent)"
_WRITTEN: Final = "(SELECT hash FROM claim WHERE attempt IN (SELECT attempt FROM receipt))"
_LEFT: Final = (
    "(SELECT hash FROM claim WHERE is_sent AND attempt NOT IN (SELECT attempt FROM receipt)"  # noqa: S608 - constants
    f" AND hash NOT IN {_WRITTEN})"
)


class StagedRows:
    """The rows of a write, and the units of its job: in a temporary database.

    :ivar duplicates: Units that were removed because they repeat a row.
    :ivar leftovers: Units that were removed because no receipt has their row.
    :ivar is_over: Whether the write was committed before: other writes may have sent since then
        what it has removed.
    """

    def __init__(self, client: BaseClient, token: WriteToken, claims: WriteClaims) -> None:
        self._client = client
        self._token = token
        self._claims = claims
        self._is_removing = False
        self._target = UploadTarget(client, token.job_id, live=True)
        check_job(token, self._target.check())
        self._ignored: set[int] = set()
        self._removal = DuplicateUnits(client, self._target.path, self._ignored)
        self._count = RowCount(client, self._target.path)
        self.duplicates = self.leftovers = 0
        self.is_over = False
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.executescript(f"PRAGMA synchronous = OFF; {_SCHEMA}")

    def close(self) -> None:
        """Delete the database."""
        self._connection.close()

    def load(self, attempts: Sequence[str]) -> None:
        """Read the claims of all tasks.

        :param attempts: Those with receipts.
        """
        with transaction(self._connection):
            self._connection.executemany(
                "INSERT INTO receipt VALUES (?)", [(each,) for each in attempts]
            )
        self._read_claims()

    def _read_claims(self) -> None:
        freed: set[int] = set()
        with transaction(self._connection):
            for table in ("claim", "taken"):
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
            for claim in self._claims.read():
                if claim.kind == FREED:
                    freed.add(claim.writer)
                elif claim.kind == TAKEN:
                    self._insert("taken", ((each, claim.writer) for each in claim.hashes))
                else:
                    is_sent = claim.kind == SENT
                    self._insert("claim", ((each, claim.attempt, is_sent) for each in claim.hashes))
            self._connection.executemany(
                "DELETE FROM taken WHERE writer = ?", [(each,) for each in freed]
            )
            self._connection.execute("CREATE INDEX IF NOT EXISTS claim_hash ON claim (hash)")
            self._connection.execute("CREATE INDEX IF NOT EXISTS taken_hash ON taken (hash)")

    def _insert(self, table: str, values: Iterable[tuple[Any, ...]]) -> None:
        marks = {"claim": "?, ?, ?", "other": "?, ?, ?", "taken": "?, ?"}[table]
        self._connection.executemany(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608 - constants

    def has_other_writes(self) -> bool:
        """Return whether other writes to the job are open."""
        return any(True for _ in self._others())

    def _others(self) -> Iterator[WriteClaims]:
        for each in WriteClaims.of_job(self._client, self._token.job_id):
            if each.job_id != self._claims.job_id:
                yield each

    def take_over(self) -> None:
        """Have other open writes leave the rows of the receipts to this one.

        :raises UploadIncomplete: One of them is removing units, and has sent some of these rows.
        """
        others = list(self._others())
        for other in others:
            hashes = self._all(f"SELECT DISTINCT hash FROM {_WRITTEN}")  # noqa: S608 - a constant
            other.record(self._name(), TAKEN, hashes)
        for other in others:
            if _has(other, REMOVING):
                self._read_other(other)
                query = (
                    "SELECT count(*) FROM other WHERE is_sent AND writer = ?"  # noqa: S608 - a constant
                    f" AND hash IN {_WRITTEN}"
                )
                if self._one(query, other.job_id):
                    raise UploadIncomplete(
                        f"another write to job {self._token.job_id}, whose claims are in job"
                        f" {other.job_id}, has sent some of these rows, and is removing units, or"
                        " was stopped while it did: end that write first, with abort_write and its"
                        f" token from open_writes{ALL_STAYS}",
                        resume=None,
                    )

    def free(self) -> None:
        """Have other open writes forget what this one has taken over."""
        for other in self._others():
            other.record(str(self._claims.job_id), FREED)

    def _leave_to_others(self) -> None:
        """Learn which rows to leave, and record those of open writes as theirs."""
        self._claims.close(REMOVING)
        self._is_removing = True
        self._connection.execute("DELETE FROM other")
        self._read_claims()
        others = [each for each in self._others() if not _has(each, ABORTED, if_gone=True)]
        for other in others:
            self._read_other(other)
        committed = "SELECT hash FROM taken WHERE writer NOT IN (SELECT value FROM json_each(?))"
        query = (
            f"SELECT DISTINCT hash FROM other WHERE writer = ? AND hash IN {_LEFT}"  # noqa: S608 - constants
            f" AND hash NOT IN ({committed})"
        )
        every = str([each.job_id for each in others])
        for other in others:
            hashes = self._all(query, other.job_id, every)
            if hashes and not other.record(self._name(), SENT, hashes):
                self._connection.execute("DELETE FROM other WHERE writer = ?", (other.job_id,))
        self._read_claims()  # what was committed meanwhile was taken over before

    def _read_other(self, other: WriteClaims) -> None:
        """Read the claims of another write; they are empty if it has ended."""
        try:
            with transaction(self._connection):
                for claim in other.read():
                    if claim.kind in {SENT, FOUND}:
                        writer, is_sent = other.job_id, claim.kind == SENT
                        self._insert("other", ((each, writer, is_sent) for each in claim.hashes))
        except NotFound:
            return

    def _name(self) -> str:
        return f"{self._claims.job_id}:{os.urandom(8).hex()}"

    def check_claims(self, receipts: Sequence[WriteReceipt]) -> None:
        """Check that every receipt has its claims, and that no two have the same key.

        :raises InvalidInput: A receipt has no claims, or a key is in two partitions.
        """
        for each in receipts:
            query = "SELECT count(*) FROM claim WHERE attempt = ?"
            if self._one(query, each.attempt) != each.rows:
                raise InvalidInput(f"a receipt over {each.rows} rows is not of this write")
        shared = self._all(
            "SELECT hash FROM claim WHERE attempt IN (SELECT attempt FROM receipt) GROUP BY hash"
            " HAVING count(DISTINCT attempt) > 1"
        )
        if shared:
            self._read_units()
            key = self._one("SELECT key FROM seen WHERE hash = ?", shared[0])
            more = f", and {len(shared) - 1} more" if shared[1:] else ""
            raise InvalidInput(
                f"two partitions have a row with the {self._token.key!r} {key!r:.80}{more}: keys"
                f" must be unique among all partitions{ATTEMPTS_OF_ONE_TASK}"
            )

    def has_other_attempts(self, receipts: Iterable[WriteReceipt]) -> bool:
        """Return whether rows may still arrive: those of an attempt without a receipt."""
        known = {each.attempt for each in receipts if not each.may_be_twice}
        sent = self._connection.execute("SELECT DISTINCT attempt FROM claim WHERE is_sent")
        return any(attempt not in known for (attempt,) in sent)

    def settle(self, *, may_be_late: bool) -> None:
        """Have the job hold each row of the receipts once, and nothing else of this write.

        :param may_be_late: Whether rows may still arrive.
        :raises UploadIncomplete: Rows are missing, or come back.
        """
        for _ in range(MAX_ROUNDS):
            before = self._wait_for_rows()
            duplicates, leftovers = self._find_duplicates(), self._find_leftovers()
            if duplicates or leftovers:
                self.duplicates += self._remove(duplicates)
                self.leftovers += self._remove(leftovers)
            elif not may_be_late or self._is_stable(before):
                if self._is_removing:
                    self._claims.remove_tags([REMOVING])
                    self._is_removing = False
                return
        raise UploadIncomplete(
            f"units of job {self._token.job_id} that were removed come back, or cannot be removed"
            f"{CALL_LATER}",
            resume=None,
        )

    def count_found(self) -> int:
        """Return how many rows of the receipts were in the job before the write."""
        return int(
            self._one(
                f"SELECT count(*) FROM claim WHERE hash IN {_WRITTEN} AND hash NOT IN {_SENT}"  # noqa: S608 - constants
                " AND attempt IN (SELECT attempt FROM receipt)"
            )
        )

    def _wait_for_rows(self) -> tuple[bool, int | None]:
        """Read the units until all rows are there."""
        missing = 0
        before: tuple[bool, int | None] = (True, None)
        for _ in poll(self._client.clock, POLL_DELAYS):
            self._count.wait_until_processed()
            before = self._count.read()
            self._read_units()
            missing = int(
                self._one(
                    "SELECT count(*) FROM claim WHERE attempt IN (SELECT attempt FROM receipt)"
                    " AND hash NOT IN (SELECT hash FROM seen)"
                )
            )
            if not missing:
                return before
        rows = self._one(f"SELECT count(*) FROM {_WRITTEN}")  # noqa: S608 - a constant
        raise UploadIncomplete(
            f"{missing} of {rows} rows are missing in job {self._token.job_id}"
            f"{self._count.refusal}{REPEAT_OR_ABORT}",
            resume=None,
        )

    def _read_units(self) -> None:
        units = keys_of_units(list_units(self._client, self._token.job_id), self._token.key)
        with transaction(self._connection):
            self._connection.execute("DROP INDEX IF EXISTS seen_hash")
            self._connection.execute("DELETE FROM seen")
            self._connection.executemany("INSERT INTO seen VALUES (?, ?, ?)", self._hashed(units))
            self._connection.execute("CREATE INDEX seen_hash ON seen (hash)")

    def _hashed(self, units: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int, int]]:
        for key, unit in units:
            text = key.encode("utf-8", "replace").decode("utf-8")
            if unit not in self._ignored:
                yield text, unit, key_hash(text)

    def _find_duplicates(self) -> list[int]:
        """Return the units that repeat a row of this write, without the oldest of each row."""
        query = (
            "SELECT unit FROM seen WHERE hash IN"  # noqa: S608 - constants
            " (SELECT hash FROM seen GROUP BY hash HAVING count(*) > 1)"
            " AND EXISTS (SELECT 1 FROM seen AS other WHERE other.hash = seen.hash"
            " AND other.key = seen.key AND other.unit < seen.unit)"
            f" AND hash IN {_SENT} AND (hash IN {_WRITTEN} OR hash IN {_TAKEN})"
        )
        return self._all(query)

    def _find_leftovers(self) -> list[int]:
        """Return the units of this write whose row no receipt has, and that are of no other one."""
        query = (
            f"SELECT unit FROM seen WHERE hash IN {_LEFT} AND hash NOT IN {_TAKEN}"  # noqa: S608 - constants
            " AND hash NOT IN (SELECT hash FROM other)"
        )
        if self.is_over or not self._all(query):
            return []
        self._leave_to_others()
        return self._all(query)

    def _remove(self, units: Sequence[int]) -> int:
        """Remove units; return how many could be removed."""
        if not units:
            return 0
        first = self._removal.remove(units[0])  # shows whether units can be deleted
        with ThreadPoolExecutor(THREADS) as pool:
            gone = [first, *pool.map(self._removal.remove, units[1:])]
        stay = [unit for unit, is_gone in zip(units, gone, strict=True) if is_gone is False]
        self._ignored.update(stay)
        if stay:
            warn(
                f"{len(stay)} units that this write staged in job {self._token.job_id} stay, such"
                f" as unit {stay[0]}: they were ordered meanwhile"
            )
        return gone.count(True)

    def _is_stable(self, before: tuple[bool, int | None]) -> bool:
        """Wait for rows that may be late; return whether none arrived."""
        return all(self._count.read() == before for _ in poll(self._client.clock, SETTLING))

    def _one(self, query: str, *values: object) -> Any:
        found = self._connection.execute(query, values).fetchone()
        return found[0] if found else None

    def _all(self, query: str, *values: object) -> list[int]:
        return [each for (each,) in self._connection.execute(query, values)]


def _has(claims: WriteClaims, tag: str, *, if_gone: bool = False) -> bool:
    try:
        return claims.has(tag)
    except InvalidInput:
        return if_gone
