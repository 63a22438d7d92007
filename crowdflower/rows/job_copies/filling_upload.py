"""Uploads rows to a job until it is full, each exactly once."""

from __future__ import annotations

from collections.abc import Callable

from crowdflower._types import JSONObject
from crowdflower.exceptions import InvalidInput, RefusedError, UnitLimitReached
from crowdflower.http.base_client import BaseClient
from crowdflower.rows.exactly_once import KeyedUpload
from crowdflower.rows.job_copies.parted_plan import LATER, PartedPlan
from crowdflower.rows.recovery.upload_journal import UploadRecord
from crowdflower.rows.recovery.upload_target import UploadTarget
from crowdflower.rows.upload_keys import Units
from crowdflower.rows.upload_plan import Chunk
from crowdflower.rows.upload_source import is_refused_whole


class FillingUpload(KeyedUpload):
    """The part of an upload that one job gets.

    :param plan: The rows that no earlier job holds; those that do not fit are left in it.
    :param is_full: Whether the job gets no rows: only those that it holds already are taken.
    """

    def __init__(
        self,
        client: BaseClient,
        job_id: int,
        plan: PartedPlan,
        record: UploadRecord,
        list_units: Callable[[int], Units],
        report: Callable[[int], object],
        *,
        is_full: bool,
    ) -> None:
        # A job that gets no rows may be canceled; one that gets some is checked before.
        target = UploadTarget(client, job_id, live=True)
        super().__init__(client, target, plan, record, list_units, report)
        self._parted = plan
        self.is_full = is_full
        self.has_sent = False
        """Whether the job may hold rows that this object sent."""

    def _begin(self, job: JSONObject) -> None:
        self._check_foreign(self._parted.units.foreign_duplicates())
        self._parted.progress.found = self._parted.units.rows_found
        if self.is_full:
            self._parted.postpone()
        elif self._parted.count_all_missing():
            _check_takes_rows(self._target.id, job)
        self._parted.save()

    def _send_until_there(self, chunk: Chunk) -> int:
        if self.is_full or chunk.state == LATER:
            return 0
        self._parted.refused_row = None
        try:
            return super()._send_until_there(chunk)
        except UnitLimitReached:
            return self._fill(chunk)

    def _send(self, chunk: Chunk, lines: list[bytes], *, again: bool) -> bool:
        try:
            has_arrived = super()._send(chunk, lines, again=again)
        except RefusedError as error:
            self.has_sent = self.has_sent or not is_refused_whole(error)
            raise
        self.has_sent = True
        return has_arrived

    def _fill(self, chunk: Chunk) -> int:
        """Send the rows of a refused chunk that the job still has room for.

        The service names no number, or the first row that is too many. Without it, half of what was
        refused is sent, until a single row is.
        """
        sent, count = 0, self._parted.count_missing(chunk)
        refused = self._parted.refused_row
        size = count if refused is None else self._parted.count_missing(chunk, before=refused)
        is_named = 0 <= size < count
        while count > 1 and size:
            size = size if is_named else count // 2
            first, rest = self._parted.split(chunk, size)
            try:
                sent += super()._send_until_there(first)
            except UnitLimitReached:
                chunk, count, is_named = first, size, False
            else:
                if is_named:
                    break
                chunk, count = rest, count - size
        self.is_full = True
        self._parted.postpone()
        return sent

    def _count_missing(self) -> int:
        return self._parted.count_all_missing()


def _check_takes_rows(job_id: int, job: JSONObject) -> None:
    """Check that rows in a job can be ordered, and are not ordered at once.

    :raises InvalidInput: The job is canceled, or orders rows by itself.
    """
    if job.get("auto_order"):
        raise InvalidInput(
            f"job {job_id} orders rows as they arrive: a duplicate row would be paid for; switch"
            " auto_order off"
        )
    if job.get("state") == "canceled":
        raise InvalidInput(
            f"job {job_id} is canceled: its rows cannot be ordered; pass a copy of it"
        )
