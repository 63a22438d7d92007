"""Find the order in the response to a launch: a redirect to it, or its JSON."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final
from urllib.parse import urljoin, urlsplit

from crowdflower._types import JSONObject
from crowdflower.http import encoding
from crowdflower.http.credentials import origin
from crowdflower.http.transport import Response

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
