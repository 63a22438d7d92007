"""Upload rows exactly once: read the job, send what is missing, read it again.

The service has no idempotency keys, but it can list the rows of a job. So an upload whose rows have
a key is sent in chunks. When the response to a chunk is lost, the job is read, and only the missing
rows are sent again. At the end the new units are read once more, and units that arrived twice are
deleted, or canceled where they cannot be deleted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from os import PathLike
from typing import Final

from crowdflower._types import JSONObject
from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    InvalidInput,
    OutcomeUnknown,
    PayloadTooLarge,
    RefusedError,
    UploadError,
    UploadIncomplete,
    ValidationError,
)
from crowdflower.http.base_client import BaseClient
from crowdflower.http.polling import poll
from crowdflower.rows import upload_plan
from crowdflower.rows.recovery.duplicate_units import DuplicateUnits, UnitStaysError
from crowdflower.rows.recovery.row_count import POLL_DELAYS, RowCount
from crowdflower.rows.recovery.upload_journal import UploadJournal, UploadRecord
from crowdflower.rows.recovery.upload_target import UploadTarget
from crowdflower.rows.upload_keys import Source, Units
from crowdflower.rows.upload_plan import Chunk, Plan
from crowdflower.rows.upload_source import is_refused_whole, say_nothing_stored

MAX_SENDS: Final = 3
"""How often a chunk is sent before the upload stops."""

MAX_ROUNDS: Final = 4
"""How often the job is read and corrected at the end before the upload stops."""

MAX_ROWS: Final = 1_000_000
"""Rows that a job can hold, where the service has raised its limit of 250,000."""


@dataclass(frozen=True)
class Uploaded:
    """The result of an upload with a key column; each row is in the job, once."""

    rows: int
    """All rows of the upload."""

    chunks: int
    """Requests that the upload was planned as."""

    resends: int
    """Further requests, for rows that were missing after a lost response."""

    duplicates_removed: int
    """Units that were deleted or canceled because a row had arrived twice."""

    found: int
    """Rows that the job held already, and that were not sent."""


def upload_exactly_once(
    client: BaseClient,
    job_id: int,
    source: Source,
    list_units: Callable[[int], Units],
    *,
    key: str,
    force: bool,
    resume: str | PathLike[str] | None = None,
    live: bool = False,
    journal: UploadJournal | None = None,
    report: Callable[[int], object] | None = None,
) -> Uploaded:
    """Upload rows to a job, each exactly once.

    :param list_units: Reads the units of the job, from a page on.
    :param resume: The file of the plan; an existing plan is resumed.
    :param live: Upload even if the job orders by itself.
    :param journal: Remembers what was sent, so that an upload that was killed can be continued.
    :param report: Called with the number of rows that are known to be in the job, as it grows.
    :raises InvalidInput: The rows, the job or the plan cannot be used; nothing was sent.
    :raises UploadLocked: Another process or thread is uploading to the job with this journal.
    :raises UploadIncomplete: The upload stopped; rows that arrived stay in the job.
    :raises RefusedError: The service refused the upload, and nothing was stored.
    """
    with upload_plan.open_plan(resume, is_temporary=journal is not None) as plan:
        failure: Exception
        try:
            url = client.transport.base_url + "/{path}"
            plan.begin(source, {"job": job_id, "url": url, "key": key, "force": force})
            if not plan.progress.is_finished:
                opened: AbstractContextManager[UploadRecord] = (
                    journal.open(job_id, client.clock) if journal else nullcontext(UploadRecord())
                )
                with opened as record:
                    target = UploadTarget(client, job_id, live=live)
                    upload = KeyedUpload(client, target, plan, record, list_units, report)
                    upload.run(force=force)
                    record.finish()
                plan.finish()
            progress = plan.progress
            return Uploaded(
                rows=progress.rows,
                chunks=len(plan.chunks()),
                resends=progress.resends,
                duplicates_removed=progress.duplicates_removed,
                found=max(0, progress.found),
            )
        except UploadIncomplete:
            plan.is_kept = True
            raise
        except (ApiError, sqlite3.Error, OverflowError) as error:
            failure = error
        if not isinstance(failure, ApiError):  # a full disk, or a number that SQLite cannot store
            failure = upload_plan.plan_error(plan.path, failure)
            has_sent = True
        else:
            has_sent = plan.has_sent
        if not has_sent or isinstance(failure, UploadError):
            raise failure
        plan.is_kept = True
    if isinstance(failure, _INVALID_ROWS):
        problem = "the upload stopped, and the job holds the rows of the chunks before"
        advice = (
            "To continue, correct the rows and call again without resume: rows that the job holds"
            " are not sent again"
        )
    else:
        problem = "the upload stopped, and the job may hold some of its rows"
        advice = _advice(plan)
    reason = str(failure).rstrip(".")
    raise UploadIncomplete(
        f"{problem}: {reason}. {advice}", resume=plan.path or None, row=plan.refused_row
    ) from failure


def _advice(plan: Plan) -> str:
    return (
        f"To resume, repeat the call with resume={plan.path!r}"
        if plan.path
        else "To continue, repeat the call: the journal knows what was sent"
    )


_INVALID_ROWS: Final = (ApplicationError, PayloadTooLarge, ValidationError)
"""Refusals of what was sent: sending the same again ends in the same refusal."""


class KeyedUpload:
    """One upload while it runs."""

    def __init__(
        self,
        client: BaseClient,
        target: UploadTarget,
        plan: Plan,
        record: UploadRecord,
        list_units: Callable[[int], Units],
        report: Callable[[int], object] | None,
    ) -> None:
        self._client = client
        self._target = target
        self._plan = plan
        self._record = record
        self._list_units = list_units
        self._report = report or (lambda _: None)
        self._count = RowCount(client, target.path)
        record.ignored.update(plan.progress.ignored)
        self._duplicates = DuplicateUnits(client, target.path, record.ignored)
        self._duplicates.removed = plan.progress.duplicates_removed
        self._may_be_twice = record.may_be_twice or plan.progress.resends > 0

    def run(self, *, force: bool) -> None:
        """Send missing rows until the job holds all of them, once."""
        self._force = force
        plan, record = self._plan, self._record
        job = self._target.check()
        record.check_job(job.get("created_at"))
        is_continued = self._settle_earlier()
        if is_continued or plan.has_sent or job.get("units_count") != 0:
            self._read_units()
            self._check_arrival()
        if plan.progress.found < 0:
            self._begin(job)
        known = plan.units.rows_present
        self._report(known)
        is_complete = known == plan.progress.rows
        for chunk in plan.chunks():
            if chunk.state != "done" and (sent := self._send_until_there(chunk)):
                known += sent
                self._report(known)
        if not is_complete or self._may_be_twice or plan.units.duplicates():
            self._verify()
            self._report(plan.progress.rows)

    def _settle_earlier(self) -> bool:
        """Wait for a request whose outcome an earlier call did not learn.

        :returns: Whether an earlier call may have sent rows.
        """
        plan, record = self._plan, self._record
        unknown = [chunk.expected for chunk in plan.chunks() if chunk.state == "sent"]
        if record.is_unknown:
            unknown.append(record.expected)
        if unknown:
            self._count.wait_for(unknown[-1])
        if record.key is None:
            return False
        plan.units.record_earlier(record.sent_hashes())
        if record.key != plan.key:  # its duplicates show by its own key only
            self._read_units(record.key)
            self._check_arrival()
            self._remove(plan.units.earlier_duplicates())
            plan.units.forget_earlier()
            record.finish()
        return True

    def _check_arrival(self) -> None:
        """Check whether all rows of an unfinished upload arrived; their number proves nothing."""
        if self._plan.units.lack_earlier():
            self._may_be_twice = self._record.may_be_twice = True
            self._record.save()

    def _begin(self, job: JSONObject) -> None:
        plan = self._plan
        self._check_foreign(plan.units.foreign_duplicates())
        count = job.get("units_count")
        missing = plan.progress.rows - plan.units.rows_present
        total = (count if isinstance(count, int) else 0) + missing
        if total > MAX_ROWS:
            raise InvalidInput(
                f"job {self._target.id} would hold {total:,} rows; at most {MAX_ROWS:,}"
            )
        plan.progress.found = plan.units.rows_found
        plan.save()

    def _check_foreign(self, groups: dict[str, list[int]]) -> None:
        """Refuse a job that holds rows twice which no upload of ours has sent.

        In a launched job one of them may have been canceled.
        """
        job_id, is_launched = self._target.id, self._target.is_launched
        for units in groups.values():
            if not is_launched or len(self._duplicates.find_active(units)) > 1:
                count = sum(len(each) - 1 for each in groups.values())
                raise InvalidInput(
                    f"job {job_id} holds rows of this upload twice already, {count} in all,"
                    f" such as unit {units[-1]}; delete{' or cancel' * is_launched} those first"
                )
        if groups:
            self._forget(groups)

    # Sending

    def _send_until_there(self, chunk: Chunk) -> int:
        """Send the missing rows of a chunk until they are there; return how many those were."""
        lines = self._plan.missing_lines(chunk)
        missing = len(lines)
        for attempt in range(MAX_SENDS):
            again = attempt > 0 or chunk.state == "sent"
            if not lines or self._send(chunk, lines, again=again):
                self._mark_done(chunk)
                return missing
            self._read_units()
            lines = self._plan.missing_lines(chunk)
            if self._target.orders_rows and lines:
                raise self._incomplete(
                    "a response was lost, and the job does not hold the rows: they may still"
                    " arrive, and duplicates would be ordered"
                )
        raise self._incomplete(
            f"chunk {chunk.number} was sent {MAX_SENDS} times and did not arrive"
        )

    def _send(self, chunk: Chunk, lines: list[bytes], *, again: bool) -> bool:
        """Send rows once; return whether they are known to have arrived."""
        before = self._count.wait_until_processed()
        expected = None if before is None else before + len(lines)
        if again:
            self._may_be_twice = self._record.may_be_twice = True
            self._plan.progress.resends += 1
            self._save()
        self._record.send(self._plan.key, self._plan.missing_keys(chunk), expected)
        self._plan.mark(chunk, "sent", expected)
        try:
            self._client.request(
                "PUT",
                f"{self._target.path}/upload.json",
                query={"force": True} if self._force else None,
                data=self._plan.body(lines),
                headers={"Content-Type": self._plan.content_type},
            )
        except OutcomeUnknown:
            return self._count.wait_for(expected)
        except RefusedError as error:
            self._plan.name_row(error, chunk)
            if not again and self._is_refused_whole(error, chunk, lines):
                self._plan.mark(chunk, "planned")
                self._record.withdraw()
                if not self._plan.has_sent:
                    say_nothing_stored(error)
            raise
        return True

    def _mark_done(self, chunk: Chunk) -> None:
        self._plan.mark(chunk, "done")
        if self._record.is_unknown:
            self._record.settle()

    def _is_refused_whole(self, error: RefusedError, chunk: Chunk, lines: list[bytes]) -> bool:
        """Return whether a refused chunk left no row in the job, however the refusal came."""
        if is_refused_whole(error):
            return True
        if not isinstance(error, ApplicationError):
            return False
        self._read_units()
        return len(self._plan.missing_lines(chunk)) == len(lines)

    # Reading and correcting

    def _read_units(self, key: str | None = None, *, only_new: bool = False) -> None:
        """Record which rows the job holds."""
        key = key or self._plan.key
        self._plan.units.read(self._list_units, key, self._record.ignored, only_new=only_new)

    def _verify(self) -> None:
        """Check that the job holds each row once; send missing rows and remove duplicates."""
        for attempt in range(MAX_ROUNDS):
            before = self._count.read()
            missing = self._wait_for_rows(only_new=attempt == 0 and not self._may_be_twice)
            duplicates = self._plan.units.duplicates()
            if missing or duplicates:
                self._correct(missing, duplicates)
            elif not self._may_be_twice or self._count.is_stable(before):
                return
        raise self._incomplete("rows that were sent are missing, or come back when deleted")

    def _wait_for_rows(self, *, only_new: bool) -> int:
        """Read the units until all rows are there; return how many are missing at the end."""
        missing = 0
        for attempt in poll(self._client.clock, POLL_DELAYS):
            self._read_units(only_new=only_new and attempt == 1)
            missing = self._count_missing()
            if not missing:
                break
        return missing

    def _count_missing(self) -> int:
        return self._plan.progress.rows - self._plan.units.rows_present

    def _correct(self, missing: int, duplicates: dict[str, list[int]]) -> None:
        if missing and self._target.orders_rows:
            raise self._incomplete(
                f"{missing} rows are missing, and may still arrive, in a job that orders rows as"
                " they arrive"
            )
        for chunk in self._plan.chunks() if missing else ():
            if lines := self._plan.missing_lines(chunk):
                self._send(chunk, lines, again=True)
                self._mark_done(chunk)
        self._remove(duplicates)

    def _remove(self, groups: dict[str, list[int]]) -> None:
        """Keep one unit of each group; the next read shows whether the others are gone."""
        if not groups:
            return
        self._target.check()
        try:
            for units in groups.values():
                self._duplicates.keep_one(units, is_launched=self._target.is_launched)
        except UnitStaysError as error:
            raise self._incomplete(str(error)) from error
        finally:
            self._forget(groups)

    def _forget(self, groups: dict[str, list[int]]) -> None:
        """Record which units do not count, and how many were removed."""
        self._plan.units.forget(groups, self._record.ignored)
        self._plan.progress.duplicates_removed = self._duplicates.removed
        self._save()

    def _save(self) -> None:
        self._plan.progress.ignored = sorted(self._record.ignored)
        self._plan.save()
        self._record.save()

    def _incomplete(self, problem: str) -> UploadIncomplete:
        return UploadIncomplete(
            f"{problem}{self._count.refusal}. {_advice(self._plan)}", resume=self._plan.path or None
        )
