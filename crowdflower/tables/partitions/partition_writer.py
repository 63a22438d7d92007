"""Stages rows in a job from many tasks; a task may be repeated, or run twice at the same time.

A task reads the job before it sends anything: rows that are there, from another attempt or from
before, are not sent. It never deletes anything. Two attempts at the same time may both send a row;
the commit, which runs once and alone, removes all units of a row but one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, Final

from crowdflower._types import JSONObject, describe_type
from crowdflower.exceptions import InvalidInput, OutcomeUnknown, RefusedError, UploadIncomplete
from crowdflower.http.base_client import BaseClient
from crowdflower.http.encoding import segment
from crowdflower.models import shapes
from crowdflower.models.arguments import check_count
from crowdflower.models.endpoints import UNITS_PER_PAGE
from crowdflower.models.job_fields import JobFields
from crowdflower.rows.recovery.row_count import RowCount
from crowdflower.rows.recovery.upload_target import UploadTarget
from crowdflower.rows.sources.arrow_rows import read_arrow
from crowdflower.rows.sources.row_sources import rows_in
from crowdflower.rows.sources.table_rows import TableRows
from crowdflower.rows.upload_keys import Source, check_key, keys_of_units, of_rows
from crowdflower.rows.upload_plan import Chunk, Plan, open_plan, plan_error
from crowdflower.tables.partitions.account_verbs import account
from crowdflower.tables.partitions.unit_pages import read_page
from crowdflower.tables.partitions.write_claims import WriteClaims

MAX_SENDS: Final = 3
"""How often a chunk is sent before the task fails."""


@dataclass(frozen=True)
class WriteToken:
    """A write to a job: :func:`start_write` returns it, and every task gets it.

    It can be pickled, and has no API key.
    """

    job_id: int
    """The job that is written to."""

    key: str
    """The column that identifies a row."""

    claims_job: int
    """A job in which the tasks record what they send; it is deleted at the end."""

    job_created_at: str | None = None
    """When the job was created: a client of another server is noticed by it."""

    force: bool = False
    """Whether rows may have columns that the job does not have."""


@dataclass(frozen=True)
class WriteReceipt:
    """What a task has staged, in a few bytes however many rows these are.

    It can be pickled, and has no API key.
    """

    attempt: str
    """A name of this attempt, by which its claims are found."""

    rows: int
    """Rows of the partition; all of them are in the job."""

    sent: int
    """Rows that this attempt has sent: the others were in the job, for example from a previous
    attempt."""

    may_be_twice: bool = False
    """Whether the response to a request was lost, so that its rows may have arrived twice."""

    partition: int | str | None = None
    """Which partition it is: of several receipts for it, one counts."""


def start_write(
    client: BaseClient, job_id: JobFields | int, *, key: str, force: bool = False
) -> WriteToken:
    """Begin to write rows to a job from several tasks.

    Rows become units that are not ordered. Creates a small job for this write, which
    :func:`commit_write` and :func:`abort_write` delete. Calls ``GET /jobs/{id}``,
    ``GET /jobs/{id}/units``, ``POST /jobs`` and ``PUT /jobs/{id}/tags``.

    :param job_id: The job to write to, which must exist.
    :param key: The column that identifies a row: a string or an integer, unique among all rows.
    :param force: Accept rows whose columns differ from those of the job.
    :raises InvalidInput: The job orders rows as they arrive, is canceled, or has units without such
        a column.

    >>> from crowdflower.tables.partitions import start_write
    >>> draft = account(client).create_job({"title": "Reviews"})
    >>> token = start_write(client, draft.id, key="id")
    >>> token.job_id == draft.id
    True
    """
    check_key(key)
    number = check_count("job_id", job_id.id if isinstance(job_id, JobFields) else job_id)
    target = UploadTarget(client, number, live=False)
    job = target.check()
    RowCount(client, target.path).wait_until_processed()
    if job.get("units_count") != 0 and not force:
        for _ in keys_of_units(read_page(client, number, 1).items(), key, required=True):
            pass
    about = {"key": key, "force": force}
    claims = WriteClaims.create(client, number, about)
    return WriteToken(number, key, claims.job_id, job.get("created_at"), force)


def open_writes(client: BaseClient, job_id: JobFields | int) -> list[WriteToken]:
    """Return the tokens of the writes to a job that were neither committed nor aborted.

    If a driver was killed, :func:`abort_write` removes with them what its tasks have staged. Calls
    ``GET /jobs``, and ``GET /jobs/{id}/units`` for each of them.

    >>> from crowdflower.tables.partitions import open_writes, start_write
    >>> draft = client.create_job({"title": "Reviews"})
    >>> token = start_write(client, draft.id, key="id")
    >>> open_writes(client, draft.id) == [token]
    True
    """
    number = check_count("job_id", job_id.id if isinstance(job_id, JobFields) else job_id)
    job = UploadTarget(client, number, live=True).check()
    return [
        WriteToken(number, about["key"], claims.job_id, job.get("created_at"), about["force"])
        for claims, about in WriteClaims.find(client, number)
    ]


def write_partition(
    client: BaseClient, rows: Any, token: WriteToken, *, partition: int | str | None = None
) -> WriteReceipt:
    """Stage the rows of one partition, each once, as units that are not ordered.

    The call may be repeated after a crash, also on another machine, and run twice at the same time.
    The rows are encoded to a temporary file as they are consumed, and checked before the first is
    sent. If the job has units, their keys are read first, a thousand per request. Calls
    ``GET /jobs/{id}``, ``GET /jobs/{id}/units``, ``GET /jobs/{id}/tags`` and
    ``PUT /jobs/{id}/upload``, of the job and of that with the claims.

    :param rows: What :meth:`Job.upload <crowdflower.job.Job.upload>` takes, but no path; or several
        Arrow tables or record batches. No rows are fine.
    :param token: As :func:`start_write` returned it.
    :param partition: The number or the name of the partition. Of several receipts with the same one
        the commit uses the first.
    :raises InvalidInput: A row cannot be sent, or two rows have the same key; none was sent. Or the
        write is over.
    :raises UploadIncomplete: Rows did not arrive; repeat the call.
    :raises RefusedError: The service refuses rows; those of earlier chunks are staged.

    >>> from crowdflower.tables.partitions import start_write, write_partition
    >>> draft = account(client).create_job({"title": "Reviews"})
    >>> token = start_write(client, draft.id, key="id")
    >>> receipt = write_partition(client, [{"id": 1, "review": "Fine."}], token)
    >>> receipt.rows, receipt.sent
    (1, 1)
    >>> write_partition(client, [{"id": 1, "review": "Fine."}], token).sent
    0
    """
    check_token(token)
    attempt = os.urandom(8).hex()
    claims = WriteClaims(client, token.claims_job)
    claims.check_open()
    source = _source(rows, token)
    if source is None:
        return WriteReceipt(attempt, 0, 0, partition=partition)
    failure: Exception
    with open_plan(is_temporary=True) as plan:
        try:
            plan.begin(source, {"key": token.key})
            return _PartitionWrite(client, token, plan, claims, attempt).run(partition)
        except (sqlite3.Error, OverflowError) as error:
            failure = plan_error(plan.path, error)
    raise failure


def check_token(token: object) -> None:
    """Check that a value is a token.

    :raises InvalidInput: The value is something else.
    """
    if not isinstance(token, WriteToken):
        raise InvalidInput(f"token must be what start_write returned, not {describe_type(token)}")


def check_job(token: WriteToken, job: JSONObject) -> None:
    """Check that a job is the one that a write was begun for.

    :raises InvalidInput: The job is another one with the same id.
    """
    created_at = job.get("created_at")
    if None not in {created_at, token.job_created_at} and created_at != token.job_created_at:
        raise InvalidInput(
            f"job {token.job_id} is not the job of this write, since it was created at"
            f" {created_at}, and not at {token.job_created_at}: check CROWDFLOWER_API_URL"
        )


def list_units(
    client: BaseClient, job_id: int, start_page: int = 1
) -> Iterator[tuple[int, JSONObject]]:
    """Yield id and row of all units from a page on."""
    pages = account(client)._pages(  # noqa: SLF001 - one family
        f"jobs/{segment(job_id)}/units.json",
        UNITS_PER_PAGE,
        shape=shapes.page_by_unit,
        first=start_page,
    )
    return chain.from_iterable(page.items() for page in pages)


class _PartitionWrite:
    """One attempt of a task."""

    def __init__(
        self, client: BaseClient, token: WriteToken, plan: Plan, claims: WriteClaims, attempt: str
    ) -> None:
        self._client = client
        self._token = token
        self._plan = plan
        self._claims = claims
        self._attempt = attempt
        self._target = UploadTarget(client, token.job_id, live=False)
        self._count = RowCount(client, self._target.path)
        self._may_be_twice = False

    def run(self, partition: int | str | None) -> WriteReceipt:
        """Claim the keys, and send the rows that the job does not have."""
        plan = self._plan
        job = self._target.check()
        check_job(self._token, job)
        if job.get("units_count") != 0:
            self._count.wait_until_processed()
            self._read_units()
        sent = plan.progress.rows - plan.units.rows_present
        chunks = plan.chunks()
        self._claims.claim(
            self._attempt,
            sent=chain.from_iterable(map(plan.missing_keys, chunks)),
            found=plan.present_keys(),
        )
        for chunk in chunks:
            self._send_until_there(chunk)
        return WriteReceipt(self._attempt, plan.progress.rows, sent, self._may_be_twice, partition)

    def _read_units(self) -> None:
        units = partial(list_units, self._client, self._token.job_id)
        self._plan.units.read(units, self._token.key, frozenset())

    def _send_until_there(self, chunk: Chunk) -> None:
        """Send the rows of a chunk that are missing, until a request is known to have arrived."""
        for _ in range(MAX_SENDS):
            lines = self._plan.missing_lines(chunk)
            if not lines:
                return
            self._claims.check_open()
            try:
                self._client.request(
                    "PUT",
                    f"{self._target.path}/upload.json",
                    query={"force": True} if self._token.force else None,
                    data=self._plan.body(lines),
                    headers={"Content-Type": self._plan.content_type},
                )
            except OutcomeUnknown:
                self._may_be_twice = True
                self._count.wait_until_processed()
                self._read_units()
            except RefusedError as error:
                self._plan.name_row(error, chunk)
                raise
            else:
                return
        if self._plan.missing_lines(chunk):
            raise UploadIncomplete(
                f"rows were sent to job {self._token.job_id} {MAX_SENDS} times, and did not"
                f" arrive{self._count.refusal}; repeat the task",
                resume=None,
            )


def _source(rows: Any, token: WriteToken) -> Source | None:
    """Return encoded rows; ``None`` if there are none."""
    found = _rows(rows, token.key)
    if found is None:
        return None
    source = of_rows(found, token.key, force=token.force)
    first = next(source.rows, None)
    if first is None:
        return None
    return Source(source.content_type, source.header, chain([first], source.rows))


def _rows(rows: Any, key: str) -> Any:
    """Return rows as an upload takes them, also from several batches; ``None`` if it is empty."""
    if getattr(rows, "num_rows", None) == 0:  # a table or a batch of pyarrow
        return None
    found = rows_in(rows)
    if type(found).__name__ == "TableRows":
        return found if _is_filled(rows) else None
    iterator = iter(found)
    first = next(iterator, None)
    if first is None:
        return None
    every: Iterable[Any] = chain([first], iterator)
    if hasattr(type(first), "__arrow_c_array__") or hasattr(type(first), "__arrow_c_stream__"):
        return (row for batch in every if batch.num_rows for row in _batch_rows(batch, key))
    return every


def _batch_rows(batch: Any, key: str) -> TableRows:
    rows = read_arrow(batch)
    if key in rows.names:
        rows.use_key(key)
    return rows


def _is_filled(table: Any) -> bool:
    try:
        return len(table) > 0
    except TypeError:
        return True
