"""The cap of a job: it pauses the job before a page would pass it."""

from __future__ import annotations

from typing import Any

import pytest

from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.rules.jobs import caps, jobs, orders
from crowdflower.sandbox.rules.units import units
from crowdflower.sandbox.rules.work import handout, workers
from crowdflower.states import INTERNAL

PRICE = 12_000
"""Of a page of five rows with the fee, in thousandths of a cent."""


def state(world: Any, job: Any) -> tuple[str, str | None]:
    now = world.do(jobs.reload, job)
    return now.state, now.pause_reason


def test_a_job_pauses_when_its_cap_leaves_no_room_for_another_page(world: Any) -> None:
    job, worker = world.launch_job(20), world.worker()
    world.do(caps.set_cap, job, 2 * PRICE + PRICE - 1)

    world.work(job, worker)
    assert state(world, job) == ("running", None)
    world.work(job, worker)

    assert state(world, job) == ("paused", "cap")
    assert world.refusal_reason(job, world.worker()) == "job_not_running"
    assert world.ledger("charge") == -24


def test_open_pages_count_and_a_page_that_comes_back_leaves_room_again(world: Any) -> None:
    job = world.launch_job(20)
    late, second = world.crowd(2)
    world.do(caps.set_cap, job, PRICE)
    world.take(job, late)

    assert world.refusal_reason(job, second) == "no_work"
    assert state(world, job) == ("running", None)

    world.clock.advance(minutes=31)
    world.work(job, second)
    assert state(world, job) == ("paused", "cap")


def test_a_job_whose_price_rose_above_what_is_left_pauses_at_the_next_page(world: Any) -> None:
    job = world.launch_job(20)
    world.do(caps.set_cap, job, PRICE)
    world.do(jobs.update, job, {"payment_cents": 11})

    with world.database.transaction() as tx:  # the page that says so is shown in it
        worker = workers.join(tx, channel="on_demand")
        with pytest.raises(handout.NoPageAvailable) as caught:
            handout.take_page(tx, job, worker)

    assert caught.value.reason == "job_not_running"
    assert state(world, job) == ("paused", "cap")


def test_resume_is_refused_while_the_cap_is_reached(world: Any) -> None:
    job = world.launch_job(20)
    world.do(caps.set_cap, job, PRICE)
    world.work(job, world.worker())

    with pytest.raises(Invalid, match=r"The cap of \$0.12 is reached: \$0.12 is spent") as caught:
        world.do(jobs.resume, job)
    assert "Raise the cap, or remove it." in str(caught.value)

    world.do(caps.set_cap, job, 2 * PRICE)
    world.do(jobs.resume, job)
    assert state(world, job) == ("running", None)


def test_a_job_without_a_cap_goes_on_to_its_end(world: Any) -> None:
    job = world.launch_job(20)
    world.do(caps.set_cap, job, PRICE)
    world.work(job, world.worker())
    world.do(caps.set_cap, job, None)
    world.do(jobs.resume, job)

    world.finish(job, world.crowd(4))

    assert state(world, job) == ("finished", None)


def test_no_more_rows_are_ordered_while_the_cap_is_reached(world: Any) -> None:
    job = world.launch_job(20)
    world.do(caps.set_cap, job, PRICE)
    world.work(job, world.worker())

    with pytest.raises(Invalid, match="is reached"):
        world.do(orders.place, job, 0, ())
    with pytest.raises(Invalid, match="is reached"):
        world.do(units.request_more_judgments, job, world.units(job)[0], 1)


def test_a_bonus_counts_with_its_fee(world: Any) -> None:
    job, worker = world.launch_job(20), world.worker()
    world.work(job, worker)
    world.do(workers.bonus, job, worker.id, 50)

    room = world.do(caps.read_room, job.id, 100_000)

    assert room == (100_000 - PRICE - 60_000, 100_000 - PRICE - 60_000)


@pytest.mark.parametrize(
    ("cap", "problem"),
    [
        (0, r"above \$0.00"),
        (-1, r"above \$0.00"),
        (caps.MAX_CAP + 1, r"at most \$10,000,000.00"),
        (
            PRICE,
            r"\$0.12: \$0.12 is spent, and the pages that are open cost \$0.12. .* least \$0.24",
        ),
    ],
)
def test_a_cap_that_cannot_be_kept_is_refused(world: Any, cap: int, problem: str) -> None:
    job = world.launch_job(20)
    first, second = world.crowd(2)
    world.work(job, first)
    world.take(job, second)

    with pytest.raises(Invalid, match=problem):
        world.do(caps.set_cap, job, cap)

    assert world.do(jobs.reload, job).cap_mc is None


