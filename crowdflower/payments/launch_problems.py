"""What will not work when a job is launched, as far as its fields show it before the payment.

A launch warns of some of it; a dry run lists everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, NamedTuple

from crowdflower.cml import CMLError, parse
from crowdflower.exceptions import InvalidInput
from crowdflower.payments import pricing
from crowdflower.payments.estimate import Estimate
from crowdflower.payments.kinds import Launch
from crowdflower.payments.payment import Payment
from crowdflower.payments.records import DryRun
from crowdflower.quality.gold_limits import describe_too_few_units
from crowdflower.states import INTERNAL

MIN_UNITS: Final = 5
"""Units that a service may require for a launch."""

NOTHING_LEFT: Final = "no units are left: every unit is ordered, or a test question"


def find_problems(payment: Payment[Any], before: Mapping[str, Any]) -> list[str]:
    """Compare a launch with the units and the test questions of its job.

    :param before: What the service showed before the payment. What it does not show is not
        compared.
    :returns: One sentence per problem; none for another payment.

    >>> job = {"units_count": 12, "golds_count": 4, "ordered_units": 0}
    >>> job |= {"units_per_assignment": 5, "judgments_per_unit": 3}
    >>> for problem in find_problems(Launch(7, 100, ["on_demand"]), job):
    ...     print(problem)
    the order has units_count 100, but only 8 units are left; they will be ordered
    no contributor will be tested: the job has 4 test questions, and they are asked from 8 on
    (units_per_assignment 5, and 3 more); add 4
    """
    if not isinstance(payment, Launch):
        return []
    wanted, problems = payment.units_count, []
    counts = _unit_counts(before)
    if counts is not None:
        units, golds, ordered = counts
        available = max(0, units - golds - ordered)
        too_few = describe_too_few_units(wanted, available)
        problems += [] if too_few is None else [too_few]
        seen = payment.seen_units
        if seen is not None and seen - golds - ordered <= wanted <= seen and wanted < available:
            problems.append(f"the job has {units} units, {seen} when it was read")
        wanted = min(wanted, available)
    judgments = _count(before, "judgments_per_unit")
    if wanted and judgments:
        with suppress(InvalidInput):  # a field that is missing or not a number
            limits = pricing.gold_limits(before)
            quota = _count(before, "max_judgments_per_worker")
            problems += limits.problems(wanted, judgments, quota)
    return problems


def find_obstacles(job: Mapping[str, Any]) -> list[str]:
    """Return why the service would refuse to launch a job, and what it may object to.

    :param job: The JSON of the job.

    >>> find_obstacles({"state": "unordered", "title": "A", "instructions": "B", "cml": "<p>C</p>"})
    ['no question of the form has validates="required", and a launch needs one', 'the job has no
    test questions: nothing shows which contributors guess']
    """
    missing = [name for name in ("title", "instructions", "cml") if not job.get(name)]
    problems = []
    if job.get("state") == "canceled":
        problems.append("the job was canceled and cannot be launched again; copy it")
    if missing:
        problems.append(f"the job has no {' and no '.join(missing)}")
    if job.get("cml"):
        try:
            if not parse(job["cml"]).has_required:
                problems.append(
                    'no question of the form has validates="required", and a launch needs one'
                )
        except CMLError as error:
            problems.append(f"the form cannot be used: {error}")
    units = _count(job, "units_count")
    if units is not None and units < MIN_UNITS:
        problems.append(f"the job has {units} units; the service may require {MIN_UNITS}")
    if not job.get("golds_count"):
        problems.append("the job has no test questions: nothing shows which contributors guess")
    return problems


class Funds(NamedTuple):
    """What limits the cost of a launch, in US cents; ``None`` if unknown, or without a limit."""

    max_cost_cents: int | None = None
    """What the caller allows."""

    left_to_spend: int | None = None
    """What the client may still spend."""

    balance: int | None = None
    """What the account has."""


def check_launch(payment: Launch, request: DryRun, job: Mapping[str, Any], funds: Funds) -> DryRun:
    """Add estimate, balance and problems to the preview of a launch.

    :param job: The JSON of the job, and its counts (``ping``).
    """
    fields = {**job, **pricing.pick(job, pricing.FIELDS)}
    problems = find_problems(payment, fields)
    counts = _unit_counts(fields)
    if counts is not None and 0 < counts[0] <= sum(counts[1:]):
        problems.insert(0, NOTHING_LEFT)
    estimate = None
    try:
        estimate = pricing.estimate(fields, payment.units_count)
    except InvalidInput as error:
        problems.append(str(error))
    else:
        problems += _check_funds(estimate, funds, is_free=payment.channels == [INTERNAL])
    return replace(
        request, estimate=estimate, balance_cents=funds.balance, problems=tuple(problems)
    )


def _check_funds(estimate: Estimate, funds: Funds, *, is_free: bool) -> Iterator[str]:
    at_most = estimate.at_most_cents
    for name, limit in (
        ("max_cost_cents", funds.max_cost_cents),
        ("what is left of max_spend_cents", funds.left_to_spend),
    ):
        if limit is not None and (at_most is None or at_most > limit):
            cost = "without limit" if at_most is None else f"{at_most} cents"
            yield f"launch may cost {cost}, and {name} is {limit}"
    if not is_free and funds.balance is not None and funds.balance < estimate.expected_cents:
        yield (
            f"the balance is {funds.balance} cents, and the service reserves"
            f" {estimate.expected_cents}"
        )


def _unit_counts(fields: Mapping[str, Any]) -> tuple[int, int, int] | None:
    """Return how many units there are, how many are test questions, and how many are ordered."""
    units, golds, ordered = (
        _count(fields, name) for name in ("units_count", "golds_count", "ordered_units")
    )
    if units is None or golds is None or ordered is None:
        return None
    return units, golds, ordered


def _count(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count else None
