"""Uploads: stream rows into a job as new units, all or none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Row, insert, select, update

from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.rules.counters import CounterChanges
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.results import webhook_events
from crowdflower.sandbox.rules.settings import channels
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.column_types import encode_row
from crowdflower.sandbox.store.fast import bulk_queries
from crowdflower.sandbox.store.tables import job as jobs_table
from crowdflower.sandbox.store.tables import job_column

GOLD_COLUMN = re.compile(r"_golden|_gold_pool|.+_gold|.+_gold_reason")
"""Columns of test questions; rows of one file may differ in them."""

MAX_CACHED_SHAPES = 1000
"""Maximum number of distinct sets of columns to cache while a file is read."""


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
    checker = _UploadChecker(known, force=force, max_rows=_remaining_units(tx, current))
    now, lines = tx.clock.now(), checker.json_rows(rows)
    count = bulk_queries.insert_units(tx.driver, job.id, current.next_seq, now, lines)
    add_columns(tx, job.id, checker.columns[len(known) :])
    changes = CounterChanges()
    changes.enter("new", count=count)
    changes.save(tx, job.id)
    ahead = {"next_seq": jobs_table.c.next_seq + count, "upload_error": None}
    tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(ahead))
    webhook_events.queue_data_processed(tx, job.id)
    orders.auto_order(tx, job)
    return count


def create_job(tx: Transaction, account: Row[Any], rows: Iterable[Mapping[str, Any]]) -> Row[Any]:
    """Create a job from rows, with the default channels and without a title.

    :raises Invalid: As in :func:`append`; no job is created.
    """
    job = jobs.create(tx, account, {})
    channels.add(tx, job, channels.DEFAULT)
    append(tx, job, rows)
    return jobs.reload(tx, job)


def progress(tx: Transaction, job: Row[Any]) -> dict[str, Any]:
    """Return whether the last upload is done, the number of units, and the last error.

    An upload is done when its request is answered. The error of a refused upload stays until the
    next upload.
    """
    current = jobs.reload(tx, job)
    if current.upload_error is None:
        return {"done": True, "count": current.units_count}
    return {"done": False, "count": current.units_count, "error": current.upload_error}


def record_refusal(tx: Transaction, job: Row[Any], reason: str) -> None:
    """Store why an upload was refused, for :func:`progress`."""
    tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(upload_error=reason))


def read_columns(tx: Transaction, job_id: int) -> list[str]:
    """List the columns of a job in the order in which they were added."""
    query = select(job_column.c.name).where(job_column.c.job_id == job_id)
    return [row.name for row in tx.all(query.order_by(job_column.c.ordinal))]


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


def to_json(data: Mapping[str, Any]) -> str:
    """Encode the data of a unit as JSON.

    :raises ValueError: A number or a character cannot be represented in JSON or UTF-8.
    :raises TypeError: A value has a type that JSON does not have.
    """
    return encode_row(data if type(data) is dict else dict(data))


def _remaining_units(tx: Transaction, job: Row[Any]) -> int | None:
    maximum = tx.limits.rows_per_job
    return None if maximum is None else maximum - job.units_count


class _UploadChecker:
    """Checks the rows of one upload, and collects their columns."""

    def __init__(self, known: list[str], *, force: bool, max_rows: int | None) -> None:
        self.columns = list(known)
        self._force = force
        self._max_rows = max_rows
        self._header: dict[str, None] = {}
        self._incomplete: dict[tuple[str, ...], bool] = {}

    def json_rows(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """Yield each row as JSON after it was checked."""
        for number, row in enumerate(rows, 1):
            if self._max_rows is not None and number > self._max_rows:
                raise Invalid(f"Row {number} exceeds the maximum number of units of a job.")
            if type(row) is not dict and not isinstance(row, Mapping):
                raise Invalid(f"Row {number} is not an object with a value for each column.")
            if number == 1:
                self._set_header(row)
            shape = tuple(row)  # a file has few distinct sets of columns: check each once
            incomplete = self._incomplete.get(shape)
            if incomplete is None:
                incomplete = self._check_columns(number, shape)
            try:
                text = to_json({**self._header, **row} if incomplete else row)
            except (TypeError, ValueError) as error:
                raise Invalid(f"Row {number} cannot be stored as JSON: {error}.") from None
            yield text

    def _set_header(self, row: Mapping[str, Any]) -> None:
        """Set the columns of the upload from its first row."""
        self._header = dict.fromkeys(name for name in row if not _is_gold_column(name))
        expected = [name for name in self.columns if not _is_gold_column(name)]
        if self.columns and not self._force and self._header.keys() != set(expected):
            raise Invalid(_describe_difference(self._header, expected))

    def _check_columns(self, number: int, shape: tuple[str, ...]) -> bool:
        """Check a new set of columns; return whether it lacks columns of the header."""
        for name in shape:
            if not isinstance(name, str):
                raise Invalid(f"Row {number} has a column {name!r}: names must be strings.")
            if name not in self._header and not _is_gold_column(name) and not self._force:
                raise Invalid(
                    f"Row {number} has a column that row 1 does not have: {name}. "
                    f"Send force=true to add it."
                )
        self.columns += [name for name in shape if name not in self.columns]
        incomplete = not self._header.keys() <= set(shape)
        if len(self._incomplete) < MAX_CACHED_SHAPES:
            self._incomplete[shape] = incomplete
        return incomplete


def _is_gold_column(name: object) -> bool:
    return isinstance(name, str) and GOLD_COLUMN.fullmatch(name) is not None


def _describe_difference(found: Iterable[str], expected: Iterable[str]) -> str:
    missing = ", ".join(name for name in expected if name not in found)
    added = ", ".join(str(name) for name in found if name not in expected)
    parts = [f"lacks {missing}"] * bool(missing) + [f"adds {added}"] * bool(added)
    return (
        f"Row 1 has other columns than the job: it {' and '.join(parts)}. "
        f"Send the same columns, or force=true to store them as they are."
    )
