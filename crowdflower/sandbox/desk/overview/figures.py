"""The figures of a job: how far it is, who works on it, and when it will be finished."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, select

from crowdflower.quality.gold_limits import GoldLimits
from crowdflower.sandbox.desk.overview.cost import ENOUGH
from crowdflower.sandbox.rules import quiz
from crowdflower.sandbox.rules.settings.value_types import truthy
from crowdflower.sandbox.store.tables import assignment

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.desk.overview.history import History
    from crowdflower.sandbox.store import Transaction

HOUR: Final = 3600

RATE_HOURS: Final = 2
"""Hours whose judgments tell how fast the rest will come."""


class Figures(NamedTuple):
    """How far a job is."""

    finished: int
    ordered: int
    judgments: int
    set_aside: int
    """Judgments of contributors who lost their trust."""
    needed: int
    """Judgments to come."""
    at_work: int
    """Open pages; nobody has two in one job."""
    agreement: float | None
    agreed_rows: int
    rate: float | None
    """Useful judgments an hour, lately; ``None`` if there were too few, or the job does not run."""

    @property
    def seconds_left(self) -> float | None:
        """How long the work takes at the present rate."""
        return self.needed / self.rate * HOUR if self.rate else None


def read_figures(tx: Transaction, job: Row[Any], history: History) -> Figures:
    """Return the figures of a job that was launched."""
    is_open = (assignment.c.job_id == job.id, assignment.c.state == "open")
    at_work = select(func.count()).select_from(assignment)
    at_work = at_work.where(*is_open, assignment.c.expires_at > tx.clock.now())
    return Figures(
        finished=job.finalized_count,
        ordered=job.judgable_count + job.finalized_count,
        judgments=job.judgments_count,
        set_aside=job.tainted_count,
        needed=job.needed_count,
        at_work=tx.connection.scalar(at_work) or 0,
        agreement=history.mean_agreement,
        agreed_rows=history.agreed_rows,
        rate=_rate(tx.clock.now(), history) if job.state == "running" else None,
    )


def gold_limits(job: Any) -> GoldLimits:
    """Return what the settings of a job make of its test questions."""
    return GoldLimits(
        job.golds_count,
        job.units_per_assignment,
        job.gold_per_assignment or None,
        has_quiz=truthy(job.options.get("front_load")),
        always=truthy(job.options.get("gold_always")),
        after_gold=quiz.gold_before_removal(job),
    )


def people_needed(job: Any, rows: int) -> int | None:
    """Return how many contributors rows need at least; ``None`` if nobody would be tested.

    A row needs as many contributors as judgments, and one contributor may do only so many rows.
    """
    limits = gold_limits(job)
    if job.golds_count and not limits.are_asked:
        return None
    most = [each for each in (limits.rows_per_contributor, job.max_judgments_per_worker) if each]
    at_least = int(job.judgments_per_unit)
    return max([at_least, *(ceil(rows * at_least / each) for each in most)]) if rows else 0


def _rate(now: float, history: History) -> float | None:
    if history.began_at is None:
        return None
    since = max(now - RATE_HOURS * HOUR, history.began_at)
    judgments = history.useful.since(since)
    return judgments / (now - since) * HOUR if judgments >= ENOUGH and now > since else None
