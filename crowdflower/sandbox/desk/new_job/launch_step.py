"""Step 5: what a launch costs, what stands in its way, and the launch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from crowdflower.sandbox.desk.fields.dollar_amounts import read_dollars
from crowdflower.sandbox.desk.fields.typed_numbers import read_whole
from crowdflower.sandbox.desk.job_head import count_new_rows
from crowdflower.sandbox.desk.new_job import steps
from crowdflower.sandbox.desk.new_job.launch_checks import read_checks
from crowdflower.sandbox.desk.new_job.launch_costs import read_launch_costs
from crowdflower.sandbox.errors import BadRequest, Invalid, Unfunded
from crowdflower.sandbox.pages.rendering import dollars
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.pages.work_page import redirect
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import caps, orders
from crowdflower.sandbox.rules.money import CENT

if TYPE_CHECKING:
    from flask import Response
    from sqlalchemy import Row

    from crowdflower.sandbox.desk.desk_request import DeskRequest

FEW: Final = 20
"""Rows to try a job with."""


def show(request: DeskRequest) -> Response:
    """Show the checks, the cost of the rows in the query, and the button that launches them.

    :raises Invalid: The query asks for a number of rows that cannot be ordered.
    """
    job, tx = request.require_job, request.tx
    if not steps.is_draft(job):
        return redirect(steps.job_url(job))
    available = count_new_rows(tx, job)
    typed = request.form.get("units", request.args.get("units"))
    count = available
    if typed is not None and available:
        count = _shown_count(request, typed, available)
    costs = read_launch_costs(tx, job, count)
    checks = read_checks(tx, job, count, available, costs)
    cap = "" if job.cap_mc is None else f"{job.cap_mc / CENT / 100:.2f}"
    return steps.step_page(
        request,
        "new_launch.html",
        "launch",
        job,
        checks=checks,
        count=count,
        typed=f"{count:,}" if typed is None else typed,
        available=available,
        few=FEW,
        costs=costs,
        cap=request.form.get("cap", request.args.get("cap", cap)),
        to_fix=sum(each.verdict == "bad" for each in checks),
        to_think=sum(each.verdict == "warn" for each in checks),
        missing_cents=-(-costs.missing_mc // CENT),
    )


def receive(request: DeskRequest) -> Response:
    """Work out the cost of some rows, add the play money that they need, or launch them.

    All of them mean the number in the field. Money moves only for the number whose cost was shown.

    :raises Invalid: So many rows cannot be ordered, or its cost was not shown yet.
    """
    tx, job = request.tx, steps.draft(request)
    act = request.form.get("do")
    if act not in {"costs", "credit", "launch"}:
        raise BadRequest(gettext("Press the button that launches the rows."))
    available = count_new_rows(tx, job)
    if not available:
        raise Invalid(gettext("There are no rows to order. Add rows first."))
    count = _read_count(request.form.get("units", ""), available)
    if act == "costs":  # nothing is done, so a person who goes back may still launch
        request.desk.access.forget_act(request.session, request.form.get("once", ""))
        return redirect(_costs_url(request, job, count))
    if request.form.get("shown", str(count)) != str(count):
        raise Invalid(
            ngettext(
                "The costs were those of another number of rows. They are now those of %(num)s row:"
                " look at them, and press the button again.",
                "The costs were those of another number of rows. They are now those of %(num)s"
                " rows: look at them, and press the button again.",
                count,
            )
            % {"num": f"{count:,}"}
        )
    if act == "credit":
        return _credit(request, job, count)
    if "cap" in request.form:
        cap = request.form["cap"].strip()
        caps.set_cap(tx, job, read_dollars(cap) if cap else None)
    try:
        orders.place(tx, job, count, ())
    except Unfunded as refusal:
        missing = dollars(round((refusal.cost_cents - refusal.available_cents) * CENT))
        raise Invalid(
            gettext("There is not enough money: %(missing)s more is needed.") % {"missing": missing}
        ) from None
    said = ngettext(
        "The job was launched with %(num)s row.", "The job was launched with %(num)s rows.", count
    )
    return request.redirect(steps.job_url(job), said % {"num": f"{count:,}"})


def _read_count(text: str, available: int) -> int:
    return read_whole(text, gettext("Rows to launch with"), 1, available)


def _shown_count(request: DeskRequest, typed: str, available: int) -> int:
    """Return for how many rows the page shows the cost, given what was typed."""
    try:
        return _read_count(typed, available)
    except Invalid:
        if request.refused is None:
            raise
        return available  # the page says already what is wrong with it


def _costs_url(request: DeskRequest, job: Row[Any], count: int) -> str:
    cap = request.form.get("cap", "").strip()
    query = {"units": str(count), **({"cap": cap} if cap else {})}
    return f"{steps.step_url(job, 'launch')}?{urlencode(query)}"


def _credit(request: DeskRequest, job: Row[Any], count: int) -> Response:
    missing = -(-read_launch_costs(request.tx, job, count).missing_mc // CENT)
    if not missing:
        raise Invalid(gettext("There is enough money: none was added."))
    accounts.credit(request.tx, request.account, missing, "added at the desk")
    said = gettext("%(amount)s of play money was added.") % {"amount": dollars(missing * CENT)}
    return request.redirect(_costs_url(request, job, count), said)
