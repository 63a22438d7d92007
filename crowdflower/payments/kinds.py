"""The kinds of payments: request, price, response, and how to find out whether one was made.

Each kind is a class. An instance is a payment to make. The class also judges a recorded payment
whose response was lost: it compares what the service showed before and after. A launch shows in the
job, more judgments in the unit; a bonus only in the balance, which other payments change as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qs

from crowdflower._types import JSONObject
from crowdflower.exceptions import InvalidInput, JournalError
from crowdflower.http import encoding
from crowdflower.http.encoding import numeric_segment, segment
from crowdflower.http.json_problems import numpy_advice
from crowdflower.http.responses import Answer
from crowdflower.http.transport import REPLAYED, Expected
from crowdflower.models.arguments import check_channels, check_count
from crowdflower.payments import pricing
from crowdflower.payments.payment import AcknowledgedPayment, Payment, outcome_unknown
from crowdflower.payments.placed_order import find_order
from crowdflower.payments.records import (
    Applied,
    Finding,
    Inconclusive,
    NotSeen,
    Operation,
    PaymentPattern,
)

MAX_BONUS_CENTS: Final = 2000
"""The largest bonus that the service pays at a time, in US cents."""

UNORDERED: Final = "unordered"
UNITS_COUNT: Final = "debit[units_count]"

NOT_READABLE: Final = Inconclusive("what would show it could not be read, before or after")


class Launch(Payment[JSONObject]):
    """Order units of a job.

    :param units_count: How many; 0 means all that there are when the order arrives.
    :param seen_units: How many units the caller believes that the job has, if known.
    :param expected_count: With ``units_count`` 0, how many that will be.
    :raises InvalidInput: The number of units or the channels cannot be used.

    >>> Launch(7, 8, ["on_demand"]).body
    b'debit%5Bunits_count%5D=8&channels%5B%5D=on_demand'
    >>> lost = Operation(
    ...     "1",
    ...     "launch",
    ...     "",
    ...     "POST",
    ...     "jobs/7/orders.json",
    ...     "debit%5Bunits_count%5D=8",
    ...     before={"ordered_units": 0, "state": "unordered"},
    ... )
    >>> Launch.judge(lost, {"ordered_units": 8, "state": "running"}, alone=True)
    Applied(evidence='ordered_units rose from 0 to 8, 8 were ordered')
    >>> Launch.judge(lost, {"ordered_units": 0, "state": "unordered"}, alone=True) is None
    True
    """

    name = "launch"
    expected = Expected(as_json=False, redirects=True)

    def __init__(
        self,
        job_id: int,
        units_count: int,
        channels: Iterable[str],
        seen_units: int | None = None,
        *,
        expected_count: int | None = None,
    ) -> None:
        if expected_count is None:
            check_count("units_count", units_count)
        self.units_count = units_count or expected_count or 0
        self.channels = check_channels(channels)
        self.seen_units = seen_units
        self.was_replayed = False
        """Whether the service answered with an order that it had placed before."""
        super().__init__(_orders(job_id), _form(units_count, self.channels))

    @staticmethod
    def pattern_of(
        job_id: int, units_count: int | None, channels: Iterable[str] | None
    ) -> PaymentPattern:
        """Return the pattern of a launch; ``None`` is a parameter that the caller left open.

        :raises InvalidInput: The number of units or the channels cannot be used.
        """
        if units_count is not None:
            check_count("units_count", units_count)
        form = _form(units_count, None if channels is None else check_channels(channels))
        body = encoding.encode_form(form).decode("ascii")
        return PaymentPattern.of(Launch.name, Launch.method, _orders(job_id), body)

    @classmethod
    def of(cls, operation: Operation) -> Launch:
        """Return a recorded launch, to be sent again as it was.

        :raises JournalError: This release would send another request.
        """
        form = parse_qs(operation.body)
        count = _parameter(operation, UNITS_COUNT)
        launch = cls(
            int(_job_path(operation.path).rpartition("/")[2]),
            count,
            form["channels[]"],
            expected_count=None if count else 0,
        )
        if (launch.path, launch.body.decode("ascii")) != (operation.path, operation.body):
            raise JournalError(f"operation {operation.op_id} cannot be sent again as it was")
        return launch

    def price(self, before: Mapping[str, Any]) -> int:
        """Return what the order costs at most, by the fields of the job."""
        if not self.units_count:
            return 0  # only an order that was placed before can be the answer
        return pricing.launch_at_most_cents(before, self.units_count)

    def read(self, answer: Answer) -> JSONObject:
        """Return the order that the service placed."""
        response = answer.response
        self.was_replayed = response.headers.get(REPLAYED) == "true"
        order = find_order(response, _job_path(self.path))
        if order is not None:
            return order
        evidence = f"status {response.status_code}, and no order"
        if response.is_redirect:
            evidence = f"a redirect (status {response.status_code}) that names no order of the job"
        raise outcome_unknown(
            response,
            f"the response to the order is {evidence}: it may have been placed. Check the state of"
            " the job before you order again",
            evidence,
        )

    def describe_done(self, result: JSONObject) -> str:
        """Name the order."""
        return f"the order {result.get('id', '')} was placed"

    @staticmethod
    def fields_to_read(path: str) -> Mapping[str, tuple[str, ...]]:
        """Read the count of ordered units, and the job."""
        job = _job_path(path)
        return {
            f"{job}/ping.json": ("ordered_units",),
            f"{job}.json": (
                *("state", "auto_order", "crowd_costs", "units_count", "updated_at"),
                *pricing.FIELDS,
            ),
        }

    @staticmethod
    def judge(operation: Operation, after: Mapping[str, Any], *, alone: bool) -> Finding | None:
        """Look for a rise of the ordered units, or a job that has started."""
        before = operation.before
        count = _parameter(operation, UNITS_COUNT)
        rise = _rise("ordered_units", before, after)
        started = before.get("state") == UNORDERED and _state(after) not in {None, UNORDERED}
        if not rise and not started:
            return None
        evidence = (
            f"ordered_units rose from {before['ordered_units']} to {after['ordered_units']},"
            f" {count or 'all'} were ordered"
            if rise
            else f"the job was unordered and is {after['state']}"
        )
        if not alone or before.get("auto_order") or after.get("auto_order"):
            return Inconclusive(f"{evidence}; but units were ordered by other means as well")
        if rise is not None and not 0 <= rise <= (count or rise):
            return Inconclusive(f"{evidence}; units of this job are ordered elsewhere too")
        return Applied(evidence)

    @staticmethod
    def judge_timeout(operation: Operation, after: Mapping[str, Any]) -> Finding:
        """Return ``NotSeen`` if the job could be read and did not change."""
        before = operation.before
        if _rise("ordered_units", before, after) == 0:
            return NotSeen(f"ordered_units is still {after['ordered_units']}")
        if before.get("state") == after.get("state") == UNORDERED:
            return NotSeen("the job is still unordered")
        return NOT_READABLE


class MoreJudgments(AcknowledgedPayment):
    """Request more judgments of a unit than the job asks for.

    :raises InvalidInput: The count or an id cannot be used.
    """

    name = "request_more_judgments"
    expected = Expected(as_json=False)
    accept = "*/*"

    def __init__(self, job_id: int, unit_id: int, count: int) -> None:
        self.count = check_count("the number of judgments", count)
        super().__init__(
            f"jobs/{segment(job_id)}/units/{numeric_segment(unit_id)}/request_more_judgments.json",
            {"nb_judgments": count},
        )

    def price(self, before: Mapping[str, Any]) -> int:
        """Return what the judgments cost at most, by the fields of the job."""
        return pricing.judgments_at_most_cents(before, self.count)

    def describe_done(self, result: None) -> str:  # noqa: ARG002
        """Say how many were requested."""
        return f"more judgments were requested: {self.count}"

    @staticmethod
    def fields_to_read(path: str) -> Mapping[str, tuple[str, ...]]:
        """Read the unit, and the fields of the job that the price depends on."""
        unit = path.rpartition("/")[0]
        return {
            f"{unit}.json": ("state", "judgments_count"),
            f"{_job_path(path)}.json": pricing.FIELDS,
        }

    @staticmethod
    def judge(operation: Operation, after: Mapping[str, Any], *, alone: bool) -> Finding | None:
        """Look for a finalized unit that is open again."""
        before = operation.before.get("state")
        if before != "finalized":
            return Inconclusive(f"the unit was {before} already, so its state shows nothing")
        if _state(after) in {None, before}:
            return None
        evidence = f"the unit was finalized and is {after['state']}"
        if alone:
            return Applied(evidence)
        return Inconclusive(f"{evidence}; but more judgments were requested more than once")

    @staticmethod
    def judge_timeout(operation: Operation, after: Mapping[str, Any]) -> Finding:  # noqa: ARG004
        """Return ``NotSeen`` if the unit is still finalized."""
        if after.get("state") == "finalized":
            return NotSeen("the unit is still finalized")
        return NOT_READABLE


class Bonus(AcknowledgedPayment):
    """Pay a contributor a bonus.

    :raises InvalidInput: The amount or an id cannot be used.
    """

    name = "bonus"
    account_wide = True

    def __init__(self, job_id: int, worker_id: int, amount: int, reason: str | None = None) -> None:
        if isinstance(amount, bool) or not isinstance(amount, int) or amount <= 0:
            raise InvalidInput(
                f"a bonus must be a whole number of US cents above zero, not {amount!r};"
                " 1.50 dollars is 150" + numpy_advice(amount)
            )
        if amount > MAX_BONUS_CENTS:
            raise InvalidInput(
                f"a bonus of {amount!r:.80} cents is above the service's limit of"
                f" {MAX_BONUS_CENTS}; nothing was paid"
            )
        self.amount = amount
        form: dict[str, object] = {"amount": amount}
        if reason is not None:
            form["reason"] = reason
        super().__init__(
            f"jobs/{segment(job_id)}/workers/{numeric_segment(worker_id)}/bonus.json", form
        )

    def price(self, before: Mapping[str, Any]) -> int:  # noqa: ARG002
        """Return the bonus with the fee."""
        return pricing.bonus_cents(self.amount)

    def describe_done(self, result: None) -> str:  # noqa: ARG002
        """Name the amount."""
        return f"the bonus of {self.amount} cents was paid"

    @staticmethod
    def fields_to_read(path: str) -> Mapping[str, tuple[str, ...]]:  # noqa: ARG004
        """Read the balance: nothing else shows a bonus."""
        return {"account.json": ("balance",)}

    @staticmethod
    def judge(operation: Operation, after: Mapping[str, Any], *, alone: bool) -> Finding | None:
        """Compare the balance, which never decides: other payments change it too."""
        before, amount = operation.before, _parameter(operation, "amount")
        fall = _rise("balance", after, before)
        if not fall:
            return None
        speaks = "for" if alone and fall in {amount, operation.cents} else "neither for nor against"
        return Inconclusive(
            f"the balance went from {before['balance']} to {after['balance']} cents, the bonus is"
            f" {amount}: this speaks {speaks} it; bonuses cannot be listed"
        )

    @staticmethod
    def judge_timeout(operation: Operation, after: Mapping[str, Any]) -> Finding:
        """Return ``Inconclusive``, with the balance if it could be read."""
        if _rise("balance", operation.before, after) == 0:
            return Inconclusive(
                f"the balance is still {after['balance']} cents, which speaks against it; bonuses"
                " cannot be listed"
            )
        return NOT_READABLE


KINDS: Final[Mapping[str, type[Payment[Any]]]] = {
    each.name: each for each in (Launch, MoreJudgments, Bonus)
}
"""The kinds by the name that the journal has."""


def _orders(job_id: int) -> str:
    return f"jobs/{segment(job_id)}/orders.json"


def _form(units_count: int | None, channels: list[str] | None) -> dict[str, Any]:
    count = {} if units_count is None else {"debit": {"units_count": units_count}}
    return count if channels is None else {**count, "channels": channels}


def _job_path(path: str) -> str:
    return "/".join(path.split("/")[:2])


def _parameter(operation: Operation, name: str) -> int:
    return int(parse_qs(operation.body)[name][0])


def _state(fields: Mapping[str, Any]) -> str | None:
    """Return the state, if it is a string; anything else shows nothing."""
    state = fields.get("state")
    return state if isinstance(state, str) else None


def _rise(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> int | None:
    """Return by how much a count rose; ``None`` if unknown."""
    first, second = before.get(name), after.get(name)
    if isinstance(first, (int, float)) and isinstance(second, (int, float)):
        with suppress(OverflowError):  # of floats such as 1e308
            return int(second - first)
    return None
