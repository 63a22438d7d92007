"""Who gets which page."""

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


def test_a_page_has_as_many_rows_as_the_job_says(world: Any) -> None:
    job = world.launched(20, units_per_assignment=4)

    page = world.take(job, world.worker())

    assert page.mode == "work"
    assert len(page.units) == 4
    assert page.expires_at - page.started_at == 1800


def test_a_contributor_who_comes_back_gets_the_same_page(world: Any) -> None:
    job, worker = world.launched(), world.worker()
    first = world.take(job, worker)

    again = world.take(job, worker)

    assert again == first


def test_nobody_judges_a_row_twice(world: Any) -> None:
    job, worker = world.launched(20), world.worker()

    world.finish(job, [worker])

    judged = [judgment.unit_id for judgment in world.judgments(job)]
    assert len(judged) == len(set(judged)) == 20
    assert world.closed(job, worker) == "no_work"


def test_the_last_place_of_a_row_goes_to_one_of_two(world: Any) -> None:
    job = world.launched(5, judgments_per_unit=1)
    number = world.units(job)[0].id
    first, second = world.crowd(2)

    world.take(job, first, only=[number])

    with pytest.raises(handout.NoPageAvailable) as caught:
        world.take(job, second, only=[number])
    assert caught.value.reason == "no_work"


def test_rows_of_a_page_that_was_open_too_long_go_to_somebody_else(world: Any) -> None:
    job = world.launched(5, judgments_per_unit=1)
    late, prompt = world.crowd(2)
    page = world.take(job, late)
    assert world.closed(job, prompt) == "no_work"

    world.clock.advance(minutes=31)
    receipt = world.work(job, prompt)

    assert receipt.judgments == 5
    with pytest.raises(Expired):
        world.hand_in(late, page)
    assert {judgment.worker_id for judgment in world.judgments(job)} == {prompt.id}
    assert world.ledger("charge") == -12


def test_the_time_for_a_page_is_an_option_of_the_job(world: Any) -> None:
    job = world.launched(options={"req_ttl_in_seconds": "60"})

    page = world.take(job, world.worker())

    assert page.expires_at - page.started_at == 60


def test_a_page_hides_what_is_known_of_the_answers(world: Any) -> None:
    job = world.launched(20, golds=8)

    page = world.take(job, world.worker())

    assert {name for unit in page.units for name in unit.data} == {"text"}


def test_a_page_of_work_has_one_test_question_that_is_new_to_its_contributor(world: Any) -> None:
    job, worker = world.launched(20, golds=8), world.worker()

    golds = []
    for _ in range(5):
        page = world.take(job, worker)
        found = [unit.id for unit in page.units if unit.data["text"].startswith("gold")]
        world.hand_in(worker, page)
        golds.append(found)

    assert [len(found) for found in golds] == [1] * 5
    assert len({found[0] for found in golds}) == 5


def test_test_questions_are_not_asked_before_there_are_enough_of_them(world: Any) -> None:
    job = world.launched(20, golds=7)

    page = world.take(job, world.worker())

    assert all(unit.data["text"].startswith("row") for unit in page.units)


def test_who_has_answered_every_test_question_gets_no_more_pages(world: Any) -> None:
    job, worker = world.launched(60, golds=8), world.worker()
    for _ in range(8):
        world.work(job, worker)

    reason = world.closed(job, worker)

    assert reason == "exhausted"


def test_a_contributor_does_not_do_more_than_the_job_allows(world: Any) -> None:
    job, worker = world.launched(20, max_judgments_per_worker=7), world.worker()
    world.work(job, worker)

    page = world.take(job, worker)
    world.hand_in(worker, page)

    assert len(page.units) == 2
    assert world.closed(job, worker) == "maxed"


def test_neither_does_an_address(world: Any) -> None:
    job = world.launched(20, max_judgments_per_ip=5)
    world.work(job, world.worker(ip="198.51.100.7"))

    reason = world.closed(job, world.worker(ip="198.51.100.7"))

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
    job, worker = world.launched(**attributes), world.worker(country=country)

    if open_to_them:
        assert world.take(job, worker).units
    else:
        assert world.closed(job, worker) == "country"


def test_contributors_must_have_joined_long_enough_ago(world: Any) -> None:
    job, worker = world.launched(minimum_account_age_seconds=3600), world.worker()
    assert world.closed(job, worker) == "account_age"

    world.clock.advance(hours=1)

    assert world.take(job, worker).units


def test_a_channel_that_is_not_enabled_gets_no_page(world: Any) -> None:
    job = world.launched(channel="clixsense")
    assert world.take(job, world.worker(channel="on_demand")).units

    world.do(channels.disable, job, "clixsense")

    assert world.closed(job, world.worker(channel="clixsense")) == "channel_not_enabled"


@pytest.mark.parametrize("step", [jobs.pause, jobs.cancel])
def test_a_job_that_is_not_running_hands_out_nothing(world: Any, step: Any) -> None:
    job = world.launched()

    world.do(step, job)

    assert world.closed(job, world.worker()) == "job_not_running"


