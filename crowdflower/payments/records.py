"""Records of payments: data only, so that importing this module loads no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from crowdflower.payments.estimate import Estimate

from crowdflower._types import one_line
from crowdflower.models.display import dollars, summary

State: TypeAlias = Literal["prepared", "sent", "applied", "rejected", "unknown", "not_applied"]
"""``prepared``: not sent yet. ``sent``: perhaps sent. ``unknown``: sent, and the response was lost.
``applied``: paid. ``rejected``: refused by the service, or never sent. ``not_applied``: a person
found out that it was not paid."""

MAX_SHOWN: Final = 80
"""Characters of a parameter that are shown."""

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


@dataclass(frozen=True)
class PaymentPattern:
    """What a payment with some key is: the request, as far as the caller chose it.

    >>> half = PaymentPattern.of("launch", "POST", "jobs/7/orders.json", "channels[]=on_demand")
    >>> body = "debit[units_count]=8&channels[]=on_demand"
    >>> earlier = Operation("1", "launch", "", "POST", "jobs/7/orders.json", body)
    >>> half.matches(earlier)
    True
    >>> five = PaymentPattern.of("launch", "POST", "jobs/7/orders.json", "debit[units_count]=5")
    >>> five.describe_other(earlier)
    'a launch with units_count=8, not 5'
    """

    name: str
    method: str
    path: str
    parameters: Mapping[str, tuple[str, ...]]
    """The parameters that count, each with its values in any order."""

    @classmethod
    def of(cls, name: str, method: str, path: str, body: str) -> Self:
        """Return the pattern of a request with these parameters, and perhaps more."""
        return cls(name, method, path, _parameters(body))

    def matches(self, operation: Operation) -> bool:
        """Return whether an earlier payment is this one."""
        return self._has_place_of(operation) and not self._differences(operation)

    def describe_other(self, operation: Operation) -> str:
        """Name an earlier payment that is not this one, by what differs."""
        if self._has_place_of(operation):
            return f"a {operation.name} with {' and '.join(self._differences(operation))}"
        return f"a {operation.name} by {operation.method} /{operation.path}"

    def _has_place_of(self, operation: Operation) -> bool:
        theirs = (operation.name, operation.method, operation.path)
        return (self.name, self.method, self.path) == theirs

    def _differences(self, operation: Operation) -> list[str]:
        theirs = _parameters(operation.body)
        return [
            f"{_ARGUMENTS.get(name, name)}={_text(theirs.get(name, ()))}, not {_text(values)}"
            for name, values in self.parameters.items()
            if theirs.get(name) != values
        ]


_ARGUMENTS: Final = {
    "debit[units_count]": "units_count",
    "channels[]": "channels",
    "nb_judgments": "count",
}
"""Parameters of requests whose argument has another name."""


def _text(values: tuple[str, ...]) -> str:
    return one_line(", ".join(values) or "none")[:MAX_SHOWN]


def _parameters(body: str) -> dict[str, tuple[str, ...]]:
    found = parse_qs(body, keep_blank_values=True)
    return {name: tuple(sorted(values)) for name, values in found.items()}


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


def recorded_finding(operation: Operation) -> Finding:
    """Return what the journal says about a payment that was never sent, or is settled."""
    if operation.state == "prepared":
        return NotSeen("it was not sent: the journal would say so")
    kind = Applied if operation.state == "applied" else NotSeen
    return kind(operation.evidence or operation.note or operation.state)


@dataclass(frozen=True)
class DryRun:
    """A request as it would be sent, without the API key; nothing was sent that pays.

    ``str()`` of it shows everything. Of a launch, it shows the cost, the balance and the problems
    too.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: str

    estimate: Estimate | None = None
    """Of a launch, what it is expected to cost, and what it costs at most."""

    balance_cents: int | None = None
    """Of a launch, the balance of the account, in US cents."""

    problems: tuple[str, ...] | None = None
    """Of a launch, what would be refused or warned of, a clause each; ``None`` if it was not
    checked."""

    earlier: Operation | None = None
    """Of a launch with ``on_duplicate="return"``, the payment that was made with its key before:
    its order would be returned, and this request not sent."""

    def __str__(self) -> str:
        if self.earlier is None:
            head = [f"{self.method} {self.url}", *(f"{k}: {v}" for k, v in self.headers.items())]
            lines = [*head, "", self.body]
        else:
            order = f"order {(self.earlier.result or {}).get('id', '')}".rstrip()
            lines = [f"orders nothing, returns the {order} with the key {self.earlier.key!r}"]
        if self.estimate is not None:
            lines += ["", str(self.estimate)]
        if self.balance_cents is not None:
            lines += ["", f"balance: ${self.balance_cents / 100:,.2f}"]
        if self.problems is not None:
            lines += ["", *(f"problem: {each}" for each in self.problems or ["none found"])]
        return "\n".join(lines)
