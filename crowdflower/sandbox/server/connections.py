"""Connections to the server: how many there may be, and how long a request may take to arrive.

A server with a thread for each connection is held up by whoever connects and says nothing. Here a
connection costs nothing but a socket until a request is whole, so three things are left to see to:
that sockets do not run out, that a request does come to an end, and that an answer is read.

Sources: CVE-2007-6750 (Slowloris); Apache HTTP Server, `mod_reqtimeout
<https://httpd.apache.org/docs/2.4/mod/mod_reqtimeout.html>`_, whose defaults are the numbers here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.parser import HTTPRequestParser  # type: ignore[import-untyped]
from waitress.utilities import BadRequest, Error  # type: ignore[import-untyped]

LONGEST_CHUNK_LINE: Final = 1024
"""Bytes of the line before a chunk of a body, and of what may stand behind the last one."""


@dataclass(frozen=True)
class Manners:
    """What is asked of those who connect."""

    most: int = 500
    """Connections at a time; beyond that the one that has been silent for longest is closed."""

    patience: float = 20.0
    """Seconds for a request to arrive."""

    bytes_per_second: float = 500.0
    """For so many bytes that have come, a request has a second more."""

    unread: float = 60.0
    """Seconds for which nothing of an answer may be read."""


class TooSlow(Error):  # type: ignore[misc]
    """Says that a request did not arrive in time."""

    code = 408
    reason = "Request Timeout"


class Arriving(HTTPRequestParser):  # type: ignore[misc]
    """A request on its way in."""

    completed: bool
    error: Error | None

    def __init__(self, adjustments: Any) -> None:
        super().__init__(adjustments)
        self.began = time.monotonic()

    def received(self, data: bytes) -> int:
        """Take what came; a chunk that never says its length is an error."""
        consumed: int = super().received(data)
        body = self.body_rcv
        pending = max(len(getattr(body, name, b"")) for name in ("control_line", "trailer"))
        if pending > LONGEST_CHUNK_LINE and not self.completed:
            self.error = BadRequest(f"a line of chunks is longer than {LONGEST_CHUNK_LINE} bytes")
            self.completed = True
        return consumed

    def seconds_left(self, manners: Manners) -> float:
        """Tell how long the rest of it may take."""
        come = self.header_bytes_received + self.body_bytes_received
        allowed = manners.patience + float(come) / manners.bytes_per_second
        return self.began + allowed - time.monotonic()


class Connection(HTTPChannel):  # type: ignore[misc]
    """One connection; the server looks after it at least once a second.

    :param manners: What is asked of whoever connects.
    :param server: Has all connections in ``active_channels``.
    """

    parser_class = Arriving
    request: Arriving | None

    def __init__(self, manners: Manners, server: Any, *rest: Any, **settings: Any) -> None:
        self._manners = manners
        super().__init__(server, *rest, **settings)
        if len(server.active_channels) > manners.most:
            self._make_room()

    def readable(self) -> bool:
        """Tell whether more may be read, after a look at how long it has been."""
        if self._is_unread():
            self._leave()
        elif self._is_late():
            self._refuse_rest()
        return bool(super().readable())

    def received(self, data: bytes) -> bool:
        """Take what came; the time of a request begins when it is its turn."""
        waited = self.request is None or bool(self.requests)
        taken = bool(super().received(data))
        if waited and self.request is not None:
            self.request.began = time.monotonic()
        return taken

    def _is_unread(self) -> bool:
        # While an answer is being made, what there is of it waits to be sent until it is worth it.
        least = self.adj.send_bytes if self.requests else 1
        silent = time.time() - self.last_activity
        return silent > self._manners.unread and int(self.total_outbufs_len) >= least

    def _is_late(self) -> bool:
        coming = self.request if not self.requests else None
        return coming is not None and coming.seconds_left(self._manners) < 0

    def _refuse_rest(self) -> None:
        with self.requests_lock:
            late, self.request = self.request, None
            assert late is not None  # noqa: S101 - for the type checker
            if not late.headers_finished:
                late.parse_header(b"GET / HTTP/1.0\r\n")
            late.error = TooSlow(f"send requests within {self._manners.patience:g} seconds")
            late.completed = True
            self.requests.append(late)
        self.server.add_task(self)

    def _make_room(self) -> None:
        """Close the connection that has been silent for longest, if any waits for nothing."""
        others = [each for each in self.server.active_channels.values() if each is not self]
        silent = [each for each in others if not each.requests]
        if silent:
            min(silent, key=lambda each: float(each.last_activity))._leave()  # noqa: SLF001 - one of us

    def _leave(self) -> None:
        """Close at once; what was not read is lost."""
        self.handle_close()
        self.will_close = self.close_when_flushed = False  # there is nothing left to wait for
