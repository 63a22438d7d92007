"""Orders: reserve the cost of new units and make the units judgable.

Sources: CrowdFlower, `Job Costs
<https://success.crowdflower.com/hc/en-us/articles/202703165>`_: pages are paid, not units; and
`Guide to: API Page <https://success.crowdflower.com/hc/en-us/articles/201855729>`_, on automatic
orders: as soon as there are enough new units, or after a timeout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update

from crowdflower._types import Message
from crowdflower.cml import Form
from crowdflower.sandbox import forms
from crowdflower.sandbox.errors import Declined, Invalid, NotFound, Refusal, in_json
from crowdflower.sandbox.forms.media_addresses import refused_in_form
from crowdflower.sandbox.rules import gold_answers, money, quiz, visibility
from crowdflower.sandbox.rules.completion import finalization
from crowdflower.sandbox.rules.counters import CounterChanges
from crowdflower.sandbox.rules.jobs import caps, jobs, launch_warnings
from crowdflower.sandbox.rules.settings import channels as channel
from crowdflower.sandbox.rules.settings import settings, source_columns
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.fast import page_facts
from crowdflower.sandbox.store.tables import account, assignment_unit, orders, unit
from crowdflower.sandbox.store.tables import job as jobs_table
from crowdflower.states import INTERNAL, ON_DEMAND

DEFAULT_AUTO_ORDER_THRESHOLD = 4
"""New units that trigger an automatic order, unless ``auto_order_threshold`` is set."""

MAX_CHECKED_UNITS = 100
"""Units that the form of a job is checked with when it is launched."""

NO_CHANNELS = Message(
    "Unit was successfully created, but it could not be ordered because channels have not been "
    "set for this job.",
    "no_channels",
)


def place(tx: Transaction, job: Row[Any], units_count: int, channels: Sequence[str]) -> Row[Any]:
    """Order judgments of new units: reserve their cost, make them judgable, run the job.

    :param units_count: How many units, oldest first; 0, or more than there are, means all.
    :param channels: Replace the enabled channels, unless empty; with any channel other than
        ``cf_internal``, ``on_demand`` is enabled, too.
    :returns: The order.
    :raises Invalid: The job is not ready, its form does not work with one of its first units, or
        it has no new unit, or its cap is reached; the message says what to do.
    :raises Unfunded: The balance of the account is too low.
    """
    current = jobs.load_for_update(tx, job)
    _require_ready(current)
    caps.require_room(tx, current)
    if units_count < 0:
        raise Invalid(f"units_count is the number of units to order, not {units_count}.")
    warn(tx, current, units_count)
    wanted = channel.check_names(channels)
    if any(name != INTERNAL for name in wanted):
        wanted = channel.check_names([*wanted, ON_DEMAND])
    return _place_order(tx, current, units_count, wanted)


def warn(tx: Transaction, job: Row[Any], units_count: int) -> None:
    """Warn of what an order of some new units allows, and will not work as intended.

    :param units_count: 0 means all.
    """
    if job.units_count < tx.limits.min_units_to_launch:
        fewest = tx.limits.min_units_to_launch
        text = (
            f"The service may require at least {fewest} units for a launch; "
            f"this job has {job.units_count}."
        )
        tx.warn(Message(text, "few_units", fewest=fewest, units=job.units_count))
    _warn_requirements(tx, job)
    _warn_dynamic(tx, job)
    launch_warnings.warn_of_problems(tx, job, units_count)


def check(tx: Transaction, job: Row[Any], units_count: int) -> None:
    """Check that some new units of a job could be ordered, apart from their cost.

    :raises Invalid: The job is not ready, or its form does not work with one of its first units.
    """
    _require_ready(job)
    _require_columns(tx, job)
    is_new = (*visibility.units_of(tx, job.id), unit.c.state == "new")
    _check_forms(tx, job, is_new, units_count)


def auto_order(tx: Transaction, job: Row[Any]) -> Row[Any] | None:
    """Order the new units of a job with ``auto_order``, if it has enough of them.

    Otherwise the job waits for more units, or for its ``auto_order_timeout``. A paused job waits
    until it is resumed.

    :returns: The order, or ``None``. If an order was due but not possible, a warning says why.
    """
    current = jobs.reload(tx, job)
    if not current.auto_order or current.state == "canceled":
        return None
    threshold = current.auto_order_threshold or DEFAULT_AUTO_ORDER_THRESHOLD
    new = select(unit.c.id).where(*visibility.units_of(tx, job.id), unit.c.state == "new")
    found = len(tx.all(new.order_by(unit.c.seq.desc()).limit(threshold)))
    if found and current.waiting_since is None:
        _set_waiting_since(tx, job.id, tx.clock.now())
    if found and not channel.read(tx, current)[0]:
        tx.warn(NO_CHANNELS)
        return None
    if found < threshold or current.state == "paused":
        return None
    return _try_to_order(tx, current)


def due_job_ids(tx: Transaction) -> list[int]:
    """List the jobs whose new units have waited for ``auto_order_timeout``."""
    return page_facts.read_due_jobs(tx.driver, tx.clock.now())


def place_due_orders(tx: Transaction) -> None:
    """Order the new units of all jobs whose ``auto_order_timeout`` has passed, however few.

    If an order is not possible, an event says why, and the timer starts again.
    """
    locks.lock_name(tx, "orders that are due")
    for number in due_job_ids(tx):
        if locks.lock_job(tx, number) and number not in due_job_ids(tx):
            continue  # paused, canceled or deleted by another transaction meanwhile
        current = jobs.load(tx, number)
        is_new = (*visibility.units_of(tx, number), unit.c.state == "new")
        if tx.one(select(unit.c.id).where(*is_new).limit(1)) is None:
            _set_waiting_since(tx, number, None)
            continue
        warned = len(tx.warnings)
        if _try_to_order(tx, current) is None:
            found = tx.warnings[warned:]
            tx.record("auto_order_failed", number, problem=" ".join(found), **in_json(found))
            _set_waiting_since(tx, number, tx.clock.now())


def find(tx: Transaction, job: Row[Any], order_id: int) -> Row[Any]:
    """Find an order of a job.

    :raises NotFound: The job has no order with this id.
    """
    is_it = (orders.c.id == order_id, orders.c.job_id == job.id)
    found: Row[Any] | None = tx.one(select(orders).where(*is_it))
    if found is None:
        raise NotFound
    return found


def estimate_cost(
    tx: Transaction, job: Row[Any], units_count: int, judgments: int | None = None
) -> int:
    """Estimate the cost of a number of units with the fee, in thousandths of a US cent.

    Example: 1000 units, 10 on a page of which 1 is a test question, 3 judgments, 10 cents a page
    and a fee of 20 % are 3 x 112 pages, and 4032 cents. With dynamic judgments, every unit counts
    with its maximum number of judgments.

    :param judgments: Judgments per unit; by default the maximum of the job.
    """
    if judgments is None:
        judgments = job.judgments_per_unit
        if job.variable_judgments_mode != "none":
            judgments = max(judgments, job.max_judgments_per_unit or 0)
    fee = tx.one(select(account.c.markup_pct).where(account.c.id == job.account_id))
    pages = -(-units_count // quiz.units_per_page(job))
    return int(judgments * pages * money.with_fee(job.payment_mc, fee.markup_pct))


def has_endless_rows(job: Any) -> bool:
    """Return whether rows of a job are judged until people agree, however long that takes."""
    has_goal = job.min_unit_confidence is not None or job.options.get("dynamic_matching")
    is_dynamic = job.variable_judgments_mode != "none" and has_goal
    return bool(is_dynamic and job.max_judgments_per_unit is None)


def reserve_for(tx: Transaction, cost_mc: int) -> int:
    """Return what an order of this cost reserves, in thousandths of a US cent."""
    return max(cost_mc, tx.limits.minimum_reserve_cents * money.CENT)


def _try_to_order(tx: Transaction, job: Row[Any]) -> Row[Any] | None:
    """Order all new units of a job; return ``None``, with a warning, if that is not possible."""
    if not channel.read(tx, job)[0]:
        tx.warn(NO_CHANNELS)
        return None
    try:
        with tx.connection.begin_nested():
            _require_ready(job)
            return _place_order(tx, job, 0, ())
    except Refusal as refusal:
        text = f"The new units were not ordered: {refusal.message}"
        tx.warn(Message(text, "not_ordered", problem=refusal.messages[0]))
        return None


def _set_waiting_since(tx: Transaction, job_id: int, since: float | None) -> None:
    tx.run(update(jobs_table).where(jobs_table.c.id == job_id).values(waiting_since=since))


def _require_ready(job: Row[Any]) -> None:
    if job.state == "canceled":
        raise Invalid(
            Message(
                "This job was canceled and cannot be launched again. Copy it instead.",
                "canceled_job",
            )
        )
    if not job.title:
        raise Invalid(Message("Give the job a title before you launch it.", "no_title"))
    if not job.instructions:
        raise Invalid(Message("Give the job instructions before you launch it.", "no_instructions"))
    try:
        ready = bool(job.cml) and forms.check_form(job.cml).has_required
    except Declined as refusal:
        text = f"The form has mistakes: {refusal.message}"
        raise Invalid(Message(text, "form_mistakes", problem=refusal.messages[0])) from None
    if not ready:
        text = (
            'Give the job a form in which at least one question has validates="required" before '
            "you launch it."
        )
        raise Invalid(Message(text, "no_required_question"))


def _require_columns(tx: Transaction, job: Row[Any]) -> None:
    """Refuse a form that prints a column which no row has: contributors would see a blank.

    :raises Invalid: The form prints such a column.
    """
    found = source_columns.find_missing(tx, job.id, forms.check_form(job.cml or ""))
    if found:
        where = " ".join(
            f"Line {each.line}, column {each.column}: {each.message}" for each in found
        )
        text = (
            f"{where} Correct the form, or add the column; if rows may lack it, test it with "
            "{% if … %} or print it with | default."
        )
        raise Invalid(Message(text, "missing_columns", problem=found[0].message))


def _check_forms(
    tx: Transaction, job: Row[Any], is_new: Sequence[ColumnElement[bool]], count: int
) -> None:
    """Check that the form works with the first units, before they cost anything.

    :raises Invalid: A page with one of these units could not be submitted.
    """
    cml, hidden = job.cml or "", gold_answers.hidden_columns(job.gold)
    if "{{" not in cml and "{%" not in cml:
        return
    first = select(unit.c.id, unit.c.seq, unit.c.data).where(*is_new).order_by(unit.c.seq)
    refused: dict[str, Row[Any]] = {}
    for row in tx.all(first.limit(min(count, MAX_CHECKED_UNITS))):
        form = _check_form(cml, row, hidden)
        refused.update({each: row for each in refused_in_form(form) if each not in refused})
    launch_warnings.warn_of_refused_media(tx, refused)


def _check_form(cml: str, row: Row[Any], hidden: frozenset[str]) -> Form:
    try:
        return forms.rendered_form(cml, gold_answers.visible_data(row.data, hidden))
    except Invalid as error:
        text = f"Unit {row.id}: {error.message}"
        problem = error.messages[0]
        raise Invalid(Message(text, "row_problem", row=row.seq, problem=problem)) from None


def _warn_requirements(tx: Transaction, job: Row[Any]) -> None:
    first = (None, settings.DEFAULT_REQUIREMENTS)
    if job.minimum_requirements not in first or job.desired_requirements is not None:
        text = "Contributors in the sandbox have no levels: every contributor may work on this job."
        tx.warn(Message(text, "no_levels"))


def _warn_dynamic(tx: Transaction, job: Row[Any]) -> None:
    if job.variable_judgments_mode == "none":
        return
    if job.min_unit_confidence is None and not job.options.get("dynamic_matching"):
        text = (
            "The job has dynamic judgments, but min_unit_confidence is not set: no unit gets more "
            "than judgments_per_unit."
        )
        tx.warn(Message(text, "no_agreement_set"))
    elif job.max_judgments_per_unit is None:
        text = (
            "max_judgments_per_unit is not set: a unit on which contributors never agree is judged "
            "until the money is spent."
        )
        tx.warn(Message(text, "no_most_judgments"))


def _place_order(
    tx: Transaction, job: Row[Any], units_count: int, wanted: Sequence[str]
) -> Row[Any]:
    enabled = list(wanted) or channel.read(tx, job)[0]
    if not enabled:
        raise Invalid(
            Message("Set at least one channel for the contributors of this job.", "no_channel")
        )
    is_new = (*visibility.units_of(tx, job.id), unit.c.state == "new")
    available = tx.one(select(func.count().label("rows")).where(*is_new)).rows
    count = min(units_count or available, available)
    if not count:
        raise Invalid(Message("There is no new unit to order. Upload more units.", "no_new_units"))
    _require_columns(tx, job)
    _check_forms(tx, job, is_new, count)
    free = all(money.is_free(tx, name) for name in enabled)
    price = 0 if free else estimate_cost(tx, job, count)
    reserved = 0 if free else reserve_for(tx, price)
    money.require_funds(tx, job.account_id, reserved)

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
                "credit_balance": (money.balance(tx, job.account_id) - reserved) // money.CENT,
            },
            "created_at": now,
            "updated_at": now,
        },
    )
    order = find(tx, job, order_id)
    if reserved:
        money.reserve(tx, order, reserved)
    if wanted:
        channel.replace(tx, job, wanted)
    values: dict[str, Any] = {"state": "running", "pause_reason": None, "completed_at": None}
    if count == available:
        values["waiting_since"] = None
    tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(values))
    _make_judgable(tx, job, order, [*is_new, unit.c.seq <= last.seq])
    return find(tx, job, order_id)


def _make_judgable(
    tx: Transaction, job: Row[Any], order: Row[Any], where: Sequence[ColumnElement[bool]]
) -> None:
    """Make new units judgable; some have judgments or are on a page, as former test questions."""
    on_open_page = select(assignment_unit.c.unit_id).where(assignment_unit.c.resolved.is_(False))
    was_gold = (unit.c.judgments_count > 0) | unit.c.id.in_(on_open_page)
    former_golds = tx.all(select(unit).where(*where, was_gold))
    needed = job.judgments_per_unit
    values = {"state": "judgable", "needed": needed, "open_slots": needed, "order_id": order.id}
    tx.run(update(unit).where(*where).values(updated_at=tx.clock.now(), **values))
    changes = CounterChanges()
    changes.leave("new", count=order.units_count)
    changes.enter("judgable", needed=needed, count=order.units_count)
    changes.needed -= sum(min(needed, row.judgments_count) for row in former_golds)
    changes.save(tx, job.id)
    finalization.change_counts(tx, jobs.reload(tx, job), [row.id for row in former_golds])
