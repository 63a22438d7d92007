"""Step 5: what a launch costs, what stands in its way, and the launch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from crowdflower.sandbox.desk.fields.dollar_amounts import read_dollars
from crowdflower.sandbox.desk.new_job import steps
from crowdflower.sandbox.desk.new_job.launch_checks import read_checks
from crowdflower.sandbox.desk.new_job.launch_costs import read_launch_costs
from crowdflower.sandbox.errors import BadRequest, Invalid, Unfunded
from crowdflower.sandbox.pages.rendering import dollars
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.pages.work_page import redirect
from crowdflower.sandbox.rules import accounts, visibility
from crowdflower.sandbox.rules.jobs import caps, orders
from crowdflower.sandbox.rules.money import CENT
from crowdflower.sandbox.store.tables import unit

if TYPE_CHECKING:
    from flask import Response
    from sqlalchemy import Row

    from crowdflower.sandbox.desk.desk_request import DeskRequest
    from crowdflower.sandbox.store import Transaction

FEW: Final = 20
"""Rows to try a job with."""


def show(request: DeskRequest) -> Response:
    """Show the checks, the cost of the rows in the query, and the button that launches them."""
    job, tx = request.require_job, request.tx
    if not steps.is_draft(job):
        return redirect(steps.job_url(job))
    available = count_new(tx, job)
    count = read_count(request.form.get("units", request.args.get("units")), available)
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
        available=available,
        few=FEW,
        costs=costs,
        cap=request.form.get("cap", cap),
        to_fix=sum(each.verdict == "bad" for each in checks),
        to_think=sum(each.verdict == "warn" for each in checks),
        missing_cents=-(-costs.missing_mc // CENT),
    )


def receive(request: DeskRequest) -> Response:
    """Launch rows, or add play money to the account."""
    tx, job = request.tx, steps.draft(request)
    if request.form.get("do") == "credit":
        return _credit(request, job)
    if request.form.get("do") != "launch":
        raise BadRequest(gettext("Press the button that launches the rows."))
    available = count_new(tx, job)
    wanted = request.form.get("units", "")
    count = read_count(wanted, available)
    if not count or str(count) != wanted:
        raise Invalid(
            gettext("Write how many rows to launch: %(num)s can be ordered.")
            % {"num": f"{available:,}"}
        )
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
    said = ngettext("%(num)s row was launched.", "%(num)s rows were launched.", count)
    return request.redirect(steps.job_url(job), said % {"num": f"{count:,}"})


def count_new(tx: Transaction, job: Row[Any]) -> int:
    """Return how many rows of a job can be ordered."""
    is_new = (*visibility.units_of(tx, job.id), unit.c.state == "new")
    return int(tx.one(select(func.count().label("rows")).where(*is_new)).rows)


def read_count(text: str | None, available: int) -> int:
    """Return how many rows to order: as written, but no more than there are; else all.

    >>> read_count("20", 100), read_count("200", 100), read_count("many", 100), read_count("0", 9)
    (20, 100, 100, 9)
    """
    digits = (text or "").replace(",", "").strip()
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= len(str(available))
    return min(int(digits), available) or available if is_number else available


def _credit(request: DeskRequest, job: Row[Any]) -> Response:
    cents = request.form.get("cents", "")
    is_number = cents.isascii() and cents.isdecimal() and len(cents) <= len(str(accounts.MAX_CENTS))
    if not is_number or not 0 < int(cents) <= accounts.MAX_CENTS:
        raise Invalid(gettext("This amount cannot be added."))
    accounts.credit(request.tx, request.account, int(cents), "added at the desk")
    said = gettext("%(amount)s of play money was added.") % {"amount": dollars(int(cents) * CENT)}
    return request.redirect(steps.step_url(job, "launch"), said)
