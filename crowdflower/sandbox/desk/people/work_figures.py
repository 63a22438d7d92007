"""How fast contributors work, and how often their answers are those of the others.

Both come from their latest work only, so that they cost the same in a job with a hundred judgments
and in one with a million.
"""

from __future__ import annotations

import json
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from crowdflower.sandbox.rules.results import aggregation
from crowdflower.sandbox.rules.settings.questions import with_confidence
from crowdflower.sandbox.store.fast import people_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Row

    from crowdflower.sandbox.rules.results.aggregation import WeightedAnswers
    from crowdflower.sandbox.store import Transaction
    from crowdflower.sandbox.store.fast.people_queries import PageTime

LATEST_PAGES: Final = 50
"""Pages of a contributor that decide how long a row takes them."""

LATEST_ROWS: Final = 20
"""Finished rows of a contributor that are compared with the answers of the others."""

SAMPLED_PAGES: Final = 2000
"""Latest pages of a job that decide how long a row usually takes."""

UNUSUALLY_FAST: Final = 5
"""How many times faster than usual a contributor is who should be looked at."""

MIN_CONTRIBUTORS: Final = 3
"""Contributors from which on there is a usual speed."""

_UNITS_PER_QUERY: Final = 500
"""Databases limit the number of parameters."""


class WorkFigures(NamedTuple):
    """How a contributor works."""

    seconds: float | None
    """Median time for a row, in seconds; ``None`` before the first page."""

    agreement: float | None
    """Fraction of answers that are the result; ``None`` without a finished row."""

    rows: int
    """Finished rows that were compared."""


class UsualSpeed(NamedTuple):
    """How long a row usually takes in a job."""

    seconds: float | None
    """Median of the contributors' medians, in seconds; ``None`` while there are too few."""

    fast: frozenset[int]
    """Contributors who need less than a fifth of it."""

    def times_faster(self, seconds: float | None) -> int | None:
        """Return how many times faster than usual a time is; ``None`` if it is not unusual."""
        if seconds is None or not is_fast(seconds, self.seconds):
            return None
        return round(self.seconds / seconds) if self.seconds and seconds else None


def read_figures(
    tx: Transaction, job: Row[Any], worker_ids: Collection[int]
) -> dict[int, WorkFigures]:
    """Return the figures of some contributors to a job."""
    pages = people_queries.read_page_times(tx.driver, job.id, worker_ids, LATEST_PAGES)
    seconds = _medians(pages)
    shares = _shares_equal_to_result(tx, job, worker_ids)
    return {
        each: WorkFigures(seconds.get(each), *shares.get(each, (None, 0))) for each in worker_ids
    }


def read_usual_speed(tx: Transaction, job: Row[Any]) -> UsualSpeed:
    """Return how long a row usually takes in a job, by its latest pages."""
    medians = _medians(people_queries.read_latest_page_times(tx.driver, job.id, SAMPLED_PAGES))
    usual = median(medians.values()) if len(medians) >= MIN_CONTRIBUTORS else None
    fast = frozenset(each for each, seconds in medians.items() if is_fast(seconds, usual))
    return UsualSpeed(usual, fast)


def is_fast(seconds: float, usual: float | None) -> bool:
    """Return whether a time for a row is unusually short.

    >>> is_fast(3, 20), is_fast(4, 20), is_fast(3, None)
    (True, False, False)
    """
    return usual is not None and seconds * UNUSUALLY_FAST < usual


def _medians(pages: Iterable[PageTime]) -> dict[int, float]:
    """Return the median time for a row of each contributor."""
    times: dict[int, list[float]] = defaultdict(list)
    for page in pages:
        if page.units:
            times[page.worker_id].append(page.seconds / page.units)
    return {worker_id: median(each) for worker_id, each in times.items()}


def _shares_equal_to_result(
    tx: Transaction, job: Row[Any], worker_ids: Collection[int]
) -> dict[int, tuple[float | None, int]]:
    """Return which fraction of each contributor's answers is the result, and of how many rows."""
    names = with_confidence(job.fields or {})
    latest = people_queries.read_finalized_judgments(tx.driver, job.id, worker_ids, LATEST_ROWS)
    results = _read_results(tx, names, sorted({each.unit_id for each in latest}))
    alike: dict[int, list[bool]] = defaultdict(list)
    rows: dict[int, int] = defaultdict(int)
    for each in latest:
        given, result = json.loads(each.data), results[each.unit_id]
        compared = [
            result[name] in (answer if isinstance(answer, list) else [answer])
            for name in names
            if result[name] is not None and (answer := given.get(name)) is not None
        ]
        alike[each.worker_id] += compared
        rows[each.worker_id] += bool(compared)
    return {
        worker_id: (sum(each) / len(each) if each else None, rows[worker_id])
        for worker_id, each in alike.items()
    }


def _read_results(
    tx: Transaction, names: Sequence[str], unit_ids: Sequence[int]
) -> dict[int, Mapping[str, str | None]]:
    """Return the best answer to each question of some units; ``None`` if there is none."""
    judgments: dict[int, list[WeightedAnswers]] = {}
    for start in range(0, len(unit_ids), _UNITS_PER_QUERY):
        judgments |= aggregation.read_trusted(tx, unit_ids[start : start + _UNITS_PER_QUERY])
    return {
        unit_id: {name: _best(name, judgments.get(unit_id, ())) for name in names}
        for unit_id in unit_ids
    }


def _best(name: str, judgments: Collection[WeightedAnswers]) -> str | None:
    found = aggregation.aggregate_answers(name, "agg", judgments)
    return found["agg"] if isinstance(found, dict) else None
