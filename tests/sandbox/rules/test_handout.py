"""Handing out pages: which contributor gets which units, and who gets none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from crowdflower.sandbox.errors import Conflict, Expired, NotFound
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.settings import channels
from crowdflower.sandbox.rules.units import gold, units
from crowdflower.sandbox.rules.work import handout, submission
from crowdflower.sandbox.store import Database


def test_a_page_has_units_per_assignment_units(world: Any) -> None:
    job = world.launch_job(20, units_per_assignment=4)

    page = world.take(job, world.worker())

    assert page.mode == "work"
    assert len(page.units) == 4
    assert page.expires_at - page.started_at == 1800


def test_a_contributor_with_an_open_page_gets_it_again(world: Any) -> None:
    job, worker = world.launch_job(), world.worker()
    first = world.take(job, worker)

    again = world.take(job, worker)

    assert again == first


def test_no_contributor_judges_a_unit_twice(world: Any) -> None:
    job, worker = world.launch_job(20), world.worker()

    world.finish(job, [worker])

    judged = [judgment.unit_id for judgment in world.judgments(job)]
    assert len(judged) == len(set(judged)) == 20
    assert world.refusal_reason(job, worker) == "no_work"


def test_the_last_slot_of_a_unit_goes_to_one_of_two_contributors(world: Any) -> None:
    job = world.launch_job(5, judgments_per_unit=1)
    number = world.units(job)[0].id
    first, second = world.crowd(2)

    world.take(job, first, only=[number])

    with pytest.raises(handout.NoPageAvailable) as caught:
        world.take(job, second, only=[number])
    assert caught.value.reason == "no_work"


def test_units_of_an_expired_page_go_to_another_contributor(world: Any) -> None:
    job = world.launch_job(5, judgments_per_unit=1)
    late, prompt = world.crowd(2)
    page = world.take(job, late)
    assert world.refusal_reason(job, prompt) == "no_work"

    world.clock.advance(minutes=31)
    receipt = world.work(job, prompt)

    assert receipt.judgments == 5
    with pytest.raises(Expired):
        world.submit(late, page)
    assert {judgment.worker_id for judgment in world.judgments(job)} == {prompt.id}
    assert world.ledger("charge") == -12


def test_the_page_timeout_is_an_option_of_the_job(world: Any) -> None:
    job = world.launch_job(options={"req_ttl_in_seconds": "60"})

    page = world.take(job, world.worker())

    assert page.expires_at - page.started_at == 60


def test_a_page_hides_gold_columns(world: Any) -> None:
    job = world.launch_job(20, golds=8)

    page = world.take(job, world.worker())

    assert {name for unit in page.units for name in unit.data} == {"text"}


def test_a_work_page_has_one_test_question_that_the_contributor_has_not_answered(
    world: Any,
) -> None:
    job, worker = world.launch_job(20, golds=8), world.worker()

    golds = []
    for _ in range(5):
        page = world.take(job, worker)
        found = [unit.id for unit in page.units if unit.data["text"].startswith("gold")]
        world.submit(worker, page)
        golds.append(found)

    assert [len(found) for found in golds] == [1] * 5
    assert len({found[0] for found in golds}) == 5


def test_test_questions_are_not_asked_before_there_are_enough_of_them(world: Any) -> None:
    job = world.launch_job(20, golds=7)

    page = world.take(job, world.worker())

    assert all(unit.data["text"].startswith("row") for unit in page.units)


def test_a_contributor_without_new_test_questions_gets_no_page(world: Any) -> None:
    job, worker = world.launch_job(60, golds=8), world.worker()
    for _ in range(8):
        world.work(job, worker)

    reason = world.refusal_reason(job, worker)

    assert reason == "exhausted"


def test_a_contributor_reaches_max_judgments_per_worker(world: Any) -> None:
    job, worker = world.launch_job(20, max_judgments_per_worker=7), world.worker()
    world.work(job, worker)

    page = world.take(job, worker)
    world.submit(worker, page)

    assert len(page.units) == 2
    assert world.refusal_reason(job, worker) == "maxed"


def test_an_ip_address_reaches_max_judgments_per_ip(world: Any) -> None:
    job = world.launch_job(20, max_judgments_per_ip=5)
    world.work(job, world.worker(ip="198.51.100.7"))

    reason = world.refusal_reason(job, world.worker(ip="198.51.100.7"))

    assert reason == "maxed"
    assert world.take(job, world.worker(ip="198.51.100.8")).units


@pytest.mark.parametrize(
    ("attributes", "country", "open_to_them"),
    [
        ({"included_countries": ["FI", "US"]}, "FIN", True),
        ({"included_countries": ["US"]}, "FI", False),
        ({"included_countries": ["US"]}, None, False),
        ({"excluded_countries": ["FI"]}, "FI", False),
        ({"excluded_countries": ["FI"]}, None, True),
    ],
)
def test_countries_decide_who_may_work(
    world: Any, attributes: dict[str, Any], country: str | None, open_to_them: bool
) -> None:
    job, worker = world.launch_job(**attributes), world.worker(country=country)

    if open_to_them:
        assert world.take(job, worker).units
    else:
        assert world.refusal_reason(job, worker) == "country"


def test_a_contributor_account_needs_its_minimum_age(world: Any) -> None:
    job, worker = world.launch_job(minimum_account_age_seconds=3600), world.worker()
    assert world.refusal_reason(job, worker) == "account_age"

    world.clock.advance(hours=1)

    assert world.take(job, worker).units


def test_a_simulated_contributor_is_old_enough(world: Any) -> None:
    job = world.launch_job(minimum_account_age_seconds=3600)

    assert world.take(job, world.worker(simulated=True)).units


def test_a_channel_that_is_not_enabled_gets_no_page(world: Any) -> None:
    job = world.launch_job(channel="clixsense")
    assert world.take(job, world.worker(channel="on_demand")).units

    world.do(channels.disable, job, "clixsense")

    assert world.refusal_reason(job, world.worker(channel="clixsense")) == "channel_not_enabled"


@pytest.mark.parametrize("step", [jobs.pause, jobs.cancel])
def test_a_job_that_is_not_running_hands_out_nothing(world: Any, step: Any) -> None:
    job = world.launch_job()

    world.do(step, job)

    assert world.refusal_reason(job, world.worker()) == "job_not_running"


def test_a_job_that_was_not_launched_hands_out_nothing(world: Any) -> None:
    assert (
        world.refusal_reason(world.job(), world.worker(channel="cf_internal")) == "job_not_running"
    )


def test_an_open_page_can_be_submitted_after_its_job_is_paused(world: Any) -> None:
    job, worker = world.launch_job(), world.worker()
    page = world.take(job, worker)
    world.do(jobs.pause, job)

    receipt = world.submit(worker, page)

    assert receipt.judgments == 5
    assert world.reload(job).state == "paused"


def test_an_open_page_is_released_when_its_job_is_canceled(world: Any) -> None:
    job, worker = world.launch_job(), world.worker()
    page = world.take(job, worker)
    world.do(jobs.cancel, job)

    with pytest.raises(Conflict):
        world.submit(worker, page)

    assert world.judgments(job) == []


def test_a_page_belongs_to_one_contributor_and_one_token(world: Any) -> None:
    job, (owner, other) = world.launch_job(), world.crowd(2)
    page = world.take(job, owner)

    with pytest.raises(NotFound):
        world.do(submission.submit, other, page.assignment_id, page.token, {})
    with pytest.raises(Conflict):
        world.do(submission.submit, owner, page.assignment_id, "guessed", {})
    with pytest.raises(NotFound):
        world.do(submission.submit, owner, page.assignment_id + 1, page.token, {})


def test_only_restricts_a_page_to_the_given_units(world: Any) -> None:
    job = world.launch_job(20, golds=8)
    wanted = {unit.id for unit in world.units(job)[3:6]}

    page = world.take(job, world.worker(), only=wanted)

    assert {unit.id for unit in page.units} == wanted


def test_only_accepts_thousands_of_units(world: Any) -> None:
    job = world.launch_job(1200, units_per_assignment=10)
    wanted = [unit.id for unit in world.units(job)[1195:]]
    none_of_these = range(1, 2000)

    page = world.take(job, world.worker(), only=[*none_of_these, *wanted])

    assert sorted(unit.id for unit in page.units) == wanted


def test_early_rows_are_handed_out_before_late_ones(make_world: Any) -> None:
    world = make_world(window=10)
    job = world.launch_job(100, judgments_per_unit=1)

    for worker in world.crowd(6):
        world.work(job, worker)

    judged = {judgment.unit_id for judgment in world.judgments(job)}
    places = [unit.seq for unit in world.units(job) if unit.id in judged]
    assert max(places) <= 50


def test_the_same_seed_hands_out_the_same_pages(make_world: Any) -> None:
    shown = []
    for world in (make_world(), make_world()):
        job = world.launch_job(40, golds=8)
        shown.append([world.take(job, worker).units for worker in world.crowd(3)])

    assert shown[0] == shown[1]


def test_a_hidden_test_question_is_asked_in_work_and_never_in_the_quiz(world: Any) -> None:
    job = world.launch_job(40, golds=10, options={"front_load": "true"})
    secret = world.units(job)[-1]
    world.do(units.update, job, secret, state="hidden_gold")
    worker = world.worker()

    quiz = world.take(job, worker)
    world.submit(worker, quiz)
    asked = set()
    for _ in range(5):
        page = world.take(job, worker)
        asked |= {unit.id for unit in page.units}
        world.submit(worker, page)

    assert quiz.mode == "quiz"
    assert secret.id not in {unit.id for unit in quiz.units}
    assert secret.id in asked


@pytest.mark.parametrize(("pool", "mode"), [("quiz", "quiz"), ("work", "work")])
def test_a_test_question_can_be_reserved_for_the_quiz_or_for_work(
    world: Any, pool: str, mode: str
) -> None:
    job = world.job(20, golds=10, options={"front_load": True})
    golds = [unit for unit in world.units(job) if unit.state == "golden"]
    for place, unit in enumerate(golds):
        side = pool if place < 5 else {"quiz": "work", "work": "quiz"}[pool]
        world.do(units.update, job, unit, golden=False)
        world.do(units.update, job, unit, data={**unit.data, "_gold_pool": side})
        world.do(units.update, job, unit, golden=True)
    world.do(orders.place, job, 0, ["on_demand"])
    worker = world.worker()

    pages = [world.take(job, worker)]
    world.submit(worker, pages[0])
    pages.append(world.take(job, worker))

    chosen = {page.mode: {unit.id for unit in page.units} for page in pages}
    kept = {unit.id for unit in golds[:5]}
    assert chosen[mode] & kept
    assert not chosen[{"quiz": "work", "work": "quiz"}[mode]] & kept


def test_reset_test_questions_are_work_again(world: Any) -> None:
    job = world.launch_job(20, golds=8)

    world.do(gold.reset, job)

    assert {unit.state for unit in world.units(job)} == {"judgable", "new"}
    assert world.reload(job).golds_count == 0


def test_threads_never_exceed_the_slots_of_a_unit(world_type: Any, tmp_path: Path) -> None:
    world = world_type()
    world.database.close()
    world.database = Database(f"sqlite:///{tmp_path / 'sandbox.db'}", world.clock)
    world.account = world.do(accounts.open_account, key="k", balance_cents=100_000)
    job = world.launch_job(60, judgments_per_unit=2)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda worker: world.finish(job, [worker]), world.crowd(6)))

    assert [unit.judgments_count for unit in world.units(job)] == [2] * 60
    assert world.reload(job).state == "finished"
    world.check()
    world.database.close()
