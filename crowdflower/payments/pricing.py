"""Estimate the price of payments: pure arithmetic on the settings of a job.

Pages are paid, not units: a page of ten units, one of them a test question, completes nine units,
and each page is paid once for each judgment that a unit needs. :doc:`/estimates` derives the
formulas and says what they do not bound.

Source: CrowdFlower, `Job Costs <https://success.crowdflower.com/hc/en-us/articles/202703165>`_.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import ceil
from typing import Any, Final

from crowdflower.exceptions import InvalidInput
from crowdflower.payments.estimate import Cost, Estimate
from crowdflower.quality.gold_limits import GoldLimits

FEE_PERCENT: Final = 20
"""The fee of the service on what contributors are paid, unless a contract has another."""

REPLACED: Final = 0.8
"""Judgments that are assumed to be replaced, as a share of those that are needed, where the job
asks test questions. In a real job of 2014 it was 0.125."""

FIELDS: Final = (
    "payment_cents",
    "judgments_per_unit",
    "max_judgments_per_unit",
    "variable_judgments_mode",
    "min_unit_confidence",
    "options.dynamic_matching",
    "units_per_assignment",
    "gold_per_assignment",
    "golds_count",
    "max_judgments_per_worker",
    "max_judgments_per_ip",
    "options.front_load",
    "options.gold_always",
    "options.after_gold",
    "quiz_length",
)
"""The fields of a job that the price depends on; ``options.x`` is a key of ``options``."""

MAX_FIELD: Final = 10**9
"""The largest plausible value of a field; a price may be up to the square of it."""

THOUSANDTHS: Final = 1000
"""Parts of a cent to which the price of a page with its fee is rounded."""

NO_LIMIT: Final = (
    "the cost has no limit: with dynamic judgments, a unit is judged until its answers agree; set"
    " max_judgments_per_unit"
)


def pick(job: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return some fields of a job; a name with a dot is a key of an object.

    >>> pick({"state": "running", "options": {"reject_at": 70}}, ["state", "options.reject_at"])
    {'state': 'running', 'options.reject_at': 70}
    """
    found = {}
    for name in names:
        field, _, key = name.partition(".")
        value = job.get(field)
        if not key and field in job:
            found[name] = value
        elif key and isinstance(value, Mapping) and key in value:
            found[name] = value[key]
    return found


def estimate(
    job: Mapping[str, Any],
    units_count: int,
    *,
    fee_percent: float = FEE_PERCENT,
    replaced: float | None = None,
    quiz_pages: int = 0,
) -> Estimate:
    """Estimate the price of an order of units.

    :param job: The :data:`FIELDS` of the job.
    :param units_count: Units, without test questions.
    :param replaced: Judgments that are replaced, as a share of those that are needed; by default
        :data:`REPLACED` if the job asks test questions on its pages, otherwise 0.
    :param quiz_pages: Quiz pages that are paid.
    :raises InvalidInput: A field that the estimate needs is missing or implausible, or an argument
        is out of range.

    The vendor's example has 1000 units, pages of 10 with 1 test question, 3 judgments a unit and 10
    cents a page: 3 x 112 pages. (The article prints 41.63 dollars; its formula gives 40.32.)

    >>> page = {"payment_cents": 10, "judgments_per_unit": 3, "units_per_assignment": 10}
    >>> estimate({**page, "golds_count": 50, "gold_per_assignment": 1}, 1000)
    <Estimate for 1,000 units: $40.32 expected, $72.60 at most>
    """
    limits = gold_limits(job)
    page = _units_per_paid_page(job, limits.units_per_page)
    judgments = _number(job, "judgments_per_unit")
    most: int | None = judgments
    if is_dynamic(job):
        limit = job.get("max_judgments_per_unit")
        most = max(judgments, _number(job, "max_judgments_per_unit")) if limit else None
    if replaced is None:
        replaced = REPLACED if limits.per_page else 0
    _check_number("replaced", replaced, "a share of the judgments, 0 or more, such as 0.5")
    if isinstance(quiz_pages, bool) or not isinstance(quiz_pages, int) or quiz_pages < 0:
        raise InvalidInput(
            f"quiz_pages must be a number of pages, an integer of 0 or more, not {quiz_pages!r:.80}"
        )
    payment = Fraction(str(_number(job, "payment_cents")))
    prices = (payment, _page_price(payment, fee_percent))

    # Each pass over the units ends with a page that is not full.
    full, rest = divmod(units_count, page)
    passes = most if most is not None else judgments
    expected = Cost.of_pages(*prices, full=passes * int(full), partial=passes * bool(rest))
    at_most = None
    if most is not None:
        full, partial = _pages_at_most(units_count, most, page)
        least = max(most, ceil(units_count * most / page))
        at_most = Cost.of_pages(
            *prices,
            full=full,
            partial=partial,
            replaced=ceil(Fraction(str(replaced)) * least),
            quiz=quiz_pages,
        )
    for cost in filter(None, (expected, at_most)):
        _check_price(cost.total_cents)
    return Estimate(units_count, expected, at_most, float(replaced), fee_percent)


