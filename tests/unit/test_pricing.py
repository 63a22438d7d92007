"""The price of an order, by the vendor's formula and examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import InvalidInput
from crowdflower.payments import pricing

if TYPE_CHECKING:
    from crowdflower.job import Job

JOB = {"payment_cents": 10, "judgments_per_unit": 3, "units_per_assignment": 10}
WITH_GOLD = {**JOB, "golds_count": 40, "gold_per_assignment": 1}


@pytest.mark.parametrize(
    ("job", "units", "cents"),
    [
        (WITH_GOLD, 1000, 4032),  # the vendor's example: 112 pages of nine rows, three times
        ({**JOB, "units_per_assignment": 5}, 20, 144),
        (
            {**JOB, "golds_count": 0, "gold_per_assignment": 4},
            20,
            72,
        ),  # no test questions
        ({**WITH_GOLD, "gold_per_assignment": None}, 9, 36),  # one of ten, by default
        ({**WITH_GOLD, "gold_per_assignment": None, "units_per_assignment": 20}, 19, 72),
        ({**WITH_GOLD, "gold_per_assignment": 10}, 2, 72),  # a page completes at least one unit
        ({**JOB, "max_judgments_per_unit": 7}, 10, 36),
        ({**JOB, "variable_judgments_mode": "none", "max_judgments_per_unit": 7}, 10, 36),
        ({**JOB, "variable_judgments_mode": "auto_confidence"}, 10, 36),
        (
            {**JOB, "variable_judgments_mode": "auto_confidence", "max_judgments_per_unit": 7},
            10,
            84,
        ),
        ({**JOB, "payment_cents": 0.5}, 10, 2),  # 1.8 cents, rounded up
        ({**JOB, "payment_cents": 0}, 10, 0),
    ],
)
def test_pages_are_paid_not_units(job: dict[str, Any], units: int, cents: int) -> None:
    assert pricing.launch_cents(job, units) == cents


def test_the_fee_can_be_set() -> None:
    assert pricing.launch_cents(WITH_GOLD, 1000, fee_percent=0) == 3360
    assert pricing.launch_cents(WITH_GOLD, 1000, fee_percent=32.5) == 4452


@pytest.mark.parametrize("missing", JOB)
@pytest.mark.parametrize("value", [None, "10", True, -1, 10**30, float("nan"), float("inf")])
def test_a_missing_field_is_not_guessed(missing: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=missing):
        pricing.launch_cents({**JOB, missing: value}, 10)


def test_an_estimate_includes_unsent_changes_of_the_job(job: Job) -> None:
    job["judgments_per_unit"] = 3
    job.units_per_assignment = 5
    before = job.estimate(20)

    job.payment_cents = 20

    assert (before, job.estimate(20), job.estimate(20, fee_percent=0)) == (144, 288, 240)


@pytest.mark.parametrize("count", [0, -1, 1.5, "8", True])
def test_an_estimate_needs_a_positive_number_of_units(job: Job, count: Any) -> None:
    with pytest.raises(InvalidInput, match="units_count"):
        job.estimate(count)


def test_judgments_and_bonuses_include_the_fee() -> None:
    assert pricing.judgments_cents(JOB, 2) == 24
    assert pricing.bonus_cents(1) == 2
    assert pricing.bonus_cents(2000) == 2400


@pytest.mark.parametrize("name", ["gold_per_assignment", "max_judgments_per_unit"])
@pytest.mark.parametrize("value", ["many", [1], {"a": 1}, -1, True])
def test_a_field_that_is_not_a_number_is_refused(name: str, value: object) -> None:
    dynamic = {"golds_count": 40, "variable_judgments_mode": ["auto_confidence"]}

    with pytest.raises(InvalidInput, match=f"{name} of the job is"):
        pricing.launch_cents({**JOB, **dynamic, name: value}, 10)


def test_an_implausibly_high_price_is_refused() -> None:
    with pytest.raises(InvalidInput, match="implausibly high"):
        pricing.launch_cents(JOB, 10**30)
    with pytest.raises(InvalidInput, match="implausibly high"):
        pricing.judgments_cents(JOB, 10**30)
