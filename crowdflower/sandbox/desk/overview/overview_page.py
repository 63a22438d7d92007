"""The overview of a job, and the acts on it: pause, resume, cancel, order more, set the cap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.desk import charts
from crowdflower.sandbox.desk.fields.dollar_amounts import DOLLAR, read_dollars
from crowdflower.sandbox.desk.fields.typed_numbers import read_whole
from crowdflower.sandbox.desk.job_head import count_new_rows
from crowdflower.sandbox.desk.messages.message_words import all_in_words
from crowdflower.sandbox.desk.overview import overview_charts as drawn
from crowdflower.sandbox.desk.overview.alerts import Facts, find_alerts
from crowdflower.sandbox.desk.overview.cost import Cost, estimate, read_cost
from crowdflower.sandbox.desk.overview.figures import gold_limits, people_needed, read_figures
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.pages.rendering import dollars
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.rules import accounts, money
from crowdflower.sandbox.rules.jobs import caps, jobs, orders
from crowdflower.sandbox.rules.money import CENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Response
    from markupsafe import Markup
    from sqlalchemy import Row

    from crowdflower.sandbox.desk.charts import Part
    from crowdflower.sandbox.desk.desk_request import DeskRequest
    from crowdflower.sandbox.store import Transaction

REFRESH: Final = 5
"""Seconds between two updates of a page that is open."""


def show(request: DeskRequest) -> Response:
    """Show the overview of a job."""
    tx, job, url = request.tx, request.require_job, f"/desk/jobs/{request.require_job.id}"
    if job.state == "unordered":
        facts = Facts(tx, job, url, None, None, None, request.desk.reports)
        rows = count_new_rows(tx, job)  # without those that were canceled
        return request.job_page(
            "overview_draft.html",
            "overview",
            levels=find_alerts(facts),
            rows=job.units_count - job.golds_count,
            limits=gold_limits(job),
            estimate=estimate(tx, job, rows) if rows else None,
            people=people_needed(job, rows),
        )
    history = request.desk.histories.read(tx, job)
    figures, cost, now = read_figures(tx, job, history), read_cost(tx, job), tx.clock.now()
    facts = Facts(tx, job, url, history, figures, cost, request.desk.reports)
    has_ended = job.state in {"finished", "canceled"}
    end = history.last_at if has_ended and history.last_at is not None else now
    return request.job_page(
        "overview.html",
        "overview",
        levels=find_alerts(facts),
        figures=figures,
        cost=cost,
        cost_bar=_cost_bar(cost),
        cost_parts=_cost_parts(cost),
        dot=charts.dot,
        time_left=_time_left(figures.seconds_left),
        new_cap=_new_cap(tx, job, cost),
        missing=_missing(tx, job, cost),
        typed=request.form,
        shares=history.shares,
        is_sample=history.shares.seqs is not None and history.shares.rows < job.finalized_count,
        questions=drawn.question_shares(history.shares, url),
        progress=drawn.progress_chart(history, figures, end, has_ended=has_ended),
        judgments=drawn.judgments_chart(history, end) if history.last_at else None,
        agreement=drawn.agreement_chart(history) if history.agreed_rows else None,
        refresh=None if has_ended else REFRESH,
    )


def receive(request: DeskRequest) -> Response:
    """Carry out an act on a job, by the rule that the API calls.

    :raises Invalid: The act is unknown, a number in it is not one, or its rule refuses it.
    :raises Declined: The job is in a state that does not allow it.
    """
    act = _ACTS.get(request.form.get("do", ""))
    if act is None:
        raise Invalid(gettext("This act is unknown. Open the page again, and repeat it."))
    said = act(request)
    return request.redirect(
        f"/desk/jobs/{request.require_job.id}", all_in_words([said, *request.tx.warnings])
    )


def _pause(request: DeskRequest) -> str:
    jobs.pause(request.tx, request.require_job)
    return gettext("Paused. Nobody gets a page; pages that are open may still be submitted.")


def _resume(request: DeskRequest) -> str:
    jobs.resume(request.tx, request.require_job)
    return gettext("Resumed. Contributors get pages again.")


def _cancel(request: DeskRequest) -> str:
    has_reserve = read_cost(request.tx, request.require_job).reserved > 0
    jobs.cancel(request.tx, request.require_job)
    if not has_reserve:
        return gettext("Canceled.")
    return gettext("Canceled. The money that was left returned to the balance.")


def _order(request: DeskRequest) -> str:
    job = jobs.load_for_update(request.tx, request.require_job)
    available = count_new_rows(request.tx, job)
    if not available:
        raise Invalid(gettext("There are no rows to order. Add rows first."))
    typed = request.form.get("units", "")
    rows = read_whole(typed, gettext("Rows to order"), 1, available)
    orders.place(request.tx, job, rows, ())
    text = ngettext("%(num)s row was ordered.", "%(num)s rows were ordered.", rows)
    return text % {"num": f"{rows:,}"}


def _set_cap(request: DeskRequest) -> str:
    cap = read_dollars(request.form.get("cap", ""))
    caps.set_cap(request.tx, request.require_job, cap)
    return gettext("The cap is %(cap)s.") % {"cap": dollars(cap)}


def _raise_cap(request: DeskRequest) -> str:
    said = _set_cap(request)
    return f"{said} {_resume(request)}"


def _fund(request: DeskRequest) -> str:
    job = request.require_job
    cents = _missing(request.tx, job, read_cost(request.tx, job)) // CENT
    accounts.credit(request.tx, request.account, cents, "added at the desk")
    added = gettext("%(amount)s of play money were added.") % {"amount": dollars(cents * CENT)}
    return f"{added} {_resume(request)}"


def _remove_cap(request: DeskRequest) -> str:
    caps.set_cap(request.tx, request.require_job, None)
    return gettext("The job has no cap any more.")


_ACTS: Final[dict[str, Callable[[DeskRequest], str]]] = {
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
    "order": _order,
    "cap": _set_cap,
    "raise": _raise_cap,
    "no_cap": _remove_cap,
    "fund": _fund,
}
"""The field ``do`` of a form to what it does; it returns what to say."""


def _cost_parts(cost: Cost) -> dict[str, Part]:
    """Return the parts of the bar of costs: what is spent, reserved, and free under the cap."""
    named = [
        ("spent", gettext("Spent"), cost.spent, charts.COLORS[0]),
        ("reserved", gettext("Reserved"), cost.reserved, charts.SCALE_COLORS[1]),
        ("free", gettext("Neither spent nor reserved"), cost.free_under_cap, charts.EMPTY),
    ]
    total = sum(amount for _, _, amount, _ in named) or 1
    return {
        name: charts.Part(label, amount, color, round(100 * amount / total))
        for name, label, amount, color in named
    }


def _cost_bar(cost: Cost) -> Markup:
    parts = [part for part in _cost_parts(cost).values() if part.number]
    return charts.share(parts, gettext("Cost so far; the figures are below"))


def _missing(tx: Transaction, job: Row[Any], cost: Cost) -> int:
    """Return what to add to the balance to finish a job, in whole cents and at least for a page.

    It is a tenth more than expected, as the last pages are not full.
    """
    short = cost.remaining * 11 // 10 - cost.reserved - money.balance(tx, job.account_id)
    return -(-max(short, cost.page_price) // CENT) * CENT


def _new_cap(tx: Transaction, job: Row[Any], cost: Cost) -> str:
    """Return a cap that is enough, in whole dollars and above the present one."""
    enough = max(cost.expected * 11 // 10, caps.read_least(tx, job).cap)  # a tenth more
    return f"{max(-(-enough // DOLLAR), (cost.cap or 0) // DOLLAR + 1):.2f}"


def _time_left(seconds: float | None) -> str | None:
    """Return how long the work still takes, in words."""
    if seconds is None:
        return None
    minutes = seconds / 60
    if minutes < 90:  # noqa: PLR2004 - an hour and a half
        number = max(1, round(minutes))
        text = ngettext("about %(num)s minute", "about %(num)s minutes", number)
    elif minutes < 48 * 60:
        number = round(minutes / 60)
        text = ngettext("about %(num)s hour", "about %(num)s hours", number)
    else:
        number = round(minutes / 60 / 24)
        text = ngettext("about %(num)s day", "about %(num)s days", number)
    return text % {"num": f"{number:,}"}
