"""The columns of a job and of a contributor that pages need, read by one statement each."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, NamedTuple

from crowdflower.sandbox.store.fast.driver import Driver


class JobFacts(NamedTuple):
    """What pages need to know about a job; most fields are named like its columns."""

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
    cap_mc: int | None
    golds_count: int
    judgable_count: int
    webhook_uri: str | None
    options: dict[str, Any]
    gold: dict[str, str]
    fields: dict[str, str] | None
    confidence_fields: list[str] | None
    included_countries: list[str]
    excluded_countries: list[str]
    markup_pct: int


class WorkerFacts(NamedTuple):
    """What pages need to know about a contributor in a job; a new one has ``state`` None."""

    state: str | None
    trust: float
    golds_seen: int
    golds_missed: int
    golds_forgiven: int
    judgments_count: int
    is_flagged: int
    comes_from_enabled_channel: int


_FIRST_JSON = len(JobFacts._fields) - 7
_JOB_COLUMNS = ", ".join(f"j.{name}" for name in JobFacts._fields[:-1])
_JOB = f"""
SELECT {_JOB_COLUMNS}, a.markup_pct FROM job j JOIN account a ON a.id = j.account_id WHERE j.id = ?
"""  # noqa: S608 - names of columns

_DUE_JOBS = """
SELECT id FROM job WHERE waiting_since IS NOT NULL AND waiting_since + auto_order_timeout <= ?
  AND deleted_at IS NULL AND state <> 'canceled' AND state <> 'paused' AND auto_order ORDER BY id
"""

_WORKER = """
SELECT w.state, coalesce(w.trust, 1.0), coalesce(w.golds_seen, 0), coalesce(w.golds_missed, 0),
  coalesce(w.golds_forgiven, 0), coalesce(w.judgments_count, 0),
  w.flagged_at IS NOT NULL OR EXISTS (
    SELECT 1 FROM account_flag f WHERE f.account_id = j.account_id AND f.worker_id = :worker),
  EXISTS (SELECT 1 FROM job_channel c WHERE c.job_id = j.id AND c.channel = :channel)
FROM job j LEFT JOIN worker_job w ON w.job_id = j.id AND w.worker_id = :worker WHERE j.id = :job
"""


@lru_cache(maxsize=1024)
def _decode(text: str | None) -> Any:
    """Decode a JSON column of a job, cached for its many pages; callers must not change it."""
    return None if text is None else json.loads(text)


def read_job(driver: Driver, job_id: int) -> JobFacts:
    """Read what pages need to know about a job.

    :raises LookupError: There is no such job.
    """
    row = driver.execute(_JOB, (job_id,)).fetchone()
    if row is None:
        raise LookupError(f"There is no job {job_id} in this sandbox.")
    return JobFacts._make((*row[:_FIRST_JSON], *map(_decode, row[_FIRST_JSON:-1]), row[-1]))


def read_due_jobs(driver: Driver, now: float) -> list[int]:
    """Read the ids of the jobs whose new units have waited for ``auto_order_timeout``."""
    return [number for (number,) in driver.execute(_DUE_JOBS, (now,))]


def read_state(driver: Driver, job_id: int) -> str:
    """Read the state of a job."""
    return str(driver.execute("SELECT state FROM job WHERE id = ?", (job_id,)).fetchone()[0])


def read_worker(driver: Driver, job_id: int, worker_id: int, channel: str) -> WorkerFacts:
    """Read what pages need to know about a contributor in a job."""
    names = {"job": job_id, "worker": worker_id, "channel": channel}
    return WorkerFacts(*driver.execute(_WORKER, names).fetchone())
