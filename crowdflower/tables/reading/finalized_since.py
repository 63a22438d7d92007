"""Which finalized units belong to an export, so that each comes in exactly one of a series.

A caller keeps the latest ``finalized_at`` that an export had, the checkpoint, and passes it as
``since`` to the next one, which has the units that were finalized later. Why none is lost:

*The time.* The API does not show when a unit was finalized. ``updated_at`` of a finalized unit is
that time or a later one, whatever finalized it: a judgment, a lower number of judgments per unit, a
person. The time of its last judgment can be earlier by weeks, and the unit would be lost. If a
finalized unit is changed later, it comes once more: that is the smaller harm.

*The newest times.* They have a resolution of one second. A unit can be finalized just after the
report was built, and in a second of which units are in the report. As soon as one of those was the
checkpoint, it would be lost. So the newest units are left to the next export, unless it is certain
that the report has all units of these seconds:

1. The job is read. It has some counters, and a time at which it was updated.
2. The service is asked to build the report anew, so the report is not older than step 1.
3. At least one second after step 1, the job is read again. If counters and times are the same, no
   unit was finalized between the steps: the report has all that were finalized until step 3. And
   none of them can be in the same second as one that is finalized later, since all were finalized
   before step 1.

Only times of the service are compared with each other, and only a duration is measured here, so the
clock of this machine may be wrong. If the job did change, units of the last :data:`MARGIN` before
the newest time in the report are left out: machines of the service may differ by so much, and a
transaction may take so long to appear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from crowdflower._types import JSONObject, describe_type
from crowdflower.exceptions import InvalidInput
from crowdflower.http.json_problems import is_numpy
from crowdflower.tables.columns import microseconds
from crowdflower.tables.result_columns import finalized_at

MARGIN: Final = timedelta(seconds=5)
"""How much of the newest results a changing job leaves to the next export."""

RESOLUTION: Final = 1.0
"""Seconds after which the service writes another time."""

_COUNTERS: Final = ("state", "updated_at", "judgments_count", "units_count", "golds_count")
"""What changes in a job when a unit is finalized."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class FinalizedSince:
    """Selects the units that were finalized after a time.

    :param since: As :func:`read_since` returns it.
    """

    def __init__(self, since: int) -> None:
        self._since = since
        self._newest = since
        self._recent: dict[int, int] = {}
        """Ids of the selected units that are within the margin, with their times."""

    def select(self, units: Sequence[JSONObject]) -> list[JSONObject]:
        """Return those of some units that were finalized after the time."""
        selected = []
        for unit in units:
            updated_at = unit.get("updated_at")
            moment = microseconds(updated_at) if updated_at else None
            if moment is not None and moment > self._newest:
                self._newest = moment
            if finalized_at(unit) is None or moment is None or moment <= self._since:
                continue
            selected.append(unit)
            self._recent[unit["id"]] = moment
        self._forget_older()
        return selected

    def unsettled(self) -> frozenset[int]:
        """Return the ids of the selected units that a changing job leaves to the next export."""
        return frozenset(self._recent)

    def _forget_older(self) -> None:
        limit = self._newest - MARGIN // timedelta(microseconds=1)
        self._recent = {unit: moment for unit, moment in self._recent.items() if moment > limit}


def has_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether a job was changed between two reads of it.

    >>> has_changed({"state": "running", "judgments_count": 7}, {"state": "running"})
    True
    """
    return any(before.get(name) != after.get(name) for name in _COUNTERS)


def read_since(since: datetime | date | None) -> int | None:
    """Return a checkpoint in microseconds since 1970; ``None`` if there is none.

    :param since: A datetime with a time zone, or a date, which is its midnight in UTC.
    :raises InvalidInput: It is something else, or has no time zone.

    >>> read_since(date(2015, 6, 24)) == read_since(datetime(2015, 6, 24, tzinfo=UTC))
    True
    >>> read_since(datetime(2015, 6, 24))
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: since has no time zone: add one, such as \
2015-06-24 00:00:00 with tzinfo=UTC
    """
    if since is None:
        return None
    if since != since:  # noqa: PLR0124 - only NaT differs from itself
        raise InvalidInput(
            "since is NaT, the maximum of a table without rows: pass the checkpoint that you had"
            " before it"
        )
    if isinstance(since, datetime):
        if since.utcoffset() is None:
            raise InvalidInput(f"since has no time zone: add one, such as {since} with tzinfo=UTC")
    elif isinstance(since, date):
        since = datetime.combine(since, time(), UTC)
    else:
        advice = "; convert it with pandas.Timestamp(since, tz='UTC')" if is_numpy(since) else ""
        raise InvalidInput(
            "since must be a datetime with a time zone, or a date, not"
            f" {describe_type(since)}{advice}"
        )
    return (since - _EPOCH) // timedelta(microseconds=1)
