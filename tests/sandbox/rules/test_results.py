"""Results of units: aggregates, agreement, pages of judgments, and their JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crowdflower.cml.names import RESERVED_NAMES
from crowdflower.sandbox.errors import NotFound
from crowdflower.sandbox.reports import columns
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.results import judgments, results, shapes
from crowdflower.sandbox.rules.units import units
from crowdflower.sandbox.rules.work import submission, workers

FORM = """
<cml:radios label="Sentiment" validates="required">
  <cml:radio label="yes"/><cml:radio label="no"/>
</cml:radios>
<cml:checkboxes label="Animals" aggregation="agg_2" only-if="sentiment:[yes]">
  <cml:checkbox label="cat"/><cml:checkbox label="dog"/><cml:checkbox label="bird"/>
</cml:checkboxes>
<cml:ratings label="Stars" points="5" aggregation="avg"/>
<cml:text label="Why" aggregation="all"/>
"""


@pytest.fixture
def judged_unit(world: Any) -> tuple[Any, int]:
    """A unit judged by three contributors of different trust, one of whom skipped questions."""
    job = world.job(5, cml=FORM)
    world.do(orders.place, job, 0, ["on_demand"])
    number = world.units(job)[0].id
    answers = [
        {"sentiment": "yes", "animals": ["cat", "dog"], "stars": "4", "why": "so"},
        {"sentiment": "yes", "animals": ["cat"], "stars": "4"},
        {"sentiment": "no", "stars": "3", "why": "because"},
    ]
    for worker, answer in zip(world.trusted_workers(job, 0.9, 0.8, 0.5), answers, strict=True):
        page = world.take(job, worker, only=[number])
        world.do(submission.submit, worker, page.assignment_id, page.token, {number: answer})
    return world.reload(job), number


def test_a_unit_has_an_aggregate_for_each_question(world: Any, judged_unit: Any) -> None:
    job, number = judged_unit

    shown = world.do(results.unit_results, job, world.do(units.find, job, number))

    assert shown["sentiment"] == {"agg": "yes", "confidence": 0.7727}
    assert shown["animals"] == {"agg": ["cat", "dog"], "confidence": [1.0, 0.5294]}
    assert shown["stars"] == {"avg": 3.6667, "variance": 0.2222}
    assert "why" not in shown
    assert len(shown["judgments"]) == 3
    json.dumps(shown)


def test_agreement_ignores_trust(world: Any, judged_unit: Any) -> None:
    job, number = judged_unit

    shown = world.do(results.unit_json, job, world.do(units.find, job, number))

    assert shown["state"] == "finalized"
    assert shown["agreement"] == round((2 / 3 + 1.0) / 2, 4)


def test_agreement_includes_questions_that_do_not_decide(world: Any, judged_unit: Any) -> None:
    job, number = judged_unit
    job = world.do(jobs.update, job, {"confidence_fields": ["sentiment"]})

    shown = world.do(results.unit_json, job, world.do(units.find, job, number))

    assert shown["agreement"] == round((2 / 3 + 1.0) / 2, 4)


@pytest.fixture
def named_units(world: Any) -> tuple[Any, list[int]]:
    """A unit and a test question, each judged by two contributors who entered names."""
    group = "multiple='true' group_name='people' aggregation='true'"
    names = "<cml:text name='first'/><cml:text name='last'/>"
    job = world.job(6, cml=f"{FORM}<cml:group {group}>{names}</cml:group>")
    world.do(orders.place, job, 0, ["on_demand"])
    row, golden = (unit.id for unit in world.units(job)[:2])
    answers = [
        {"sentiment": "no", "first": ["Johnny", "John"], "last": ["Appleseed", "Chapman"]},
        {"sentiment": "no", "first": ["John"], "last": ["Chapman"]},
    ]
    for worker, answer in zip(world.trusted_workers(job, 0.9, 0.6), answers, strict=True):
        page = world.take(job, worker, only=[row, golden])
        given = {unit.id: answer for unit in page.units}
        world.do(submission.submit, worker, page.assignment_id, page.token, given)
    world.do(units.update, job, world.do(units.find, job, golden), golden=True)
    return world.reload(job), [row, golden]


def test_linked_answers_ignore_trust(world: Any, named_units: Any) -> None:
    job, (number, _) = named_units

    shown = world.do(results.unit_results, job, world.do(units.find, job, number))

    assert shown["people"] == [
        {"first": "John", "last": "Chapman", "confidence": 1.0},
        {"first": "Johnny", "last": "Appleseed", "confidence": 0.5},
    ]


def test_test_questions_have_no_linked_answers(world: Any, named_units: Any) -> None:
    job, (_, golden) = named_units

    shown = world.do(results.unit_results, job, world.do(units.find, job, golden))

    assert len(shown["judgments"]) == 2
    assert "people" not in shown


def test_a_page_of_judgments_is_flat(world: Any, judged_unit: Any) -> None:
    job, number = judged_unit

    page = world.do(judgments.read_page, job)

    row = page[number]
    assert list(page) == [number]
    assert row["_ids"] == [judgment.id for judgment in world.judgments(job)]
    assert (row["_state"], row["_agreement"]) == ("finalized", 0.8333)
    assert row["text"] == "row 0"
    assert row["sentiment"]["res"] == ["yes", "yes", "no"]
    assert row["animals"]["res"] == [["cat", "dog"], ["cat"], None]
    assert row["stars"] == {"avg": 3.6667, "variance": 0.2222, "res": ["4", "4", "3"]}
    assert row["why"][0::2] == ["so", "because"]


def test_a_column_named_like_a_question_gets_a_prefix(world: Any) -> None:
    job = world.launch_job(5)
    number = world.units(job)[0].id
    data = {"text": "x", "sentiment": "mine", "_state": "mine too", "orig__state": "even this"}
    world.do(units.update, job, world.units(job)[0], data=data)
    world.judge(job, number, (world.worker(), "positive"))

    row = world.do(judgments.read_page, job)[number]

    assert (row["orig_sentiment"], row["orig__state"]) == ("mine", "even this")
    assert row["orig_orig__state"] == "mine too"
    assert (row["sentiment"]["agg"], row["_state"]) == ("positive", "judgable")


def test_pages_list_only_judged_units(world: Any) -> None:
    job = world.launch_job(20)
    wanted = [unit.id for unit in world.units(job)[5:12]]
    world.submit(worker := world.worker(), world.take(job, worker, only=wanted))
    world.submit(worker, world.take(job, worker, only=wanted))

    pages = [world.do(judgments.read_page, job, page, 3) for page in (1, 2, 3, 4)]

    assert [number for page in pages for number in page] == wanted
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    ids = [number for page in pages for row in page.values() for number in row["_ids"]]
    assert len(ids) == world.reload(job).judgments_count


def test_a_change_of_trust_changes_results(world: Any) -> None:
    job = world.launch_job(5)
    number = world.units(job)[0].id
    first, second = world.trusted_workers(job, 1.0, 0.5)
    world.judge(job, number, (first, "positive"), (second, "negative"))
    before = world.do(judgments.read_page, job)[number]["sentiment"]["confidence"]

    world.do(workers.reject, job, second.id, "spam")

    assert before == 0.6667
    assert world.do(judgments.read_page, job)[number]["sentiment"]["confidence"] == 1.0


def test_a_unit_with_tainted_judgments_only_has_empty_aggregates(world: Any) -> None:
    job = world.launch_job(20, golds=8, options={"after_gold": "1"})
    number = world.units(job)[0].id
    worker = world.worker()
    world.judge(job, number, (worker, "positive"))
    world.work(job, worker, "negative")

    shown = world.do(results.unit_json, job, world.do(units.find, job, number))

    assert shown["judgments_count"] == 1
    assert shown["results"]["sentiment"] == {"agg": None, "confidence": None}
    assert shown["results"]["judgments"][0]["tainted"] is True
    assert world.do(judgments.read_page, job) == {}


def test_tainted_judgments_are_listed_but_not_aggregated(world: Any) -> None:
    job = world.launch_job(20, golds=8, options={"after_gold": "1"})
    number = world.units(job)[0].id
    sloppy, careful = world.crowd(2)
    world.judge(job, number, (sloppy, "positive"), (careful, "negative"))
    world.work(job, sloppy, "negative")
    tainted, trusted = world.judgments(job)[:2]

    row = world.do(judgments.read_page, job)[number]
    shown = world.do(results.unit_results, job, world.do(units.find, job, number))

    assert (tainted.tainted, trusted.tainted) == (True, False)
    assert row["_ids"] == [trusted.id]
    assert row["sentiment"] == {"agg": "negative", "confidence": 1.0, "res": ["negative"]}
    assert [judgment["id"] for judgment in shown["judgments"]] == [tainted.id, trusted.id]
    assert shown["sentiment"] == {"agg": "negative", "confidence": 1.0}


def test_a_judgment_has_its_unit_and_contributor(world: Any) -> None:
    job = world.launch_job(20, golds=8)
    worker = world.worker(country="FI", region="13", city="Helsinki")
    world.work(job, worker, "negative")
    world.work(job, worker, "positive")
    first = world.judgments(job)[0]

    found = world.do(judgments.find, job, first.id)

    shown = shapes.judgment(found)
    assert shown["id"] == first.id
    assert (shown["trust"], shown["worker_trust"]) == (0.5, 0.5)
    assert (shown["external_type"], shown["country"]) == ("on_demand", "FIN")
    assert shown["unit_data"] == world.do(units.find, job, first.unit_id).data
    assert shown["unit_state"] in {"judgable", "golden"}
    assert (shown["judgment"], shown["rejected"], shown["tainted"]) == (1, None, False)
    with pytest.raises(NotFound):
        world.do(judgments.find, world.job(5), first.id)


def test_a_contributor_has_one_trust_a_job_and_another_in_all_jobs(world: Any) -> None:
    """``trust`` is one number a contributor in a job of 2014; ``worker_trust`` is another in a
    judgment of 2021, 0.953095858117445 beside 1, and null in one of 2014."""
    job, other, without = world.launch_job(20, golds=8), world.launch_job(20, golds=8), world.job(5)
    world.do(orders.place, without, 0, ["on_demand"])
    worker, untested = world.crowd(2)
    world.work(job, worker, "negative")
    world.work(job, worker, "positive")
    world.work(other, worker, "positive")
    world.work(other, worker, "positive")
    world.work(without, untested)

    rows = [*world.judgments(job), *world.judgments(other), *world.judgments(without)]
    shown = [
        shapes.judgment(world.do(judgments.find, each, row.id))
        for row in rows
        for each in (job, other, without)
        if each.id == row.job_id
    ]

    numbers = {(each["job_id"], each["trust"], each["worker_trust"]) for each in shown}
    assert numbers == {(job.id, 0.5, 0.75), (other.id, 1.0, 0.75), (without.id, 1.0, None)}


@pytest.mark.parametrize(
    ("options", "winner"),
    [
        ("<cml:radio label='apple'/><cml:radio label='pear'/>", "pear"),
        ("<cml:radio label='pear'/><cml:radio label='apple'/>", "apple"),
        ("<cml:radio label='{{text}}' value='pear'/><cml:radio label='apple'/>", "apple"),
        (
            "{% if text != 'no' %}<cml:radio label='pear'/>{% endif %}<cml:radio label='apple'/>",
            "apple",
        ),
    ],
)
@pytest.mark.parametrize("first", ["apple", "pear"])
def test_on_a_tie_the_last_option_of_the_form_wins(
    world: Any, options: str, winner: str, first: str
) -> None:
    """So it is in all 141 ties of a job of 2014."""
    job = world.job(5, cml=f"<cml:radios name='fruit' validates='required'>{options}</cml:radios>")
    world.do(orders.place, job, 0, ["on_demand"])
    number = world.units(job)[0].id
    given = [{"fruit": each} for each in (first, "pear" if first == "apple" else "apple")]
    for worker, answer in zip(world.trusted_workers(job, 0.8, 0.8), given, strict=True):
        page = world.take(job, worker, only=[number])
        world.do(submission.submit, worker, page.assignment_id, page.token, {number: answer})

    shown = world.do(results.unit_results, job, world.do(units.find, job, number))

    assert shown["fruit"] == {"agg": winner, "confidence": 0.5}
    assert world.do(judgments.read_page, job)[number]["fruit"]["agg"] == winner


def test_the_last_option_wins_within_one_answer_too(world: Any) -> None:
    boxes = "".join(f"<cml:checkbox label='{each}'/>" for each in ("price", "delivery", "colour"))
    job = world.job(
        5, cml=f"<cml:checkboxes name='about' validates='required'>{boxes}</cml:checkboxes>"
    )
    world.do(orders.place, job, 0, ["on_demand"])
    number = world.units(job)[0].id
    page = world.take(job, worker := world.worker(), only=[number])
    answer = {number: {"about": ["price", "delivery"]}}
    world.do(submission.submit, worker, page.assignment_id, page.token, answer)

    shown = world.do(results.unit_results, job, world.do(units.find, job, number))

    assert shown["about"] == {"agg": "delivery", "confidence": 1.0}


def test_agreement_counts_contributors_who_lost_trust(world: Any) -> None:
    job = world.launch_job(20, golds=8, options={"after_gold": "1"}, judgments_per_unit=1)
    number = world.units(job)[0].id
    sloppy, careful = world.crowd(2)
    world.judge(job, number, (sloppy, "positive"))
    world.work(job, sloppy, "negative")
    world.judge(job, number, (careful, "negative"))

    unit = world.do(units.find, job, number)

    assert unit.state == "finalized"
    assert world.do(results.unit_json, job, unit)["agreement"] == 0.5
    assert world.do(judgments.read_page, job)[number]["_agreement"] == 0.5


def test_test_questions_have_judgments_and_results(world: Any) -> None:
    job, worker = world.launch_job(20, golds=8), world.worker()
    world.work(job, worker, "negative")
    world.work(job, worker, "positive")
    golden = next(unit for unit in world.units(job) if unit.missed_count)

    shown = world.do(results.unit_json, job, golden)

    (judgment,) = shown["results"]["judgments"]
    assert (judgment["golden"], judgment["missed"]) == (True, True)
    assert shown["results"]["sentiment"]["agg"] == "negative"
    assert (shown["state"], shown["missed_count"], shown["agreement"]) == ("golden", 1, None)


def test_a_job_without_questions_has_results_without_questions(world: Any) -> None:
    job = world.launch_job(5)
    world.work(job, world.worker())
    job = world.do(jobs.update, job, {"cml": ""})

    shown = world.do(results.unit_results, job, world.units(job)[0])

    assert list(shown) == ["judgments"]


def test_no_question_can_have_the_name_of_a_system_column(world: Any, judged_unit: Any) -> None:
    job, number = judged_unit
    row = world.do(judgments.read_page, job)[number]
    shown = world.do(results.unit_results, job, world.do(units.find, job, number))

    beside = (row.keys() | shown.keys()) - job.fields.keys() - {"text"}

    assert beside | {*columns.FULL, *columns.AGGREGATED} <= RESERVED_NAMES
