"""Writes of a submitted page: hand-written SQL on the driver's own connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from crowdflower.sandbox.store.fast.driver import Driver, insert_rows

_JUDGMENT = """
judgment (job_id, unit_id, worker_id, assignment_id, data, trust, golden, missed, tainted, channel,
  country, region, city, ip, cost_mc, started_at, created_at)
"""

_UPDATE_UNIT = """
UPDATE unit SET state = ?, judgments_count = ?, tainted_count = ?, needed = ?, open_slots = ?,
  missed_count = ?, finalized_at = ?, agreement = ?, last_judgment_at = ?, updated_at = ?
WHERE id = ?
"""

_UPDATE_WORKER = """
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


def insert_judgments(driver: Driver, lines: Sequence[tuple[Any, ...]]) -> None:
    """Insert the judgments of a page."""
    insert_rows(driver, _JUDGMENT, lines)


def close_page(driver: Driver, page_id: int, receipt: str, now: float) -> None:
    """Mark a page as submitted, and its units as no longer reserved."""
    resolved = "UPDATE assignment_unit SET resolved = ? WHERE assignment_id = ?"
    driver.execute(resolved, (True, page_id))
    driver.execute(
        "UPDATE assignment SET state = 'submitted', submitted_at = ?, receipt = ? WHERE id = ?",
        (now, receipt, page_id),
    )


def update_units(driver: Driver, lines: Iterable[tuple[Any, ...]]) -> None:
    """Write the new states and counters of a page's units."""
    driver.executemany(_UPDATE_UNIT, lines)


def update_worker(driver: Driver, values: tuple[Any, ...]) -> None:
    """Write the new state, trust and counters of a page's contributor in the job."""
    driver.execute(_UPDATE_WORKER, values)


def update_job(driver: Driver, values: tuple[Any, ...]) -> None:
    """Add a page's changes to the counters of its job."""
    driver.execute(_UPDATE_JOB, values)
