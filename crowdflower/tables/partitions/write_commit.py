"""Ends a write: verifies it and removes doubled rows, or takes all of it back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from crowdflower._types import describe_type
from crowdflower.exceptions import ApiError, ConfigError, InvalidInput, UploadIncomplete, warn
from crowdflower.http.base_client import BaseClient
from crowdflower.http.polling import poll
from crowdflower.models.arguments import check_cents
from crowdflower.rows.recovery.duplicate_units import DuplicateUnits
from crowdflower.rows.recovery.known_units import transaction
from crowdflower.rows.recovery.row_count import POLL_DELAYS, RowCount
from crowdflower.rows.recovery.upload_journal import key_hash
from crowdflower.rows.recovery.upload_target import UploadTarget
from crowdflower.rows.upload_keys import keys_of_units
from crowdflower.tables.partitions.account_verbs import account
from crowdflower.tables.partitions.partition_writer import (
    WriteReceipt,
    WriteToken,
    check_job,
    check_token,
    list_units,
)
from crowdflower.tables.partitions.write_claims import ABORTED, COMMITTED, WriteClaims

MAX_ROUNDS: Final = 5
"""How often the job is read and corrected."""

SETTLING: Final = (0.5, 1, 2)
"""Seconds between reads of a job in which rows of a task that was killed may still arrive."""

THREADS: Final = 8
"""Units that are deleted at a time."""

_SCHEMA: Final = """
    CREATE TABLE claim (hash INTEGER NOT NULL, attempt TEXT NOT NULL, is_sent INTEGER NOT NULL);
    CREATE TABLE receipt (attempt TEXT PRIMARY KEY);
    CREATE TABLE seen (key TEXT NOT NULL, unit INTEGER NOT NULL, hash INTEGER NOT NULL);
