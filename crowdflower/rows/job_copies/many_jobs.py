"""Uploads rows to a job and to copies of it: what one job cannot hold goes to the next one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import Protocol

from crowdflower._types import JSONObject, RowSource
from crowdflower.exceptions import ApiError, UploadError, UploadIncomplete
from crowdflower.http.base_client import BaseClient
from crowdflower.http.encoding import segment
from crowdflower.models import shapes
from crowdflower.rows import upload_keys, upload_plan, upload_source
from crowdflower.rows.job_copies.filling_upload import FillingUpload
from crowdflower.rows.job_copies.parted_plan import PartedPlan
from crowdflower.rows.job_copies.unit_copies import wait_for_units
from crowdflower.rows.recovery.upload_journal import UploadJournal, UploadRecord
from crowdflower.rows.sources.arrow_rows import read_parquet
from crowdflower.rows.upload_keys import Source, Units

ListUnits = Callable[[int, int], Units]
"""Reads the units of a job, by its id, from a page on."""


class JobCopies(Protocol):
    """A job and its copies; :mod:`crowdflower.payments.recovery.job_parts` makes them."""

    def find(self) -> list[JSONObject]:
        """Return the job and its copies, in order."""

    def create(self, *, may_exist: bool) -> JSONObject:
        """Return the next copy; create it if it does not exist."""

    @property
    def expected_units(self) -> int:
        """How many test questions a copy gets."""


@dataclass
class ManyCounts:
    """What an upload to several jobs did.

    :ivar jobs: The jobs, in order.
    :ivar missing: Rows that no job holds: those that a dry run did not send.
    """

    jobs: list[JSONObject]
    rows: int = 0
    found: int = 0
    missing: int = 0
    resends: int = 0
    duplicates_removed: int = 0


@contextmanager
def keyed_rows(data: RowSource, key: str, *, force: bool) -> Iterator[Source]:
    """Encode rows, or the rows of a file, with their keys.

    :raises InvalidInput: The argument does not hold rows, or a row cannot be sent.
    """
    if not isinstance(data, (str, PathLike)):
        yield upload_keys.of_rows(data, key, force=force)
        return
    upload_source.check_path(data)
    if upload_source.is_parquet(data, None):
        yield upload_keys.of_rows(read_parquet(data), key, force=force)
        return
    with upload_source.open_file(data, None) as (body, content_type):
        yield upload_keys.of_file(body, content_type, key, force=force)


class ManyJobs:
    """An upload to a job and to as many copies of it as it takes.

    The jobs are visited in order. Each one but the last is full: of the rows it is only read which
    ones it holds. The last one gets the others until the service refuses a row because the job
    would have too many; the rest is for the next copy.

    :param journal: Remembers what was sent, so that an upload that was killed can be continued.
    """

    def __init__(
        self,
        client: BaseClient,
        copies: JobCopies,
        list_units: ListUnits,
        journal: UploadJournal | None,
        max_jobs: int,
    ) -> None:
        self._client = client
        self._copies = copies
        self._list_units = list_units
        self._journal = journal
        self._max_jobs = max_jobs
        self._has_sent = False

    def count(self, source: Source, key: str) -> ManyCounts:
        """Return how many rows the jobs hold, and how many an upload would send."""
        with closing(PartedPlan()) as plan:
            plan.begin(source, {"key": key})
            counts = ManyCounts(self._copies.find(), rows=plan.progress.rows)
            for job in counts.jobs:
                plan.units.read(partial(self._list_units, job["id"]), key, set())
                counts.found += plan.units.rows_present
                plan.begin_next()
            counts.missing = plan.progress.rows
        return counts

    def upload(
        self, source: Source, key: str, *, force: bool, report: Callable[[int], object]
    ) -> ManyCounts:
        """Upload rows, each exactly once.

        :param report: Called with the number of rows that are known to be in a job, as it grows.
        :raises InvalidInput: The rows or a job cannot be used; nothing was sent.
        :raises UploadIncomplete: The upload stopped; rows that arrived stay in their jobs.
        """
        failure: Exception
        with closing(PartedPlan()) as plan:
            try:
                plan.begin(source, {"key": key})
                counts = ManyCounts(self._copies.find(), rows=plan.progress.rows)
                self._fill_jobs(plan, counts, force=force, report=report)
            except UploadIncomplete:
                raise
            except (ApiError, sqlite3.Error, OverflowError) as error:
                failure = error
            else:
                return counts
            row = plan.refused_row
        if not isinstance(failure, ApiError):
            failure = upload_plan.plan_error("", failure)
        elif not self._has_sent or isinstance(failure, UploadError):
            raise failure
        reason = str(failure).rstrip(".")
        raise UploadIncomplete(
            "the upload stopped, and the jobs may hold some of its rows:"
            f" {reason}. To continue, repeat the call: rows that a job holds are not sent again",
            resume=None,
            row=row,
        ) from failure

    def _fill_jobs(
        self,
        plan: PartedPlan,
        counts: ManyCounts,
        *,
        force: bool,
        report: Callable[[int], object],
    ) -> None:
        jobs, place = counts.jobs, 0
        was_sent = False
        while plan.progress.rows:
            is_new = place == len(jobs)
            if is_new:
                self._check_number(jobs, plan.progress.rows)
                jobs.append(self._copies.create(may_exist=not was_sent))
                self._wait_for_test_questions(jobs[-1])
            before = plan.progress.rows
            is_last = place == len(jobs) - 1
            was_sent = self._fill(
                jobs[place],
                plan,
                counts,
                force=force,
                report=partial(_report_more, report, counts.rows - before),
                is_full=not is_last or (place > 0 and jobs[place].get("state") == "canceled"),
            )
            if is_new and plan.progress.rows == before:
                self._check_room(jobs[place]["id"], before)
            place += 1
        report(counts.rows)

    def _fill(
        self,
        job: JSONObject,
        plan: PartedPlan,
        counts: ManyCounts,
        *,
        force: bool,
        report: Callable[[int], object],
        is_full: bool,
    ) -> bool:
        """Send the rows that a job has room for; return whether any was sent."""
        job_id = job["id"]
        opened: AbstractContextManager[UploadRecord] = (
            self._journal.open(job_id, self._client.clock)
            if self._journal
            else nullcontext(UploadRecord())
        )
        with opened as record:
            upload = FillingUpload(
                self._client,
                job_id,
                plan,
                record,
                partial(self._list_units, job_id),
                report,
                is_full=is_full,
            )
            try:
                upload.run(force=force)
            finally:
                self._has_sent = self._has_sent or upload.has_sent
            record.finish()
        counts.found += max(0, plan.progress.found)
        counts.resends += plan.progress.resends
        counts.duplicates_removed += plan.progress.duplicates_removed
        plan.begin_next()
        return upload.has_sent

    def _check_number(self, jobs: Sequence[JSONObject], rows: int) -> None:
        if len(jobs) >= self._max_jobs:
            raise UploadIncomplete(
                f"{rows:,} rows do not fit into {counted_jobs(len(jobs))}, and max_jobs is"
                f" {self._max_jobs}: raise it and repeat the call; rows that a job holds are not"
                " sent again",
                resume=None,
            )

    def _wait_for_test_questions(self, job: JSONObject) -> None:
        if total := self._copies.expected_units:
            wait_for_units(self._client, job["id"], total, None)

    def _check_room(self, job_id: int, rows: int) -> None:
        """Stop at a new copy that takes no row: another one would not take any either."""
        path = f"jobs/{segment(job_id)}.json"
        count = self._client.request("GET", path, shape=shapes.a_job).body.get("units_count")
        if not isinstance(count, int) or count <= self._copies.expected_units:
            raise UploadIncomplete(
                f"job {job_id}, a new copy, has no room for any of {rows:,} rows: the service"
                " refused each as one too many",
                resume=None,
            )


def _report_more(report: Callable[[int], object], done: int, rows: int) -> None:
    report(done + rows)


def counted_jobs(count: int) -> str:
    """Return a number of jobs in words.

    >>> counted_jobs(1), counted_jobs(3)
    ('1 job', '3 jobs')
    """
    return f"{count} job{'' if count == 1 else 's'}"
