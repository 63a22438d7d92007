"""Uploads: stream rows into a job as new units, all or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Row, insert, update

from crowdflower.sandbox.errors import Invalid, NotFound
from crowdflower.sandbox.rules import visibility
from crowdflower.sandbox.rules.counters import CounterChanges
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.results import webhook_events
from crowdflower.sandbox.rules.settings.source_columns import read_columns
from crowdflower.sandbox.rules.units import staging
from crowdflower.sandbox.rules.units.row_checks import CheckedRows, RowChecker, to_json
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.fast import bulk_queries
from crowdflower.sandbox.store.tables import job as jobs_table
from crowdflower.sandbox.store.tables import job_column

__all__ = [
    "add_columns",
    "append",
    "append_file",
    "append_unchanged",
    "create_job",
    "create_job_from_file",
    "progress",
    "read_columns",
    "record_refusal",
    "remaining_units",
    "to_json",
]


def append(
    tx: Transaction, job: Row[Any], rows: Iterable[Mapping[str, Any]], *, force: bool = False
) -> int:
    """Add rows to a job as new units, in their order, after the units that it has.

    The first row sets the columns of the upload; they must be those of the job. Later rows may omit
    some, which are then ``None``. Columns of test questions are optional in every row.

    :param rows: Iterated once; an exception that they raise undoes the upload.
    :param force: Accept columns that the job does not have.
    :returns: The number of rows.
    :raises Invalid: A row has other columns, or values that cannot be stored as JSON; the message
        has its number, from 1, without the header. Nothing is stored.
    :raises NotFound: The job is deleted.
    """
    current = jobs.load_for_update(tx, job)
    known = read_columns(tx, job.id)
    checker = RowChecker(known, force=force, max_rows=remaining_units(tx, current))
    now, lines = tx.clock.now(), checker.json_rows(rows)
    count = bulk_queries.insert_units(tx.driver, job.id, current.next_seq, now, lines)
    _complete(tx, current, count, checker.columns[len(known) :], current.next_seq + count)
    return count


def append_file(tx: Transaction, job: Row[Any], rows: CheckedRows) -> None:
    """Add the rows of a file to a job: all of them, stored before or in this transaction.

    :raises Invalid: Others have changed the job meanwhile, so that the rows do not fit any more.
    :raises NotFound: The job is deleted.
    """
    current = jobs.load_for_update(tx, job)
    known = read_columns(tx, job.id)
    rows.check_again(known, remaining_units(tx, current))
    next_seq = current.next_seq
    if rows.upload_id is not None:
        staging.finish(tx, rows.upload_id)
    else:
        for texts in rows.batches():
            bulk_queries.insert_units(tx.driver, job.id, next_seq, tx.clock.now(), texts)
        next_seq += rows.count
    _complete(tx, current, rows.count, rows.new_columns(known), next_seq)


def append_unchanged(tx: Transaction, job: Row[Any], rows: Iterable[Mapping[str, Any]]) -> int:
    """Add rows of another job as they are; each may have columns of its own.

    :param rows: Iterated once; an exception that they raise undoes the upload.
    :returns: The number of rows.
    :raises Invalid: A row has values that cannot be stored as JSON.
    """
    current = jobs.load_for_update(tx, job)
    columns: dict[str, None] = {}

    def lines() -> Iterator[str]:
        for number, row in enumerate(rows, 1):
            columns.update(dict.fromkeys(row))
            try:
                yield to_json(row)
            except (TypeError, ValueError) as error:
                raise Invalid(f"Row {number} cannot be stored as JSON: {error}.") from None

    now = tx.clock.now()
    count = bulk_queries.insert_units(tx.driver, job.id, current.next_seq, now, lines())
    if count:
        _complete(tx, current, count, columns, current.next_seq + count)
    return count


def create_job(tx: Transaction, account: Row[Any], rows: Iterable[Mapping[str, Any]]) -> Row[Any]:
    """Create a job from rows, with the default channels and without a title.

    :raises Invalid: As in :func:`append`; no job is created.
    """
    job = staging.new_job(tx, account)
    append(tx, job, rows)
    return jobs.reload(tx, job)


def create_job_from_file(tx: Transaction, account: Row[Any], rows: CheckedRows) -> Row[Any]:
    """Create a job from the rows of a file, as :func:`create_job` does."""
    job = staging.new_job(tx, account) if rows.job_id is None else jobs.load(tx, rows.job_id)
    if job is None:
        raise NotFound  # the sandbox was reset meanwhile
    append_file(tx, job, rows)
    return jobs.reload(tx, job)


def progress(tx: Transaction, job: Row[Any]) -> dict[str, Any]:
    """Return whether the last upload is done, the number of units, and the last error.

    An upload is done, and its units are counted, when its request is answered. The error of a
    refused upload stays until the next upload.
    """
    current = jobs.reload(tx, job)
    if current.upload_error is None:
        return {"done": not visibility.is_loading(tx, job.id), "count": current.units_count}
    return {"done": False, "count": current.units_count, "error": current.upload_error}


def record_refusal(tx: Transaction, job: Row[Any], reason: str) -> None:
    """Store why an upload was refused, for :func:`progress`."""
    tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(upload_error=reason))


def add_columns(tx: Transaction, job_id: int, names: Iterable[str]) -> None:
    """Add columns to a job; those it has already are left as they are."""
    known = read_columns(tx, job_id)
    new = [name for name in dict.fromkeys(names) if name not in known]
    if new:
        lines = [
            {"job_id": job_id, "name": name, "ordinal": ordinal}
            for ordinal, name in enumerate(new, len(known))
        ]
        tx.connection.execute(insert(job_column), lines)


def remaining_units(tx: Transaction, job: Row[Any]) -> int | None:
    """Return how many units a job may still get; ``None`` for no limit."""
    maximum = tx.limits.rows_per_job
    return None if maximum is None else maximum - job.units_count


def _complete(
    tx: Transaction, job: Row[Any], count: int, new_columns: Iterable[str], next_seq: int
) -> None:
    """Count the new units of a job, and order them if it has ``auto_order``."""
    add_columns(tx, job.id, new_columns)
    changes = CounterChanges()
    changes.enter("new", count=count)
    changes.save(tx, job.id)
    values = {"next_seq": next_seq, "upload_error": None}
    tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(values))
    webhook_events.queue_data_processed(tx, job.id)
    orders.auto_order(tx, job)
