"""What was ordered and what it costs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from crowdflower._types import JSONObject
from crowdflower.exceptions import OutcomeUnknown
from crowdflower.http import encoding
from crowdflower.http.credentials import origin
from crowdflower.http.transport import Expected, Response
from crowdflower.models.paths import segment
from crowdflower.models.resource import JobResource, ReadOnly, channel_names, whole
from crowdflower.payments import pricing
from crowdflower.payments.kinds import Payment


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


def order_of(job_id: int, units_count: int, channels: Iterable[str]) -> Payment:
    """Make the payment that orders units of a job.

    :raises InvalidInput: The number or the channels are unusable.

    >>> order_of(7, 8, ["on_demand"]).body
    b'debit%5Bunits_count%5D=8&channels%5B%5D=on_demand'
    """
    whole("units_count", units_count)

    def price(job: Mapping[str, Any]) -> int:
        return pricing.launch_cents(job, units_count)

    return Payment(
        "launch",
        f"jobs/{segment(job_id)}/orders.json",
        {"debit": {"units_count": units_count}, "channels": channel_names(channels)},
        price,
        Expected(as_json=False, redirects=True),
    )


def placed_order(response: Response) -> JSONObject:
    """Read a placed order from either of the two answers that mean success.

    Old services redirect to the order; following them would be a second request, whose failure
    would make a paid order look like a failed one.

    :raises OutcomeUnknown: It is neither; money may have been spent.
    """
    if response.is_redirect:
        placed = _place(response.url, response.headers["Location"])
        if placed is not None:
            return {"id": int(placed[2]), "job_id": int(placed[1]), "type": "Debit"}
        evidence = "a redirect to elsewhere"
    else:
        try:
            answer = encoding.decode(response.content)
        except ValueError:
            answer = None
        if isinstance(answer, dict):
            return answer
        evidence = f"status {response.status_code}, and no order"
    asked = re.search("/jobs/.*|$", urlsplit(response.url).path)
    raise OutcomeUnknown(
        f"POST {asked[0] if asked else ''}: the order was answered by {evidence}: it may have been"
        " placed. Look at the state of the job before you order again",
        evidence=evidence,
        phase="answered",
        request=response.request,
        response=response,
    )


def _place(asked: str, location: str) -> re.Match[str] | None:
    """Find the order that a redirect names, on the server that was asked."""
    try:
        target = urljoin(asked, location)
        if origin(target) != origin(asked):
            return None
    except ValueError:
        return None
    return re.fullmatch(
        r".*/jobs/(\d{1,18})/orders/(\d{1,18})(?:\.json)?", urlsplit(target).path, re.ASCII
    )
