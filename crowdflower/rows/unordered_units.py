"""Which units of a job are neither ordered nor test questions: how many, and their ids.

The service counts units (``ping``), and shows the state of one at a time; no list has states,
except the JSON report, which takes a while to build. Its counts include canceled units as if they
were never ordered. Orders take the oldest units first, so those that are left are usually the
newest: they are taken from the end of the list, and a few of them are looked at. Only if that
contradicts the counts is the report needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from math import ceil
from typing import Any, Final

from crowdflower._types import JSONObject
from crowdflower.exceptions import (
    ApplicationError,
    InvalidInput,
    NotFound,
    RefusedError,
    WaitTimeout,
    warn,
)
from crowdflower.http.base_client import BaseClient
from crowdflower.http.encoding import segment
from crowdflower.http.polling import poll
from crowdflower.models import shapes
from crowdflower.models.endpoints import UNITS_PER_PAGE
from crowdflower.models.waiting.counts import count_in
from crowdflower.rows import report_archive
from crowdflower.rows.report_download import download

UPLOAD_DELAYS: Final = (1, 1, 2, 4, 8, 15, *(30,) * 19)
"""Seconds between two looks at an upload that the service still reads: ten minutes in all."""

FEW: Final = 20
"""Units of which each is looked at; of more, only the first and the last."""

MANY: Final = 10_000
"""Units above which the report is faster than their list."""

NEW: Final = "new"


class UnorderedUnits:
    """The units of one job that an order can still take.

    :param ordered: How many are ordered at least; the counts of the service show it later.
    """

    def __init__(self, client: BaseClient, job_id: int, ordered: int | None = None) -> None:
        self._client = client
        self._job_id = job_id
        self._ordered = ordered or 0
        self._path = f"jobs/{segment(job_id)}"
        self.is_launched = False
        """Whether any unit is ordered, as far as it was read."""
        self._golden = 0
        self._marked: set[int] = set()
        """Units that were read and say that they are test questions."""

    def wait_for_upload(self) -> None:
        """Wait until the service has read the rows that were uploaded; warn if it cannot.

        :raises WaitTimeout: That takes longer than ten minutes.
        """
        rows = 0
        for _ in poll(self._client.clock, UPLOAD_DELAYS):
            try:
                latest = self._client.request("GET", f"{self._path}/units/ping.json").body
            except ApplicationError as error:
                warn(f"the latest upload to job {self._job_id} failed: {error}")
                return
            except RefusedError:  # the service has no such counter, or had no upload
                return
            if not isinstance(latest, dict) or latest.get("done") is not False:
                return
            rows = count_in(latest, "count") or rows
        raise WaitTimeout(
            f"after {sum(UPLOAD_DELAYS) / 60:.0f} minutes the service is still reading the rows"
            f" that were uploaded to job {self._job_id}, and is at row {rows}; nothing was ordered"
        )

    def count(self) -> int:
        """Return how many there are; among more than :data:`FEW`, canceled ones may be counted.

        :raises InvalidInput: The service does not count ordered units.
        """
        total, apparent = self._read_counts()
        if apparent > FEW:
            is_any = any(self._are_new(self._newest(total, FEW)))
            return apparent if is_any else len(self._read_report(()))
        newest = self._newest(total, apparent)
        if len(newest) == apparent and all(self._are_new(newest)):
            return apparent
        return len(self._read_report(newest))

    @property
    def unconverted(self) -> int:
        """How many of the rows that were read say that they are test questions, and are not."""
        return max(0, len(self._marked) - self._golden)

    def ids(self) -> tuple[int, ...]:
        """Return their ids, oldest first.

        :raises InvalidInput: The service does not count ordered units.
        """
        total, apparent = self._read_counts()
        newest = [] if apparent > MANY else self._newest(total, apparent)
        looked_at = newest if len(newest) <= FEW else [newest[0], newest[-1]]
        if len(newest) == apparent and all(self._are_new(looked_at)):
            return tuple(reversed(newest))
        return self._read_report(newest)

    def _read_counts(self) -> tuple[int, int]:
        """Return the number of all units, and of those that are apparently not ordered."""
        ping: Any = self._client.request("GET", f"{self._path}/ping.json").body
        counts = ping if isinstance(ping, Mapping) else {}
        total, ordered = count_in(counts, "all_units"), count_in(counts, "ordered_units")
        if total is None or ordered is None:
            raise InvalidInput(
                f"the service does not say how many units of job {self._job_id} are ordered: pass"
                " units_count; nothing was ordered"
            )
        ordered = max(ordered, self._ordered)
        self.is_launched = ordered > 0
        self._golden = count_in(counts, "golden_units") or 0
        return total, max(0, total - self._golden - ordered)

    def _newest(self, total: int, count: int) -> list[int]:
        """Return ids, newest first, without rows that say that they are test questions."""
        found: list[int] = []
        number = ceil(total / UNITS_PER_PAGE) if count else 0
        while number > 0 and len(found) < count:
            page = self._client.request(
                "GET",
                f"{self._path}/units.json",
                query={"page": number},
                shape=shapes.page_by_unit,
            ).body
            marked = {unit for unit, row in page.items() if _is_gold(row)}
            found += [unit for unit in reversed(page) if unit not in marked]
            self._marked |= marked
            number -= 1
        return found[:count]

    def _are_new(self, ids: Iterable[int]) -> Iterator[bool]:
        """Yield whether each unit is not ordered; if a state is not shown, the counts decide."""
        for unit in ids:
            try:
                path = f"{self._path}/units/{unit}.json"
                shown = self._client.request("GET", path, shape=shapes.a_unit).body
            except NotFound:
                yield False
            else:
                yield shown.get("state") in {None, NEW}

    def _read_report(self, newest: Sequence[int]) -> tuple[int, ...]:
        """Return the ids by the states in the report, which may be older than the latest order.

        :param newest: Units of which those that are newer than the report are added.
        """
        found, known = [], set()
        with download(self._client, self._job_id, "json") as archive:
            for unit in report_archive.rows(archive, "json"):
                known.add(unit.get("id"))
                if unit.get("state") == NEW:
                    found.append(unit["id"])
        ids = sorted({*found, *(unit for unit in newest if unit not in known)})
        return tuple(ids if len(ids) > FEW else compress(ids, self._are_new(ids)))


def describe_not_ordered(ids: Sequence[int]) -> str:
    """Return a clause that says which units are not ordered.

    >>> describe_not_ordered([101, 102, 103, 104, 105])
    '5 units are not ordered: 101, 102, 103 and 2 more'
    """
    shown = ", ".join(map(str, ids[:3]))
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""  # noqa: PLR2004 - as shown
    return f"{len(ids)} unit{' is' if len(ids) == 1 else 's are'} not ordered: {shown}{more}"


def _is_gold(row: JSONObject) -> bool:
    return str(row.get("_golden")).lower() in {"true", "1"}
