"""What every client is: an address, a way to call it, and an end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

    from crowdflower.http.base_client import Caller, Clock
    from crowdflower.http.transport import Transport


class Service:
    """A server that is called until it is closed.

    :param transport: Sends requests to it.
    :param caller: Sends them again where that is safe.
    """

    def __init__(self, transport: Transport, caller: Caller) -> None:
        self._transport = transport
        self._caller = caller

    @property
    def clock(self) -> Clock:
        """The time by which calls wait, and everything that waits between calls.

        >>> client.clock.monotonic() > 0
        True
        """
        return self._caller.clock

    def __repr__(self) -> str:
        # Reporters of errors show their variables, among them a client that could not be made.
        transport = vars(self).get("_transport")
        return f"<{type(self).__name__} {transport.base_url if transport else 'without address'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back; later calls open new ones."""
        self._transport.close()
