"""The reports of a job: which were made, when, and how much came in since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import case, func, select

from crowdflower.sandbox.store.tables import judgment
from crowdflower.states import REPORT_TYPES

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.reports import MadeReport, ReportCache
    from crowdflower.sandbox.store import Transaction
    from crowdflower.states import ReportType


class ReportAge(NamedTuple):
    """A type of report of a job, and its latest file."""

    kind: ReportType
    made: MadeReport | None
    is_being_made: bool
    answers_since: int
    """Judgments that came after it was made."""
    rows_since: int
    """Rows that were uploaded after it was made."""

    @property
    def is_outdated(self) -> bool:
        """Whether something came in that the report would have."""
        return bool(self.answers_since or self.rows_since)


def read_report_ages(tx: Transaction, cache: ReportCache, job: Row[Any]) -> list[ReportAge]:
    """Return each type of report of a job, in the order of the API."""
    made = {kind: cache.latest(job.id, kind) for kind in REPORT_TYPES}
    newest = {each.last_judgment_id for each in made.values() if each is not None}
    answers = _count_later(tx, job, newest)
    return [
        ReportAge(
            kind,
            report,
            cache.is_being_made(job.id, kind),
            answers[report.last_judgment_id] if report is not None and kind != "source" else 0,
            job.next_seq - report.next_seq if report is not None and kind in _WITH_ROWS else 0,
        )
        for kind, report in made.items()
    ]


_WITH_ROWS = frozenset({"source", "json"})
"""Reports that have rows without answers, too."""


def _count_later(tx: Transaction, job: Row[Any], newest: set[int]) -> dict[int, int]:
    """Count the judgments of a job that are newer than each of some, in one pass."""
    if not newest:
        return {}
    ids = sorted(newest)
    counts = [func.sum(case((judgment.c.id > each, 1), else_=0)) for each in ids]
    later = (judgment.c.job_id == job.id, judgment.c.id > ids[0])
    return {
        each: int(count or 0)
        for each, count in zip(ids, tx.one(select(*counts).where(*later)), strict=True)
    }
