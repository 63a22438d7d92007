"""Orders: requirements, cost, reserve, and automatic orders."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from crowdflower.sandbox.errors import Invalid, NotFound, Unfunded
from crowdflower.sandbox.rules import accounts, money
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.settings import channels
from crowdflower.sandbox.rules.units import units, uploads
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store import tables as t


def test_an_order_makes_the_oldest_new_units_judgable(world: Any) -> None:
    job = world.job(20, golds=1)

    order = world.do(orders.place, job, 12, ["on_demand"])

    states = [unit.state for unit in world.units(job)]
    assert states == ["judgable"] * 12 + ["new"] * 8 + ["golden"]
    assert order.units_count == 12
    assert (order.first_unit_id, order.last_unit_id) == (
        world.units(job)[0].id,
        world.units(job)[11].id,
    )
    assert world.reload(job).state == "running"
    assert world.do(orders.find, job, order.id) == order


@pytest.mark.parametrize("count", [0, 100])
def test_zero_and_more_than_there_are_mean_all(world: Any, count: int) -> None:
    job = world.job(20)

    order = world.do(orders.place, job, count, ["on_demand"])

    assert order.units_count == 20


def test_an_order_enables_its_channels_and_on_demand(world: Any) -> None:
    job = world.job(20)

    world.do(orders.place, job, 5, ["4x4bux_com", "bitcoinget", "cf_internal"])

    enabled, available = world.do(channels.read, job)
    assert enabled == ["4x4bux_com", "bitcoinget", "cf_internal", "on_demand"]
    assert set(enabled) <= set(available)


def test_an_order_for_internal_contributors_only_is_free(world: Any) -> None:
    job = world.launch_job(5, channel="cf_internal")

    world.finish(job, [world.worker(channel="cf_internal") for _ in range(3)])

    assert world.reload(job).state == "finished"
    assert world.do(channels.read, job)[0] == ["cf_internal"]
    assert world.balance() == 100_000


def test_charge_internal_makes_internal_contributors_cost_money(make_world: Any) -> None:
    world = make_world(charge_internal=True)
    job = world.launch_job(5, channel="cf_internal")

    world.work(job, world.worker(channel="cf_internal"))

    assert world.ledger("charge") == -12


def create_unready_job(world: Any, what: str) -> Any:
    """Create a job that cannot be launched for one reason."""
    if what == "new rows":
        job = world.launch_job(5)
        world.do(jobs.pause, job)
        return job
    if what == "canceled":
        job = world.launch_job(5)
        world.do(jobs.cancel, job)
        return job
    job = world.do(uploads.create_job, world.account, [{"text": str(n)} for n in range(5)])
    ready = {"title": "Sentiment", "instructions": "Read.", "cml": world.form}
    optional = {"cml": '<cml:text label="Why?"/>'} if what == "required" else {}
    given = {name: value for name, value in ready.items() if name != what} | optional
    return world.do(jobs.update, job, given)


def test_a_job_that_is_not_ready_is_refused_with_what_to_do(world: Any) -> None:
    reasons = ["title", "instructions", "cml", "required", "new rows", "canceled"]
    balance = {}
    messages = {}

    for what in reasons:
        job = create_unready_job(world, what)
        balance[what] = world.balance()
        with pytest.raises(Invalid) as caught:
            world.do(orders.place, job, 5, ["on_demand"])
        messages[what] = caught.value.message
        assert world.balance() == balance[what]

    assert messages["cml"] == messages.pop("required")
    assert len(set(messages.values())) == 5


@pytest.mark.parametrize(("rows", "is_warned"), [(1, True), (4, True), (5, False)])
def test_a_launch_of_few_rows_is_accepted_with_a_warning(
    world: Any, rows: int, is_warned: bool
) -> None:
    """The Ruby client's README says five; the READMEs of two other clients launch three."""
    job = world.job(rows)

    with world.database.transaction() as tx:
        order = orders.place(tx, job, rows, ["on_demand"])
        warned = [each for each in tx.warnings if "at least 5 units" in each]

    assert order.units_count == rows
    assert world.reload(job).state == "running"
    assert bool(warned) is is_warned


