"""Find an order: in the response to a launch, or, a short time later, in the journal."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urljoin, urlsplit

from crowdflower._types import JSONObject
from crowdflower.exceptions import JournalError
from crowdflower.http import encoding
from crowdflower.http.credentials import origin
from crowdflower.http.encoding import segment
from crowdflower.http.transport import Response
from crowdflower.payments.records import Operation

if TYPE_CHECKING:
    from crowdflower.payments.journal import Journal

RECENT: Final = 600.0
"""Seconds after an order in which the service may not show it yet."""

_DONE: Final = {HTTPStatus.FOUND, HTTPStatus.SEE_OTHER}
"""Redirects that say where the result is. 307 and 308 ask to send the request again, elsewhere
(RFC 9110, section 15.4)."""


def find_order(response: Response, job_path: str) -> JSONObject | None:
    """Return the order that a response shows; ``None`` if it shows no order of the job.

    Old services redirect to the order. The redirect is not followed: that would be a second
    request, whose failure would make a paid order look like a failed one.

    :param job_path: The path of the job, such as ``jobs/7``.
    """
    job_id = job_path.rpartition("/")[2]
    if response.is_redirect:
        order_id = _match_order(response)
        if order_id is None or _may_be_refusal(response):
            return None
        return {"id": order_id, "job_id": int(job_id), "type": "Debit"}
    try:
        order = encoding.decode_json(response.content)
    except ValueError:
        return None
    if not isinstance(order, dict) or str(order.get("job_id", job_id)) != job_id:
        return None
    return order


def count_ordered(journal: Journal, job_id: int, within: float = RECENT) -> int | None:
    """Return how many units of a job are ordered, if some were a short time ago, by the journal.

    The service shows an order some time after it was placed. Its ``ordered_units`` will then be at
    least this; 0 if that is not known.

    :param within: Seconds.
    :returns: ``None`` if the journal has no such order, or cannot be read.

    >>> from crowdflower.payments.journal import Journal
    >>> count_ordered(Journal(), 7) is None
    True
    """
    try:
        orders = journal.sent_lately(f"jobs/{segment(job_id)}/orders.json", within)
    except JournalError:
        return None
    return max(map(_ordered_after, orders)) if orders else None


def _ordered_after(order: Operation) -> int:
    """Return how many units are ordered after an order; 0 if that is not known."""
    names = ("ordered_units", "units_count", "golds_count")
    before, units, golds = (order.before.get(name) for name in names)
    if not isinstance(before, int) or not isinstance(units, int):
        return 0
    available = units - (golds if isinstance(golds, int) else 0)
    wanted = int(parse_qs(order.body)["debit[units_count]"][0])
    return max(before, min(before + wanted, available))


def _match_order(response: Response) -> int | None:
    """Return the id of the order that a redirect leads to: one below the path of the request."""
    if response.status_code not in _DONE:
        return None
    try:
        target = urljoin(response.url, response.headers["Location"])
        if origin(target) != origin(response.url):
            return None
    except ValueError:
        return None
    parts, path = urlsplit(target), urlsplit(response.url).path.removesuffix(".json")
    order = rf"{re.escape(path)}/([1-9]\d{{0,17}})(?:\.json)?"
    match = re.fullmatch(order, parts.path, re.ASCII)
    return int(match[1]) if match and not parts.query else None


def _may_be_refusal(response: Response) -> bool:
    """Return whether a redirect has a body other than the usual one: none, or a link in HTML.

    An object with an error was recognised as a refusal before.
    """
    body = response.content.strip()
    if not body or body.startswith(b"<"):
        return False
    try:
        return not isinstance(encoding.decode_json(body), dict)
    except ValueError:
        return True
