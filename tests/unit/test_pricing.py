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
    assert pricing.estimate(job, units).expected_cents == cents


def test_the_fee_can_be_set() -> None:
    assert pricing.estimate(WITH_GOLD, 1000, fee_percent=0).expected_cents == 3360
    assert pricing.estimate(WITH_GOLD, 1000, fee_percent=32.5).expected_cents == 4452


@pytest.mark.parametrize("missing", JOB)
@pytest.mark.parametrize("value", [None, "10", True, -1, 10**30, float("nan"), float("inf")])
def test_a_missing_field_is_not_guessed(missing: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=missing):
        pricing.estimate({**JOB, missing: value}, 10)


def test_an_estimate_includes_unsent_changes_of_the_job(job: Job) -> None:
    job["judgments_per_unit"] = 3
    job.units_per_assignment = 5
    before = job.estimate(20)

    job.payment_cents = 20

    estimates = (before, job.estimate(20), job.estimate(20, fee_percent=0))
    assert [each.expected_cents for each in estimates] == [144, 288, 240]


@pytest.mark.parametrize("count", [0, -1, 1.5, "8", True])
def test_an_estimate_needs_a_positive_number_of_units(job: Job, count: Any) -> None:
    with pytest.raises(InvalidInput, match="units_count"):
        job.estimate(count)


def test_judgments_and_bonuses_include_the_fee() -> None:
    assert pricing.judgments_at_most_cents(JOB, 2) == 24
    assert pricing.bonus_cents(1) == 2
    assert pricing.bonus_cents(2000) == 2400


@pytest.mark.parametrize("name", ["gold_per_assignment", "max_judgments_per_unit"])
@pytest.mark.parametrize("value", ["many", [1], {"a": 1}, -1, True])
def test_a_field_that_is_not_a_number_is_refused(name: str, value: object) -> None:
    dynamic = {"golds_count": 40, "variable_judgments_mode": ["auto_confidence"]}

    with pytest.raises(InvalidInput, match=f"{name} of the job is"):
        pricing.estimate({**JOB, **dynamic, name: value}, 10)


def test_an_implausibly_high_price_is_refused() -> None:
    with pytest.raises(InvalidInput, match="implausibly high"):
        pricing.estimate(JOB, 10**30)
    with pytest.raises(InvalidInput, match="implausibly high"):
        pricing.judgments_at_most_cents(JOB, 10**30)


# At most


ASKS = {**WITH_GOLD, "options.front_load": True}
DYNAMIC = {**JOB, "variable_judgments_mode": "auto_confidence", "min_unit_confidence": 0.7}


@pytest.mark.parametrize(
    ("job", "units", "pages"),
    [
        (JOB, 9, 3),  # every page has all rows
        (JOB, 10, 3),
        (JOB, 11, 4 + 3),  # 33 judgments are 4 pages, and 3 may not be full
        (JOB, 20, 6 + 3),
        ({**JOB, "units_per_assignment": 1}, 20, 60),  # a page of one row is always full
        ({**JOB, "max_judgments_per_worker": 15}, 20, 8 + 3),  # 15 rows on 2 pages
        ({**JOB, "max_judgments_per_worker": 3}, 9, 9 + 3),
        ({**JOB, "max_judgments_per_ip": 3}, 9, 9 + 3),
        ({**JOB, "max_judgments_per_worker": 20}, 20, 6 + 3),
        (WITH_GOLD, 1000, 334 + 3 + 268),  # 0.8 of 3000 / 9 pages are replaced
        ({**WITH_GOLD, "golds_count": 12}, 20, 6 + 3),  # too few test questions to ask them
        ({**WITH_GOLD, "gold_per_assignment": 0}, 20, 6 + 3),
        ({**DYNAMIC, "max_judgments_per_unit": 5}, 20, 10 + 5),
        ({**JOB, "variable_judgments_mode": "auto_confidence"}, 20, 6 + 3),  # nothing to reach
    ],
)
def test_at_most_adds_pages_that_are_not_full_and_replaced_judgments(
    job: dict[str, Any], units: int, pages: int
) -> None:
    estimate = pricing.estimate(job, units)

    assert estimate.at_most is not None
    assert (estimate.at_most.pages, estimate.at_most_cents) == (pages, 12 * pages)


