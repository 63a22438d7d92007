"""The latest work of some contributors: hand-written SQL on the driver's own connection.

A list of contributors shows figures that come from judgments. Only the latest ones of each
contributor are read, by an index, so that the size of the job does not matter.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from crowdflower.sandbox.store.fast.driver import Driver

_PAGE = """
SELECT a.worker_id, a.submitted_at - a.started_at,
  (SELECT count(*) FROM assignment_unit x WHERE x.assignment_id = a.id)
FROM assignment a WHERE a.job_id = ? AND a.state = 'submitted'
"""

_PAGES_OF_ONE = f"{_PAGE} AND a.worker_id = ? ORDER BY a.id DESC LIMIT ?"

_PAGES_OF_ALL = f"{_PAGE} ORDER BY a.expires_at DESC LIMIT ?"

_JUDGMENTS_OF_ONE = """
SELECT j.worker_id, j.unit_id, j.data FROM judgment j JOIN unit u ON u.id = j.unit_id
WHERE j.job_id = ? AND j.worker_id = ? AND j.golden IS 0 AND j.rejected IS 0
  AND u.state = 'finalized'
ORDER BY j.id DESC LIMIT ?
"""


class PageTime(NamedTuple):
    """How long a submitted page took."""

    worker_id: int

    seconds: float
    """From handing it out to its submission."""

    units: int


class FinalizedJudgment(NamedTuple):
    """A judgment of a finalized unit; ``data`` is JSON text."""

    worker_id: int
    unit_id: int
    data: str


def read_page_times(
    driver: Driver, job_id: int, worker_ids: Collection[int], count: int
) -> list[PageTime]:
    """Read how long the latest pages of some contributors took.

    :param count: Pages of each contributor, at most.
    """
    return [
        PageTime(*row) for row in _read_of_each(driver, _PAGES_OF_ONE, job_id, worker_ids, count)
    ]


def read_latest_page_times(driver: Driver, job_id: int, count: int) -> list[PageTime]:
    """Read how long the latest pages of a job took.

    :param count: Pages, at most.
    """
    return [PageTime(*row) for row in driver.execute(_PAGES_OF_ALL, (job_id, count))]


def read_finalized_judgments(
    driver: Driver, job_id: int, worker_ids: Collection[int], count: int
) -> list[FinalizedJudgment]:
    """Read the latest judgments of some contributors on finalized units.

    :param count: Judgments of each contributor, at most.
    """
    rows = _read_of_each(driver, _JUDGMENTS_OF_ONE, job_id, worker_ids, count)
    return [FinalizedJudgment(*row) for row in rows]


def _read_of_each(
    driver: Driver, of_one: str, job_id: int, worker_ids: Collection[int], count: int
) -> list[Any]:
    """Run a query with a limit for each contributor, in one statement."""
    if not worker_ids:
        return []
    parts = [f"SELECT * FROM ({of_one}) AS one"] * len(worker_ids)  # noqa: S608 - of constants
    values = [value for number in worker_ids for value in (job_id, number, count)]
    return driver.execute(" UNION ALL ".join(parts), values).fetchall()
