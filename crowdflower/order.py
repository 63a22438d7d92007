"""An order: pays for units, and releases them to contributors."""

from __future__ import annotations

from crowdflower._types import JSONObject
from crowdflower.models.display import amount, counted, summary
from crowdflower.models.fields import ReadOnly
from crowdflower.models.resource import JobResource


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

    def _summary(self) -> str:
        get = self._state.get
        units = counted(get("nuggeted_units_count"), "unit")
        known = summary([], [units, amount(get("amount_in_cents"))])
        number = summary([get("id")])
        return ": ".join(filter(None, [number, known])) if number else summary(["of", known])
