"""Estimate the price of payments: the vendor's formula, as pure arithmetic.

Pages are paid, not units: a page of ten units, one of them a test question, completes nine units,
and each page is paid once for each judgment that a unit needs.

Source: CrowdFlower, `Job Costs <https://success.crowdflower.com/hc/en-us/articles/202703165>`_.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Any, Final

from crowdflower.exceptions import InvalidInput

FEE_PERCENT: Final = 20
"""The fee of the service on what contributors are paid, unless a contract has another."""

FIELDS: Final = (
    "payment_cents",
    "judgments_per_unit",
    "max_judgments_per_unit",
    "variable_judgments_mode",
    "units_per_assignment",
    "gold_per_assignment",
    "golds_count",
)
"""The fields of a job that the price depends on."""

MAX_FIELD: Final = 10**9
"""The largest plausible value of a field; a price may be up to the square of it."""

LARGE_PAGE: Final = 20
"""Units on a page from which two are test questions, if the job does not say how many."""


def launch_cents(job: Mapping[str, Any], units_count: int, fee_percent: float = FEE_PERCENT) -> int:
    """Estimate the price of an order of units, fee included, in US cents, rounded up.

    With dynamic judgments every unit is assumed to need its maximum.

    :param job: The :data:`FIELDS` of the job.
    :param units_count: Units, without test questions.
    :raises InvalidInput: A field that the estimate needs is missing or implausible.

    The vendor's example has 1000 units, pages of 10 with 1 test question, 3 judgments a unit and 10
    cents a page: 3 x 112 pages. (The article prints 41.63 dollars; its formula gives 40.32.)

    >>> page = {"payment_cents": 10, "judgments_per_unit": 3, "units_per_assignment": 10}
    >>> launch_cents({**page, "golds_count": 50, "gold_per_assignment": 1}, 1000)
    4032
    """
    page_size = _number(job, "units_per_assignment")
    gold = 0
    if job.get("golds_count"):
        default = 1 if page_size < LARGE_PAGE else 2
        gold = _number(job, "gold_per_assignment") if job.get("gold_per_assignment") else default
    pages: int = ceil(units_count / max(1, page_size - int(gold)))
    judgments: int = _number(job, "judgments_per_unit")
    is_dynamic = job.get("variable_judgments_mode") not in (None, "", "none")
    if is_dynamic and job.get("max_judgments_per_unit"):
        judgments = max(judgments, _number(job, "max_judgments_per_unit"))
    return _round_up(judgments * pages * _with_fee(_number(job, "payment_cents"), fee_percent))


def judgments_cents(job: Mapping[str, Any], count: int, fee_percent: float = FEE_PERCENT) -> int:
    """Estimate the highest price of further judgments of one unit: each the price of a page.

    :raises InvalidInput: ``payment_cents`` is missing or implausible.

    >>> judgments_cents({"payment_cents": 10}, 2)
    24
    """
    return _round_up(count * _with_fee(_number(job, "payment_cents"), fee_percent))


def bonus_cents(amount: int, fee_percent: float = FEE_PERCENT) -> int:
    """Return the highest price of a bonus: the service may add its fee.

    >>> bonus_cents(150)
    180
    """
    return ceil(_with_fee(amount, fee_percent))


def _with_fee(cents: float, fee_percent: float) -> Fraction:
    return Fraction(str(cents)) * (100 + Fraction(str(fee_percent))) / 100


def _round_up(cents: Fraction) -> int:
    """Round a price up to cents.

    :raises InvalidInput: The price is implausible, or too large for the journal.
    """
    if cents > MAX_FIELD**2:
        raise InvalidInput("the price cannot be estimated: it is implausibly high")
    return ceil(cents)


def _number(job: Mapping[str, Any], name: str) -> Any:
    value: Any = job.get(name)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= MAX_FIELD:
        raise InvalidInput(
            f"the price cannot be estimated: {name} of the job is {value!r:.80}; call reload() if"
            " the job was not read yet"
        )
    return value
