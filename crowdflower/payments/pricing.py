"""What an order will cost: the vendor's formula, as pure arithmetic.

Pages are paid, not rows: a page of ten rows of which one is a test question brings nine rows
forward, and every page is done as often as a row needs judgments.

Source: CrowdFlower, `Job Costs <https://success.crowdflower.com/hc/en-us/articles/202703165>`_.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Any, Final

from crowdflower.exceptions import InvalidInput

FEE_PERCENT: Final = 20
"""What the service adds to what contributors are paid, unless a contract says otherwise."""

FIELDS: Final = (
    "payment_cents",
    "judgments_per_unit",
    "max_judgments_per_unit",
    "variable_judgments_mode",
    "units_per_assignment",
    "gold_per_assignment",
    "golds_count",
)
"""The fields of a job that decide it."""

MOST: Final = 10**9
"""The most that a field can be and be meant; a price may be that many times as much."""

LARGE_PAGE: Final = 20
"""Rows on a page from which two of them are test questions, where the job does not say."""


def launch_cents(job: Mapping[str, Any], units_count: int, fee_percent: float = FEE_PERCENT) -> int:
    """Estimate what an order of so many rows will cost, fee included, in US cents, rounded up.

    With dynamic judgments every row counts as if it needed the most that it may get.

    :param job: The :data:`FIELDS` of the job.
    :param units_count: Rows that are no test questions.
    :raises InvalidInput: A field is missing that the estimate needs.

    The vendor's example has 1000 rows, 10 on a page of which 1 is a test question, 3 judgments a
    row and 10 cents a page: 3 x 112 pages. (The article prints 41.63 dollars; its formula gives
    40.32.)

    >>> page = {"payment_cents": 10, "judgments_per_unit": 3, "units_per_assignment": 10}
    >>> launch_cents({**page, "golds_count": 50, "gold_per_assignment": 1}, 1000)
    4032
    """
    a_page = _number(job, "units_per_assignment")
    gold = 0
    if job.get("golds_count"):
        said = bool(job.get("gold_per_assignment"))
        gold = _number(job, "gold_per_assignment") if said else (1 if a_page < LARGE_PAGE else 2)
    pages: int = ceil(units_count / max(1, a_page - int(gold)))
    judgments: int = _number(job, "judgments_per_unit")
    if job.get("variable_judgments_mode") not in (None, "", "none"):
        said = bool(job.get("max_judgments_per_unit"))
        judgments = max(judgments, _number(job, "max_judgments_per_unit") if said else 0)
    return _rounded(judgments * pages * _with_fee(_number(job, "payment_cents"), fee_percent))


def judgments_cents(job: Mapping[str, Any], count: int, fee_percent: float = FEE_PERCENT) -> int:
    """Estimate what so many judgments of one unit will cost at most: each the price of a page.

    :raises InvalidInput: The job does not say what it pays.

    >>> judgments_cents({"payment_cents": 10}, 2)
    24
    """
    return _rounded(count * _with_fee(_number(job, "payment_cents"), fee_percent))


def bonus_cents(amount: int, fee_percent: float = FEE_PERCENT) -> int:
    """Say what a bonus may cost: the service may take its fee on it.

    >>> bonus_cents(150)
    180
    """
    return ceil(_with_fee(amount, fee_percent))


def _with_fee(cents: float, fee_percent: float) -> Fraction:
    return Fraction(str(cents)) * (100 + Fraction(str(fee_percent))) / 100


def _rounded(cents: Fraction) -> int:
    """Round up what can be a price, and be written down as one."""
    if cents > MOST**2:
        raise InvalidInput("what it costs cannot be estimated: nothing costs so many cents")
    return ceil(cents)


def _number(job: Mapping[str, Any], name: str) -> Any:
    value = job.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST:
        raise InvalidInput(
            f"what it costs cannot be estimated: {name} of the job is {value!r:.80}; a job that was"
            " not read yet is read by reload()"
        )
    return value
