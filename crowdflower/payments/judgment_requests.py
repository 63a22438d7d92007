"""More judgments for several units: one payment for each, at most once, under one limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from crowdflower.exceptions import (
    ApiError,
    DuplicateOperation,
    InvalidInput,
    OutcomeUnknown,
    OverBudget,
)
from crowdflower.models.display import counted
from crowdflower.payments.kinds import MoreJudgments
from crowdflower.payments.operations import Operations
from crowdflower.payments.records import Applied, DryRun, Operation

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
