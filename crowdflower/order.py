"""What was ordered and what it costs."""

from __future__ import annotations

import re

from crowdflower import serialization
from crowdflower._types import JSONObject
from crowdflower.base import JobResource, ReadOnly
from crowdflower.exceptions import MalformedResponse, UnexpectedRedirect
from crowdflower.transport import Response


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


def placed_order(response: Response) -> JSONObject:
    """Read a placed order from either of the two answers that mean success.

    Old services redirect to the order; following them would be a second request, whose failure
    would make a paid order look like a failed one.
    """
    if response.is_redirect:
        placed = re.search(r"/jobs/(\d+)/orders/(\d+)", response.headers["Location"])
        if placed is not None:
            return {"id": int(placed[2]), "job_id": int(placed[1]), "type": "Debit"}
        raise UnexpectedRedirect(
            "the order was answered by a redirect to elsewhere; look at the state of the job before"
            " you order again",
            request=response.request,
            response=response,
        )
    try:
        answer = serialization.decode(response.content)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    raise MalformedResponse(
        "the order was answered, but not with an order; look at the state of the job before you"
        " order again",
        request=response.request,
        response=response,
    )
