"""Connections to the server: how many there may be, and how long a request may take to arrive.

Every thread of a server with one thread per connection can be blocked by a client that connects and
sends nothing. Here a connection costs only a socket until its request is complete. Three limits
remain: the number of sockets, the time for a request to arrive, and the time for a response to be
read.

Sources: CVE-2007-6750 (Slowloris); Apache HTTP Server, `mod_reqtimeout
<https://httpd.apache.org/docs/2.4/mod/mod_reqtimeout.html>`_, whose defaults are the numbers here.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any, Final

from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.parser import HTTPRequestParser  # type: ignore[import-untyped]
from waitress.utilities import BadRequest, Error  # type: ignore[import-untyped]

MAX_CHUNK_LINE: Final = 1024
"""Bytes of the line before a chunk of a body, and of the trailer after the last chunk."""

_FOLD: Final = re.compile(rb"(?:\r\n[ \t]+)+")
"""The end of a line whose value goes on in the next one (RFC 7230, section 3.2.4)."""

_SPACE_BEFORE_VALUE: Final = re.compile(rb"^([^:\r\n]++:)[ \t]+", re.MULTILINE)


@dataclass(frozen=True)
class ConnectionLimits:
    """How many clients may connect, and how slow they may be."""

    max_connections: int = 500
    """Open connections; beyond that, the one that has been idle for longest is closed."""

    request_timeout: float = 20.0
    """Seconds for a request to arrive."""

    min_rate: float = 500.0
    """Bytes per second: a request gets one more second for each so many bytes received."""

    send_timeout: float = 60.0
    """Seconds without progress before a response that the client does not read is given up."""


class RequestTimeout(Error):  # type: ignore[misc]
    """The response to a request that did not arrive in time."""

    code = 408
    reason = "Request Timeout"


class TimedParser(HTTPRequestParser):  # type: ignore[misc]
    """Parses a request and knows when it began to arrive."""

    completed: bool
    error: Error | None

    def __init__(self, adjustments: Any) -> None:
        super().__init__(adjustments)
        self.began = time.monotonic()

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the request line and the headers.

        Waitress takes time with the square of the white space before a value: a minute for 100,000
        spaces, in the thread of all connections. So there is none, nor a value of several lines.
        """
        first_line, end, headers = header_plus.partition(b"\r\n")
        headers = _FOLD.sub(b" ", headers)
        super().parse_header(first_line + end + _SPACE_BEFORE_VALUE.sub(rb"\1", headers))

    def received(self, data: bytes) -> int:
        """Parse the data received; a chunk line without an end is an error."""
        consumed: int = super().received(data)
        body = self.body_rcv
        pending = max(len(getattr(body, name, b"")) for name in ("control_line", "trailer"))
        if pending > MAX_CHUNK_LINE and not self.completed:
            self.error = BadRequest(f"a chunk line is longer than {MAX_CHUNK_LINE} bytes")
            self.completed = True
        return consumed

    def seconds_left(self, limits: ConnectionLimits) -> float:
        """Return how much time is left for the request to arrive, below zero when it is late."""
        size = self.header_bytes_received + self.body_bytes_received
        allowed = limits.request_timeout + float(size) / limits.min_rate
        return self.began + allowed - time.monotonic()


class Connection(HTTPChannel):  # type: ignore[misc]
    """One connection, closed when it exceeds a limit. The server checks it once a second or more.

    :param limits: How many connections there may be, and how slow they may be.
    :param server: All its connections are in ``active_channels``.
    """

    parser_class = TimedParser
    request: TimedParser | None

    def __init__(self, limits: ConnectionLimits, server: Any, *rest: Any, **settings: Any) -> None:
        self._limits = limits
        super().__init__(server, *rest, **settings)
        if len(server.active_channels) > limits.max_connections:
            self._close_idlest()

    def readable(self) -> bool:
        """Check the time limits, then return whether more may be read."""
        if self._is_unread():
            self._abort()
        elif self._is_late():
            self._refuse_late_request()
        return bool(super().readable())

    def received(self, data: bytes) -> bool:
        """Parse the data received; the timeout of a pipelined request starts at its turn."""
        starts_request = self.request is None or bool(self.requests)
        received = bool(super().received(data))
        if starts_request and self.request is not None:
            self.request.began = time.monotonic()
        return received

    def write_soon(self, data: Any) -> int:
        """Buffer a part of the response; the time to read it starts now, not with the request."""
        if not self.total_outbufs_len:
            self.last_activity = time.time()
        return int(super().write_soon(data))

    def _is_unread(self) -> bool:
        # While the application still produces a response, waitress buffers up to send_bytes of it.
        least = self.adj.send_bytes if self.requests else 1
        idle = time.time() - self.last_activity
        return idle > self._limits.send_timeout and int(self.total_outbufs_len) >= least

    def _is_late(self) -> bool:
        arriving = self.request if not self.requests else None
        return arriving is not None and arriving.seconds_left(self._limits) < 0

    def _refuse_late_request(self) -> None:
        with self.requests_lock:
            late, self.request = self.request, None
            assert late is not None  # noqa: S101 - for the type checker
            if not late.headers_finished:
                late.parse_header(b"GET / HTTP/1.0\r\n")
            late.error = RequestTimeout(
                f"send requests within {self._limits.request_timeout:g} seconds"
            )
            late.completed = True
            self.requests.append(late)
        self.server.add_task(self)

    def _close_idlest(self) -> None:
        """Close the connection that has been idle for longest and is not being answered."""
        others = [each for each in self.server.active_channels.values() if each is not self]
        idle = [each for each in others if not each.requests]
        if idle:
            min(idle, key=lambda each: float(each.last_activity))._abort()  # noqa: SLF001 - same class

    def _abort(self) -> None:
        """Close the connection at once, without sending the rest of a response."""
        self.handle_close()
        self.will_close = self.close_when_flushed = False  # already closed: nothing to flush