def test_a_launch_without_rows_is_refused(world: Any) -> None:
    with pytest.raises(Invalid, match="no new unit to order"):
        world.do(orders.place, world.job(0), 5, ["on_demand"])


def test_mistakes_in_a_form_are_refused_at_launch(world: Any) -> None:
    attributes = {"title": "Sentiment", "instructions": "Read.", "cml": "<cml:txt/>"}
    job = world.do(jobs.create, world.account, attributes)
    world.do(uploads.append, job, [{"text": str(n)} for n in range(5)])

    with pytest.raises(Invalid, match="mistakes"):
        world.do(orders.place, job, 5, ["on_demand"])


def test_an_unknown_channel_and_none_at_all_are_refused(world: Any) -> None:
    job = world.job(5)
    world.do(channels.disable, job, "cf_internal")

    with pytest.raises(Invalid, match="The channel amtt could not be found"):
        world.do(orders.place, job, 5, ["amtt"])
    with pytest.raises(Invalid, match="at least one channel"):
        world.do(orders.place, job, 5, [])
    with pytest.raises(Invalid, match="units_count"):
        world.do(orders.place, job, -1, ["on_demand"])


def test_an_order_of_another_job_is_not_found(world: Any) -> None:
    job = world.job(5)
    order = world.do(orders.place, world.job(5), 5, ["on_demand"])

    with pytest.raises(NotFound):
        world.do(orders.find, job, order.id)


def test_the_example_of_the_price_list_costs_40_dollars_and_32_cents(make_world: Any) -> None:
    # The article prints 41.63 as the result of its own formula, which is 40.32.
    world = make_world()
    job = world.job(20, golds=13, units_per_assignment=10, gold_per_assignment=1)

    assert world.do(orders.estimate_cost, world.reload(job), 1000) == 4032 * money.CENT


def test_an_estimate_of_dynamic_judgments_uses_the_maximum(world: Any) -> None:
    plain = world.job(20)
    dynamic = world.job(20, variable_judgments_mode="auto_confidence", max_judgments_per_unit=5)

    assert world.do(orders.estimate_cost, world.reload(plain), 20) == 144 * money.CENT
    assert world.do(orders.estimate_cost, world.reload(dynamic), 20) == 240 * money.CENT


def test_a_small_order_reserves_ten_dollars_and_returns_the_rest(world: Any) -> None:
    job = world.job(20)

    world.do(orders.place, job, 20, ["on_demand"])
    aside = world.balance()
    world.finish(job, world.crowd(3))

    assert aside == 99_000
    assert world.ledger("charge") == -144
    assert world.ledger("release") == 144 + 856
    assert world.balance() == 99_856
    assert world.reload(job).crowd_costs_mc == 120 * money.CENT


def test_pay_can_be_a_fraction_of_a_cent(world: Any) -> None:
    job = world.launch_job(20, payment_cents="0.5")

    world.finish(job, world.crowd(3))

    assert world.ledger("charge") == pytest.approx(-7.2)
    assert {judgment.cost_mc for judgment in world.judgments(job)} == {120}


def test_the_price_of_a_page_is_shared_among_its_units_exactly(world: Any) -> None:
    job = world.launch_job(20, payment_cents="0.01", units_per_assignment=7)

    world.work(job, world.worker())

    costs = [judgment.cost_mc for judgment in world.judgments(job)]
    assert (sum(costs), len(costs), max(costs) - min(costs)) == (12, 7, 5)


def test_too_little_money_is_refused_with_both_amounts(world: Any) -> None:
    world.do(accounts.credit, world.account, -99_500)
    job = world.job(20)

    with pytest.raises(Unfunded) as caught:
        world.do(orders.place, job, 20, ["on_demand"])

    assert caught.value.status == 402
    assert "You have $5.00 available but this order will cost $10.00." in caught.value.message
    assert world.reload(job).state == "unordered"
    assert world.balance() == 500


