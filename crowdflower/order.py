"""An order: pays for units, and releases them to contributors."""

from __future__ import annotations

from crowdflower._types import JSONObject
from crowdflower.models.display import amount, counted, summary
from crowdflower.models.fields import ReadOnly
from crowdflower.models.resource import JobResource
from crowdflower.payments.placed_order import count_ordered
from crowdflower.rows.unordered_units import UnorderedUnits


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