"""
_SENT: Final = "(SELECT hash FROM claim WHERE is_sent)"
_WRITTEN: Final = "(SELECT hash FROM claim WHERE attempt IN (SELECT attempt FROM receipt))"


@dataclass(frozen=True)
class CommittedWrite:
    """The result of a write; each of its rows is in the job, once."""

    rows: int
    """All rows of the receipts."""

    found: int
    """Rows that the job had before the write, and that were not sent."""

    duplicates_removed: int
    """Units that were removed because a row had arrived twice."""

    leftovers_removed: int
    """Units that were removed because no receipt has their row: a task that was killed had staged
    them, and another attempt had other rows."""

    order: Any = None
    """The :class:`~crowdflower.order.Order`, if the job was launched and anything was left."""


def commit_write(
    client: BaseClient,
    token: WriteToken,
    receipts: Iterable[WriteReceipt],
    *,
    launch_key: str | None = None,
    max_cost_cents: int | None = None,
) -> CommittedWrite:
    """Verify that the job holds each row of a write once, and launch it if asked for.

    Reads all units of the job, removes units that repeat a row, and rows that no receipt has. From
    then on the write takes no more rows. Nothing is launched unless every row is there. The call
    may be repeated after a crash. Calls ``GET /jobs/{id}/units``, ``DELETE /jobs/{id}/units/{id}``
    for what is to be removed, and for a launch what :meth:`Job.launch
    <crowdflower.job.Job.launch>` calls.

    :param receipts: One of each partition.
    :param launch_key: Launch the job under this idempotency key, all units that are not ordered
        yet. A repeated call returns the same order, if the client has a journal file or the service
        remembers keys.
    :param max_cost_cents: Do not launch if it may cost more.
    :raises InvalidInput: A receipt is of another write, or two partitions have the same key, which
        the message names. Everything stays staged.
    :raises UploadIncomplete: Rows are missing. Everything stays staged, and nothing is launched:
        repeat the tasks and call again, or abort.
    :raises OverBudget: The launch may cost more. A note says that the rows are committed, as it
        does for any other error of the launch.

    >>> from crowdflower.tables.partitions import commit_write, start_write, write_partition
    >>> draft = account(client).create_job({"title": "Reviews"})
    >>> token = start_write(client, draft.id, key="id")
    >>> receipts = [
    ...     write_partition(client, [{"id": number, "review": "Fine."}], token) for number in (1, 2)
    ... ]
    >>> commit_write(client, token, receipts)
    CommittedWrite(rows=2, found=0, duplicates_removed=0, leftovers_removed=0, order=None)
    """
    check_token(token)
    chosen = _check_receipts(receipts)
    if launch_key is None and max_cost_cents is not None:
        raise InvalidInput("max_cost_cents needs launch_key, your name for the launch")
    if max_cost_cents is not None:
        check_cents("max_cost_cents", max_cost_cents)
    claims = WriteClaims(client, token.claims_job)
    with _opened(client, token) as staged:
        if claims.has(ABORTED):
            raise InvalidInput("this write was aborted: begin another one with start_write")
        claims.close()
        try:
            staged.load(claims, [each.attempt for each in chosen])
            staged.check_claims(chosen)
            staged.settle(may_be_late=staged.has_other_attempts(chosen))
        except (InvalidInput, UploadIncomplete):
            claims.reopen()
            raise
        found = staged.count_found()
        counts = sum(each.rows for each in chosen), found, staged.duplicates, staged.leftovers
    order = None
    if launch_key is not None:
        try:
            order = _launch(client, token.job_id, launch_key, max_cost_cents)
        except ApiError as error:
            error.add_note(
                f"All {counts[0]} rows are in job {token.job_id}, once each; to launch it, call"
                " commit_write again with the same arguments, or Job.launch"
            )
            raise
    claims.close(COMMITTED)
    claims.delete()
    return CommittedWrite(*counts, order=order)


def abort_write(
    client: BaseClient, token: WriteToken, receipts: Iterable[WriteReceipt] = ()
) -> int:
    """Remove what a write has staged, and nothing else.

    That includes the rows of tasks that returned no receipt. Rows that the job had before stay, and
    so do those of other writes, unless these have the same keys and were sent at the same time.
    Units that were ordered meanwhile stay too, with a warning. The call may be repeated. Reads all
    units of the job. Calls ``GET /jobs/{id}/units``, and ``DELETE /jobs/{id}/units/{id}`` for each
    unit to remove.

    :param receipts: Those that are known. Without them, the call waits longer for rows that may
        still arrive.
    :returns: How many units were removed.
    :raises InvalidInput: The write was committed, or the job is another one.

    >>> from crowdflower.tables.partitions import abort_write, start_write, write_partition
    >>> draft = account(client).create_job({"title": "Reviews"})
    >>> token = start_write(client, draft.id, key="id")
    >>> receipt = write_partition(client, [{"id": 1, "review": "Fine."}], token)
    >>> abort_write(client, token)
    1
    """
    check_token(token)
    chosen = _check_receipts(receipts)
    claims = WriteClaims(client, token.claims_job)
    with _opened(client, token) as staged:
        if claims.has(COMMITTED):
            raise InvalidInput("this write was committed: delete its units yourself")
        claims.close(ABORTED)
        staged.load(claims, [])
        staged.settle(may_be_late=staged.has_other_attempts(chosen))
        removed = staged.leftovers
    claims.delete()
    return removed


def _check_receipts(receipts: Iterable[WriteReceipt]) -> list[WriteReceipt]:
    """Return one receipt of each partition."""
    if isinstance(receipts, (str, WriteReceipt)) or not isinstance(receipts, Iterable):
        raise InvalidInput(f"receipts must be a list of them, not {describe_type(receipts)}")
    chosen: dict[Any, WriteReceipt] = {}
    for each in receipts:
        if not isinstance(each, WriteReceipt):
            raise InvalidInput(
                f"a receipt must be what write_partition returned, not {describe_type(each)}"
            )
        name = (each.attempt,) if each.partition is None else each.partition
        chosen.setdefault(name, each)
    return list(chosen.values())


def _launch(client: BaseClient, job_id: int, key: str, max_cost_cents: int | None) -> Any:
    """Launch a job; a repeated call returns the same order where that is possible."""
    job = account(client).get_job(job_id)
    try:
        return job.launch(key=key, max_cost_cents=max_cost_cents, on_duplicate="return")
    except ConfigError:  # neither a file nor the service remembers the key
        return job.launch(key=key, max_cost_cents=max_cost_cents)


def _opened(client: BaseClient, token: WriteToken) -> closing[_StagedRows]:
    return closing(_StagedRows(client, token))


class _StagedRows:
    """The rows of a write, and the units of its job: in a temporary database.

    :ivar duplicates: Units that were removed because they repeat a row.
    :ivar leftovers: Units that were removed because no receipt has their row.
    """

    def __init__(self, client: BaseClient, token: WriteToken) -> None:
        self._client = client
        self._token = token
        self._target = UploadTarget(client, token.job_id, live=True)
        check_job(token, self._target.check())
        self._ignored: set[int] = set()
        self._removal = DuplicateUnits(client, self._target.path, self._ignored)
        self._count = RowCount(client, self._target.path)
        self.duplicates = self.leftovers = 0
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.executescript(f"PRAGMA synchronous = OFF; {_SCHEMA}")

    def close(self) -> None:
        """Delete the database."""
        self._connection.close()

    def load(self, claims: WriteClaims, attempts: Sequence[str]) -> None:
        """Read the claims of all tasks.

        :param attempts: Those with receipts.
        """
        with transaction(self._connection):
            for claim in claims.read():
                self._connection.executemany(
                    "INSERT INTO claim VALUES (?, ?, ?)",
                    ((each, claim.attempt, claim.is_sent) for each in claim.hashes),
                )
            self._connection.executemany(
                "INSERT INTO receipt VALUES (?)", [(each,) for each in attempts]
            )
            self._connection.execute("CREATE INDEX claim_hash ON claim (hash)")

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
                " must be unique among all partitions; if these are attempts of one task, pass"
                " partition= to write_partition. Nothing was launched, and everything stays staged"
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
                return
        raise UploadIncomplete(
            f"units of job {self._token.job_id} that were removed come back, or cannot be removed;"
            " call again later",
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
            f"{self._count.refusal}: nothing was launched, and the others stay staged; repeat the"
            " tasks and commit again, or call abort_write",
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
            f" AND hash IN {_SENT} AND hash IN {_WRITTEN}"
        )
        return self._all(query)

    def _find_leftovers(self) -> list[int]:
        """Return the units of this write whose row no receipt has."""
        query = (
            "SELECT unit FROM seen WHERE hash IN (SELECT hash FROM claim WHERE is_sent"  # noqa: S608 - constants
            f" AND attempt NOT IN (SELECT attempt FROM receipt)) AND hash NOT IN {_WRITTEN}"
        )
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

    def _all(self, query: str) -> list[int]:
        return [each for (each,) in self._connection.execute(query)]