def test_an_unfunded_order_succeeds_after_a_credit(world: Any) -> None:
    world.do(accounts.credit, world.account, -99_500)
    job = world.job(20)
    world.do(accounts.credit, world.account, 500, "top up")

    world.do(orders.place, job, 20, ["on_demand"])

    assert world.do(accounts.balance_cents, world.account) == 0


def test_a_canceled_job_returns_its_unspent_money(world: Any) -> None:
    job, worker = world.launch_job(20), world.worker()
    world.work(job, worker)
    world.take(job, worker)

    world.do(jobs.cancel, job)

    assert world.balance() == 100_000 - 12
    assert world.ledger("refund") == 1000 - 12


def test_several_orders_share_their_reserve_and_are_closed_together(world: Any) -> None:
    job = world.job(40, payment_cents=200)
    world.do(orders.place, job, 20, ["on_demand"])
    world.do(orders.place, job, 20, ["on_demand"])

    world.finish(job, world.crowd(3))

    assert world.reload(job).state == "finished"
    assert world.ledger("charge") == -24 * 240
    assert world.balance() == 100_000 - 24 * 240


def test_a_page_beyond_the_reserve_is_paid_from_the_balance(make_world: Any) -> None:
    world = make_world(minimum_reserve_cents=0)
    job = world.launch_job(6, judgments_per_unit=1)
    first, second, third = world.crowd(3)
    numbers = [unit.id for unit in world.units(job)]

    for worker, number in zip((first, second, third), numbers, strict=False):
        world.submit(worker, world.take(job, worker, only=[number]))

    assert world.ledger("reserve") == -36
    assert world.ledger("charge") == -36


def test_a_job_without_funds_is_paused(make_world: Any) -> None:
    world = make_world(minimum_reserve_cents=0)
    world.do(accounts.credit, world.account, -100_000 + 24)
    job = world.launch_job(6, judgments_per_unit=1)
    worker = world.worker()
    numbers = [unit.id for unit in world.units(job)]
    for number in numbers[:2]:
        world.submit(worker, world.take(job, worker, only=[number]))

    assert (world.reload(job).state, world.balance()) == ("paused", 0)

    world.do(accounts.credit, world.account, 100)
    world.do(jobs.resume, job)
    world.finish(job, [worker])
    assert world.reload(job).state == "finished"
    assert world.balance() == 88


def test_a_page_that_cannot_be_paid_is_not_handed_out(make_world: Any) -> None:
    world = make_world(minimum_reserve_cents=0)
    world.do(accounts.credit, world.account, -100_000 + 12)
    job = world.launch_job(5, judgments_per_unit=1)
    first, second = world.crowd(2)
    number = world.units(job)[0].id

    world.take(job, first, only=[number])

    assert world.refusal_reason(job, second) == "job_not_running"


def test_a_raise_applies_to_pages_that_are_handed_out_after_it(world: Any) -> None:
    job, (before, after) = world.launch_job(20), world.crowd(2)
    page = world.take(job, before)
    world.do(jobs.update, job, {"payment_cents": 50})

    old, new = world.submit(before, page), world.work(job, after)

    assert (old.pay_cents, new.pay_cents) == (10, 50)
    assert world.ledger("charge") == -72


def test_more_judgments_of_a_unit_are_collected_and_paid(world: Any) -> None:
    job = world.launch_job(5)
    world.finish(job, world.crowd(3))
    unit = world.units(job)[0]

    world.do(units.request_more_judgments, job, unit, 2)

    opened = world.do(units.find, job, unit.id)
    assert (opened.state, opened.needed, opened.open_slots) == ("judgable", 5, 2)
    assert world.reload(job).state == "running"
    world.finish(job, world.crowd(2))
    assert world.reload(job).state == "finished"
    assert world.ledger("charge") == -36 - 24


def test_more_judgments_need_money_an_order_and_a_job_at_work(world: Any) -> None:
    job = world.launch_job(5)
    world.finish(job, world.crowd(3))
    unit = world.units(job)[0]
    fresh = world.job(5)
    world.do(accounts.credit, world.account, -int(world.balance()))

    with pytest.raises(Unfunded):
        world.do(units.request_more_judgments, job, unit, 1)
    with pytest.raises(Invalid, match="nb_judgments"):
        world.do(units.request_more_judgments, job, unit, 0)
    with pytest.raises(Invalid, match="order it first"):
        world.do(units.request_more_judgments, fresh, world.units(fresh)[0], 1)


