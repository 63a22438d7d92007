"""Queries for handing out pages: hand-written SQL on the driver's own connection.

A crowd takes thousands of pages a second, so each step is one statement without an ORM. All of it
runs inside a write transaction. On PostgreSQL, reading units for a page locks them, and units that
another transaction has locked are skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from crowdflower.sandbox.store.fast.driver import Driver, insert_rows


class PageRow(NamedTuple):
    """A page: a row of the table ``assignment``; ``receipt`` is JSON text."""

    id: int
    job_id: int
    worker_id: int
    mode: str
    state: str
    form_token: str
    pay_mc: int
    cost_mc: int
    receipt: str | None
    started_at: float
    expires_at: float


class PageUnitRow(NamedTuple):
    """A unit on a page; ``data`` is JSON text, ``reserved`` counts the open pages with the unit."""

    id: int
    data: str
    state: str
    is_gold: int
    judgments_count: int
    tainted_count: int
    needed: int
    open_slots: int
    missed_count: int
    finalized_at: float | None
    reserved: int


class OpenUnit(NamedTuple):
    """A unit that can be put on a page; ``data`` is JSON text."""

    id: int
    seq: int
    data: str


_PAGE_COLUMNS = ", ".join(PageRow._fields)
_OPEN_PAGE = f"""
SELECT {_PAGE_COLUMNS} FROM assignment WHERE worker_id = ? AND state = 'open' AND job_id = ?
"""  # noqa: S608 - names of columns
_PAGE = f"SELECT {_PAGE_COLUMNS} FROM assignment WHERE id = ?"  # noqa: S608 - names of columns

_EXPIRED_PAGE = (
    "SELECT 1 FROM assignment WHERE job_id = ? AND state = 'open' AND expires_at <= ? LIMIT 1"
)

_PAGE_UNITS = """
SELECT u.id, CASE WHEN p.is_gold OR ? THEN u.data ELSE '{}' END, u.state, p.is_gold,
  u.judgments_count, u.tainted_count, u.needed, u.open_slots, u.missed_count, u.finalized_at,
  (SELECT count(*) FROM assignment_unit r WHERE r.unit_id = u.id AND r.resolved IS 0)
FROM assignment_unit p JOIN unit u ON u.id = p.unit_id WHERE p.assignment_id = ? ORDER BY p.position
"""

_NOT_JUDGED = """
NOT EXISTS (SELECT 1 FROM judgment j WHERE j.unit_id = u.id AND j.worker_id = :worker)
"""

_GOLDS = f"""
SELECT u.id, u.seq, u.data FROM unit u
WHERE u.job_id = :job AND (u.state = 'golden' OR u.state = 'hidden_gold')
  AND (u.state = 'golden' OR :mode = 'work') AND (u.gold_pool IS NULL OR u.gold_pool = :mode)
  AND {_NOT_JUDGED} ORDER BY u.seq
"""  # noqa: S608 - a shared clause

_FIRST_OPEN_SEQ = """
SELECT seq FROM unit WHERE job_id = ? AND state = 'judgable' AND open_slots > 0 ORDER BY seq LIMIT 1
"""

_OPEN_UNITS = f"""
SELECT u.id, u.seq, u.data FROM unit u
WHERE u.job_id = :job AND u.state = 'judgable' AND u.open_slots > 0 AND u.seq >= :begin
  AND {_NOT_JUDGED} ORDER BY u.seq LIMIT :count /*! FOR UPDATE OF u SKIP LOCKED */
"""  # noqa: S608 - a shared clause

_OPEN_AMONG = f"""
SELECT u.id, u.seq, u.data FROM unit u
WHERE u.job_id = :job AND u.state = 'judgable' AND u.open_slots > 0 AND u.id IN ({{marks}})
  AND {_NOT_JUDGED} ORDER BY u.seq LIMIT :count /*! FOR UPDATE OF u SKIP LOCKED */
"""  # noqa: S608 - a shared clause

_INSERT_PAGE = """
INSERT INTO assignment
  (job_id, worker_id, mode, state, form_token, pay_mc, cost_mc, started_at, expires_at)
