"""A request that spends money, before it is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from crowdflower._types import MISSING, a_type
from crowdflower.exceptions import OutcomeUnknown
from crowdflower.http import encoding
from crowdflower.http.responses import Answer
from crowdflower.http.transport import Expected


@dataclass(frozen=True)
class Payment:
    """A request that spends money.

    :param name: ``launch``, ``bonus`` or ``request_more_judgments``.
    :param path: Where it is sent, by POST.
    :param price: What it may cost, in cents, by what is seen before it is sent.
    :param expected: What kind of answer means that it was paid.
    """

    name: str
    path: str
    form: Mapping[str, Any]
    price: Callable[[Mapping[str, Any]], int]
    expected: Expected = field(default_factory=Expected)
    accept: str = "application/json"
    method: str = "POST"

    @property
    def headers(self) -> dict[str, str]:
        """What is said about the form and the answer."""
        return {"Accept": self.accept, "Content-Type": "application/x-www-form-urlencoded"}

    @property
    def body(self) -> bytes:
        """The form as it is sent."""
        return encoding.form(self.form)


def acknowledged(answer: Answer) -> None:
    """Take an answer for a yes; it need say no more than that it is one.

    :raises OutcomeUnknown: It is a web page, or JSON that is no object.
    """
    response, body = answer
    kind = response.headers.get("Content-Type", "")
    if body is MISSING or response.status_code == HTTPStatus.NO_CONTENT:
        if "html" not in kind:
            return
        said = "a web page"
    elif isinstance(body, dict):
        return
    else:
        said = a_type(body)
    asked = re.search("/jobs/.*|$", urlsplit(response.url).path)
    status = response.status_code
    raise OutcomeUnknown(
        f"POST {asked[0] if asked else ''}: status {status}, but the answer is {said}",
        evidence=f"status {status}, and {said} for an answer",
        phase="answered",
        request=response.request,
        response=response,
    )


@dataclass(frozen=True)
class DryRun:
    """A request as it would be sent, without the key; nothing was."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str

    def __str__(self) -> str:
        head = [f"{self.method} {self.url}", *(f"{k}: {v}" for k, v in self.headers.items())]
        return "\n".join([*head, "", self.body])