def test_a_job_with_auto_order_orders_when_it_has_enough_units(world: Any) -> None:
    job = world.job(3, auto_order=True)

    world.do(units.create, job, {"text": "the fourth"})

    assert world.reload(job).state == "running"
    assert {unit.state for unit in world.units(job)} == {"judgable"}


def test_an_upload_triggers_auto_order_too(world: Any) -> None:
    job = world.job(1, auto_order=True, auto_order_threshold=3)

    world.do(uploads.append, job, [{"text": "second"}, {"text": "third"}])

    assert world.reload(job).judgable_count == 3


def test_auto_order_without_channels_warns_why(world: Any) -> None:
    job = world.job(3, auto_order=True)
    world.do(channels.replace, job, [])

    with world.database.transaction() as tx:
        unit = units.create(tx, job, {"text": "the fourth"})
        warnings = list(tx.warnings)

    assert unit.state == "new"
    assert warnings == [orders.NO_CHANNELS]


def test_auto_order_of_a_job_that_is_not_ready_warns_why(world: Any) -> None:
    job = world.do(uploads.create_job, world.account, [{"text": str(n)} for n in range(3)])
    world.do(jobs.update, job, {"auto_order": "true"})

    with world.database.transaction() as tx:
        units.create(tx, job, {"text": "the fourth"})
        warnings = list(tx.warnings)

    assert len(warnings) == 1
    assert "title" in warnings[0]


def create_waiting_job(world: Any, count: int = 2, **settings: Any) -> Any:
    """Create a job that orders its units a minute after they were added."""
    job = world.job(count, auto_order=True, auto_order_timeout=60, **settings)
    world.do(channels.replace, job, ["on_demand"])
    return world.reload(job)


def test_too_few_units_are_ordered_after_the_timeout(world: Any) -> None:
    job = create_waiting_job(world)

    world.clock.advance(seconds=59)
    world.do(orders.place_due_orders)
    early = world.reload(job).state
    world.clock.advance(seconds=1)
    world.do(orders.place_due_orders)

    assert early == "unordered"
    assert world.reload(job).state == "running"
    assert {unit.state for unit in world.units(job)} == {"judgable"}
    assert world.do(orders.due_job_ids) == []


def test_the_timeout_starts_with_the_first_waiting_unit(world: Any) -> None:
    job = create_waiting_job(world, 5)
    world.do(orders.place, job, 5, ["on_demand"])
    world.clock.advance(minutes=10)
    world.do(units.create, job, {"text": "first"})
    world.clock.advance(seconds=40)
    world.do(units.create, job, {"text": "second"})

    world.clock.advance(seconds=20)
    world.do(orders.place_due_orders)

    assert [unit.state for unit in world.units(job)][5:] == ["judgable", "judgable"]


def test_enough_units_do_not_wait_for_the_timeout(world: Any) -> None:
    job = create_waiting_job(world, 3)

    world.do(units.create, job, {"text": "the fourth"})

    assert world.reload(job).judgable_count == 4
    assert world.reload(job).waiting_since is None


def test_a_failed_auto_order_records_one_event_with_the_reason(world: Any) -> None:
    job = create_waiting_job(world)
    world.do(channels.replace, job, [])

    for _ in range(4):
        world.clock.advance(seconds=30)
        world.do(orders.place_due_orders)

    events = world.do(Transaction.all, select(t.event).where(t.event.c.job_id == job.id))
    assert [each.kind for each in events] == ["auto_order_failed"] * 2
    assert {each.detail["problem"] for each in events} == {orders.NO_CHANNELS}
    assert world.reload(job).state == "unordered"


