"""The history of a job by hand-written SQL: when its judgments came, when its units became final.

A large job has hundreds of thousands of judgments. Their ids rise with time, so the limits of a
slot of time are found by bisection, and the judgments between two ids are counted in the order of
the table. That takes a third of the time of grouping them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import floor
from typing import Final, NamedTuple

from crowdflower.sandbox.store.fast.driver import Driver

_LAST = "SELECT max(id) FROM judgment"

_NEXT = "SELECT id, created_at FROM judgment WHERE id >= ? ORDER BY id LIMIT 1"

_COUNTS = """
count(*), count(*) FILTER (WHERE NOT golden AND NOT tainted), count(*) FILTER (WHERE tainted)
"""

# A plus sign hides a column from SQLite's choice of an index.
_COUNT_BETWEEN = f"""
SELECT {_COUNTS} FROM judgment WHERE id >= ? AND id < ? AND +job_id = ?
"""  # noqa: S608 - a shared clause

_COUNT_BY_SLOT = f"""
SELECT CAST(/*! floor( */ created_at / ? /*! ) */ AS INTEGER), {_COUNTS}
FROM judgment WHERE job_id = ? AND id >= ? GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - a shared clause

_FIRST_PAGE = "SELECT min(started_at) FROM assignment WHERE job_id = ?"

_FINALIZED_BY_SLOT = """
SELECT CAST(/*! floor( */ finalized_at / ? /*! ) */ AS INTEGER), count(*)
FROM unit WHERE job_id = ? AND state = 'finalized' AND finalized_at IS NOT NULL GROUP BY 1
"""

_BY_AGREEMENT = """
SELECT count(*), coalesce(sum(agreement), 0) FROM unit
WHERE job_id = ? AND agreement IS NOT NULL AND agreement >= ? AND agreement < ?
"""

# CROSS JOIN has SQLite read the new judgments first, and then look up their units.
_NEWLY_FINALIZED = """
SELECT DISTINCT u.id, u.seq, u.finalized_at, u.agreement
FROM judgment j CROSS JOIN unit u
WHERE j.id > ? AND +j.job_id = ? AND u.id = j.unit_id
  AND u.state = 'finalized' AND u.finalized_at >= j.created_at
"""

_FINALIZED_AMONG = """
SELECT id FROM unit WHERE job_id = ? AND state = 'finalized' AND seq IN ({marks})
"""

# As in the condition of the index unit_gold, without which all units are read.
_GOLDS = """
SELECT coalesce(sum(judgments_count), 0), count(*) FILTER
  (WHERE judgments_count + tainted_count >= ?
   AND 2 * missed_count >= judgments_count + tainted_count)
FROM unit WHERE job_id = ? AND (state = 'golden' OR state = 'hidden_gold')
"""

_LATEST_PAGES = """
SELECT worker_id, submitted_at - started_at FROM assignment
WHERE job_id = ? AND state = 'submitted' ORDER BY expires_at DESC LIMIT ?
"""

_FEW: Final = 4
"""How many times as many judgments of all jobs are read in order, before an index is used."""


class Slot(NamedTuple):
    """The judgments of a job in a slot of time, also those that were rejected later."""

    number: int
    """Seconds since 1970 UTC, divided by the length of a slot, rounded down."""
    judgments: int
    useful: int
    """Those that are neither of test questions nor tainted."""
    tainted: int


class FinalizedUnit(NamedTuple):
    """A final unit."""

    id: int
    seq: int
    finalized_at: float
    agreement: float | None


def last_judgment_id(driver: Driver) -> int:
    """Return the highest id of all judgments; 0 if there are none."""
    return int(driver.execute(_LAST).fetchone()[0] or 0)


def first_judgment_id(driver: Driver, since: float) -> int:
    """Return the lowest id of the judgments of all jobs since a time; 1 more than the last if none.

    :param since: Seconds since 1970 UTC.
    """
    first = driver.execute(_NEXT, (0,)).fetchone()
    return _bisect(driver, first[0] - 1, last_judgment_id(driver), since) if first else 1


def first_page_at(driver: Driver, job_id: int) -> float | None:
    """Return when the first page of a job was handed out."""
    found = driver.execute(_FIRST_PAGE, (job_id,)).fetchone()[0]
    return None if found is None else float(found)


def read_slots(
    driver: Driver, job_id: int, seconds: int, first_id: int, last_id: int, count: int
) -> list[Slot]:
    """Count the judgments of a job from one id to another, in slots of time.

    :param seconds: The length of a slot.
    :param count: About how many judgments the job has.
    """
    if last_id - first_id > _FEW * count:  # most are of other jobs
        rows = driver.execute(_COUNT_BY_SLOT, (seconds, job_id, first_id))
        return [Slot(*map(int, row)) for row in rows]
    slots = []
    while (found := driver.execute(_NEXT, (first_id,)).fetchone()) and found[0] <= last_id:
        number = floor(found[1] / seconds)
        end = _bisect(driver, found[0], last_id, (number + 1) * seconds)
        counts = driver.execute(_COUNT_BETWEEN, (found[0], end, job_id)).fetchone()
        if counts[0]:
            slots.append(Slot(number, *map(int, counts)))
        first_id = end
    return slots


def count_finalized(driver: Driver, job_id: int, seconds: int) -> dict[int, int]:
    """Count the final units of a job in slots of time, by the number of the slot."""
    rows = driver.execute(_FINALIZED_BY_SLOT, (seconds, job_id))
    return {int(number): int(units) for number, units in rows}


def count_by_agreement(
    driver: Driver, job_id: int, limits: Sequence[float]
) -> list[tuple[int, float]]:
    """Count the final units of a job between two limits of agreement each, and sum it up.

    :param limits: Ascending; the last one is not included.
    """
    found = []
    for low, high in pairwise(limits):
        units, total = driver.execute(_BY_AGREEMENT, (job_id, low, high)).fetchone()
        found.append((int(units), float(total)))
    return found


def read_newly_finalized(driver: Driver, job_id: int, after: int) -> list[FinalizedUnit]:
    """Read the units that judgments with a higher id than ``after`` have made final."""
    return [FinalizedUnit._make(row) for row in driver.execute(_NEWLY_FINALIZED, (after, job_id))]


def finalized_ids(driver: Driver, job_id: int, seqs: Sequence[int]) -> list[int]:
    """Return the ids of the final units among those with a ``seq``; of at most 500 at once."""
    if not seqs:
        return []
    query = _FINALIZED_AMONG.format(marks=",".join("?" * len(seqs)))
    return [number for (number,) in driver.execute(query, (job_id, *seqs))]


def read_golds(driver: Driver, job_id: int, enough: int) -> tuple[int, int]:
    """Return the trusted judgments of a job's test questions, and how many of these are missed.

    :param enough: Answers from which on a test question is missed if half of them are wrong.
    """
    judgments, missed = driver.execute(_GOLDS, (enough, job_id)).fetchone()
    return int(judgments), int(missed)


def latest_page_times(driver: Driver, job_id: int, count: int) -> list[tuple[int, float]]:
    """Return contributor and seconds of the latest pages of a job that were submitted."""
    return [(int(who), float(time)) for who, time in driver.execute(_LATEST_PAGES, (job_id, count))]


def _bisect(driver: Driver, low: int, high: int, time: float) -> int:
    """Return the lowest id above ``low`` that is not before a time; ``high + 1`` if none is."""
    high += 1
    while high - low > 1:
        middle = (low + high) // 2
        found = driver.execute(_NEXT, (middle,)).fetchone()
        if found is None or found[1] >= time:
            high = middle
        else:
            low = max(middle, int(found[0]))
    return high
