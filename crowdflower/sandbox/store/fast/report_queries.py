"""The units and judgments of the full report: hand-written SQL on the driver's own connection.

The report has a row per judgment, so that SQLAlchemy's rows and types would cost as much as all the
rest. Flags are 0 and 1 on SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from crowdflower.sandbox.store.column_types import decode
from crowdflower.sandbox.store.fast.driver import Driver


class ReportedUnit(NamedTuple):
    """A unit."""

    id: int
    seq: int
    data: dict[str, Any]


class ReportedJudgment(NamedTuple):
    """A judgment; ``trust`` is the contributor's current trust in the job."""

    unit_id: int
    id: int
    created_at: float
    started_at: float
    golden: int
    missed: int | None
    tainted: int
    rejected: int
    channel: str
    trust: float
    worker_id: int
    country: str | None
    region: str | None
    city: str | None
    ip: str | None
    data: dict[str, Any]


_UNITS = """
SELECT id, seq, data FROM unit WHERE job_id = ? AND seq > ? AND NOT EXISTS
  (SELECT 1 FROM upload l WHERE l.job_id = unit.job_id AND unit.seq >= l.first_seq
   AND unit.seq < l.end_seq)
ORDER BY seq LIMIT ?
"""

_JUDGMENTS = """
SELECT j.unit_id, j.id, j.created_at, j.started_at, j.golden, j.missed, j.tainted, j.rejected,
  j.channel, w.trust, j.worker_id, j.country, j.region, j.city, j.ip, j.data
FROM unit u JOIN judgment j ON j.unit_id = u.id
JOIN worker_job w ON w.job_id = j.job_id AND w.worker_id = j.worker_id
WHERE u.job_id = ? AND u.seq >= ? AND u.seq <= ? ORDER BY u.seq, j.id
"""


_SHORT: Final = 200
"""Characters of an answer up to which it is cached: many contributors give the same."""


def read_units(driver: Driver, job_id: int, after_seq: int, count: int) -> list[ReportedUnit]:
    """Read the visible units of a job that follow one, in the order of upload."""
    found = driver.execute(_UNITS, (job_id, after_seq, count))
    return [ReportedUnit(number, seq, decode(data)) for number, seq, data in found]


def read_judgments(
    driver: Driver, job_id: int, first: int, last: int
) -> Iterator[ReportedJudgment]:
    """Yield the judgments of the units of a range of ``seq``, unit by unit, oldest first.

    Those with the same answers may share their ``data``; callers must not change it.
    """
    for row in driver.execute(_JUDGMENTS, (job_id, first, last)):
        text = row[-1]
        data = _decode(text) if len(text) <= _SHORT else decode(text)
        yield ReportedJudgment._make((*row[:-1], data))


@lru_cache(maxsize=1024)
def _decode(text: str) -> Any:
    return decode(text)