def test_a_job_that_was_not_launched_hands_out_nothing(world: Any) -> None:
    assert world.closed(world.job(), world.worker(channel="cf_internal")) == "job_not_running"


def test_a_page_that_is_open_when_its_job_is_paused_may_be_handed_in(world: Any) -> None:
    job, worker = world.launched(), world.worker()
    page = world.take(job, worker)
    world.do(jobs.pause, job)

    receipt = world.hand_in(worker, page)

    assert receipt.judgments == 5
    assert world.again(job).state == "paused"


def test_a_page_that_is_open_when_its_job_is_canceled_is_taken_back(world: Any) -> None:
    job, worker = world.launched(), world.worker()
    page = world.take(job, worker)
    world.do(jobs.cancel, job)

    with pytest.raises(Conflict):
        world.hand_in(worker, page)

    assert world.judgments(job) == []


def test_a_page_belongs_to_one_contributor_and_one_token(world: Any) -> None:
    job, (owner, other) = world.launched(), world.crowd(2)
    page = world.take(job, owner)

    with pytest.raises(NotFound):
        world.do(submission.submit, other, page.assignment_id, page.token, {})
    with pytest.raises(Conflict):
        world.do(submission.submit, owner, page.assignment_id, "guessed", {})
    with pytest.raises(NotFound):
        world.do(submission.submit, owner, page.assignment_id + 1, page.token, {})


def test_replayed_contributors_get_the_rows_they_have_answers_to(world: Any) -> None:
    job = world.launched(20, golds=8)
    wanted = {unit.id for unit in world.units(job)[3:6]}

    page = world.take(job, world.worker(), only=wanted)

    assert {unit.id for unit in page.units} == wanted


def test_rows_can_be_replayed_by_the_thousand(world: Any) -> None:
    job = world.launched(1200, units_per_assignment=10)
    wanted = [unit.id for unit in world.units(job)[1195:]]
    none_of_these = range(1, 2000)

    page = world.take(job, world.worker(), only=[*none_of_these, *wanted])

    assert sorted(unit.id for unit in page.units) == wanted


def test_early_rows_are_handed_out_before_late_ones(make_world: Any) -> None:
    world = make_world(window=10)
    job = world.launched(100, judgments_per_unit=1)

    for worker in world.crowd(6):
        world.work(job, worker)

    judged = {judgment.unit_id for judgment in world.judgments(job)}
    places = [unit.seq for unit in world.units(job) if unit.id in judged]
    assert max(places) <= 50


def test_the_same_seed_hands_out_the_same_pages(make_world: Any) -> None:
    shown = []
    for world in (make_world(), make_world()):
        job = world.launched(40, golds=8)
        shown.append([world.take(job, worker).units for worker in world.crowd(3)])

    assert shown[0] == shown[1]


def test_a_hidden_test_question_is_asked_at_work_and_never_in_the_quiz(world: Any) -> None:
    job = world.launched(40, golds=10, options={"front_load": "true"})
    secret = world.units(job)[-1]
    world.do(units.update, job, secret, state="hidden_gold")
    worker = world.worker()

    quiz = world.take(job, worker)
    world.hand_in(worker, quiz)
    asked = set()
    for _ in range(5):
        page = world.take(job, worker)
        asked |= {unit.id for unit in page.units}
        world.hand_in(worker, page)

    assert quiz.mode == "quiz"
    assert secret.id not in {unit.id for unit in quiz.units}
    assert secret.id in asked


@pytest.mark.parametrize(("pool", "mode"), [("quiz", "quiz"), ("work", "work")])
def test_a_test_question_may_be_kept_for_the_quiz_or_for_work(
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
    world.hand_in(worker, pages[0])
    pages.append(world.take(job, worker))

    chosen = {page.mode: {unit.id for unit in page.units} for page in pages}
    kept = {unit.id for unit in golds[:5]}
    assert chosen[mode] & kept
    assert not chosen[{"quiz": "work", "work": "quiz"}[mode]] & kept


def test_gold_that_is_reset_is_work_again(world: Any) -> None:
    job = world.launched(20, golds=8)

    world.do(gold.reset, job)

    assert {unit.state for unit in world.units(job)} == {"judgable", "new"}
    assert world.again(job).golds_count == 0


def test_contributors_of_many_threads_never_share_a_place(world_type: Any, tmp_path: Path) -> None:
    world = world_type()
    world.database.close()
    world.database = Database(f"sqlite:///{tmp_path / 'sandbox.db'}", world.clock)
    world.account = world.do(accounts.open_account, key="k", balance_cents=100_000)
    job = world.launched(60, judgments_per_unit=2)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda worker: world.finish(job, [worker]), world.crowd(6)))

    assert [unit.judgments_count for unit in world.units(job)] == [2] * 60
    assert world.again(job).state == "finished"
    world.check()
    world.database.close()
