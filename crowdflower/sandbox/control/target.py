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

    def add(self, *args: Any, **settings: Any) -> Sequence[Any]:
        """Add simulated contributors."""

    def replay(self, *args: Any, **settings: Any) -> Sequence[Any]:
        """Add contributors who repeat recorded answers."""

    def run(self, *args: Any, **settings: Any) -> Any:
        """Let the contributors work on a job."""


class LoggedRequest(Protocol):
    """A recorded request."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields as a JSON object."""


class Target(Protocol):
    """The sandbox that is controlled. Its members are described at ``Sandbox``."""

    # ruff: noqa: D102
    clock: Clock
    database: Database

    @property
    def crowd(self) -> Contributors: ...
    @property
    def faults(self) -> Faults: ...
    @property
    def requests(self) -> Sequence[LoggedRequest]: ...
    @property
    def transitions(self) -> Delays: ...
    @property
    def unimplemented(self) -> Sequence[Any]: ...

    def credit(self, cents: int, note: str = "") -> int: ...
    def deliver_webhooks(self) -> Sequence[Any]: ...
    def drop_webhooks(self) -> int: ...
    def events(self) -> list[dict[str, Any]]: ...
    def forget_requests(self) -> None: ...
    def ledger(self) -> list[dict[str, Any]]: ...
    def reset(self) -> None: ...
    def webhooks(self) -> list[dict[str, Any]]: ...
