"""A request that spends money, before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crowdflower import serialization
from crowdflower.transport import Expected


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
        return serialization.form(self.form)


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
