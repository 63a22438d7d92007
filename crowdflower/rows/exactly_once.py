"""The dialogue by which rows are delivered exactly once: look, send, look again.

The service has no keys of its own by which a request that is sent twice would be known. But it has
the rows, and can be asked for them. So an upload whose rows have a key is sent in chunks; where the
answer to one is lost, the job is read, and only what is not there is sent again; and in the end the
job is read once more, and what is there twice is deleted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

from crowdflower._types import JSONObject
from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    UploadError,
    UploadIncomplete,
)
from crowdflower.http.messages import an_object
from crowdflower.rows import upload_plan
from crowdflower.rows.upload_keys import Source, key_in
from crowdflower.rows.upload_plan import Chunk, Plan

if TYPE_CHECKING:
    from crowdflower.client import Client

SETTLING: Final = (1, 2, 4, 8, 15, 30)
"""Seconds between looks at a job that may still be taking rows in: it does so in the background."""

SENDS: Final = 3
"""How often a chunk is sent before the upload stops."""

ROUNDS: Final = 4
"""How often an upload is looked at in the end, and mended, before it stops."""

MOST_ROWS: Final = 1_000_000
"""Rows that a job can hold, where the service has raised its limit of 250,000."""


@dataclass(frozen=True)
class Uploaded:
    """What an upload with a key column did; every row of it was seen in the job, once."""

    rows: int
    """All rows of the upload."""

    chunks: int
    """Requests that it was planned as."""

    resends: int
    """Requests beyond those, for rows that were not there after an answer had been lost."""

    duplicates_removed: int
    """Units that were deleted because a row had arrived twice."""

    found: int
    """Rows that the job held already, and that were not sent."""


def delivered(
    client: Client,
    job_id: int,
    source: Source,
    *,
    key: str,
    force: bool,
    resume: str | PathLike[str] | None,
    live: bool,
) -> Uploaded:
    """Deliver rows to a job, each exactly once.

    :param resume: Where to keep the plan, and to go on with it if it is there.
    :param live: Do it although the job is launched, or orders by itself.
    :raises InvalidInput: Nothing was sent.
    :raises UploadIncomplete: It had to stop; what is there, stays there.
    :raises ApiError: It was refused before any row was stored.
    """
    with upload_plan.opened(resume) as plan:
        failure: Exception
        try:
            about = {"job": job_id, "url": client.API_URL, "key": key, "force": force}
            plan.begin(source, about)
            if not plan.progress.is_finished:
                _Delivery(client, job_id, plan, force=force, live=live).run()
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
        if not isinstance(failure, ApiError):  # a disk that is full, a number that no file takes
            failure = upload_plan.unusable(plan.path, failure)
            was_sent = True
        else:
            was_sent = plan.was_sent
        if not was_sent or isinstance(failure, UploadError):
            raise failure
        plan.is_kept = True
    raise UploadIncomplete(
        f"the upload stopped, and some of its rows may be there: {failure}. The same call with"
        f" resume={plan.path!r} goes on",
        resume=plan.path,
    ) from failure


class _Delivery:
    """One upload on its way."""

    def __init__(self, client: Client, job_id: int, plan: Plan, *, force: bool, live: bool) -> None:
        self._client = client
        self._id = job_id
        self._path = client.jobs[job_id]
        self._plan = plan
        self._force = force
        self._live = live
        self._key = plan.key
        self._clock = client.clock
        self._complaint = ""

    def run(self) -> None:
        """Send what is not there, until all is."""
        job = self._checked_job()
        plan = self._plan
        chunks = plan.chunks()
        uncertain = [chunk for chunk in chunks if chunk.state == "sent"]
        if uncertain:
            self._has_settled(uncertain[-1].expected)
        if plan.was_sent or job.get("units_count") != 0:
            self._look()
        if plan.progress.found < 0:
            self._begin(job)
        for chunk in chunks:
            if chunk.state != "done":
                self._deliver(chunk)
        self._verify()

    def _begin(self, job: JSONObject) -> None:
        plan = self._plan
        spares = plan.spares()
        if spares:
            raise InvalidInput(
                f"job {self._id} holds rows of this upload twice already, {len(spares)} in all,"
                f" such as unit {spares[0]}; delete those first"
            )
        found = plan.present
        held = job.get("units_count")
        total = (held if isinstance(held, int) else 0) + plan.progress.rows - found
        if total > MOST_ROWS:
            raise InvalidInput(f"job {self._id} would hold {total:,} rows; at most {MOST_ROWS:,}")
        plan.progress.found = found
        plan.save()

    def _checked_job(self) -> JSONObject:
        """Read the job, and see that a row which arrives twice costs nothing and can be deleted."""
        job: JSONObject = self._path(shape=partial(an_object, kind="job"))
        if self._live:
            return job
        if job.get("auto_order"):
            raise InvalidInput(
                f"job {self._id} orders rows as they arrive: one that arrived twice would be paid"
                " twice; switch auto_order off, or say live=True"
            )
        if job.get("state") != "unordered":
            raise InvalidInput(
                f"job {self._id} is {job.get('state')}: a row that arrived twice could not be"
                " deleted any more; say live=True to upload all the same"
            )
        return job

    # Sending

    def _deliver(self, chunk: Chunk) -> None:
        for attempt in range(SENDS):
            lines = self._plan.lacking(chunk)
            again = attempt > 0 or chunk.state == "sent"
            if not lines or self._send(chunk, lines, again=again):
                self._plan.mark(chunk, "done")
                return
            self._look()
            if self._live and self._plan.lacking(chunk):
                raise self._incomplete(
                    "an answer was lost, and the job does not hold the rows: they may still"
                    " arrive, and could not be deleted if they came twice"
                )
        raise self._incomplete(f"chunk {chunk.number} was sent {SENDS} times and did not arrive")

    def _send(self, chunk: Chunk, lines: list[bytes], *, again: bool) -> bool:
        """Send rows once; tell whether they are known to have arrived."""
        before = self._count()
        expected = None if before is None else before + len(lines)
        if again:
            self._plan.progress.resends += 1
            self._plan.save()
        self._plan.mark(chunk, "sent", expected)
        try:
            self._path.upload(
                data=self._plan.body(lines),
                headers={"Content-Type": self._plan.content_type},
                query={"force": True} if self._force else {},
                method="put",
            )
        except OutcomeUnknown:
            return self._has_settled(expected)
        return True

    # Looking

    def _progress(self) -> tuple[bool, int | None]:
        """Ask whether the latest upload is through, and how many rows there are."""
        try:
            answer: Any = self._path.units.ping()
        except ApplicationError as error:
            self._complaint = f" ({error})"  # a row that the service could not read
            return True, None
        count = answer.get("count") if isinstance(answer, dict) else None
        done = answer.get("done") is not False if isinstance(answer, dict) else True
        return done, count if isinstance(count, int) else None

    def _count(self) -> int | None:
        """Return how many rows the job has once it has taken in what it was sent."""
        done, count = self._progress()
        for pause in SETTLING:
            if done:
                break
            self._clock.sleep(pause)
            done, count = self._progress()
        return count

    def _has_settled(self, expected: int | None) -> bool:
        """Wait for rows whose answer was lost; tell whether the job has as many as it should."""
        for pause in (0, *SETTLING):
            if pause:
                self._clock.sleep(pause)
            if self._progress() == (True, expected) and expected is not None:
                return True
        return False

    def _stays(self, before: tuple[bool, int | None]) -> bool:
        """Wait for rows that were given up for lost; tell whether none came after all."""
        for pause in (0, *SETTLING):
            if pause:
                self._clock.sleep(pause)
            if self._progress() != before:
                return False
        return True

    def _look(self) -> None:
        """Read which rows the job holds."""
        self._plan.see(keys_of_units(self._client, self._id, self._key))

    def _verify(self) -> None:
        """See every row in the job, once; mend what is not so."""
        for _ in range(ROUNDS):
            before = self._progress()
            lacking = self._awaited()
            spares = self._plan.spares()
            if lacking or spares:
                self._mend(lacking, spares)
            elif not self._plan.progress.resends or self._stays(before):
                return
        raise self._incomplete("rows that were sent are not there, or come back when deleted")

    def _awaited(self) -> int:
        """Look until all rows are there, or the time is up; return how many are not."""
        lacking = 0
        for pause in (0, *SETTLING):
            if pause:
                self._clock.sleep(pause)
            self._look()
            lacking = self._plan.progress.rows - self._plan.present
            if not lacking:
                break
        return lacking

    def _mend(self, lacking: int, spares: list[int]) -> None:
        if self._live:
            raise self._incomplete(
                f"{lacking} rows are not there and {len(spares)} came twice, in a job that is at"
                " work"
            )
        for chunk in self._plan.chunks() if lacking else ():
            if lines := self._plan.lacking(chunk):
                self._send(chunk, lines, again=True)
                self._plan.mark(chunk, "done")
        self._remove(spares)

    def _remove(self, spares: list[int]) -> None:
        """Delete units; whether they are gone is seen by the next look."""
        if spares:
            self._checked_job()
        try:
            for unit in spares:
                with suppress(NotFound, OutcomeUnknown):
                    self._path.units[unit](method="delete")
                    self._plan.progress.duplicates_removed += 1
        finally:
            self._plan.save()

    def _incomplete(self, problem: str) -> UploadIncomplete:
        path = self._plan.path
        return UploadIncomplete(
            f"{problem}{self._complaint}. The same call with resume={path!r} goes on", resume=path
        )


def keys_of_units(client: Client, job_id: int, key: str) -> Iterator[tuple[str, int]]:
    """Yield the key and the id of every unit that has one."""
    for unit in client.get_units(job_id):
        found = key_in(unit.data, key)
        if found:
            yield found, unit.id
