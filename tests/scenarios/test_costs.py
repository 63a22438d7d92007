"""What jobs cost, compared with their estimates; warnings at a launch; jobs that are read again.

``tests/benchmarks/costs.py`` compares more jobs.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import OverBudget

if TYPE_CHECKING:
    from crowdflower.job import Job
    from tests.scenarios.conftest import Box

CML = """
<p>{{text}}</p>
<cml:radios label="What does it say?" name="says" validates="required" gold="true">
  <cml:radio label="yes"/><cml:radio label="no"/><cml:radio label="maybe"/>
</cml:radios>
"""
GOOD = {"expert": 0.3, "normal": 0.7}
BAD = {"normal": 0.1, "sloppy": 0.2, "random spammer": 0.5, "constant spammer": 0.2}
QUITTERS = {"quitter": 1}
QUIZ = {"options": {"front_load": True}}
DYNAMIC = {
    "variable_judgments_mode": "auto_confidence",
    "min_unit_confidence": 0.7,
    "max_judgments_per_unit": 5,
}


def create_job(box: Box, rows: int, golds: int, *, hidden: int = 0, **attributes: Any) -> Job:
    answers = ("yes", "no", "maybe")
    data: list[dict[str, Any]] = [
        {"text": f"text {place}", "truth": answers[place % 3]} for place in range(rows + golds)
    ]
    for row in data[rows:]:
        row |= {"_golden": "TRUE", "says_gold": row["truth"]}
    job = box.job(data, CML, **attributes)
    job.convert_test_questions()
    for unit in [unit for unit in job.units if "_golden" in unit.data][:hidden]:
        unit.state = "hidden_gold"
        unit.update()
    return job


def cost_cents(box: Box) -> float:
    return (
        -sum(line["amount_mc"] for line in box.sandbox.ledger() if line["kind"] == "charge") / 1000
    )


@pytest.mark.parametrize(
    ("rows", "golds", "mix", "attributes"),
    [
        (60, 20, GOOD, QUIZ),
        (60, 20, BAD, QUIZ),
        (100, 40, BAD, {**QUIZ, "units_per_assignment": 5}),
        (100, 40, GOOD, {}),
        (100, 40, GOOD, {"units_per_assignment": 10, "gold_per_assignment": 3}),
        (37, 0, GOOD, {"units_per_assignment": 20, "judgments_per_unit": 7}),
        (37, 0, QUITTERS, {"units_per_assignment": 10}),
        (23, 0, GOOD, {"units_per_assignment": 1, "payment_cents": 0.333}),
        (41, 0, GOOD, {"max_judgments_per_worker": 7, "payment_cents": 7}),
        (40, 20, BAD, {**QUIZ, **DYNAMIC}),
        (40, 0, BAD, DYNAMIC),
        (60, 30, BAD, {**QUIZ, "hidden": 10}),
    ],
    ids=lambda value: "" if isinstance(value, dict) else str(value),
)
@pytest.mark.parametrize("settings", [{"seed": 3, "balance_cents": 1_000_000}], ids=["seed"])
def test_a_job_costs_no_more_than_its_estimate_at_most(
    box: Box, rows: int, golds: int, mix: dict[str, float], attributes: dict[str, Any]
) -> None:
    job = create_job(box, rows, golds, **attributes)
    estimate = job.estimate(rows)
    assert estimate.at_most_cents is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # test questions run out
        job.launch(rows, max_cost_cents=estimate.at_most_cents)
    box.sandbox.crowd.add(40, mix=mix, truth={"says": "truth"})

    box.sandbox.crowd.run(job)

    assert 0 < cost_cents(box) <= estimate.at_most_cents


@pytest.mark.parametrize("settings", [{"seed": 1, "balance_cents": 1_000_000}], ids=["seed"])
def test_a_job_costs_more_than_the_vendors_formula_so_a_limit_is_compared_with_at_most(
    box: Box,
) -> None:
    job = create_job(box, 100, 40, **QUIZ)
    estimate = job.estimate(100)
    assert (estimate.expected_cents, estimate.at_most_cents) == (75 * 12, (75 + 3 + 60) * 12)

    with pytest.raises(OverBudget, match="may cost 1656 cents"):
        job.launch(100, max_cost_cents=estimate.expected_cents)
    job.launch(100, max_cost_cents=estimate.at_most_cents)
    box.sandbox.crowd.add(60, mix=BAD, truth={"says": "truth"})
    box.sandbox.crowd.run(job)

    assert estimate.expected_cents < cost_cents(box) <= estimate.at_most_cents


# Warnings at a launch


def launch_warning(box: Box, job: Job, units: int) -> str:
    """Launch a job without the client, and return the warnings of the response."""
    body = {"debit": {"units_count": units}, "channels": ["on_demand"]}
    answer = box.api("POST", f"/jobs/{job.id}/orders.json", json=body)
    assert answer.status_code == 200, answer.text
    return answer.headers.get("X-Sandbox-Warning", "")


@pytest.mark.parametrize(
    ("golds", "attributes", "units", "said"),
    [
        (0, {}, 20, ""),
        (0, {}, 100, "rder has units_count 100, but only 20 units are left"),
        (0, {}, 0, ""),
        (4, {}, 20, "No contributor will be tested: the job has 4 test questions"),
        (0, QUIZ, 20, "No contributor will be tested: the job has no test questions"),
        (8, {}, 20, "No contributor will lose trust: the job has 8 test questions"),
        (8, QUIZ, 20, "3 pages of 4 rows they can do no more than 12 of the 20 rows"),
        (8, {**QUIZ, "max_judgments_per_worker": 12}, 20, ""),
        (8, {**QUIZ, "hidden": 5}, 20, "it has 5, and 3 of the job's 8 can be in it (hidden"),
        (10, {**QUIZ, "quiz_length": 12}, 20, "it has 12, and 10 of the job's 10"),
        (10, QUIZ, 20, ""),
        (10, {}, 20, ""),
    ],
)
@pytest.mark.filterwarnings("ignore:quiz_length is stored, but has no effect in the sandbox")
def test_a_launch_warns_of_what_will_not_work(
    box: Box, golds: int, attributes: dict[str, Any], units: int, said: str
) -> None:
    job = create_job(box, 20, golds, **attributes)

    found = launch_warning(box, job, units)

    assert (said in found) if said else not found


def test_the_client_warns_before_the_payment(box: Box) -> None:
    job = create_job(box, 20, 4)

    with pytest.raises(UserWarning, match="no contributor will be tested"):
        job.launch(20)

    assert job.reload().state == "unordered"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        job.launch(100)
    texts = " ".join(str(each.message) for each in caught)
    assert "rder has units_count 100, but only 20 units are left" in texts
    assert "the job has 4 test questions, and they are asked from 8 on" in texts
    assert job.state == "running"


# A job is read again


def test_calls_that_change_a_job_have_it_read_again(box: Box) -> None:
    job = create_job(box, 20, 8)
    assert (job.units_count, job.golds_count) == (28, 8)

    job.upload([{"text": "one more", "truth": "yes"}])
    assert job.units_count == 29
    job.add_unit({"text": "and another", "truth": "no"})
    assert job.units_count == 30
    job.units[0].delete()
    assert job.units_count == 29
    job.title = "Not sent yet"
    job.reset_test_questions()
    assert (job.golds_count, job.title) == (0, "Not sent yet")
    job.convert_test_questions()
    assert job.golds_count == 8


def test_a_run_of_the_crowd_has_the_job_read_again(box: Box) -> None:
    job = create_job(box, 20, 0)
    job.launch(20)
    box.sandbox.crowd.add(10, mix=GOOD, truth={"says": "truth"})

    box.sandbox.crowd.run(job)

    assert (job.state, job.judgments_count) == ("finished", 60)
