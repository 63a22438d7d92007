"""Handing out and taking back pages: hand-written SQL on the driver's own connection.

A crowd does this thousands of times a second, so each step is one statement, decoded by hand. All
of it runs inside of a write transaction: what is read here cannot change before it is acted upon.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from sqlite3 import Connection as Driver
from typing import Any, NamedTuple


class JobFacts(NamedTuple):
    """What pages need to know of a job; the names are those of its columns."""

    id: int
    account_id: int
    state: str
    cml: str | None
    units_per_assignment: int
    gold_per_assignment: int
    judgments_per_unit: int
    max_judgments_per_unit: int | None
    min_unit_confidence: float | None
    variable_judgments_mode: str
    max_judgments_per_worker: int | None
    max_judgments_per_ip: int | None
    minimum_account_age_seconds: int | None
    payment_mc: int
    golds_count: int
    judgable_count: int
    options: dict[str, Any]
    gold: dict[str, str]
    fields: dict[str, str] | None
    confidence_fields: list[str] | None
    included_countries: list[str]
    excluded_countries: list[str]
    markup_pct: int


class Standing(NamedTuple):
    """How a contributor stands in a job; ``state`` is ``None`` for a newcomer."""

    state: str | None
    trust: float
    golds_seen: int
    golds_missed: int
    golds_forgiven: int
    judgments_count: int
    is_flagged: int
    comes_from_enabled_channel: int


class OpenPage(NamedTuple):
    """A page as it was handed out."""

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


class Place(NamedTuple):
    """A unit on a page; ``data`` is JSON text, ``reserved`` counts the open pages it is on."""

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


class Open(NamedTuple):
    """A unit that can be put on a page; ``data`` is JSON text."""

    id: int
    seq: int
    data: str


_DECODED = len(JobFacts._fields) - 7
_JOB_COLUMNS = ", ".join(f"j.{name}" for name in JobFacts._fields[:-1])
_JOB = f"""
SELECT {_JOB_COLUMNS}, a.markup_pct FROM job j JOIN account a ON a.id = j.account_id WHERE j.id = ?
"""  # noqa: S608 - names of columns

_STANDING = """
SELECT w.state, coalesce(w.trust, 1.0), coalesce(w.golds_seen, 0), coalesce(w.golds_missed, 0),
  coalesce(w.golds_forgiven, 0), coalesce(w.judgments_count, 0),
  w.flagged_at IS NOT NULL OR EXISTS (
    SELECT 1 FROM account_flag f WHERE f.account_id = j.account_id AND f.worker_id = :worker),
  EXISTS (SELECT 1 FROM job_channel c WHERE c.job_id = j.id AND c.channel = :channel)
FROM job j LEFT JOIN worker_job w ON w.job_id = j.id AND w.worker_id = :worker WHERE j.id = :job
"""

_PAGE_COLUMNS = ", ".join(OpenPage._fields)
_OPEN_PAGE = f"""
SELECT {_PAGE_COLUMNS} FROM assignment WHERE worker_id = ? AND state = 'open' AND job_id = ?
"""  # noqa: S608 - names of columns
_PAGE = f"SELECT {_PAGE_COLUMNS} FROM assignment WHERE id = ?"  # noqa: S608 - names of columns

_IS_LATE = (
    "SELECT 1 FROM assignment WHERE job_id = ? AND state = 'open' AND expires_at <= ? LIMIT 1"
)

_PLACES = """
SELECT u.id, u.data, u.state, p.is_gold, u.judgments_count, u.tainted_count, u.needed, u.open_slots,
  u.missed_count, u.finalized_at,
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
"""  # noqa: S608 - one clause of several statements

_LOWEST_OPEN = """
SELECT seq FROM unit WHERE job_id = ? AND state = 'judgable' AND open_slots > 0 ORDER BY seq LIMIT 1
"""

_OPEN_UNITS = f"""
SELECT u.id, u.seq, u.data FROM unit u
WHERE u.job_id = :job AND u.state = 'judgable' AND u.open_slots > 0 AND u.seq >= :begin
  AND {_NOT_JUDGED} ORDER BY u.seq LIMIT :count
"""  # noqa: S608 - one clause of several statements

_OPEN_AMONG = f"""
SELECT u.id, u.seq, u.data FROM unit u
WHERE u.job_id = :job AND u.state = 'judgable' AND u.open_slots > 0 AND u.id IN ({{marks}})
  AND {_NOT_JUDGED} ORDER BY u.seq LIMIT :count