@pytest.mark.parametrize("job", [JOB, WITH_GOLD, ASKS, {**JOB, "max_judgments_per_worker": 7}])
@pytest.mark.parametrize("cents", [1, 7, 0.5, 0.333, 12.25])
@pytest.mark.parametrize("fee", [0, 20, 32.5])
@pytest.mark.parametrize("units", [1, 5, 10, 11, 99, 1000])
def test_the_parts_sum_to_the_total_and_at_most_is_not_below_the_expected_cost(
    job: dict[str, Any], cents: float, fee: float, units: int
) -> None:
    estimate = pricing.estimate({**job, "payment_cents": cents}, units, fee_percent=fee)

    assert estimate.at_most is not None
    assert estimate.at_most_cents is not None
    assert estimate.expected_cents <= estimate.at_most_cents
    for cost in (estimate.expected, estimate.at_most):
        assert sum(part for _, part in cost.parts) == cost.total_cents
        assert min(part for _, part in cost.parts) >= 0
        assert (
            0 <= cost.total_cents - cost.pages * cents * (100 + fee) / 100 < 1 + cost.pages / 1000
        )


def test_the_share_of_replaced_judgments_can_be_set() -> None:
    def cents(**settings: Any) -> int | None:
        return pricing.estimate(WITH_GOLD, 90, **settings).at_most_cents

    assert cents(replaced=0) == 12 * (30 + 3)
    assert cents() == cents(replaced=pricing.REPLACED) == 12 * (30 + 3 + 24)
    assert cents(replaced=2) == 12 * (30 + 3 + 60)
    assert cents(replaced=0, quiz_pages=7) == 12 * (30 + 3 + 7)


@pytest.mark.parametrize("replaced", [-0.1, float("nan"), float("inf"), "0.5", True])
def test_a_share_that_is_not_a_number_is_refused(replaced: Any) -> None:
    with pytest.raises(InvalidInput, match="replaced must be a share"):
        pricing.estimate(WITH_GOLD, 90, replaced=replaced)


@pytest.mark.parametrize("fee", [float("nan"), float("inf"), None, "a", "20", -5, True, 10**10])
def test_a_fee_that_is_no_percentage_is_refused(fee: Any) -> None:
    for call in (
        lambda: pricing.estimate(WITH_GOLD, 90, fee_percent=fee),
        lambda: pricing.judgments_at_most_cents(WITH_GOLD, 2, fee_percent=fee),
        lambda: pricing.bonus_cents(150, fee),
    ):
        with pytest.raises(InvalidInput, match="fee_percent must be a percentage, 0 or more"):
            call()


@pytest.mark.parametrize("pages", [None, -1, 1.5, "2", True, []])
def test_quiz_pages_that_are_no_number_of_pages_are_refused(pages: Any) -> None:
    with pytest.raises(InvalidInput, match="quiz_pages must be a number of pages"):
        pricing.estimate(WITH_GOLD, 90, quiz_pages=pages)


def test_without_a_maximum_of_dynamic_judgments_there_is_no_limit() -> None:
    estimate = pricing.estimate(DYNAMIC, 20)

    assert (estimate.expected_cents, estimate.at_most, estimate.at_most_cents) == (72, None, None)
    assert "no limit" in repr(estimate)
    assert str(estimate).count("no limit") == 6
    with pytest.raises(InvalidInput, match="set max_judgments_per_unit"):
        pricing.launch_at_most_cents(DYNAMIC, 20)
    with pytest.raises(InvalidInput, match="set max_judgments_per_unit"):
        pricing.judgments_at_most_cents(DYNAMIC, 2)


def test_further_judgments_may_each_be_a_page_and_be_replaced_or_lead_to_more() -> None:
    assert pricing.judgments_at_most_cents(WITH_GOLD, 2) == 12 * (2 + 2)
    dynamic = {**DYNAMIC, "max_judgments_per_unit": 7}
    assert pricing.judgments_at_most_cents(dynamic, 2) == 12 * 4, "from 3 to 7"


def test_an_estimate_of_one_unit_says_unit() -> None:
    estimate = pricing.estimate(WITH_GOLD, 1)

    assert repr(estimate).startswith("<Estimate for 1 unit: $")
    assert str(estimate).startswith("1 unit   ")


def test_an_estimate_is_printed_in_dollars() -> None:
    estimate = pricing.estimate({**WITH_GOLD, "payment_cents": 125}, 1000)

    assert repr(estimate) == "<Estimate for 1,000 units: $504.00 expected, $907.50 at most>"
    assert str(estimate).splitlines() == [
        "1,000 units                  expected   at most",
        "full pages                    $416.25   $416.25",
        "pages that are not full         $3.75     $5.00",
        "replaced judgments, 80 %        $0.00   $335.00",
        "quiz pages                      $0.00     $0.00",
        "fee, 20 %                      $84.00   $151.25",
        "total                         $504.00   $907.50",
    ]
