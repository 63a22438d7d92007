"""Upload rows exactly once: read the job, send what is missing, read it again.

The service has no idempotency keys, but it can list the rows of a job. So an upload whose rows have
a key is sent in chunks. When the response to a chunk is lost, the job is read, and only the missing
rows are sent again. At the end the job is read once more, and units that arrived twice are deleted.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import Final

from crowdflower._types import JSON, JSONObject
from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    PayloadTooLarge,
    RefusedError,
    UploadError,
    UploadIncomplete,
    ValidationError,
)
from crowdflower.http.base_client import BaseClient
from crowdflower.http.encoding import segment
from crowdflower.http.polling import poll
from crowdflower.models.shapes import json_object
from crowdflower.rows import upload_plan
from crowdflower.rows.upload_keys import Source, key_in, no_column
from crowdflower.rows.upload_plan import Chunk, Plan
from crowdflower.rows.upload_source import is_refused_whole, say_nothing_stored

POLL_DELAYS: Final = (1, 2, 4, 8, 15, 30)
"""Seconds between reads of a job that may still be storing rows in the background."""

MAX_SENDS: Final = 3
"""How often a chunk is sent before the upload stops."""

MAX_ROUNDS: Final = 4
"""How often the job is read and corrected at the end before the upload stops."""

MAX_ROWS: Final = 1_000_000
"""Rows that a job can hold, where the service has raised its limit of 250,000."""

Units = Iterable[tuple[int, JSONObject]]
"""Id and data of each unit of a job."""


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
    """Units that were deleted because a row had arrived twice."""

    found: int
    """Rows that the job held already, and that were not sent."""


def upload_exactly_once(
    client: BaseClient,
    job_id: int,
    source: Source,
    list_units: Callable[[], Units],
    *,
    key: str,
    force: bool,
    resume: str | PathLike[str] | None,
    live: bool,
) -> Uploaded:
    """Upload rows to a job, each exactly once.

    :param list_units: Reads the units of the job.
    :param resume: The file of the plan; an existing plan is resumed.
    :param live: Upload even if the job is launched, or orders by itself.
    :raises InvalidInput: The rows, the job or the plan cannot be used; nothing was sent.
    :raises UploadIncomplete: The upload stopped; rows that arrived stay in the job.
    :raises RefusedError: The service refused the upload, and nothing was stored.
    """
    with upload_plan.open_plan(resume) as plan:
        failure: Exception
        try:
            url = client.transport.base_url + "/{path}"
            plan.begin(source, {"job": job_id, "url": url, "key": key, "force": force})
            if not plan.progress.is_finished:
                _Upload(client, job_id, plan, list_units, force=force, live=live).run()
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
        advice = f"To resume, repeat the call with resume={plan.path!r}"
    reason = str(failure).rstrip(".")
    raise UploadIncomplete(
        f"{problem}: {reason}. {advice}", resume=plan.path, row=plan.refused_row
    ) from failure


_INVALID_ROWS: Final = (ApplicationError, PayloadTooLarge, ValidationError)
"""Refusals of what was sent: sending the same again ends in the same refusal."""


_ROW: Final = re.compile(
    r"\b(?P<counts_header>unable to parse )?row (?P<number>[0-9]{1,7})\b", re.IGNORECASE
)
"""How a refusal names a row: where the service cannot parse one, it counts the header too."""


class _Upload:
    """One upload while it runs."""

    def __init__(
        self,
        client: BaseClient,
        job_id: int,
        plan: Plan,
        list_units: Callable[[], Units],
        *,
        force: bool,
        live: bool,
    ) -> None:
        self._client = client
        self._clock = client.clock
        self._id = job_id
        self._path = f"jobs/{segment(job_id)}"
        self._plan = plan
        self._list_units = list_units
        self._force = force
        self._live = live
        self._refusal = ""

    def run(self) -> None:
        """Send missing rows until the job holds all of them, once."""
        job = self._check_job()
        plan = self._plan
        chunks = plan.chunks()
        unknown = [chunk for chunk in chunks if chunk.state == "sent"]
        if unknown:
            self._wait_for_count(unknown[-1].expected)
        if plan.has_sent or job.get("units_count") != 0:
            self._read_units()
        if plan.progress.found < 0:
            self._begin(job)
        for chunk in chunks:
            if chunk.state != "done":
                self._send_until_there(chunk)
        self._verify()

    def _begin(self, job: JSONObject) -> None:
        plan = self._plan
        duplicates = plan.duplicates()
        if duplicates:
            raise InvalidInput(
                f"job {self._id} holds rows of this upload twice already, {len(duplicates)} in all,"
                f" such as unit {duplicates[0]}; delete those first"
            )
        found = plan.present_count
        count = job.get("units_count")
        total = (count if isinstance(count, int) else 0) + plan.progress.rows - found
        if total > MAX_ROWS:
            raise InvalidInput(f"job {self._id} would hold {total:,} rows; at most {MAX_ROWS:,}")
        plan.progress.found = found
        plan.save()

    def _check_job(self) -> JSONObject:
        """Read the job, and check that a duplicate row would cost nothing and could be deleted."""
        shape = partial(json_object, kind="job")
        job: JSONObject = self._client.request("GET", f"{self._path}.json", shape=shape).body
        if not self._live:
            self._refuse_live(job)
        return job

    def _refuse_live(self, job: JSONObject) -> None:
        if job.get("auto_order"):
            raise InvalidInput(
                f"job {self._id} orders rows as they arrive: a duplicate row would be paid for;"
                " switch auto_order off, or pass live=True"
            )
        if job.get("state") != "unordered":
            raise InvalidInput(
                f"job {self._id} is {job.get('state')}: a duplicate row could not be deleted; to"
                " upload anyway, pass live=True"
            )

    # Sending

    def _send_until_there(self, chunk: Chunk) -> None:
        for attempt in range(MAX_SENDS):
            lines = self._plan.missing_lines(chunk)
            again = attempt > 0 or chunk.state == "sent"
            if not lines or self._send(chunk, lines, again=again):
                self._plan.mark(chunk, "done")
                return
            self._read_units()
            if self._live and self._plan.missing_lines(chunk):
                raise self._incomplete(
                    "a response was lost, and the job does not hold the rows: they may still"
                    " arrive, and duplicates could not be deleted"
                )
        raise self._incomplete(
            f"chunk {chunk.number} was sent {MAX_SENDS} times and did not arrive"
        )

    def _send(self, chunk: Chunk, lines: list[bytes], *, again: bool) -> bool:
        """Send rows once; return whether they are known to have arrived."""
        before = self._settled_count()
        expected = None if before is None else before + len(lines)
        if again:
            self._plan.progress.resends += 1
            self._plan.save()
        self._plan.mark(chunk, "sent", expected)
        try:
            self._client.request(
                "PUT",
                f"{self._path}/upload.json",
                query={"force": True} if self._force else None,
                data=self._plan.body(lines),
                headers={"Content-Type": self._plan.content_type},
            )
        except OutcomeUnknown:
            return self._wait_for_count(expected)
        except RefusedError as error:
            self._name_row(error, chunk)
            if not again and self._is_refused_whole(error, chunk, lines):
                self._plan.mark(chunk, "planned")
                if not self._plan.has_sent:
                    say_nothing_stored(error)
            raise
        return True

    def _name_row(self, error: RefusedError, chunk: Chunk) -> None:
        """Say which row of the upload a refusal means, which counts the rows of its request."""
        found = _ROW.search(str(error))
        if not found:
            return
        position = int(found["number"])
        if found["counts_header"] and self._plan.has_header:
            position -= 1
        self._plan.refused_row = number = self._plan.row_number(chunk, position)
        if number not in {None, position}:
            reason = str(error).rstrip(".")
            error.args = (f"{reason} (this is row {number} of all the rows)",)

    def _is_refused_whole(self, error: RefusedError, chunk: Chunk, lines: list[bytes]) -> bool:
        """Return whether a refused chunk left no row in the job, however the refusal came."""
        if is_refused_whole(error):
            return True
        if not isinstance(error, ApplicationError):
            return False
        self._read_units()
        return len(self._plan.missing_lines(chunk)) == len(lines)

    # Reading

    def _progress(self) -> tuple[bool, int | None]:
        """Return whether the latest upload has been processed, and how many rows the job holds."""
        try:
            answer: JSON = self._client.request("GET", f"{self._path}/units/ping.json").body
        except ApplicationError as error:
            self._refusal = f" ({error})"  # the service could not read a row
            return True, None
        count = answer.get("count") if isinstance(answer, dict) else None
        done = answer.get("done") is not False if isinstance(answer, dict) else True
        return done, count if isinstance(count, int) else None

    def _settled_count(self) -> int | None:
        """Return how many rows the job holds when it has processed the latest upload."""
        count = None
        for _ in poll(self._clock, POLL_DELAYS):
            done, count = self._progress()
            if done:
                break
        return count

    def _wait_for_count(self, expected: int | None) -> bool:
        """Wait for rows whose response was lost; return whether the job reached the row count."""
        for _ in poll(self._clock, POLL_DELAYS):
            if self._progress() == (True, expected) and expected is not None:
                return True
        return False

    def _is_stable(self, before: tuple[bool, int | None]) -> bool:
        """Wait for rows that were given up as lost; return whether none arrived after all."""
        return all(self._progress() == before for _ in poll(self._clock, POLL_DELAYS))

    def _read_units(self) -> None:
        """Record which rows the job holds."""
        self._plan.record_units(keys_of_units(self._list_units(), self._plan.key))

    def _verify(self) -> None:
        """Check that the job holds each row once; send missing rows and delete duplicates."""
        for _ in range(MAX_ROUNDS):
            before = self._progress()
            missing = self._wait_for_rows()
            duplicates = self._plan.duplicates()
            if missing or duplicates:
                self._correct(missing, duplicates)
            elif not self._plan.progress.resends or self._is_stable(before):
                return
        raise self._incomplete("rows that were sent are missing, or come back when deleted")

    def _wait_for_rows(self) -> int:
        """Read the units until all rows are there; return how many are missing at the end."""
        missing = 0
        for _ in poll(self._clock, POLL_DELAYS):
            self._read_units()
            missing = self._plan.progress.rows - self._plan.present_count
            if not missing:
                break
        return missing

    def _correct(self, missing: int, duplicates: list[int]) -> None:
        if self._live:
            raise self._incomplete(
                f"{missing} rows are missing and {len(duplicates)} arrived twice, in a job that is"
                " running"
            )
        for chunk in self._plan.chunks() if missing else ():
            if lines := self._plan.missing_lines(chunk):
                self._send(chunk, lines, again=True)
                self._plan.mark(chunk, "done")
        self._delete(duplicates)

    def _delete(self, units: list[int]) -> None:
        """Delete units; the next read shows whether they are gone."""
        if units:
            self._check_job()
        try:
            for unit in units:
                with suppress(NotFound, OutcomeUnknown):
                    self._client.request("DELETE", f"{self._path}/units/{segment(unit)}.json")
                    self._plan.progress.duplicates_removed += 1
        finally:
            self._plan.save()

    def _incomplete(self, problem: str) -> UploadIncomplete:
        path = self._plan.path
        return UploadIncomplete(
            f"{problem}{self._refusal}. To resume, repeat the call with resume={path!r}",
            resume=path,
        )


def keys_of_units(units: Units, key: str, *, required: bool = False) -> Iterator[tuple[str, int]]:
    """Yield the key and the id of every unit that has a key.

    :raises InvalidInput: ``required``, and no unit has such a column; raised at the end.
    """
    data: JSONObject = {}
    is_there = not required
    for unit_id, data in units:
        found = key_in(data, key)
        is_there = is_there or found is not None or key in data
        if found:
            yield found, unit_id
    if data and not is_there:
        raise InvalidInput(f"the job {no_column(key, data)}")