"""  # noqa: S608 - one clause of several statements

_FUNDS = """
SELECT
  (SELECT coalesce(sum(reserved_mc - released_mc), 0) FROM orders
   WHERE job_id = :job AND state = 'open'),
  (SELECT coalesce(sum(cost_mc), 0) FROM assignment WHERE job_id = :job AND state = 'open')
"""

_INSERT_PAGE = """
INSERT INTO assignment
  (job_id, worker_id, mode, state, form_token, pay_mc, cost_mc, started_at, expires_at)
VALUES (?, ?, ?, 'open', ?, ?, ?, ?, ?)
"""

_INSERT_JUDGMENT = """
INSERT INTO judgment (job_id, unit_id, worker_id, assignment_id, data, trust, golden, missed,
  tainted, channel, country, region, city, ip, cost_mc, started_at, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_UPDATE_UNIT = """
UPDATE unit SET state = ?, judgments_count = ?, tainted_count = ?, needed = ?, open_slots = ?,
  missed_count = ?, finalized_at = ?, last_judgment_at = ?, updated_at = ? WHERE id = ?
"""

_UPDATE_STANDING = """
UPDATE worker_job SET state = ?, trust = ?, golds_seen = ?, golds_missed = ?,
  judgments_count = judgments_count + ?, earned_mc = earned_mc + ?, tainted_at = ?, last_at = ?
WHERE job_id = ? AND worker_id = ?
"""

_UPDATE_JOB = """
UPDATE job SET judgable_count = judgable_count + ?, finalized_count = finalized_count + ?,
  needed_count = needed_count + ?, judgments_count = judgments_count + ?,
  tainted_count = tainted_count + ?, crowd_costs_mc = crowd_costs_mc + ?, updated_at = ?
WHERE id = ?
"""

AT_ONCE = 500
"""Units named in one statement; databases limit how many."""


@lru_cache(maxsize=1024)
def _decoded(text: str) -> Any:
    """Decode a column of a job; jobs have few, and many pages. Nobody may change what comes."""
    return json.loads(text)


def job_facts(driver: Driver, job_id: int) -> JobFacts:
    """Read what pages need to know of a job."""
    row = driver.execute(_JOB, (job_id,)).fetchone()
    decoded = (None if text is None else _decoded(text) for text in row[_DECODED:-1])
    return JobFacts._make((*row[:_DECODED], *decoded, row[-1]))


def standing(driver: Driver, job_id: int, worker_id: int, channel: str) -> Standing:
    """Read how a contributor stands in a job."""
    names = {"job": job_id, "worker": worker_id, "channel": channel}
    return Standing(*driver.execute(_STANDING, names).fetchone())


def has_late_pages(driver: Driver, job_id: int, now: float) -> bool:
    """Tell whether the time of an open page of a job is over."""
    return driver.execute(_IS_LATE, (job_id, now)).fetchone() is not None


def open_page(driver: Driver, job_id: int, worker_id: int) -> OpenPage | None:
    """Find the page of a job that a contributor is working on."""
    row = driver.execute(_OPEN_PAGE, (worker_id, job_id)).fetchone()
    return OpenPage(*row) if row else None


def page(driver: Driver, page_id: int) -> OpenPage | None:
    """Find a page, whatever became of it."""
    row = driver.execute(_PAGE, (page_id,)).fetchone()
    return OpenPage(*row) if row else None


def places(driver: Driver, page_id: int) -> list[Place]:
    """Read the units on a page, from top to bottom."""
    return [Place(*row) for row in driver.execute(_PLACES, (page_id,))]


def judgments_from(driver: Driver, job_id: int, ip: str) -> int:
    """Count the judgments of a job that came from one address."""
    counted = (
        "SELECT count(*) FROM judgment WHERE job_id = ? AND ip = ? AND NOT golden AND NOT rejected"
    )
    return int(driver.execute(counted, (job_id, ip)).fetchone()[0])


def unseen_golds(driver: Driver, job_id: int, worker_id: int, mode: str) -> list[Open]:
    """Read the test questions that a contributor has not answered and that fit the mode."""
    names = {"job": job_id, "worker": worker_id, "mode": mode}
    return [Open(*row) for row in driver.execute(_GOLDS, names)]


def lowest_open(driver: Driver, job_id: int) -> int | None:
    """Return the ordinal of the first unit that can be put on a page."""
    row = driver.execute(_LOWEST_OPEN, (job_id,)).fetchone()
    return row[0] if row else None


def open_units(driver: Driver, job_id: int, worker_id: int, begin: int, count: int) -> list[Open]:
    """Read units for a page, from an ordinal on, that the contributor has not judged."""
    names = {"job": job_id, "worker": worker_id, "begin": begin, "count": count}
    return [Open(*row) for row in driver.execute(_OPEN_UNITS, names)]


def open_among(
    driver: Driver, job_id: int, worker_id: int, unit_ids: Sequence[int], count: int
) -> list[Open]:
    """Read units for a page, out of these, that the contributor has not judged."""
    found: list[Open] = []
    for at in range(0, len(unit_ids), AT_ONCE):
        some = unit_ids[at : at + AT_ONCE]
        marks = ",".join(f":u{place}" for place in range(len(some)))
        names = {"job": job_id, "worker": worker_id, "count": count - len(found)}
        names |= {f"u{place}": number for place, number in enumerate(some)}
        found += [Open(*row) for row in driver.execute(_OPEN_AMONG.format(marks=marks), names)]
        if len(found) >= count:
            break
    return found


def funds(driver: Driver, job_id: int) -> tuple[int, int]:
    """Return what a job's orders hold, and what its open pages will take of it."""
    held, promised = driver.execute(_FUNDS, {"job": job_id}).fetchone()
    return int(held), int(promised)


def holdings(driver: Driver, job_id: int) -> list[tuple[int, int]]:
    """Return the open orders of a job that hold anything, the oldest first, with how much."""
    query = (
        "SELECT id, reserved_mc - released_mc FROM orders"
        " WHERE job_id = ? AND state = 'open' AND reserved_mc > released_mc ORDER BY id"
    )
    return driver.execute(query, (job_id,)).fetchall()


def spend(
    driver: Driver, account_id: int, job_id: int, order_id: int, amount_mc: int, now: float
) -> None:
    """Release money from an order and charge it at once; the balance stays what it is."""
    line = (account_id, job_id, order_id)
    driver.executemany(
        "INSERT INTO ledger (account_id, job_id, order_id, kind, amount_mc, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [(*line, "release", amount_mc, now), (*line, "charge", -amount_mc, now)],
    )
    driver.execute(
        "UPDATE orders SET released_mc = released_mc + ?, spent_mc = spent_mc + ?, updated_at = ?"
        " WHERE id = ?",
        (amount_mc, amount_mc, now, order_id),
    )


def insert_page(driver: Driver, values: tuple[Any, ...]) -> int:
    """Insert an open page and return its number."""
    return int(driver.execute(_INSERT_PAGE, values).lastrowid or 0)


def reserve(driver: Driver, page_id: int, units: Sequence[tuple[int, bool]]) -> None:
    """Put units on a page, in this order; those that are no test questions are taken for it."""
    driver.executemany(
        "INSERT INTO assignment_unit (assignment_id, unit_id, position, is_gold)"
        " VALUES (?, ?, ?, ?)",
        [(page_id, number, place, gold) for place, (number, gold) in enumerate(units)],
    )
    taken = [(number,) for number, gold in units if not gold]
    driver.executemany("UPDATE unit SET open_slots = open_slots - 1 WHERE id = ?", taken)


def welcome(driver: Driver, job_id: int, worker_id: int, state: str, now: float) -> None:
    """Insert how a newcomer stands in a job."""
    driver.execute(
        "INSERT INTO worker_job (job_id, worker_id, state, trust, first_at, last_at)"
        " VALUES (?, ?, ?, 1.0, ?, ?)",
        (job_id, worker_id, state, now, now),
    )


def insert_judgments(driver: Driver, lines: Iterable[tuple[Any, ...]]) -> None:
    """Insert the judgments of a page."""
    driver.executemany(_INSERT_JUDGMENT, lines)


def close_page(driver: Driver, page_id: int, receipt: str, now: float) -> None:
    """Mark a page as handed in, and nothing on it as taken any more."""
    driver.execute("UPDATE assignment_unit SET resolved = 1 WHERE assignment_id = ?", (page_id,))
    driver.execute(
        "UPDATE assignment SET state = 'submitted', submitted_at = ?, receipt = ? WHERE id = ?",
        (now, receipt, page_id),
    )


def update_units(driver: Driver, lines: Iterable[tuple[Any, ...]]) -> None:
    """Write what a page changed in its units."""
    driver.executemany(_UPDATE_UNIT, lines)


def update_standing(driver: Driver, values: tuple[Any, ...]) -> None:
    """Write what a page changed in how its contributor stands."""
    driver.execute(_UPDATE_STANDING, values)


def update_job(driver: Driver, values: tuple[Any, ...]) -> None:
    """Write what a page changed in the counters of its job."""
    driver.execute(_UPDATE_JOB, values)
