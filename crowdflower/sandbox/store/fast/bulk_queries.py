"""Units by the thousand: hand-written SQL on the driver's own connection.

For inserting units and for listing them, SQLAlchemy's statement objects and decoding would cost
more than the database. While no unit of a job was deleted and no file is being stored, a page of
units is a range of ``seq`` instead of an OFFSET, so that the last page costs as much as the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from crowdflower.sandbox.store.fast.driver import (
    ROWS_PER_STATEMENT,
    BulkDriver,
    Driver,
    insert_rows,
)

_COLUMNS = ("job_id", "seq", "state", "data", "created_at", "updated_at")
_INTO = f"unit ({', '.join(_COLUMNS)})"

_TOUCH_UPLOAD = """
UPDATE upload SET touched_at = ? WHERE id = ? AND EXISTS
  (SELECT 1 FROM job WHERE job.id = upload.job_id AND job.deleted_at IS NULL)
"""

_UNITS_BY_RANGE = """
SELECT id, data FROM unit WHERE job_id = ? AND seq > ? AND seq <= ? ORDER BY seq
"""

_IS_DENSE = """
SELECT seq_dense AND NOT EXISTS (SELECT 1 FROM upload l WHERE l.job_id = job.id)
FROM job WHERE id = ?
"""

_UNITS_BY_COUNT = """
SELECT id, data FROM unit WHERE job_id = ? AND NOT EXISTS
  (SELECT 1 FROM upload l WHERE l.job_id = unit.job_id AND unit.seq >= l.first_seq
   AND unit.seq < l.end_seq)
ORDER BY seq LIMIT ? OFFSET ?
"""

_JUDGED_UNITS = """
SELECT id, state, data, updated_at FROM unit
WHERE job_id = ? AND judgments_count > 0 ORDER BY seq LIMIT ? OFFSET ?
"""

_JUDGMENTS_OF_UNITS = """
SELECT j.unit_id, j.id, j.data, w.trust, j.tainted FROM judgment j
JOIN worker_job w ON w.job_id = j.job_id AND w.worker_id = j.worker_id
WHERE j.unit_id IN ({marks}) AND NOT j.rejected ORDER BY j.unit_id, j.id
"""


class JudgedUnit(NamedTuple):
    """A unit with trusted judgments; ``data`` is JSON text."""

    id: int
    state: str
    data: str
    updated_at: float


class UnitJudgment(NamedTuple):
    """A judgment; ``data`` is JSON text, ``trust`` the contributor's current trust."""

    unit_id: int
    id: int
    data: str
    trust: float
    tainted: bool


def insert_units(
    driver: Driver, job_id: int, first_seq: int, now: float, texts: Iterable[str]
) -> int:
    """Insert units from a stream of JSON strings; return how many."""
    if isinstance(driver, BulkDriver):
        rows = ((job_id, seq, "new", text, now, now) for seq, text in enumerate(texts, first_seq))
        return driver.copy("unit", _COLUMNS, rows)
    seq, waiting = first_seq, iter(texts)
    while chunk := [*islice(waiting, ROWS_PER_STATEMENT)]:
        values = [(job_id, at, "new", text, now, now) for at, text in enumerate(chunk, seq)]
        insert_rows(driver, _INTO, values)
        seq += len(chunk)
    return seq - first_seq


def has_uploads(driver: Driver) -> bool:
    """Return whether a large upload is being stored, or was not finished."""
    return driver.execute("SELECT 1 FROM upload LIMIT 1").fetchone() is not None


def touch_upload(driver: Driver, upload_id: int, now: float) -> bool:
    """Note the progress of an upload; return whether it, and its job, still exist."""
    return driver.execute(_TOUCH_UPLOAD, (now, upload_id)).rowcount > 0


def read_units(driver: Driver, job_id: int, page: int, limit: int) -> Iterable[tuple[int, str]]:
    """Read a page of units: id, and data as JSON text."""
    begin = (page - 1) * limit
    (is_dense,) = driver.execute(_IS_DENSE, (job_id,)).fetchone()
    if is_dense:
        return driver.execute(_UNITS_BY_RANGE, (job_id, begin, begin + limit))
    return driver.execute(_UNITS_BY_COUNT, (job_id, limit, begin))


def read_judged_units(driver: Driver, job_id: int, page: int, limit: int) -> list[JudgedUnit]:
    """Read a page of the units with trusted judgments."""
    rows = driver.execute(_JUDGED_UNITS, (job_id, limit, (page - 1) * limit))
    return [JudgedUnit(*row) for row in rows]


def read_judgments(driver: Driver, unit_ids: list[int]) -> dict[int, list[UnitJudgment]]:
    """Read the judgments of units that were not rejected, by unit, oldest first."""
    by_unit: dict[int, list[UnitJudgment]] = {}
    if unit_ids:
        marks = ",".join("?" * len(unit_ids))
        for row in driver.execute(_JUDGMENTS_OF_UNITS.format(marks=marks), unit_ids):
            by_unit.setdefault(row[0], []).append(UnitJudgment(*row))
    return by_unit


def update_data(driver: Driver, lines: Iterable[tuple[str, float, int]]) -> None:
    """Replace the data of units.

    :param lines: Data as JSON text, time of the update, id of the unit.
    """
    driver.executemany("UPDATE unit SET data = ?, updated_at = ? WHERE id = ?", lines)
