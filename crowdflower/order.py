"""An order: pays for units, and releases them to contributors. More judgments for some units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from crowdflower._types import JSONObject
from crowdflower.exceptions import (
    ApiError,
    DuplicateOperation,
    InvalidInput,
    OutcomeUnknown,
    OverBudget,
)
from crowdflower.models.display import amount, counted, summary
from crowdflower.models.fields import ReadOnly
from crowdflower.models.resource import JobResource
from crowdflower.payments.kinds import MoreJudgments
from crowdflower.payments.placed_order import count_ordered
from crowdflower.payments.records import Applied, DryRun, Operation
from crowdflower.rows.unordered_units import UnorderedUnits

if TYPE_CHECKING:
    from crowdflower.payments.operations import Operations


class Order(JobResource):
    """A payment that releases units to contributors.

    The service does not document the fields of an order: each of these is ``None`` if the service
    does not send it, and ``order["field"]`` reads any other.
    """

    type = ReadOnly[str]()
    """``Debit``."""

    meta = ReadOnly[JSONObject]()

    user_id = ReadOnly[int]()
    """The account that pays."""

    job_id = ReadOnly[int]()

    amount_in_cents = ReadOnly[int]()
    """Amount reserved from the balance, in US cents."""

    nuggeted_units_count = ReadOnly[int]()
    """Number of units that it releases."""

    created_at = ReadOnly[str]()
    updated_at = ReadOnly[str]()

    @property
    def not_ordered(self) -> tuple[int, ...]:
        """Ids of the units of its job that are neither ordered nor test questions; read once.

        Empty when everything is ordered. Otherwise they were added after the order, or it was for
        fewer units than there were: launch the job again, under another key. Calls
        ``GET /jobs/{id}/ping``; if there are any, also ``GET /jobs/{id}/units``, and
        ``GET /jobs/{job_id}/units/{id}`` for at most twenty of them. If the counts do not add up,
        as with canceled units, the JSON report is read. Among more than twenty, canceled units may
        be included.

        :raises InvalidInput: The service does not count ordered units.

        >>> order.not_ordered
        ()
        """
        if "_not_ordered" not in self.__dict__:
            job_id = self.job_id or self.job.id
            ordered = count_ordered(self.client.operations.journal, job_id)
            self._not_ordered = UnorderedUnits(self.client, job_id, ordered).ids()
        return self._not_ordered

    def _summary(self) -> str:
        get = self._state.get
        units = counted(get("nuggeted_units_count"), "unit")
        known = summary([], [units, amount(get("amount_in_cents"))])
        number = summary([get("id")])
        return ": ".join(filter(None, [number, known])) if number else summary(["of", known])


WAIT: Final = 3.0
"""Seconds to look for the effect of a payment of an earlier run whose outcome is unknown."""


@dataclass(frozen=True)
class JudgmentRequests:
    """More judgments that were requested for several units.

    :param requested: Ids of the units for which this call requested them.
    :param requested_before: Ids of those for which an earlier call with the same key did.
    :param count: How many for each unit.
    :param at_most_cents: What all of them may cost at most, in US cents.
    """

    requested: tuple[int, ...]
    requested_before: tuple[int, ...]
    count: int
    at_most_cents: int


class UnitPayments:
    """Payments for more judgments of units of one job.

    :param key: The caller's name for all of them; each unit has a key of its own, ``KEY:UNIT``.
    :raises InvalidInput: There is no unit, or the count, an id or the key cannot be used.
    """

    def __init__(
        self, operations: Operations, job_id: int, unit_ids: Iterable[int], count: int, key: str
    ) -> None:
        if not isinstance(key, str) or not key:
            raise InvalidInput(
                f"key must be your name for these payments, such as 'doubtful may', not {key!r:.80}"
            )
        self._operations = operations
        self._count = count
        self._key = key
        self._payments = {
            unit: MoreJudgments(job_id, unit, count) for unit in dict.fromkeys(unit_ids)
        }
        if not self._payments:
            raise InvalidInput("units is empty; pass the units to request more judgments for")

    def preview(self) -> tuple[DryRun, ...]:
        """Return the requests; sends and records nothing."""
        return tuple(map(self._operations.preview, self._payments.values()))

    def cost(self, job: Mapping[str, object]) -> int:
        """Return what all of them cost at most, in US cents.

        :param job: The job as the service has it now.
        :raises InvalidInput: A field that the price needs is missing.
        """
        return sum(payment.price(job) for payment in self._payments.values())

    def pay(self, job: Mapping[str, object], max_cost_cents: int) -> JudgmentRequests:
        """Request the judgments, unit by unit.

        A unit whose payment was made by an earlier call is left out. If it is unknown whether it
        was made, the unit is looked up, and never paid again; the others are paid first, and then
        :class:`~crowdflower.exceptions.OutcomeUnknown` is raised.

        :raises OverBudget: All of them together may cost more than allowed; nothing was sent.
        :raises OutcomeUnknown: The judgments of some units may have been requested.
        :raises ApiError: The service refused a unit. A note of the error says which were paid
            before; the same call continues.
        """
        cents = self.cost(job)
        if cents > max_cost_cents:
            raise OverBudget(
                f"{self._count} more judgments for {counted(len(self._payments), 'unit')} may cost"
                f" {cents} cents, and max_cost_cents is {max_cost_cents}; nothing was sent"
            )
        paid: list[int] = []
        before: list[int] = []
        lost: list[OutcomeUnknown] = []
        left = max_cost_cents
        for unit in self._payments:
            try:
                is_new = self._pay(unit, left)
            except OutcomeUnknown as error:
                lost.append(error)
                is_new = True
            except ApiError as error:
                error.add_note(self._describe(paid, before))
                raise
            else:
                (paid if is_new else before).append(unit)
            left -= self._payments[unit].price(job)
        if lost:
            lost[0].add_note(
                f"{self._describe(paid, before)}; of {counted(len(lost), 'unit')} it is unknown:"
                " operations.pending() lists them"
            )
            raise lost[0]
        return JudgmentRequests(tuple(paid), tuple(before), self._count, cents)

    def _pay(self, unit: int, max_cost_cents: int) -> bool:
        """Request the judgments of a unit; return ``False`` if an earlier call did.

        :raises OutcomeUnknown: It is unknown whether the judgments were requested.
        """
        payment, key = self._payments[unit], f"{self._key}:{unit}"
        try:
            self._operations.pay(payment, key=key, max_cost_cents=max_cost_cents)
        except DuplicateOperation as error:
            earlier = error.operation
        except InvalidInput as error:
            error.add_note(f"the key {key!r} is {self._key!r} for unit {unit}")
            raise
        else:
            return True
        if earlier is None:
            raise InvalidInput(f"the journal does not show the payment of the key {key!r}")
        if earlier.state == "prepared":
            # It was not sent. If another process is just about to, the journal will not let it.
            self._operations.resolve(earlier.op_id, "not_applied", note="not sent; paid again")
            self._operations.pay(payment, key=key, max_cost_cents=max_cost_cents)
            return True
        if not self._was_paid(earlier):
            raise OutcomeUnknown(
                f"it is unknown whether the request of an earlier call for unit {unit} was made;"
                " it was not sent again",
                evidence=earlier.evidence or "the process ended before the response",
                operation=earlier,
            )
        return False

    def _was_paid(self, earlier: Operation) -> bool:
        if earlier.state == "applied":
            return True
        return isinstance(self._operations.reconcile(earlier.op_id, wait=WAIT), Applied)

    def _describe(self, paid: list[int], before: list[int]) -> str:
        done = f"judgments were requested for {counted(len(paid), 'unit')} of {len(self._payments)}"
        earlier = f", and for {len(before)} by an earlier call" if before else ""
        return f"{done}{earlier}; the same call with the same key continues"