@pytest.mark.parametrize("ending", [jobs.pause, jobs.cancel])
def test_a_paused_or_canceled_job_does_not_auto_order(world: Any, ending: Any) -> None:
    job = create_waiting_job(world, 5)
    world.do(orders.place, job, 5, ["on_demand"])
    world.do(ending, job)
    stopped = world.reload(job).state

    for number in range(5):
        world.do(units.create, job, {"text": f"row {number}"})
    world.clock.advance(minutes=2)
    world.do(orders.place_due_orders)

    assert world.reload(job).state == stopped
    assert {unit.state for unit in world.units(job)[5:]} == {"new"}


def test_the_timeout_stops_when_no_unit_waits(world: Any) -> None:
    job = create_waiting_job(world, 1)
    world.do(units.delete, job, world.units(job)[0])
    world.clock.advance(minutes=2)

    world.do(orders.place_due_orders)

    assert world.do(orders.due_job_ids) == []
    assert world.reload(job).state == "unordered"


def test_a_copy_has_no_pending_auto_order(world: Any) -> None:
    job = create_waiting_job(world)

    copied = world.do(jobs.copy, job, all_units=True)
    world.clock.advance(minutes=2)
    world.do(orders.place_due_orders)

    assert world.reload(copied).state == "unordered"


def test_requirements_are_warned_about(world: Any) -> None:
    job = world.job(5, minimum_requirements={"skill_scores": {"level_3_contributors": 1}})

    with world.database.transaction() as tx:
        orders.place(tx, job, 5, ["on_demand"])
        (warning,) = tx.warnings

    assert "have no levels" in warning


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, ["min_unit_confidence is not set"]),
        ({"min_unit_confidence": 0.7}, ["max_judgments_per_unit is not set"]),
        ({"options": {"dynamic_matching": 2}}, ["max_judgments_per_unit is not set"]),
        ({"min_unit_confidence": 0.7, "max_judgments_per_unit": 5}, []),
    ],
)
def test_dynamic_judgments_without_a_minimum_confidence_or_maximum_are_warned_about(
    world: Any, settings: dict[str, Any], said: list[str]
) -> None:
    job = world.job(5, variable_judgments_mode="auto_confidence", **settings)

    with world.database.transaction() as tx:
        orders.place(tx, job, 0, ["on_demand"])
        warnings = list(tx.warnings)

    assert len(warnings) == len(said)
    assert all(each in warning for each, warning in zip(said, warnings, strict=True))


def test_changing_judgments_per_unit_warns_about_ordered_units(world: Any) -> None:
    job = world.job(10)
    world.do(orders.place, job, 5, ["on_demand"])

    with world.database.transaction() as tx:
        jobs.update(tx, job, {"judgments_per_unit": 1})
        changed = list(tx.warnings)
    with world.database.transaction() as tx:
        jobs.update(tx, job, {"judgments_per_unit": 1})
        unchanged = list(tx.warnings)
    world.do(orders.place, job, 5, ["on_demand"])

    assert "units that are ordered from now on" in changed[0]
    assert unchanged == []
    assert [unit.needed for unit in world.units(job)] == [3] * 5 + [1] * 5


OF_THE_ROW = """
<cml:radios label="Which?" validates="required">
  {% for each in names %}<cml:radio label="{{ each }}"/>{% endfor %}
</cml:radios>
"""


def test_a_unit_that_breaks_the_form_is_found_before_it_costs_anything(
    world: Any,
) -> None:
    data: list[dict[str, Any]] = [{"names": ["Ada"]}] * 4 + [{"names": []}]
    job = world.do(uploads.create_job, world.account, data)
    ready = {"title": "Which of them?", "instructions": "Read.", "cml": OF_THE_ROW}
    world.do(jobs.update, job, ready)
    last = world.units(job)[-1]

    world.do(orders.place, job, 4, ["on_demand"])
    with pytest.raises(Invalid, match=f"Unit {last.id}: .* has no options"):
        world.do(orders.place, job, 0, ["on_demand"])
    world.do(units.update, job, last, data={"names": ["Grace"]})
    world.do(orders.place, job, 0, ["on_demand"])

    assert [unit.state for unit in world.units(job)] == ["judgable"] * 5
