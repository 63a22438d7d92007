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
    if response.is_redirect:
        order_id = _match_order(response, job_path)
        if order_id is None:
            return None
        return {"id": order_id, "job_id": int(job_path.rpartition("/")[2]), "type": "Debit"}
    try:
        order = encoding.decode_json(response.content)
    except ValueError:
        return None
    return order if isinstance(order, dict) else None


def _match_order(response: Response, job_path: str) -> int | None:
    """Return the id of the order that a redirect leads to, on the same server."""
    if response.status_code not in _DONE:
        return None
    try:
        target = urljoin(response.url, response.headers["Location"])
        if origin(target) != origin(response.url):
            return None
    except ValueError:
        return None
    order = rf".*/{re.escape(job_path)}/orders/(\d{{1,18}})(?:\.json)?"
    match = re.fullmatch(order, urlsplit(target).path, re.ASCII)
    return int(match[1]) if match else None
