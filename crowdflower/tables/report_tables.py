"""Reads the JSON report of a job into a table, a few units at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from crowdflower._types import JSONObject
from crowdflower.http.base_client import Clock
from crowdflower.rows.report_archive import Text
from crowdflower.rows.votes import judgments_in
from crowdflower.tables.answers import Questions
from crowdflower.tables.judgment_columns import JudgmentColumns
from crowdflower.tables.reading.finalized_since import (
    RESOLUTION,
    FinalizedSince,
    has_changed,
    read_since,
)
from crowdflower.tables.reading.text_loader import TextLoader, batches
from crowdflower.tables.result_columns import ResultColumns
from crowdflower.tables.typed_table import Table


@dataclass(frozen=True)
class ReportSource:
    """What a table of a job is read from.

    :param questions: The questions of its form.
    :param units: Downloads the report, and yields its units.
    :param texts: The same, and yields its lines, many at once; it is given a function that returns
        how many judgments were in them.
    :param regenerate: Has the report rebuilt.
    :param read_job: Reads the job.
    :param judgments_of: Reads all judgments of a unit.
    """

    questions: Questions
    units: Callable[[], Iterator[JSONObject]]
    regenerate: Callable[[], None]
    read_job: Callable[[], JSONObject]
    judgments_of: Callable[[int], list[JSONObject]]
    clock: Clock
    texts: Callable[[Callable[[], int]], Iterator[Text]] | None = None


def results_table(source: ReportSource, since: datetime | date | None = None) -> Table:
    """Return a table with one row per unit.

    :param since: Only units that were finalized later.
    """
    columns = ResultColumns(source.questions)
    left_out = _read(source, since, columns.add, columns.observe)
    return Table(columns.finish(), without=left_out)


def judgments_table(
    source: ReportSource,
    since: datetime | date | None = None,
    *,
    untrusted: bool = True,
    row_columns: bool = False,
) -> Table:
    """Return a table with one row per judgment.

    :param since: Only judgments of units that were finalized later.
    :param untrusted: Whether to add the judgments that the report leaves out.
    :param row_columns: Whether to add the columns of the rows.
    """
    columns = JudgmentColumns(source.questions, with_rows=row_columns)

    def add(units: Sequence[JSONObject]) -> None:
        lists = [judgments_in(unit["id"], unit.get("results")) for unit in units]
        if untrusted:
            lists = [
                source.judgments_of(unit["id"]) if lacks_judgments(unit, listed) else listed
                for unit, listed in zip(units, lists, strict=True)
            ]
        columns.add(units, lists)

    if since is None and source.texts is not None:
        TextLoader(columns, add, untrusted=untrusted).load(source.texts)
        return Table(columns.finish())
    left_out = _read(source, since, add, columns.observe)
    return Table(columns.finish(), without=left_out)


def lacks_judgments(unit: JSONObject, listed: Sequence[JSONObject]) -> bool:
    """Return whether a unit of the report has more judgments than it lists.

    >>> lacks_judgments({"judgments_count": 2}, [{"id": 1}])
    True
    """
    count = unit.get("judgments_count")
    return isinstance(count, int) and count > len(listed)


def _read(
    source: ReportSource,
    since: datetime | date | None,
    add: Callable[[Sequence[JSONObject]], None],
    observe: Callable[[Sequence[JSONObject]], None],
) -> frozenset[int]:
    """Read the units that were finalized after a time, or all; return ids of those to leave out.

    :mod:`~crowdflower.tables.reading.finalized_since` explains the steps.
    """
    checkpoint = read_since(since)
    if checkpoint is None:
        for units in batches(source.units()):
            add(units)
        return frozenset()
    window = FinalizedSince(checkpoint)
    before = source.read_job()
    source.regenerate()
    for units in batches(source.units()):
        selected = window.select(units)
        add(selected)
        if len(selected) < len(units):
            observe(units)
    unsettled = window.unsettled()
    if not unsettled:
        return unsettled
    source.clock.sleep(RESOLUTION)
    return unsettled if has_changed(before, source.read_job()) else frozenset()
