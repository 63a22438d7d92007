"""Waits until the units of a copied job are in the copy: the service copies them in the background.

The response to a copy names the new job at once. Its ``units_count`` grows afterwards, and the
counter of the latest upload, ``units/ping``, says whether rows are still being added.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any, Final

from crowdflower.exceptions import ApiError, NotFound, PermissionDenied, WaitTimeout
from crowdflower.http.base_client import BaseClient, Clock
from crowdflower.http.encoding import segment
from crowdflower.http.polling import poll
from crowdflower.progress import ProgressOption, report

DEADLINE: Final = 30 * 60.0
"""Seconds to wait for the units."""

DELAYS: Final = (1, 1, 2, 4, 8, 15)
"""Seconds between two polls, the last one repeated."""


def wait_for_units(
    client: BaseClient, copy_id: int, total: int | None, progress: ProgressOption
) -> None:
    """Poll a copy until it has all its units.

    :param total: How many there will be; ``None`` if that is unknown.
    :param progress: Reports the units.
    :raises WaitTimeout: They did not arrive within :data:`DEADLINE`.
    """
    clock, count = client.clock, 0
    label = f"Copying units to job {copy_id}"
    with report(progress, "units", total, label=label, clock=clock.monotonic) as reporter:
        reporter.update(0)
        for _ in poll(clock, _delays(clock)):
            try:
                count, is_done = _read(client, copy_id, total)
            except (NotFound, PermissionDenied):
                raise
            except ApiError:
                continue  # the next poll may succeed
            reporter.update(count)
            if is_done:
                return
    of = "" if total is None else f" of {total}"
    raise WaitTimeout(
        f"job {copy_id} was created, but after {DEADLINE / 60:g} minutes it has {count}{of} units;"
        " the service may still be copying them"
    )


def _read(client: BaseClient, copy_id: int, total: int | None) -> tuple[int, bool]:
    """Return how many units the copy has, and whether that is all."""
    path = f"jobs/{segment(copy_id)}"
    latest = client.request("GET", f"{path}/units/ping.json").body
    job = client.request("GET", f"{path}.json").body
    count = max(_count(latest, "count"), _count(job, "units_count"))
    if total is not None:
        return count, count >= total
    return count, isinstance(latest, dict) and latest.get("done") is True


def _count(answer: Any, name: str) -> int:
    count = answer.get(name) if isinstance(answer, dict) else None
    return count if isinstance(count, int) else 0


def _delays(clock: Clock) -> Iterator[float]:
    deadline = clock.monotonic() + DEADLINE
    for delay in chain(DELAYS, repeat(DELAYS[-1])):
        if clock.monotonic() + delay > deadline:
            return
        yield delay
