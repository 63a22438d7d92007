"""What will not work when a job is launched, as far as its fields show it before the payment."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from crowdflower.exceptions import InvalidInput
from crowdflower.payments import pricing
from crowdflower.payments.kinds import Launch, Payment
from crowdflower.quality.gold_limits import describe_too_few_units


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
    counts = [_count(before, name) for name in ("units_count", "golds_count", "ordered_units")]
    if None not in counts:
        units, golds, ordered = (each or 0 for each in counts)
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


def _count(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count else None
