"""Conversion of units to test questions and back, and grading while test questions change."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from crowdflower.sandbox.errors import BadRequest
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.units import gold, units, uploads
from crowdflower.sandbox.rules.work import workers


def test_units_marked_golden_become_test_questions(world: Any) -> None:
    data: list[dict[str, Any]] = [{"text": f"row {n}"} for n in range(9)]
    data += [
        {"text": "g", "_golden": mark, "sentiment_gold": "positive\nneutral\n"}
        for mark in ("TRUE", "true", "1", "FALSE", None)
    ]
    job = world.do(uploads.create_job, world.account, data)
    world.do(jobs.update, job, {"cml": world.form})

    converted = world.do(gold.convert, job)

    golds = [unit for unit in world.units(job) if unit.state == "golden"]
    assert converted == len(golds) == world.reload(job).golds_count == 3
    assert golds[0].data["sentiment_gold"] == ["positive", "neutral"]
    assert golds[0].data["sentiment_gold_reason"] == [""]


def test_units_with_accepted_answers_become_test_questions(world: Any) -> None:
    data = [{"text": f"row {n}", "label": "x" if n < 3 else None} for n in range(9)]
    job = world.do(uploads.create_job, world.account, data)
    world.do(jobs.update, job, {"cml": world.form})

    answer = world.do(gold.convert_by_answers, job, "sentiment", "label")

    assert answer == {"affected": 3, "populated": ["x"]}
    assert world.reload(job).gold == {"sentiment": "label"}
    assert [unit.state for unit in world.units(job)] == ["golden"] * 3 + ["new"] * 6
    assert world.units(job)[0].data["label"] == ["x"]


def test_the_gold_column_has_the_name_of_the_question_by_default(world: Any) -> None:
    data = [{"text": f"row {n}", "sentiment_gold": "a" if n < 3 else ""} for n in range(9)]
    job = world.do(uploads.create_job, world.account, data)

    answer = world.do(gold.convert_by_answers, job, "sentiment")

    assert answer == {"affected": 3, "populated": ["a"]}


def test_a_chosen_gold_column_stays_when_the_form_is_saved_again(world: Any) -> None:
    data = [{"text": f"row {n}", "label": "x" if n < 3 else None} for n in range(9)]
    job = world.do(uploads.create_job, world.account, data)
    world.do(gold.convert_by_answers, job, "sentiment", "label")

    changed = world.do(jobs.update, job, {"cml": world.form})

    assert changed.gold == {"sentiment": "label"}


def test_a_derived_gold_column_follows_a_new_form(world: Any) -> None:
    job = world.job()
    elsewhere = world.form.replace('name="sentiment"', 'name="sentiment" gold="label"')

    changed = world.do(jobs.update, job, {"cml": elsewhere})
    back = world.do(jobs.update, job, {"cml": world.form})

    assert changed.gold == {"sentiment": "label"}
    assert back.gold == {"sentiment": "sentiment_gold"}


def test_a_column_of_accepted_answers_is_hidden_whatever_its_name(world: Any) -> None:
    data = [{"text": f"row {n}", "label": "positive" if n < 8 else None} for n in range(30)]
    job = world.do(uploads.create_job, world.account, data)
    ready = {"title": "Sentiment", "instructions": "Read.", "cml": world.form}
    world.do(jobs.update, job, ready)
    world.do(gold.convert_by_answers, job, "sentiment", "label")
    world.do(orders.place, job, 0, ["on_demand"])

    page = world.take(job, world.worker())

    assert {name for unit in page.units for name in unit.data} == {"text"}


def test_no_gold_and_too_much_gold_are_refused_with_the_services_messages(world: Any) -> None:
    none = world.do(uploads.create_job, world.account, [{"f_gold": None}] * 9)
    many = world.do(uploads.create_job, world.account, [{"f_gold": "x"}] * 4 + [{"f_gold": ""}] * 7)

    with pytest.raises(BadRequest) as nothing:
        world.do(gold.convert_by_answers, none, "f")
    with pytest.raises(BadRequest) as too_much:
        world.do(gold.convert_by_answers, many, "f")

    assert nothing.value.body == {
        "error": {"message": "We couldn't find any prepopulated gold standard in your dataset."}
    }
    assert too_much.value.message == (
        "We didn't mark any rows as gold because marking 4 rows would have affected over 1/3rd "
        "of them."
    )
    assert world.reload(many).golds_count == 0


def test_a_question_the_form_does_not_have_is_refused(world: Any) -> None:
    job = world.job(9)

    with pytest.raises(BadRequest, match="no question named mood; its questions are: sentiment"):
        world.do(gold.convert_by_answers, job, "mood")


def test_reset_converts_test_questions_to_new_units(world: Any) -> None:
    job = world.job(20, golds=8)

    answer = world.do(gold.reset, job)

    assert answer == {"affected": 8, "populated": []}
    assert {unit.state for unit in world.units(job)} == {"new"}
    assert (world.reload(job).golds_count, world.reload(job).gold) == (0, {})


def test_a_job_has_no_gold_after_a_reset_until_a_unit_becomes_a_test_question(world: Any) -> None:
    job = world.job(20, golds=8)
    world.do(gold.reset, job)

    same_form = world.do(jobs.update, job, {"cml": world.form, "title": "Sentiment again"})
    world.do(units.update, job, world.units(job)[0], golden=True)
    after_one = world.reload(job).gold
    world.do(gold.reset, job)
    world.do(units.create, job, {"text": "new"}, golden=True)

    assert same_form.gold == {}
    assert after_one == world.reload(job).gold == {"sentiment": "sentiment_gold"}


def test_the_same_check_twice_gives_the_same_answer_and_changes_nothing(world: Any) -> None:
    data = [{"text": f"row {n}", "label": "b\na" if n < 10 else None} for n in range(30)]
    job = world.do(uploads.create_job, world.account, data)
    world.do(jobs.update, job, {"cml": world.form})

    first = world.do(gold.convert_by_answers, job, "sentiment", "label")
    states = [unit.state for unit in world.units(job)]
    second = world.do(gold.convert_by_answers, job, "sentiment", "label")

    assert first == second == {"affected": 10, "populated": ["a", "b"]}
    assert states == [unit.state for unit in world.units(job)] == ["golden"] * 10 + ["new"] * 20
    assert world.reload(job).golds_count == 10


@pytest.mark.parametrize(("size", "questions"), [(5, 1), (19, 1), (20, 2)])
def test_large_pages_have_two_test_questions(world: Any, size: int, questions: int) -> None:
    job = world.launch_job(60, golds=25, units_per_assignment=size)

    page = world.take(job, world.worker())

    golds = [unit for unit in page.units if unit.data["text"].startswith("gold")]
    assert (len(page.units), len(golds)) == (size, questions)


def test_gold_per_assignment_can_be_set(world: Any) -> None:
    job = world.launch_job(60, golds=25)
    world.do(jobs.update, job, {"gold_per_assignment": 3})
    three = world.take(job, world.worker())
    world.do(jobs.update, job, {"gold_per_assignment": 0})
    none = world.take(job, world.worker())

    counts = [
        sum(unit.data["text"].startswith("gold") for unit in page.units) for page in (three, none)
    ]
    assert counts == [3, 0]


def test_gold_always_asks_even_few_test_questions(world: Any) -> None:
    job = world.launch_job(20, golds=1, options={"gold_always": True})

    page = world.take(job, world.worker())

    assert sum(unit.data["text"].startswith("gold") for unit in page.units) == 1


def test_a_former_test_question_is_ordered_with_the_judgments_it_has(world: Any) -> None:
    job = world.launch_job(20, golds=8)
    crowd = world.crowd(3)
    asked = world.units(job)[-1]
    for worker in crowd:
        world.take(job, worker, only=[asked.id, world.units(job)[0].id])
    for worker in crowd[:2]:
        world.submit(worker, world.take(job, worker))
    world.do(gold.reset, job)

    world.do(orders.place, job, 0, ["on_demand"])

    ordered = next(unit for unit in world.units(job) if unit.id == asked.id)
    assert (ordered.state, ordered.judgments_count, ordered.open_slots) == ("judgable", 2, 0)
    world.submit(crowd[2], world.take(job, crowd[2]))
    ordered = next(unit for unit in world.units(job) if unit.id == asked.id)
    assert (ordered.state, ordered.judgments_count) == ("finalized", 3)


def test_a_former_test_question_with_enough_judgments_is_finalized_at_once(world: Any) -> None:
    job = world.launch_job(20, golds=8)
    asked = world.units(job)[-1]
    for place, worker in enumerate(world.crowd(4)):
        page = world.take(job, worker, only=[asked.id, world.units(job)[place].id])
        world.submit(worker, page)
    world.do(gold.reset, job)

    world.do(orders.place, job, 0, ["on_demand"])

    ordered = next(unit for unit in world.units(job) if unit.id == asked.id)
    assert (ordered.state, ordered.judgments_count) == ("finalized", 4)


def test_a_test_question_edited_during_submissions_grades_each_page_by_one_version(
    world: Any,
) -> None:
    """Each page is graded by the answers accepted at its submission; the edit may forgive some."""
    job = world.launch_job(40, golds=8, units_per_assignment=5, gold_per_assignment=3)
    golds = [unit for unit in world.units(job) if unit.state == "golden"]
    crowd = world.crowd(6)
    pages = {worker.id: world.take(job, worker) for worker in crowd}
    receipts: dict[int, Any] = {}
    ready = threading.Barrier(len(crowd) + 1)

    def submit_page(worker: Any) -> None:
        ready.wait()
        receipts[worker.id] = world.submit(worker, pages[worker.id], "negative")

    def edit() -> None:
        ready.wait()
        with world.database.transaction() as tx:
            for unit in golds:
                data = {**unit.data, "sentiment_gold": "neutral"}
                units.update(tx, job, units.find(tx, job, unit.id), data=data)

    threads = [threading.Thread(target=submit_page, args=[worker]) for worker in crowd]
    threads.append(threading.Thread(target=edit))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(receipts) == len(crowd)
    for receipt in receipts.values():
        assert len(receipt.feedback) == 3
        assert {each.accepted for each in receipt.feedback} in ({("positive",)}, {("neutral",)})
    for judgment in world.judgments(job):
        assert judgment.missed is (True if judgment.golden else None)
    assert {world.do(workers.find_in_job, job, worker.id).trust for worker in crowd} == {0.0}


def test_an_edit_that_accepts_an_answer_applies_to_earlier_and_later_pages(
    world: Any,
) -> None:
    job = world.launch_job(40, golds=8, units_per_assignment=5, options={"after_gold": 50})
    first, second = world.crowd(2)
    pages = [world.take(job, worker) for worker in (first, second)]

    world.submit(first, pages[0], "negative")
    for unit in world.units(job):
        if unit.state == "golden":
            world.do(units.update, job, unit, data={**unit.data, "sentiment_gold": "negative"})
    receipt = world.submit(second, pages[1], "negative")

    assert receipt.feedback == ()
    assert {each.missed for each in world.judgments(job) if each.golden} == {False}
    assert [world.do(workers.find_in_job, job, each.id).trust for each in (first, second)] == [
        1.0,
        1.0,
    ]
