"""Records of payments: data only, so that importing this module loads no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from crowdflower.models.display import dollars, summary

State: TypeAlias = Literal["prepared", "sent", "applied", "rejected", "unknown", "not_applied"]
"""``prepared``: not sent yet. ``sent``: perhaps sent. ``unknown``: sent, and the response was lost.
``applied``: paid. ``rejected``: refused by the service, or never sent. ``not_applied``: a person
found out that it was not paid."""

PENDING: Final = ("prepared", "sent", "unknown")
"""The states in which it is unknown whether a payment was made."""


@dataclass(frozen=True, repr=False)
class Operation:
    """One payment, as recorded in the journal."""

    op_id: str
    name: str
    """``launch``, ``bonus`` or ``request_more_judgments``."""

    account: str
    """Whose payment it is: the server and the account's id there. If the server does not show an
    id, and in a journal in memory, a hash of the address and the API key."""

    method: str
    path: str
    body: str
    key: str | None = None
    """The caller's key for this payment."""

    state: State = "prepared"
    before: Mapping[str, Any] = field(default_factory=dict)
    """What the service showed before the payment was sent; its effect is measured against this."""

    cents: int | None = None
    """What it costs at most, in US cents; ``None`` if unknown."""

    evidence: str = ""
    """What shows its outcome."""

    note: str = ""
    """The note of the person who resolved it."""

    prepared_at: datetime | None = None
    sent_at: datetime | None = None
    settled_at: datetime | None = None

    result: Mapping[str, Any] | None = field(default=None, repr=False)
    """What the service answered, such as the order; ``None`` if nothing was recorded."""

    def __repr__(self) -> str:
        key = "" if self.key is None else f"key {self.key!r}"
        limit = "" if self.cents is None else f"at most {dollars(self.cents)}"
        head = ["Operation", self.op_id, self.name, self.path, self.state]
        return f"<{summary(head, [key, limit])}>"

    def pays_the_same_as(self, other: Operation) -> bool:
        """Return whether both are the same request; the order of parameters does not matter."""
        return (self.name, self.method, self.path) == (other.name, other.method, other.path) and (
            sorted(self.body.split("&")) == sorted(other.body.split("&"))
        )


@dataclass(frozen=True)
class Finding:
    """The result of reconciling a payment whose response was lost."""

    evidence: str
    """What the service shows, in words."""


class Applied(Finding):
    """The payment was made: do not repeat it."""


class NotSeen(Finding):
    """No effect showed within the time waited.

    Most likely the payment was not made. The library does not repeat it, nor should a program.
    """


class Inconclusive(Finding):
    """What the service shows does not decide it: check the account, then resolve the operation."""


@dataclass(frozen=True)
class DryRun:
    """A request as it would be sent, without the API key; nothing was sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str

    def __str__(self) -> str:
        head = [f"{self.method} {self.url}", *(f"{k}: {v}" for k, v in self.headers.items())]
        return "\n".join([*head, "", self.body])
