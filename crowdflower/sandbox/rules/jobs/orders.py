"""Launching: rows are paid for in advance and released to contributors.

Sources: CrowdFlower, `Job Costs
<https://success.crowdflower.com/hc/en-us/articles/202703165>`_: pages are paid, not rows; and
`Guide to: API Page <https://success.crowdflower.com/hc/en-us/articles/201855729>`_, on jobs that
order by themselves: as soon as there are rows enough, or when a timer has run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update

from crowdflower.sandbox import forms
from crowdflower.sandbox.errors import Declined, Invalid, NotFound, Refusal, Unsupported
from crowdflower.sandbox.rules import gold_answers, money, quiz
from crowdflower.sandbox.rules.completion import finalization
from crowdflower.sandbox.rules.counters import CounterChanges
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.settings import channels as channel
from crowdflower.sandbox.rules.settings import settings
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.tables import account, assignment_unit, orders, unit
from crowdflower.sandbox.store.tables import job as jobs_table
from crowdflower.states import INTERNAL, ON_DEMAND

DEFAULT_AUTO_ORDER_THRESHOLD = 4
"""New rows that make a job order by itself; ``auto_order_threshold`` changes it."""

MAX_CHECKED_UNITS = 100
"""Rows that the form of a job is tried with when it is launched."""

NO_CHANNELS = (
    "Unit was successfully created, but it could not be ordered because channels have not been "
    "set for this job."
)


def place(tx: Transaction, job: Row[Any], units_count: int, channels: Sequence[str]) -> Row[Any]:
    """Order judgments for new rows: money is taken aside, the rows are released, the job runs.

    :param units_count: How many rows, the oldest first; more than there are means all, and so
        does 0.
    :param channels: Where contributors may come from, in place of those enabled so far; when any
        of them is outside, the open crowd is enabled with it. None keeps what is enabled.
    :returns: The order.
    :raises Invalid: The job is not ready, its form does not work with one of its first rows, or
        there is nothing to order; the message says what to do.
    :raises Unfunded: The account holds less than would be taken aside.
    """
    current = jobs.load_for_update(tx, job)
    _require_ready(current)
    if current.units_count < tx.limits.min_units_to_launch:
        raise Invalid(
            f"A job needs at least {tx.limits.min_units_to_launch} rows to be launched; this one "
            f"has {current.units_count}. Upload more rows."
        )
    _warn_requirements(tx, current)
    _warn_dynamic(tx, current)
    if units_count < 0:
        raise Invalid(f"units_count is the number of rows to order, not {units_count}.")
    wanted = channel.check_names(channels)
    if any(name != INTERNAL for name in wanted):
        wanted = channel.check_names([*wanted, ON_DEMAND])
    return _place_order(tx, current, units_count, wanted)


def auto_order(tx: Transaction, job: Row[Any]) -> Row[Any] | None:
    """Order the new rows of a job that is set to do so and has enough of them.

    Too few of them wait from now on for others, or for the job's ``auto_order_timeout``. The rows
    of a paused job wait for it to go on.

    :returns: The order, or ``None``; when it should have been placed and could not be, a warning
        says why.
    """
    current = jobs.reload(tx, job)
    if not current.auto_order or current.state == "canceled":
        return None
    threshold = current.auto_order_threshold or DEFAULT_AUTO_ORDER_THRESHOLD
    new = select(unit.c.id).where(unit.c.job_id == job.id, unit.c.state == "new")
    found = len(tx.all(new.order_by(unit.c.seq.desc()).limit(threshold)))
    if found and current.waiting_since is None:
        _set_waiting_since(tx, job.id, tx.clock.now())
    if found < threshold or current.state == "paused":
        return None
    return _try_to_order(tx, current)


def due_job_ids(tx: Transaction) -> list[int]:
    """List the jobs whose new rows have waited for as long as ``auto_order_timeout`` says."""
    is_due = jobs_table.c.waiting_since + jobs_table.c.auto_order_timeout <= tx.clock.now()
    may = jobs_table.c.deleted_at.is_(None) & jobs_table.c.state.not_in(("canceled", "paused"))
    found = select(jobs_table.c.id).where(jobs_table.c.waiting_since.is_not(None), is_due, may)
    return [row.id for row in tx.all(found.where(jobs_table.c.auto_order))]


def place_due_orders(tx: Transaction) -> None:
    """Order the new rows that have waited for long enough, however few they are.

    Where it cannot be done an event says why, and the rows wait for as long again.
    """
    locks.lock_name(tx, "orders that are due")
    for number in due_job_ids(tx):
        if locks.lock_job(tx, number) and number not in due_job_ids(tx):
            continue  # somebody paused, canceled or deleted it meanwhile
        current = jobs.load(tx, number)
        new = select(unit.c.id).where(unit.c.job_id == number, unit.c.state == "new").limit(1)
        if tx.one(new) is None:
            _set_waiting_since(tx, number, None)
            continue
        warned = len(tx.warnings)
        if _try_to_order(tx, current) is None:
            problem = " ".join(tx.warnings[warned:])
            tx.record("auto_order_failed", number, problem=problem)
            _set_waiting_since(tx, number, tx.clock.now())


def find(tx: Transaction, job: Row[Any], order_id: int) -> Row[Any]:
    """Find an order of a job.

    :raises NotFound: There is none.
    """
    is_it = (orders.c.id == order_id, orders.c.job_id == job.id)
    found: Row[Any] | None = tx.one(select(orders).where(*is_it))
    if found is None:
        raise NotFound
    return found


def estimate_cost(
    tx: Transaction, job: Row[Any], units_count: int, judgments: int | None = None
) -> int:
    """Estimate what so many rows will cost, fee included, in thousandths of a US cent.

    1000 rows, 10 on a page of which 1 is a test question, 3 judgments, 10 cents a page and a fee
    of 20 % are 3 x 112 pages, and 4032 cents. With dynamic judgments every row counts as if it
    needed the most it may get.

    :param judgments: For each row; by default as many as the job may ask for.
    """
    if judgments is None:
        judgments = job.judgments_per_unit
        if job.variable_judgments_mode != "none":
            judgments = max(judgments, job.max_judgments_per_unit or 0)
    fee = tx.one(select(account.c.markup_pct).where(account.c.id == job.account_id))
    pages = -(-units_count // quiz.units_per_page(job))
    return int(judgments * pages * money.with_fee(job.payment_mc, fee.markup_pct))


def _try_to_order(tx: Transaction, job: Row[Any]) -> Row[Any] | None:
    """Order all new rows of a job; ``None``, and a warning, when that cannot be."""
    if not channel.read(tx, job)[0]:
        tx.warn(NO_CHANNELS)
        return None
    try:
        with tx.connection.begin_nested():
            _require_ready(job)
            return _place_order(tx, job, 0, ())
    except Refusal as refusal:
        tx.warn(f"The new rows were not ordered: {refusal.message}")
        return None


def _set_waiting_since(tx: Transaction, job_id: int, since: float | None) -> None:
    tx.run(update(jobs_table).where(jobs_table.c.id == job_id).values(waiting_since=since))


def _require_ready(job: Row[Any]) -> None:
    if job.state == "canceled":
        raise Invalid("This job was canceled and cannot be launched again. Copy it.")
    if not job.title:
        raise Invalid("Give the job a title before you launch it.")
    if not job.instructions:
        raise Invalid("Give the job instructions before you launch it.")
    try:
        ready = bool(job.cml) and forms.check_form(job.cml).has_required
    except Declined as refusal:
        raise Invalid(f"The form has mistakes: {refusal.message}") from None
    if not ready:
        raise Invalid(
            'Give the job a form in which at least one question has validates="required" before '
            "you launch it."
        )


def _check_forms(
    tx: Transaction, job: Row[Any], is_new: Sequence[ColumnElement[bool]], count: int
) -> None:
    """See whether the form works with the first of the rows, before they cost anything.

    :raises Invalid: It does not: nobody could hand in a page with such a row.
    """
    cml, hidden = job.cml or "", gold_answers.hidden_columns(job.gold)
    if "{{" not in cml and "{%" not in cml:
        return
    first = select(unit.c.id, unit.c.data).where(*is_new).order_by(unit.c.seq)
    for row in tx.all(first.limit(min(count, MAX_CHECKED_UNITS))):
        _check_form(cml, row, hidden)


def _check_form(cml: str, row: Row[Any], hidden: frozenset[str]) -> None:
    try:
        forms.rendered_form(cml, gold_answers.visible_data(row.data, hidden))
    except Invalid as error:
        raise Invalid(f"Unit {row.id}: {error.message}") from None


def _warn_requirements(tx: Transaction, job: Row[Any]) -> None:
    first = (None, settings.DEFAULT_REQUIREMENTS)
    if job.minimum_requirements not in first or job.desired_requirements is not None:
        message = "Contributors here have no levels: every contributor may work on this job."
        if tx.limits.strict:
            raise Unsupported("minimum_requirements", message, "channels")
        tx.warn(message)


def _warn_dynamic(tx: Transaction, job: Row[Any]) -> None:
    if job.variable_judgments_mode == "none":
        return
    if job.min_unit_confidence is None and not job.options.get("dynamic_matching"):
        tx.warn(
            "The job is to collect a varying number of judgments, and min_unit_confidence is not "
            "set: no row gets more than judgments_per_unit."
        )
    elif job.max_judgments_per_unit is None:
        tx.warn(
            "max_judgments_per_unit is not set: a row on which contributors never agree is judged "
            "until the money is spent."
        )


def _place_order(
    tx: Transaction, job: Row[Any], units_count: int, wanted: Sequence[str]
) -> Row[Any]:
    enabled = list(wanted) or channel.read(tx, job)[0]
    if not enabled:
        raise Invalid("Name at least one channel: where contributors of this job may come from.")
    is_new = (unit.c.job_id == job.id, unit.c.state == "new")
    available = tx.one(select(func.count().label("rows")).where(*is_new)).rows
    count = min(units_count or available, available)
    if not count:
        raise Invalid("There is no new row to order. Upload more rows.")
    _check_forms(tx, job, is_new, count)
    free = all(money.is_free(tx, name) for name in enabled)
    price = 0 if free else estimate_cost(tx, job, count)
    aside = 0 if free else max(price, tx.limits.minimum_reserve_cents * money.CENT)
    money.require_funds(tx, job.account_id, aside)

    ends = select(unit.c.id, unit.c.seq).where(*is_new).order_by(unit.c.seq).limit(1)
    first, last = tx.one(ends), tx.one(ends.offset(count - 1))
    now = tx.clock.now()
    order_id = tx.add(
        orders,
        {
            "job_id": job.id,
            "account_id": job.account_id,
            "units_count": count,
            "first_unit_id": first.id,
            "last_unit_id": last.id,
            "channels": enabled,
            "cost_mc": price,
            "meta": {
                "starting_unit_id": first.id,
                "ending_unit_id": last.id,
                "credit_balance": (money.balance(tx, job.account_id) - aside) // money.CENT,
            },
            "created_at": now,
            "updated_at": now,
        },
    )
    order = find(tx, job, order_id)
    if aside:
        money.reserve(tx, order, aside)
    if wanted:
        channel.replace(tx, job, wanted)
    runs: dict[str, Any] = {"state": "running", "completed_at": None}
    if count == available:
        runs["waiting_since"] = None
    tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(runs))
    _release_units(tx, job, order, [*is_new, unit.c.seq <= last.seq])
    return find(tx, job, order_id)


def _release_units(
    tx: Transaction, job: Row[Any], order: Row[Any], where: Sequence[ColumnElement[bool]]
) -> None:
    """Let contributors have new rows; some know one of these from when it was a test question."""
    is_taken = select(assignment_unit.c.unit_id).where(assignment_unit.c.resolved.is_(False))
    not_untouched = (unit.c.judgments_count > 0) | unit.c.id.in_(is_taken)
    touched = tx.all(select(unit).where(*where, not_untouched))
    needed = job.judgments_per_unit
    released = {"state": "judgable", "needed": needed, "open_slots": needed, "order_id": order.id}
    tx.run(update(unit).where(*where).values(updated_at=tx.clock.now(), **released))
    tally = CounterChanges()
    tally.leave("new", rows=order.units_count)
    tally.enter("judgable", needed=needed, rows=order.units_count)
    tally.needed -= sum(min(needed, row.judgments_count) for row in touched)
    tally.save(tx, job.id)
    finalization.change_counts(tx, jobs.reload(tx, job), [row.id for row in touched])
