"""An order: a debit that releases units."""

from __future__ import annotations

from crowdflower._types import JSONObject
from crowdflower.models.fields import ReadOnly
from crowdflower.models.resource import JobResource


class Order(JobResource):
    """A debit that releases units to contributors.

    The key set of an order is not documented; each of these may be ``None`` on a service that does
    not send it, and ``order["field"]`` reads what else there is.
    """

    type = ReadOnly[str]()
    """``Debit``."""

    meta = ReadOnly[JSONObject]()

    user_id = ReadOnly[int]()
    """The account that pays."""

    job_id = ReadOnly[int]()

    amount_in_cents = ReadOnly[int]()
    """What the order reserves of the balance, in US cents."""

    nuggeted_units_count = ReadOnly[int]()
    """How many units it releases."""

    created_at = ReadOnly[str]()
    updated_at = ReadOnly[str]()