VALUES (?, ?, ?, 'open', ?, ?, ?, ?, ?) /*! RETURNING id */
"""

_RESERVE = "UPDATE unit SET open_slots = open_slots - 1 WHERE id IN ({marks})"

_SKIP_LOCKED, _WAIT = "SKIP LOCKED */", "*/"

MAX_IDS_PER_STATEMENT = 500
"""Ids in one statement; databases limit the number of parameters."""


def has_expired_pages(driver: Driver, job_id: int, now: float) -> bool:
    """Return whether a job has an open page whose time is over."""
    return driver.execute(_EXPIRED_PAGE, (job_id, now)).fetchone() is not None


def find_open_page(driver: Driver, job_id: int, worker_id: int) -> PageRow | None:
    """Find the page of a job that a contributor has open."""
    row = driver.execute(_OPEN_PAGE, (worker_id, job_id)).fetchone()
    return PageRow(*row) if row else None


def find_page(driver: Driver, page_id: int) -> PageRow | None:
    """Find a page in any state."""
    row = driver.execute(_PAGE, (page_id,)).fetchone()
    return PageRow(*row) if row else None


def read_page_units(driver: Driver, page_id: int, *, with_data: bool) -> list[PageUnitRow]:
    """Read the units on a page, from top to bottom.

    :param with_data: Read the data of all units; otherwise that of others than test questions is
        empty.
    """
    rows = driver.execute(_PAGE_UNITS, (with_data, page_id))
    return [*map(PageUnitRow._make, rows)]


def count_judgments_from(driver: Driver, job_id: int, ip: str) -> int:
    """Count the judgments of a job that came from one IP address."""
    query = (
        "SELECT count(*) FROM judgment WHERE job_id = ? AND ip = ? AND NOT golden AND NOT rejected"
    )
    return int(driver.execute(query, (job_id, ip)).fetchone()[0])


def read_unanswered_golds(driver: Driver, job_id: int, worker_id: int, mode: str) -> list[OpenUnit]:
    """Read the test questions for the mode that a contributor has not answered."""
    names = {"job": job_id, "worker": worker_id, "mode": mode}
    return [OpenUnit(*row) for row in driver.execute(_GOLDS, names)]


def first_open_seq(driver: Driver, job_id: int) -> int | None:
    """Return the ``seq`` of the first unit that can be put on a page."""
    row = driver.execute(_FIRST_OPEN_SEQ, (job_id,)).fetchone()
    return row[0] if row else None


def read_open_units(
    driver: Driver, job_id: int, worker_id: int, begin: int, count: int, *, wait: bool = False
) -> list[OpenUnit]:
    """Read units for a page that the contributor has not judged, from ``seq`` ``begin`` on.

    :param wait: Wait for locked units instead of skipping them.
    """
    names = {"job": job_id, "worker": worker_id, "begin": begin, "count": count}
    rows = driver.execute(_with_lock_mode(_OPEN_UNITS, wait=wait), names)
    return [*map(OpenUnit._make, rows)]


def read_open_units_among(
    driver: Driver,
    job_id: int,
    worker_id: int,
    unit_ids: Sequence[int],
    count: int,
    *,
    wait: bool = False,
) -> list[OpenUnit]:
    """Read units for a page as :func:`read_open_units` does, but only out of these ids."""
    units: list[OpenUnit] = []
    among = _with_lock_mode(_OPEN_AMONG, wait=wait)
    for at in range(0, len(unit_ids), MAX_IDS_PER_STATEMENT):
        some = unit_ids[at : at + MAX_IDS_PER_STATEMENT]
        marks = ",".join(f":u{place}" for place in range(len(some)))
        names = {"job": job_id, "worker": worker_id, "count": count - len(units)}
        names |= {f"u{place}": number for place, number in enumerate(some)}
        units += [OpenUnit(*row) for row in driver.execute(among.format(marks=marks), names)]
        if len(units) >= count:
            break
    return units


def insert_page(driver: Driver, values: tuple[Any, ...]) -> int:
    """Insert an open page and return its id."""
    return int(driver.execute(_INSERT_PAGE, values).lastrowid or 0)


def insert_page_units(driver: Driver, page_id: int, units: Sequence[tuple[int, bool]]) -> None:
    """Put units on a page, in this order, and take one open slot of each that is not gold."""
    rows = [(page_id, number, place, gold) for place, (number, gold) in enumerate(units)]
    insert_rows(driver, "assignment_unit (assignment_id, unit_id, position, is_gold)", rows)
    reserved = [number for number, gold in units if not gold]
    if reserved:
        driver.execute(_RESERVE.format(marks=",".join("?" * len(reserved))), reserved)


def insert_worker(driver: Driver, job_id: int, worker_id: int, state: str, now: float) -> None:
    """Insert a new contributor of a job."""
    driver.execute(
        "INSERT INTO worker_job (job_id, worker_id, state, trust, first_at, last_at)"
        " VALUES (?, ?, ?, 1.0, ?, ?)",
        (job_id, worker_id, state, now, now),
    )


def _with_lock_mode(statement: str, *, wait: bool) -> str:
    return statement.replace(_SKIP_LOCKED, _WAIT) if wait else statement
