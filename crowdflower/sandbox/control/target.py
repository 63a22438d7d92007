"""The protocol of a sandbox that the control interface controls.

:class:`~crowdflower.sandbox.Sandbox` implements it. ``control`` is in a layer below and does not
import that class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crowdflower.sandbox.clock import Clock
    from crowdflower.sandbox.control.delays import Delays
    from crowdflower.sandbox.control.faults import Faults
    from crowdflower.sandbox.store import Database


class Contributors(Protocol):
    """The crowd."""

    contributors: list[Any]

    def add(self, *args: Any, **settings: Any) -> Sequence[Any]:
        """Add simulated contributors."""

    def replay(self, *args: Any, **settings: Any) -> Sequence[Any]:
        """Add contributors who repeat recorded answers."""

    def remove(self, contributors: Sequence[Any], /) -> None:
        """Remove contributors; their judgments stay."""

    def run(self, *args: Any, **settings: Any) -> Any:
        """Let the contributors work on a job."""


class RequestRecord(Protocol):
    """A recorded request."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields as a JSON object."""


class Target(Protocol):
    """The sandbox that is controlled."""

    clock: Clock
    database: Database

    @property
    def crowd(self) -> Contributors:
        """The simulated and replayed contributors."""

    @property
    def faults(self) -> Faults:
        """The faults to inject."""

    @property
    def requests(self) -> Sequence[RequestRecord]:
        """The latest requests, oldest first."""

    @property
    def transitions(self) -> Delays:
        """How long effects stay hidden."""

    @property
    def unimplemented(self) -> Sequence[Any]:
        """The requests answered with status 501, oldest first."""

    def credit(self, cents: int, note: str = "") -> int:
        """Add money to the account and return the new balance."""

    def deliver_webhooks(self) -> Sequence[Any]:
        """Deliver the notifications that are due and return the attempts."""

    def drop_webhooks(self) -> int:
        """Drop the pending notifications and return their number."""

    def events(self) -> list[dict[str, Any]]:
        """Return the latest events."""

    def forget_requests(self) -> None:
        """Clear the list of requests."""

    def ledger(self) -> list[dict[str, Any]]:
        """Return all ledger entries."""

    def reset(self) -> None:
        """Start over with an empty database."""

    def webhooks(self) -> list[dict[str, Any]]:
        """Return all notifications."""
