"""Stores the rows of a large upload in many short transactions; others wait briefly.

A row in ``upload`` hides the units from all requests (:mod:`crowdflower.sandbox.rules.visibility`)
until the last transaction deletes it. If the upload fails, its units are deleted. If its process
dies, the next process that opens the database deletes them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Lock
from time import perf_counter, sleep
from typing import Any, Final

from sqlalchemy import Row, delete, select, update

from crowdflower.sandbox.errors import NotFound
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.settings import channels
from crowdflower.sandbox.rules.units.row_checks import BATCH_ROWS, CheckedRows
from crowdflower.sandbox.store import Database, StoreFailure, Transaction
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.fast import bulk_queries
from crowdflower.sandbox.store.tables import job as jobs_table
from crowdflower.sandbox.store.tables import job_channel, unit, upload

LEASE: Final = 10 * 60.0
"""Seconds without progress after which the upload of another host counts as abandoned."""

GAP: Final = 0.25
"""How long to leave the database to other writers, as a share of the time it was taken."""

MIN_GAP: Final = 0.002

_active: set[tuple[str, int]] = set()
"""Database and id of the uploads that this process is storing."""

_registration: Final = Lock()
"""Held until an upload that is in the database is in :data:`_active`: another thread would take it
for abandoned."""


@contextmanager
def stage(
    database: Database, rows: CheckedRows, *, account: Row[Any], job: Row[Any] | None
) -> Iterator[None]:
    """Store the rows of a large upload, hidden; delete them if the block does not finish it.

    Rows that fit into one transaction are left for the block to store.

    :param job: The job to add them to; ``None`` to create one.
    :raises NotFound: The job was deleted, or the sandbox reset.
    """
    if rows.fits_one_batch:
        yield
        return
    discard_abandoned(database)
    with _registration:
        staged = database.write(partial(_reserve, rows=rows, account=account, into=job))
        mark = (database.name, staged.id)
        _active.add(mark)
    try:
        _store(database, staged, rows)
        rows.upload_id = staged.id
        rows.job_id = staged.job_id if staged.creates_job else None
        yield
    finally:
        # If the database fails or is closed, the next sandbox that opens it does this.
        with suppress(RuntimeError):
            discard(database, staged.id)
        _active.discard(mark)


def new_job(tx: Transaction, account: Row[Any]) -> Row[Any]:
    """Create the job of an upload, with the default channels and without a title."""
    job = jobs.create(tx, account, {})
    channels.add(tx, job, channels.DEFAULT)
    return job


def finish(tx: Transaction, upload_id: int) -> None:
    """Make the units of an upload visible.

    :raises NotFound: The sandbox was reset, and the units are gone.
    """
    if not tx.run(delete(upload).where(upload.c.id == upload_id)):
        raise NotFound


def discard(database: Database, upload_id: int) -> None:
    """Delete the units of an upload that was not finished, by short transactions."""
    while not _pausing(database, partial(_discard_batch, upload_id=upload_id)):
        pass


def discard_abandoned(database: Database) -> None:
    """Delete the units of uploads whose process has died."""
    if not database.read(lambda tx: bulk_queries.has_uploads(tx.driver)):
        return
    with _registration:
        found = database.read(lambda tx: [*filter(partial(_is_abandoned, tx), _read_all(tx))])
        abandoned = [row.id for row in found if (database.name, row.id) not in _active]
    for upload_id in abandoned:
        with suppress(StoreFailure):  # hidden rows do no harm: the next start tries again
            discard(database, upload_id)


def _reserve(
    tx: Transaction, *, rows: CheckedRows, account: Row[Any], into: Row[Any] | None
) -> Row[Any]:
    """Reserve a range of ``seq`` for the units of an upload."""
    job = new_job(tx, account) if into is None else jobs.load_for_update(tx, into)
    end = job.next_seq + rows.count
    values = {
        "job_id": job.id,
        "creates_job": into is None,
        "first_seq": job.next_seq,
        "end_seq": end,
        "next_seq": end,
        "owner": _this_process(),
        "touched_at": tx.clock.now(),
    }
    number = tx.add(upload, values)
    tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(next_seq=end))
    found: Row[Any] = tx.one(select(upload).where(upload.c.id == number))
    return found


def _store(database: Database, staged: Row[Any], rows: CheckedRows) -> None:
    seq = staged.first_seq
    for texts in rows.batches():
        _pausing(database, partial(_store_batch, staged=staged, seq=seq, texts=texts))
        seq += len(texts)


def _store_batch(tx: Transaction, *, staged: Row[Any], seq: int, texts: list[str]) -> None:
    if not bulk_queries.touch_upload(tx.driver, staged.id, tx.clock.now()):
        raise NotFound
    bulk_queries.insert_units(tx.driver, staged.job_id, seq, staged.touched_at, texts)


def _discard_batch(tx: Transaction, *, upload_id: int) -> bool:
    """Delete the last units of an upload; return whether nothing of it is left."""
    staged = tx.one(select(upload).where(upload.c.id == upload_id))
    if staged is None:
        return True
    start = max(staged.first_seq, staged.end_seq - BATCH_ROWS)
    tx.run(delete(unit).where(unit.c.job_id == staged.job_id, unit.c.seq >= start,
                              unit.c.seq < staged.end_seq))  # fmt: skip
    if start > staged.first_seq:
        tx.run(update(upload).where(upload.c.id == upload_id).values(end_seq=start))
        return False
    locks.lock_job(tx, staged.job_id)
    tx.run(delete(upload).where(upload.c.id == upload_id))
    if staged.creates_job:
        tx.run(delete(job_channel).where(job_channel.c.job_id == staged.job_id))
        tx.run(delete(jobs_table).where(jobs_table.c.id == staged.job_id))
        return True
    is_last = jobs.load(tx, staged.job_id).next_seq == staged.next_seq
    values = {"next_seq": staged.first_seq} if is_last else {"seq_dense": False}
    tx.run(update(jobs_table).where(jobs_table.c.id == staged.job_id).values(values))
    return True


def _pausing(database: Database, do: Any) -> Any:
    """Run a transaction, then leave the database to the writers that wait for it.

    SQLite's lock is not fair: without the gap, this thread could take it again and again.
    """
    began = perf_counter()
    result = database.write(do)
    sleep(max(MIN_GAP, GAP * (perf_counter() - began)))
    return result


def _read_all(tx: Transaction) -> list[Row[Any]]:
    return tx.all(select(upload))


def _this_process() -> str:
    return f"{socket.gethostname()} {os.getpid()}"


def _is_abandoned(tx: Transaction, staged: Row[Any]) -> bool:
    """Return whether no living process stores an upload, as far as this host can know."""
    if tx.clock.now() - staged.touched_at > LEASE:
        return True
    host, _, process = staged.owner.rpartition(" ")
    if staged.owner == _this_process():
        return True  # an earlier process with this number; or of this one, which the caller knows
    return host == socket.gethostname() and not _is_running(int(process))


def _is_running(process: int) -> bool:
    if os.name == "nt":  # where the call below would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs as another user
        return True
    return True
