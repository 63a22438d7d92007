"""Those who work on a job, as far as its alerts need to know: who may go on, who is too fast."""

from __future__ import annotations

from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, or_, select

from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.rules.work.handout import BLOCKED_STATES
from crowdflower.sandbox.store.fast import job_history
from crowdflower.sandbox.store.tables import orders, worker, worker_job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

FEW_PAGES: Final = 5
"""Pages that a contributor can still do when they are named in an alert."""

MAX_NAMES: Final = 3

LATEST_PAGES: Final = 1000
"""Pages whose time is compared: the latest ones of a job."""

MIN_PAGES: Final = 3
"""Pages of a contributor from which on their speed tells something."""

MIN_PEOPLE: Final = 5
"""Contributors from which on most of them can be compared with one."""

TIMES: Final = 5
"""How many times as fast as most a contributor has to be."""


class Contributor(NamedTuple):
    """A contributor of a job."""

    id: int
    name: str | None
    golds_seen: int


def able_people(tx: Transaction, job: Row[Any]) -> list[Contributor]:
    """List the contributors who may go on in a job, those with the most test questions first."""
    query = _people(job).where(
        worker_job.c.state.not_in(sorted(BLOCKED_STATES)), worker_job.c.flagged_at.is_(None)
    )
    ordered = query.order_by(worker_job.c.golds_seen.desc(), worker.c.id)
    return [Contributor(*row) for row in tx.all(ordered)]


def fast_people(tx: Transaction, job: Row[Any]) -> list[Contributor]:
    """List the contributors who take less than a fifth of the time that most take for a page."""
    times: dict[int, list[float]] = {}
    for worker_id, seconds in job_history.latest_page_times(tx.driver, job.id, LATEST_PAGES):
        times.setdefault(worker_id, []).append(seconds)
    means = {each: fmean(found) for each, found in times.items() if len(found) >= MIN_PAGES}
    if len(means) < MIN_PEOPLE:
        return []
    limit = median(means.values()) / TIMES
    fast = [each for each, seconds in means.items() if seconds < limit]
    if not fast:
        return []
    query = _people(job).where(worker.c.id.in_(fast[:LATEST_PAGES]))
    able = query.where(worker_job.c.rejected_at.is_(None), worker_job.c.flagged_at.is_(None))
    return [Contributor(*row) for row in tx.all(able.order_by(worker.c.id))]


def has_withdrawn(tx: Transaction, job: Row[Any]) -> bool:
    """Return whether judgments of a contributor were removed, or lost their trust."""
    lost = or_(worker_job.c.rejected_at.is_not(None), worker_job.c.tainted_at.is_not(None))
    query = select(worker_job.c.worker_id).where(worker_job.c.job_id == job.id, lost).limit(1)
    return tx.one(query) is not None


def last_activity(tx: Transaction, job: Row[Any]) -> float | None:
    """Return when a contributor last took or submitted a page, or the last order was placed."""
    work = select(func.max(worker_job.c.last_at).label("at")).where(worker_job.c.job_id == job.id)
    order = select(func.max(orders.c.created_at).label("at")).where(orders.c.job_id == job.id)
    found = [tx.one(query).at for query in (work, order)]
    return max((at for at in found if at is not None), default=None)


def names(people: Sequence[Contributor]) -> str:
    """Return the names of contributors for a sentence; of many, three and how many others."""
    found = [
        each.name or gettext("contributor %(number)s") % {"number": each.id} for each in people
    ]
    if len(found) > MAX_NAMES:
        rest = len(found) - MAX_NAMES
        others = ngettext("%(num)s other", "%(num)s others", rest) % {"num": rest}
        found = [*found[:MAX_NAMES], others]
    if len(found) < 2:  # noqa: PLR2004 - nothing to join
        return "".join(found)
    first = ", ".join(found[:-1])
    return gettext("%(first)s and %(last)s") % {"first": first, "last": found[-1]}


def _people(job: Row[Any]) -> Any:
    joined = worker_job.join(worker, worker.c.id == worker_job.c.worker_id)
    columns = select(worker.c.id, worker.c.display_name, worker_job.c.golds_seen)
    return columns.select_from(joined).where(worker_job.c.job_id == job.id)