def launch_at_most_cents(job: Mapping[str, Any], units_count: int) -> int:
    """Return the price of an order at most.

    :raises InvalidInput: The job has no limit, or a field that the price needs is missing.
    """
    cents = estimate(job, units_count).at_most_cents
    if cents is None:
        raise InvalidInput(NO_LIMIT)
    return cents


def judgments_at_most_cents(
    job: Mapping[str, Any], count: int, *, fee_percent: float = FEE_PERCENT
) -> int:
    """Return the price of further judgments of one unit at most: each may be a page of its own.

    :raises InvalidInput: A field that the price needs is missing or implausible.

    >>> job = {"payment_cents": 10, "judgments_per_unit": 3, "units_per_assignment": 5}
    >>> judgments_at_most_cents(job, 2)
    24
    """
    if is_dynamic(job):
        if not job.get("max_judgments_per_unit"):
            raise InvalidInput(NO_LIMIT)
        left = _number(job, "max_judgments_per_unit") - _number(job, "judgments_per_unit")
        count = max(count, left)
    replaced = REPLACED if gold_limits(job).per_page else 0
    pages = count + ceil(Fraction(str(replaced)) * count)
    price = _page_price(Fraction(str(_number(job, "payment_cents"))), fee_percent)
    return _check_price(ceil(pages * price))


def bonus_cents(amount: int, fee_percent: float = FEE_PERCENT) -> int:
    """Return the highest price of a bonus: the service may add its fee.

    >>> bonus_cents(150)
    180
    """
    return ceil(_page_price(Fraction(amount), fee_percent))


def gold_limits(job: Mapping[str, Any]) -> GoldLimits:
    """Return what the settings of a job make of its test questions.

    :param job: The :data:`FIELDS` of the job.
    :raises InvalidInput: A field is implausible.
    """
    size = int(_number(job, "units_per_assignment"))
    if not job.get("golds_count"):
        return GoldLimits(0, size, has_quiz=_is_on(job.get("options.front_load")))
    per_page, after = job.get("gold_per_assignment"), str(job.get("options.after_gold"))
    quiz = str(job.get("quiz_length"))
    return GoldLimits(
        int(_number(job, "golds_count")),
        size,
        int(_number(job, "gold_per_assignment")) if per_page is not None else None,
        has_quiz=_is_on(job.get("options.front_load")),
        always=_is_on(job.get("options.gold_always")),
        after_gold=int(after) if after.isdecimal() else None,
        quiz_size=int(quiz) if quiz.isdecimal() else None,
    )


def is_dynamic(job: Mapping[str, Any]) -> bool:
    """Return whether units may get more judgments than ``judgments_per_unit``.

    Without anything to reach, neither a confidence nor a number of equal answers, they do not.
    """
    if job.get("variable_judgments_mode") in (None, "", "none"):
        return False
    target = (job.get("min_unit_confidence"), job.get("options.dynamic_matching"))
    return job.get("max_judgments_per_unit") is not None or any(target)


def _units_per_paid_page(job: Mapping[str, Any], page: int) -> Fraction:
    """Return how many units a page completes when a maximum per contributor cuts pages short.

    With pages of 5 and at most 7 judgments per contributor, 7 units take two pages.
    """
    mean = Fraction(page)
    for name in ("max_judgments_per_worker", "max_judgments_per_ip"):
        if job.get(name):
            quota = Fraction(str(_number(job, name)))
            mean = min(mean, quota / ceil(quota / page))
    return mean


def _pages_at_most(units_count: int, judgments: int, page: Fraction) -> tuple[int, int]:
    """Return full pages, and pages that are not full, that the judgments need at most."""
    if page >= units_count:
        return 0, judgments  # every page has all units
    full, rest = divmod(units_count * judgments, page)
    partial = bool(rest) + (judgments if page > 1 else 0)
    return int(full), min(partial, units_count * judgments - int(full))


def _page_price(payment: Fraction, fee_percent: float) -> Fraction:
    """Return the price of a page with the fee, rounded up to a thousandth of a cent.

    :raises InvalidInput: The fee is not a number, or below 0.
    """
    _check_number("fee_percent", fee_percent, "a percentage, 0 or more, such as 20")
    price = payment * (100 + Fraction(str(fee_percent))) / 100
    return Fraction(ceil(price * THOUSANDTHS), THOUSANDTHS)


def _check_number(name: str, value: object, meaning: str) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= MAX_FIELD:  # type: ignore[operator]
        raise InvalidInput(f"{name} must be {meaning}, not {value!r:.80}")


def _check_price(cents: int) -> int:
    """Return a price.

    :raises InvalidInput: The price is implausible, or too large for the journal.
    """
    if cents > MAX_FIELD**2:
        raise InvalidInput("the price cannot be estimated: it is implausibly high")
    return cents


def _is_on(value: object) -> bool:
    return str(value).lower() in {"true", "1"}


def _number(job: Mapping[str, Any], name: str) -> Any:
    value: Any = job.get(name)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= MAX_FIELD:
        raise InvalidInput(
            f"the price cannot be estimated: {name} of the job is {value!r:.80}; call reload() if"
            " the job was not read yet"
        )
    return value
