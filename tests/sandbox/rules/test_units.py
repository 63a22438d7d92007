"""Units: created, read, changed, canceled, copied, deleted, and their states."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crowdflower.sandbox.errors import Invalid, NotFound
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.results import results
from crowdflower.sandbox.rules.units import units, uploads


def unit_in(world: Any, state: str) -> tuple[Any, Any]:
    """Create a job with a unit in a state, and return both."""
    job = world.launch_job(5)
    if state == "new":
        world.do(units.create, job, {"text": "new"})
    if state in {"golden", "hidden_gold", "finalized", "canceled"}:
        world.do(units.update, job, world.units(job)[-1], state=state)
    if state == "judged":
        world.work(job, world.worker())
    return job, world.units(job)[-1]


def test_pages_have_all_units_in_order(world: Any) -> None:
    job = world.job(25)

    pages = [world.do(units.read_page, job, page, 10) for page in (1, 2, 3, 4)]

    numbers = [number for page in pages for number in page]
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert numbers == [unit.id for unit in world.units(job)]


def test_a_page_as_json_is_the_same_page(world: Any) -> None:
    job = world.do(uploads.create_job, world.account, [{"text": 'würde "x"\n'}, {"text": None}])

    text = world.do(units.read_page_json, job)

    page = world.do(units.read_page, job)
    assert json.loads(text) == {str(number): data for number, data in page.items()}


def test_pages_stay_full_after_a_deletion(world: Any) -> None:
    job = world.job(25)
    for unit in world.units(job)[3:8]:
        world.do(units.delete, job, unit)

    pages = [world.do(units.read_page, job, page, 10) for page in (1, 2, 3)]

    assert [len(page) for page in pages] == [10, 10, 0]
    assert [number for page in pages for number in page] == [unit.id for unit in world.units(job)]


def test_a_new_unit_comes_last_and_may_add_columns(world: Any) -> None:
    job = world.job(5)

    unit = world.do(units.create, job, {"text": "late", "source": "by hand"})

    assert (unit.state, unit.seq, unit.data["source"]) == ("new", 6, "by hand")
    assert world.reload(job).units_count == 6
    world.do(uploads.append, job, [{"text": "later", "source": "file"}])
    assert [unit.seq for unit in world.units(job)] == list(range(1, 8))


@pytest.mark.parametrize(
    ("data", "golden"), [({"_golden": "TRUE"}, False), ({}, True), ({"_golden": True}, False)]
)
def test_a_unit_can_be_created_as_a_test_question(
    world: Any, data: dict[str, Any], golden: bool
) -> None:
    job = world.job(5)

    unit = world.do(
        units.create, job, {"text": "g", "sentiment_gold": "positive", **data}, golden=golden
    )

    assert unit.state == "golden"
    assert unit.data["sentiment_gold"] == ["positive"]
    assert unit.data["sentiment_gold_reason"] == [""]
    assert world.reload(job).golds_count == 1


def test_a_unit_of_another_job_is_not_found(world: Any) -> None:
    job, other = world.job(5), world.job(5)

    with pytest.raises(NotFound):
        world.do(units.find, job, world.units(other)[0].id)


def test_new_data_replaces_all_data(world: Any) -> None:
    job = world.job(5)

    unit = world.do(units.update, job, world.units(job)[0], data={"note": "only this"})

    assert unit.data == {"note": "only this"}


def test_column_gold_pool_sets_where_a_test_question_is_asked(world: Any) -> None:
    job, unit = unit_in(world, "golden")

    for pool, kept in [("work", "work"), ("quiz", "quiz"), (None, None)]:
        changed = world.do(units.update, job, unit, data={"text": "gold", "_gold_pool": pool})
        assert changed.gold_pool == kept
    world.do(units.update, job, unit, data={"text": "gold", "_gold_pool": "quiz"})
    unsaid = world.do(units.update, job, unit, data={"text": "gold"})

    assert unsaid.gold_pool == "quiz"


def test_gold_pool_can_be_set(world: Any) -> None:
    job, unit = unit_in(world, "golden")

    assert world.do(units.update, job, unit, gold_pool="work").gold_pool == "work"
    assert world.do(units.update, job, unit, gold_pool="").gold_pool is None
    with pytest.raises(Invalid, match="gold_pool must be one of quiz, work"):
        world.do(units.update, job, unit, gold_pool="all")
    with pytest.raises(Invalid, match="only test questions have a gold_pool"):
        world.do(units.update, job, unit, golden=False, gold_pool="quiz")


def test_data_that_cannot_be_json_is_refused(world: Any) -> None:
    job = world.job(5)
    unit = world.units(job)[0]

    with pytest.raises(Invalid):
        world.do(units.update, job, unit, data={"text": float("inf")})

    assert world.do(units.find, job, unit.id).data == {"text": "row 0"}


ALLOWED = {
    ("new", "golden"),
    ("new", "hidden_gold"),
    ("new", "finalized"),
    ("new", "canceled"),
    ("judgable", "golden"),
    ("judgable", "hidden_gold"),
    ("judgable", "finalized"),
    ("judgable", "canceled"),
    ("finalized", "golden"),
    ("finalized", "hidden_gold"),
    ("golden", "new"),
    ("golden", "hidden_gold"),
    ("hidden_gold", "golden"),
    ("hidden_gold", "new"),
}

STATES = ("new", "judgable", "finalized", "golden", "hidden_gold", "canceled")


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_a_unit_changes_state_or_refuses(world: Any, before: str, after: str) -> None:
    job, unit = unit_in(world, before)
    allowed = before == after != "judgable" or (before, after) in ALLOWED

    if allowed:
        assert world.do(units.update, job, unit, state=after).state == after
    else:
        with pytest.raises(Invalid):
            world.do(units.update, job, unit, state=after)
        assert world.do(units.find, job, unit.id) == unit


def test_golden_sets_the_state(world: Any) -> None:
    job = world.job(5)
    unit = world.units(job)[0]

    made = world.do(units.update, job, unit, golden=True).state
    hidden = world.do(units.update, job, unit, state="hidden_gold").state
    kept = world.do(units.update, job, unit, golden=True).state
    back = world.do(units.update, job, unit, golden=False).state

    assert (made, hidden, kept, back) == ("golden", "hidden_gold", "hidden_gold", "new")


def test_finalizing_the_last_unit_by_hand_finishes_the_job(world: Any) -> None:
    job = world.launch_job(5)

    for unit in world.units(job):
        world.do(units.update, job, unit, state="finalized")

    assert world.reload(job).state == "finished"
    assert world.balance() == 100_000


def test_a_page_whose_units_were_finalized_by_hand_is_released(world: Any) -> None:
    job, worker = world.launch_job(5), world.worker()
    world.take(job, worker)

    for unit in world.units(job):
        world.do(units.update, job, unit, state="finalized")

    assert world.reload(job).state == "finished"


def test_a_unit_whose_state_changes_while_on_a_page_still_gets_its_judgment(world: Any) -> None:
    job, worker = world.launch_job(20), world.worker()
    page = world.take(job, worker)
    shown = [world.do(units.find, job, unit.id) for unit in page.units]
    for unit, state in zip(shown, ("canceled", "finalized", "golden"), strict=False):
        world.do(units.update, job, unit, state=state)

    receipt = world.submit(worker, page)

    after = [world.do(units.find, job, unit.id) for unit in page.units]
    assert receipt.judgments == 5
    assert [unit.state for unit in after][:3] == ["canceled", "finalized", "golden"]
    assert [unit.judgments_count for unit in after] == [1] * 5


@pytest.mark.parametrize(
    ("state", "result"),
    [
        ("new", "canceled"),
        ("judgable", "canceled"),
        ("judged", "has judgments"),
        ("finalized", "cannot become canceled"),
        ("golden", "cannot become canceled"),
    ],
)
def test_units_without_judgments_can_be_canceled(world: Any, state: str, result: str) -> None:
    job, unit = unit_in(world, state)

    try:
        reached = world.do(units.cancel, job, unit).state
    except Invalid as refusal:
        reached = refusal.message

    assert result in reached


def test_canceling_a_unit_returns_no_money_before_the_job_ends(world: Any) -> None:
    job = world.launch_job(5)
    aside = world.balance()
    first, *others = world.units(job)

    world.do(units.cancel, job, first)
    after_one = world.balance()
    for unit in others:
        world.do(units.cancel, job, unit)

    assert after_one == aside
    assert world.reload(job).state == "finished"
    assert world.balance() == 100_000


def test_rows_are_deleted_before_launch_or_while_paused(world: Any) -> None:
    job = world.job(6)
    first, second, *_ = world.units(job)

    world.do(units.delete, job, first)
    world.do(orders.place, job, 0, ["on_demand"])
    with pytest.raises(Invalid, match="running"):
        world.do(units.delete, job, second)
    world.do(jobs.pause, job)
    world.do(units.delete, job, second)

    with pytest.raises(NotFound):
        world.do(units.find, job, first.id)
    assert world.reload(job).units_count == 4


def test_units_that_were_on_a_page_are_not_deleted(world: Any) -> None:
    job = world.launch_job(20)
    page = world.take(job, world.worker())
    world.do(jobs.pause, job)

    with pytest.raises(Invalid, match="on a contributor's page"):
        world.do(units.delete, job, world.do(units.find, job, page.units[0].id))


def test_a_unit_id_is_never_reused(world: Any) -> None:
    job = world.job(5)
    last = world.units(job)[-1]
    world.do(units.delete, job, last)

    unit = world.do(units.create, job, {"text": "new"})

    assert unit.id == last.id + 1


def test_a_unit_can_be_copied_with_changes_and_to_another_job(world: Any) -> None:
    job, other = world.job(5, golds=1), world.job(5)
    plain, golden = world.units(job)[0], world.units(job)[-1]

    same = world.do(units.copy, job, plain)
    changed = world.do(units.copy, job, golden, into=other, data={"text": "changed"})

    assert (same.job_id, same.state, same.data) == (job.id, "new", plain.data)
    assert (changed.job_id, changed.state) == (other.id, "golden")
    assert changed.data == {**golden.data, "text": "changed"}
    assert (world.reload(job).units_count, world.reload(other).golds_count) == (7, 1)


def test_columns_are_split_into_lists_once(world: Any) -> None:
    data = [{"tags": "a b c", "other": "x y", "n": 1}, {"tags": None, "other": "", "n": 2}]
    job = world.do(uploads.create_job, world.account, data)

    count = world.do(units.split, job, ["tags"])

    assert count == 1
    assert [unit.data["tags"] for unit in world.units(job)] == [["a", "b", "c"], None]
    assert world.units(job)[0].data["other"] == "x y"
    with pytest.raises(Invalid, match="split already"):
        world.do(units.split, job, ["tags"])
    with pytest.raises(Invalid, match="no column colour"):
        world.do(units.split, job, ["colour"])


def test_columns_are_split_at_the_separator(world: Any) -> None:
    job = world.do(uploads.create_job, world.account, [{"tags": "a, b c", "more": "1, 2"}])

    world.do(units.split, job, ["tags", "more"], ", ")

    assert world.units(job)[0].data == {"tags": ["a", "b c"], "more": ["1", "2"]}


def test_a_new_unit_has_no_results(world: Any) -> None:
    job = world.job(5)

    shown = world.do(results.unit_json, job, world.units(job)[0])

    assert list(shown) == [
        "id",
        "data",
        "difficulty",
        "judgments_count",
        "state",
        "agreement",
        "missed_count",
        "gold_pool",
        "created_at",
        "updated_at",
        "job_id",
        "results",
    ]
    assert shown["results"] == {"judgments": []}
    assert (shown["judgments_count"], shown["agreement"]) == (0, None)
    simple = world.do(results.unit_json, job, world.units(job)[0], simple=True)
    assert "results" not in simple
