"""Contributors: bonus, messages, flags and rejection."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from crowdflower.sandbox.errors import BadRequest, Invalid, NotFound, Unfunded
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.settings import channels, tags
from crowdflower.sandbox.rules.units import units
from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.store import Transaction, tables


def messages(world: Any) -> list[str]:
    return [row.text for row in world.do(Transaction.all, select(tables.message))]


def test_a_new_contributor_gets_an_id(world: Any) -> None:
    worker = world.worker(country="fi", display_name="Ada", simulated=True, profile={"speed": 7})

    assert worker.id == 31883001
    assert (worker.country, worker.display_name, worker.profile) == ("FIN", "Ada", {"speed": 7})
    assert world.do(workers.find, worker.id) == worker
    with pytest.raises(NotFound):
        world.do(workers.find, 7)
    with pytest.raises(ValueError, match="Atlantis"):
        world.worker(country="Atlantis")


def test_contributors_to_a_job_have_taken_a_page(world: Any) -> None:
    job, (first, second, _) = world.launch_job(), world.crowd(3)
    world.work(job, first)
    world.take(job, second)

    found = world.do(workers.list_all, job)

    assert [row.worker_id for row in found] == [first.id, second.id]
    assert [row.judgments_count for row in found] == [5, 0]
    assert found[0].channel == "on_demand"
    assert found[0].earned_mc == 10_000
    with pytest.raises(NotFound):
        world.do(workers.find_in_job, world.launch_job(), first.id)


def test_a_bonus_is_paid_with_its_fee_and_notified(world: Any) -> None:
    job, worker = world.launch_job(), world.worker()
    world.work(job, worker)
    before = world.balance()

    world.do(workers.bonus, job, worker.id, 150, "Well done.")

    assert world.balance() == before - 180
    assert world.ledger("bonus") == -180
    assert world.do(workers.find_in_job, job, worker.id).bonus_mc == 150_000
    assert messages(world) == ["You received a bonus of $1.50. Well done."]


@pytest.mark.parametrize("amount", [0, -1, 2001, 2500])
def test_a_bonus_has_limits(world: Any, amount: int) -> None:
    job, worker = world.launch_job(), world.worker()
    world.work(job, worker)

    with pytest.raises(Invalid, match="amount"):
        world.do(workers.bonus, job, worker.id, amount)

    assert world.ledger("bonus") == 0


def test_a_bonus_needs_a_judgment_money_and_a_channel_that_pays_it(make_world: Any) -> None:
    world = make_world(channels_without_bonus=frozenset({"elite"}))
    job, (worker, idle) = world.launch_job(channel="elite"), world.crowd(2)
    elite = world.worker(channel="elite")
    world.work(job, worker)
    world.work(job, elite)
    world.take(job, idle)

    for stranger in (idle.id, world.worker().id):
        with pytest.raises(NotFound):
            world.do(workers.bonus, job, stranger, 150)
    with pytest.raises(BadRequest, match="This channel does not support bonuses"):
        world.do(workers.bonus, job, elite.id, 150)
    world.do(accounts.credit, world.account, -int(world.balance()))
    with pytest.raises(Unfunded):
        world.do(workers.bonus, job, worker.id, 150)

    assert messages(world) == []


def test_a_message_reaches_contributors_to_the_job_only(world: Any) -> None:
    job, (worker, stranger) = world.launch_job(), world.crowd(2)
    world.take(job, worker)

    world.do(workers.notify, job, worker.id, "Please read the instructions.")

    assert messages(world) == ["Please read the instructions."]
    with pytest.raises(NotFound):
        world.do(workers.notify, job, stranger.id, "Hello.")


def test_a_flag_releases_pages_and_keeps_judgments(world: Any) -> None:
    job, worker = world.launch_job(), world.worker()
    world.work(job, worker)
    world.take(job, worker)

    changed = world.do(workers.flag, job, worker.id, "careless")

    assert changed
    assert world.refusal_reason(job, worker) == "flagged"
    assert not any(judgment.tainted for judgment in world.judgments(job))
    assert sum(unit.open_slots for unit in world.units(job)) == 60 - 5
    assert world.do(workers.find_in_job, job, worker.id).flag_reason == "careless"
    assert not world.do(workers.flag, job, worker.id, "again")


def test_a_flag_applies_to_one_job_unless_it_persists(world: Any) -> None:
    job, other, worker = world.launch_job(), world.launch_job(), world.worker()
    world.work(job, worker)

    world.do(workers.flag, job, worker.id, "spam")
    world.work(other, worker)
    world.do(workers.flag, job, worker.id, "spam", persist=True)
    everywhere = world.refusal_reason(other, worker)
    world.do(workers.unflag, job, worker.id)

    assert everywhere == "flagged"
    assert world.take(job, worker).units
    assert world.take(other, worker).units
    assert not world.do(workers.unflag, job, worker.id)


def test_a_persistent_flag_does_not_apply_to_other_accounts(world: Any) -> None:
    job, worker = world.launch_job(), world.worker()
    world.work(job, worker)
    world.do(workers.flag, job, worker.id, "spam", persist=True)
    mine = world.account
    world.account = world.do(accounts.open_account, key="other", balance_cents=5000)

    page = world.take(world.launch_job(), worker)

    world.account = mine
    assert page.units


def test_rejection_removes_judgments_and_reopens_units(world: Any) -> None:
    job = world.launch_job(5)
    rejected, other, third = world.crowd(3)
    for worker in (rejected, other):
        world.work(job, worker)
    page = world.take(job, third)

    changed = world.do(workers.reject, job, rejected.id, "spam")

    assert changed
    assert world.refusal_reason(job, rejected) == "rejected"
    assert world.reload(job).judgments_count == 5
    assert [unit.judgments_count for unit in world.units(job)] == [1] * 5
    thrown = [judgment for judgment in world.judgments(job) if judgment.rejected]
    assert [judgment.tainted for judgment in thrown] == [True] * 5
    world.submit(third, page)
    world.work(job, world.worker())
    assert world.reload(job).state == "finished"
    assert not world.do(workers.reject, job, rejected.id, "again")


def test_rejection_reopens_finalized_units_of_an_active_job(world: Any) -> None:
    job = world.launch_job(10)
    crowd = world.crowd(3)
    number = world.units(job)[0].id
    world.judge(job, number, *((worker, "positive") for worker in crowd))
    finalized = world.do(units.find, job, number).state

    world.do(workers.reject, job, crowd[0].id)

    reopened = world.do(units.find, job, number)
    assert finalized == "finalized"
    assert (reopened.state, reopened.open_slots) == ("judgable", 1)


def test_rejection_removes_missed_and_tainted_judgments_from_the_counts(world: Any) -> None:
    job = world.launch_job(20, golds=8, options={"after_gold": 2})
    worker = world.worker()
    for _ in range(2):
        world.work(job, worker, "negative")
    removed = world.reload(job)

    world.do(workers.reject, job, worker.id)

    after = world.reload(job)
    assert (removed.judgments_count, removed.tainted_count) == (10, 10)
    assert (after.judgments_count, after.tainted_count) == (0, 0)
    assert not any(unit.missed_count or unit.tainted_count for unit in world.units(job))


def test_rejection_in_a_finished_job_leaves_units_with_fewer_judgments(world: Any) -> None:
    job, crowd = world.launch_job(5), world.crowd(3)
    world.finish(job, crowd)

    world.do(workers.reject, job, crowd[0].id)

    assert world.reload(job).state == "finished"
    assert {unit.state for unit in world.units(job)} == {"finalized"}
    assert [unit.judgments_count for unit in world.units(job)] == [2] * 5


def test_a_rejected_page_is_released(world: Any) -> None:
    job, worker = world.launch_job(5), world.worker()
    world.take(job, worker)

    world.do(workers.reject, job, worker.id)

    assert [unit.open_slots for unit in world.units(job)] == [3] * 5


def test_tags_are_added_replaced_and_removed_in_the_order_given(world: Any) -> None:
    job = world.do(jobs.create, world.account, {})

    counts = [
        world.do(tags.add, job, ["glitter"]),
        world.do(tags.add, job, ["fashion", " glitter "]),
    ]
    added = world.do(tags.read, job)
    replaced = world.do(tags.replace, job, ["c", "a", "b"])
    removed = world.do(tags.remove, job, ["a", "unknown"])

    assert counts == [1, 2]
    assert added == ["glitter", "fashion"]
    assert (replaced, removed) == (3, 1)
    assert world.do(tags.read, job) == ["c", "b"]


def test_channels_are_replaced_added_and_disabled(world: Any) -> None:
    job = world.do(jobs.create, world.account, {})

    world.do(channels.add, job, ["elite", "cf_internal"])
    world.do(channels.add, job, ["elite"])
    added = world.do(channels.read, job)[0]
    world.do(channels.replace, job, ["neodev"])
    replaced = world.do(channels.read, job)[0]
    world.do(channels.disable, job, "neodev")

    assert added == ["cf_internal", "elite"]
    assert replaced == ["neodev"]
    assert world.do(channels.read, job)[0] == []
    with pytest.raises(Invalid) as caught:
        world.do(channels.replace, job, ["elite", "amtt"])
    assert caught.value.body == {"error": "The channel amtt could not be found."}
