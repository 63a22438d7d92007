"""What the settings of a job mean: what it costs, what an hour pays, how many people it needs."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from statistics import median
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from crowdflower.quality.gold_limits import GoldLimits
from crowdflower.sandbox.desk.job_head import count_new_rows
from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.pages.rendering import dollars
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.rules import money, quiz
from crowdflower.sandbox.rules.jobs import orders
from crowdflower.sandbox.rules.settings import channels, settings
from crowdflower.sandbox.rules.settings.value_types import truthy
from crowdflower.sandbox.store.tables import assignment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

HOUR: Final = 3600

LOW_PAY_MC: Final = 725 * money.CENT
"""An hour that pays less gets a warning: the federal minimum wage of the United States."""

_LATEST_PAGES: Final = 200
_MIN_PAGES: Final = 5
"""Pages from which a typical time is known."""


@dataclass(frozen=True)
class CostEffect:
    """The effect of settings. Money is in thousandths of a cent, with the fee unless it is pay.

    :param rows: Rows that are, were or can be judged, without test questions and canceled rows.
    :param at_most_mc: ``None`` if nothing limits the cost.
    :param is_free: Whether only the requester's own contributors work, who are not paid for.
    :param page_seconds: The median time for a page so far; ``None`` if it is not known yet.
    :param hourly_mc: The pay of an hour, in whole cents; at a minute a page if the time is not
        known.
    :param pages_per_person: Pages before test questions or the limit of the job end the work of a
        person; ``None`` for no limit.
    :param people: Contributors that the job needs at least.
    :param warnings: What will not work as intended, in sentences.
    """

    rows: int
    expected_mc: int
    at_most_mc: int | None
    is_free: bool
    page_seconds: float | None
    hourly_mc: int
    pages_per_person: int | None
    people: int
    warnings: Sequence[str]


def changed_job(tx: Transaction, job: Row[Any], changes: Mapping[str, Any]) -> Any:
    """Return the columns of a job as they would be with changed attributes; nothing is stored.

    Without the changes if they cannot be made together.
    """
    try:
        values = settings.updated_values(tx, job, changes)
    except Refusal:
        values = {}
    return SimpleNamespace(**{**job._mapping, **values})  # noqa: SLF001 - public in SQLAlchemy


def read_effect(tx: Transaction, job: Any, enabled: Iterable[str] | None = None) -> CostEffect:
    """Work out what the settings of a job mean for all of its rows.

    :param job: A row of the job, or the result of :func:`changed_job`.
    :param enabled: The channels; by default those that are stored.
    """
    names = list(channels.enabled(tx, job.id) if enabled is None else enabled)
    rows = job.judgable_count + job.finalized_count + count_new_rows(tx, job)
    judgments = int(job.judgments_per_unit)
    limits = _gold_limits(job)
    quota = _quota(limits, job.max_judgments_per_worker)
    seconds = _page_seconds(tx, job.id)
    hourly = _whole_cents(job.payment_mc * HOUR / (seconds or 60))
    effect = CostEffect(
        rows=rows,
        expected_mc=orders.estimate_cost(tx, job, rows, judgments),
        at_most_mc=None if orders.has_endless_rows(job) else orders.estimate_cost(tx, job, rows),
        is_free=bool(names) and all(money.is_free(tx, name) for name in names),
        page_seconds=seconds,
        hourly_mc=hourly,
        pages_per_person=None if quota is None else ceil(quota / limits.units_per_page),
        people=max(judgments, ceil(rows * judgments / quota)) if quota else judgments,
        warnings=(),
    )
    return _with_warnings(effect, job, limits, names)


def _with_warnings(
    effect: CostEffect, job: Any, limits: GoldLimits, names: Sequence[str]
) -> CostEffect:
    found = []
    if not names:
        found.append(gettext("No channel is chosen: nobody can work on the job."))
    if job.golds_count and not limits.are_asked:
        found.append(
            gettext(
                "Nobody will be tested: the job has %(has)s, and they are asked from %(needed)s on."
            )
            % {"has": _test_questions(int(job.golds_count)), "needed": limits.needed}
        )
    elif limits.pages_per_contributor == 0:
        found.append(
            gettext(
                "Nobody can work: the quiz uses every test question, and each page needs another."
            )
        )
    if effect.at_most_mc is None:
        found.append(
            gettext(
                "Nothing limits the cost: a row is judged until people agree. Set how many"
                " judgments it gets at most."
            )
        )
    if effect.page_seconds is not None and not effect.is_free and effect.hourly_mc < LOW_PAY_MC:
        fair = ceil(LOW_PAY_MC * effect.page_seconds / HOUR / money.CENT)
        found.append(
            gettext("%(hourly)s an hour is low. At %(cents)s cents a page it would be %(better)s.")
            % {
                "hourly": dollars(effect.hourly_mc),
                "cents": fair,
                "better": dollars(_whole_cents(fair * money.CENT * HOUR / effect.page_seconds)),
            }
        )
    return CostEffect(**{**vars(effect), "warnings": tuple(found)})


def _whole_cents(amount_mc: float) -> int:
    return round(amount_mc / money.CENT) * money.CENT


def _test_questions(count: int) -> str:
    return ngettext("%(num)s test question", "%(num)s test questions", count) % {"num": count}


def _gold_limits(job: Any) -> GoldLimits:
    return GoldLimits(
        int(job.golds_count),
        int(job.units_per_assignment),
        int(job.gold_per_assignment),
        has_quiz=truthy(job.options.get("front_load")),
        always=truthy(job.options.get("gold_always")),
        after_gold=quiz.gold_before_removal(job),
        quiz_size=job.extras.get("quiz_length"),
    )


def _quota(limits: GoldLimits, most: int | None) -> int | None:
    """Return how many rows one person can do; ``None`` for no limit."""
    quotas = [each for each in (limits.rows_per_contributor, most) if each is not None]
    return min(quotas, default=None)


def _page_seconds(tx: Transaction, job_id: int) -> float | None:
    """Return the median time of the latest pages; ``None`` if there are few."""
    times = select(assignment.c.started_at, assignment.c.submitted_at).where(
        assignment.c.job_id == job_id,
        assignment.c.state == "submitted",
        assignment.c.mode == "work",
        assignment.c.submitted_at.is_not(None),
    )
    found = tx.all(times.order_by(assignment.c.id.desc()).limit(_LATEST_PAGES))
    seconds = [max(1.0, row.submitted_at - row.started_at) for row in found]
    return median(seconds) if len(seconds) >= _MIN_PAGES else None