def test_a_cap_covers_a_page_unless_the_job_has_ended(world: Any) -> None:
    job, worker = world.launch_job(10), world.worker()

    with pytest.raises(Invalid, match=r"be \$0.119: a page costs \$0.12. Write at least \$0.12."):
        world.do(caps.set_cap, job, PRICE - 100)
    world.work(job, worker)
    with pytest.raises(Invalid, match=r"is spent, and a page costs \$0.12. Write at least \$0.24."):
        world.do(caps.set_cap, job, 2 * PRICE - 1)
    world.do(caps.set_cap, job, 2 * PRICE)
    world.do(jobs.cancel, job)
    world.do(caps.set_cap, job, PRICE)

    with pytest.raises(Invalid, match=r"be \$0.11: \$0.12 is spent. Write at least \$0.12."):
        world.do(caps.set_cap, job, PRICE - 1000)


def test_the_least_cap_is_in_whole_cents(world: Any) -> None:
    job = world.launch_job(20, payment_cents=1)

    with pytest.raises(Invalid, match=r"a page costs \$0.012. Write at least \$0.02."):
        world.do(caps.set_cap, job, 1000)


def test_a_cap_that_is_accepted_lets_a_paused_job_resume(world: Any) -> None:
    job = world.launch_job(20)
    first, second = world.crowd(2)
    world.take(job, first)
    world.do(jobs.pause, job)
    world.do(caps.set_cap, job, PRICE)
    world.do(jobs.resume, job)

    assert state(world, job) == ("running", None)
    assert world.refusal_reason(job, second) == "no_work"


def test_a_bonus_beyond_the_cap_is_refused(world: Any) -> None:
    job, worker = world.launch_job(20), world.worker()
    world.work(job, worker)
    world.take(job, world.worker())
    world.do(caps.set_cap, job, 5 * PRICE)
    before = world.balance()

    with pytest.raises(Invalid, match=r"costs \$0.372, and the cap of the job leaves \$0.36."):
        world.do(workers.bonus, job, worker.id, 31)  # a page is open

    assert (world.ledger("bonus"), world.balance()) == (0, before)
    world.do(workers.bonus, job, worker.id, 30)
    assert world.ledger("bonus") == -36
    assert state(world, job) == ("running", None), "the page that is open is still covered"


def test_a_bonus_that_leaves_no_room_for_a_page_pauses_the_job(world: Any) -> None:
    job, worker = world.launch_job(20), world.worker()
    world.work(job, worker)
    world.do(caps.set_cap, job, 3 * PRICE)

    world.do(workers.bonus, job, worker.id, 11)

    assert state(world, job) == ("paused", "cap")
    with pytest.raises(Invalid, match="is reached"):
        world.do(jobs.resume, job)


def test_a_bonus_for_unpaid_work_is_held_to_the_cap_and_the_work_goes_on(world: Any) -> None:
    job, worker = world.launch_job(20, channel=INTERNAL), world.worker(channel=INTERNAL)
    world.work(job, worker)
    world.do(caps.set_cap, job, PRICE)

    with pytest.raises(Invalid, match="leaves"):
        world.do(workers.bonus, job, worker.id, 11)
    world.do(workers.bonus, job, worker.id, 10)

    assert state(world, job) == ("running", None)
    world.work(job, worker)


def test_a_job_whose_next_page_the_balance_does_not_cover_pauses(make_world: Any) -> None:
    world = make_world()
    job = world.launch_job(20)
    world.do(jobs.update, job, {"payment_cents": 90_000})

    with world.database.transaction() as tx:  # the page that says so is shown in it
        worker = workers.join(tx, channel="on_demand")
        with pytest.raises(handout.NoPageAvailable) as caught:
            handout.take_page(tx, job, worker)

    assert caught.value.reason == "job_not_running"
    assert state(world, job) == ("paused", "funds")


def test_pages_that_are_not_paid_pass_no_cap(world: Any) -> None:
    job = world.launch_job(20, channel=INTERNAL)
    world.do(caps.set_cap, job, 1)

    world.finish(job, [world.worker(channel=INTERNAL) for _ in range(3)])

    assert state(world, job) == ("finished", None)
    assert world.do(caps.page_price, job) == 0


def test_the_reason_of_a_pause_is_kept_and_a_copy_has_neither_it_nor_the_cap(world: Any) -> None:
    job = world.launch_job(20)
    world.do(caps.set_cap, job, PRICE)
    world.do(jobs.pause, job)

    copied = world.do(jobs.copy, job)

    assert state(world, job) == ("paused", "requester")
    assert (copied.cap_mc, copied.pause_reason) == (None, None)
    world.do(jobs.cancel, job)
    assert state(world, job) == ("canceled", None)
