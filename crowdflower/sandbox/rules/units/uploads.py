"""Rows that are uploaded: they stream in, and all of them are stored or none."""

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
"""Columns of test questions; rows of one file may have them or not."""

MAX_CACHED_SHAPES = 1000
"""Sets of columns that are remembered while a file is read."""


def column_name(header: str) -> str:
    """Make the name of a column from the header of a CSV file.

    >>> column_name("Retailer URL"), column_name("x:confidence"), column_name("_golden")
    ('retailer_url', 'xconfidence', '_golden')

    Source: CrowdFlower, `Uploading Data
    <https://success.crowdflower.com/hc/en-us/articles/202702925>`_, and columns of public reports.
    """
    return re.sub(r"[^\w]", "", re.sub(r"\s+", "_", header.strip().lower()))


def append(
    tx: Transaction, job: Row[Any], rows: Iterable[Mapping[str, Any]], *, force: bool = False
) -> int:
    """Add rows to a job, after those it has and in the order in which they come.

    The first row names the columns of the upload, and they have to be those of the job. Later rows
    may leave some out, which then are ``None``. Columns of test questions are free to come and go.

    :param rows: Read once; what they raise undoes the upload.
    :param force: Take columns that the job does not have.
    :returns: How many rows there were.
    :raises Invalid: A row has other columns or something that is no JSON; the message names it,
        counting from 1 without a header. Nothing is stored.
    :raises NotFound: The job is deleted.
    """
    current = jobs.load_for_update(tx, job)
    known = read_columns(tx, job.id)
    upload = _UploadChecker(known, force=force, room=_remaining_units(tx, current))
    now = tx.clock.now()
    count = bulk_queries.insert_units(tx.driver, job.id, current.next_seq, now, upload.texts(rows))
    add_columns(tx, job.id, upload.columns[len(known) :])
    tally = CounterChanges()
    tally.enter("new", rows=count)
    tally.save(tx, job.id)
    ahead = {"next_seq": jobs_table.c.next_seq + count, "upload_error": None}
    tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(ahead))
    webhook_events.queue_data_processed(tx, job.id)
    orders.auto_order(tx, job)
    return count


def create_job(tx: Transaction, account: Row[Any], rows: Iterable[Mapping[str, Any]]) -> Row[Any]:
    """Make a job of rows; it has the default channels, and no title.

    :raises Invalid: As in :func:`append`; there is no job then.
    """
    job = jobs.create(tx, account, {})
    channels.add(tx, job, channels.DEFAULT)
    append(tx, job, rows)
    return jobs.reload(tx, job)


def progress(tx: Transaction, job: Row[Any]) -> dict[str, Any]:
    """Tell whether the last upload is through, how many rows the job has, and what was wrong.

    Uploads are through when they are answered. One that was refused stored nothing; what it was
    refused with stands here until the next one.
    """
    now = jobs.reload(tx, job)
    if now.upload_error is None:
        return {"done": True, "count": now.units_count}
    return {"done": False, "count": now.units_count, "error": now.upload_error}


def record_refusal(tx: Transaction, job: Row[Any], why: str) -> None:
    """Keep for :func:`progress` why a file was not taken."""
    tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(upload_error=why))


def read_columns(tx: Transaction, job_id: int) -> list[str]:
    """List the columns of a job in the order in which they came."""
    query = select(job_column.c.name).where(job_column.c.job_id == job_id)
    return [row.name for row in tx.all(query.order_by(job_column.c.ordinal))]


def add_columns(tx: Transaction, job_id: int, names: Iterable[str]) -> None:
    """Let a job have these columns too."""
    known = read_columns(tx, job_id)
    new = [name for name in dict.fromkeys(names) if name not in known]
    if new:
        lines = [
            {"job_id": job_id, "name": name, "ordinal": place}
            for place, name in enumerate(new, len(known))
        ]
        tx.connection.execute(insert(job_column), lines)


def to_json(data: Mapping[str, Any]) -> str:
    """Write a row's data as JSON text.

    :raises ValueError: It holds a number or a character that JSON or UTF-8 has no form for.
    :raises TypeError: It holds something that JSON cannot.
    """
    return encode_row(data if type(data) is dict else dict(data))


def _remaining_units(tx: Transaction, job: Row[Any]) -> int | None:
    most = tx.limits.rows_per_job
    return None if most is None else most - job.units_count


class _UploadChecker:
    """The columns of one upload, as its rows show them."""

    def __init__(self, known: list[str], *, force: bool, room: int | None) -> None:
        self.columns = list(known)
        self._force = force
        self._room = room
        self._header: dict[str, None] = {}
        self._lacking: dict[tuple[str, ...], bool] = {}

    def texts(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """Yield the rows as JSON text, each checked before it is yielded."""
        for number, row in enumerate(rows, 1):
            if self._room is not None and number > self._room:
                raise Invalid(f"Row {number} is one too many: a job may hold no more rows.")
            if type(row) is not dict and not isinstance(row, Mapping):
                raise Invalid(f"Row {number} is no object with a value for each column.")
            if number == 1:
                self._begin(row)
            shape = tuple(row)  # most rows of a file have one of a few
            lacking = self._lacking.get(shape)
            if lacking is None:
                lacking = self._lacks(number, shape)
            try:
                text = to_json({**self._header, **row} if lacking else row)
            except (TypeError, ValueError) as error:
                raise Invalid(f"Row {number} cannot be stored as JSON: {error}.") from None
            yield text

    def _begin(self, row: Mapping[str, Any]) -> None:
        """Take the columns of the first row for those of the upload."""
        self._header = dict.fromkeys(name for name in row if not _is_gold_column(name))
        expected = [name for name in self.columns if not _is_gold_column(name)]
        if self.columns and not self._force and self._header.keys() != set(expected):
            raise Invalid(_describe_difference(self._header, expected))

    def _lacks(self, number: int, shape: tuple[str, ...]) -> bool:
        """Check columns that have not come together before; tell whether some are missing."""
        for name in shape:
            if not isinstance(name, str):
                raise Invalid(f"Row {number} names a column {name!r}, which is no text.")
            if name not in self._header and not _is_gold_column(name) and not self._force:
                raise Invalid(
                    f"Row {number} has a column that row 1 does not have: {name}. "
                    f"Send force=true to add it."
                )
        self.columns += [name for name in shape if name not in self.columns]
        lacking = not self._header.keys() <= set(shape)
        if len(self._lacking) < MAX_CACHED_SHAPES:
            self._lacking[shape] = lacking
        return lacking


def _is_gold_column(name: object) -> bool:
    return isinstance(name, str) and GOLD_COLUMN.fullmatch(name) is not None


def _describe_difference(found: Iterable[str], expected: Iterable[str]) -> str:
    lacks = ", ".join(name for name in expected if name not in found)
    adds = ", ".join(str(name) for name in found if name not in expected)
    parts = [f"lacks {lacks}"] * bool(lacks) + [f"adds {adds}"] * bool(adds)
    return (
        f"Row 1 has other columns than the job: it {' and '.join(parts)}. "
        f"Send the same columns, or force=true to store them as they are."
    )
