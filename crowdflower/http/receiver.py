"""A small HTTP server, of the standard library, that hands the bodies posted to it to a function.

It may be reachable from everywhere, through a tunnel or a reverse proxy, so it limits the size of a
body, the time of a request and the number of connections, and tells strangers nothing.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from hmac import compare_digest
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socket import AF_INET, AF_INET6, SHUT_RDWR, SOMAXCONN, socket
from socketserver import TCPServer, ThreadingMixIn
from threading import Lock, Thread
from typing import Any, ClassVar, Final, TypeAlias
from urllib.parse import urlsplit

from crowdflower.exceptions import InvalidInput

MAX_BODY: Final = 16 << 20
"""Bytes of a body."""

MAX_CONNECTIONS: Final = 32
"""Connections at a time; more are closed at once, and the sender tries again."""

READ_TIMEOUT: Final = 10.0
"""Seconds without a byte after which a connection is closed."""

MAX_SECONDS: Final = 30.0
"""Seconds after which a connection is closed, however busy it is."""

WILDCARDS: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to
"""Hosts that stand for all addresses of this machine, and are the address of none."""

POLL_INTERVAL: Final = 0.1
CHUNK: Final = 1 << 16

Receive: TypeAlias = Callable[[bytes], HTTPStatus]
"""Takes a body, and returns the status of the response."""

log = logging.getLogger(__name__)


class _Handler(BaseHTTPRequestHandler):
    """One request; the connection is closed after it."""

    timeout = READ_TIMEOUT
    server_version, sys_version = "crowdflower", ""
    server: _Server

    def do_POST(self) -> None:
        """Hand the body to the receiver, if it is for it, whole and not too large."""
        path = urlsplit(self.path).path.encode("utf-8", "replace")
        if not any([compare_digest(path, each) for each in self.server.paths]):  # noqa: C419 - all, in constant time
            return self._respond(HTTPStatus.NOT_FOUND)
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or "Transfer-Encoding" in self.headers:
            return self._respond(HTTPStatus.LENGTH_REQUIRED)
        if len(length) > 18 or int(length) > MAX_BODY:  # noqa: PLR2004 - digits of any real size
            return self._respond(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return self._respond(HTTPStatus.BAD_REQUEST)
        return self._respond(self.server.receive(body))

    def do_GET(self) -> None:
        """Refuse to read, also what does not exist."""
        self._respond(HTTPStatus.METHOD_NOT_ALLOWED)

    def _respond(self, status: HTTPStatus) -> None:
        self.send_response(status)
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "POST")
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", "5")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing; what a stranger sends belongs in no log."""


class _Server(ThreadingMixIn, TCPServer):
    """One thread per connection, so that a slow one does not block the others."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = SOMAXCONN
    RequestHandlerClass: ClassVar[type[_Handler]]  # type: ignore[misc] # as the base class sets it

    def __init__(self, host: str, port: int, paths: tuple[bytes, ...], receive: Receive) -> None:
        self.address_family = AF_INET6 if ":" in host else AF_INET
        self.paths, self.receive = paths, receive
        self._open: dict[socket, float] = {}
        self._lock = Lock()
        super().__init__((host, port), _Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        """Accept a connection, unless there are too many."""
        with self._lock:
            if len(self._open) >= MAX_CONNECTIONS:
                return False
            self._open[request] = time.monotonic()
            return True

    def service_actions(self) -> None:
        """End the connections that take too long."""
        latest = time.monotonic() - MAX_SECONDS
        with self._lock:
            late = [each for each, since in self._open.items() if since < latest]
        for each in late:
            self._end(each)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Note a broken connection, or a failure of the receiver: the sender tries again."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            log.debug("a connection broke: %s", type(error).__name__)
        else:
            log.error("a body could not be received", exc_info=error)

    def server_close(self) -> None:
        """Stop listening, and end all connections."""
        super().server_close()
        with self._lock:
            still_open = list(self._open)
        for each in still_open:
            self._end(each)

    @staticmethod
    def _end(connection: socket) -> None:
        try:
            connection.shutdown(SHUT_RDWR)
        except OSError:  # closed meanwhile
            return


class Receiver:
    """The server, from its creation until :meth:`close`.

    :param host: The address of this machine to listen on.
    :param port: 0 for any free port.
    :param path: Where it accepts bodies, such as ``/4c6b``; everything else is not found.
    :param public_url: The address, without this path, by which senders reach it, if not by ``host``
        and port.
    :raises InvalidInput: An argument cannot be used.
    :raises OSError: The port is in use, or the host is not an address of this machine.
    """

    def __init__(
        self, host: str, port: int, path: str, receive: Receive, *, public_url: str | None = None
    ) -> None:
        if isinstance(port, bool) or not isinstance(port, int) or port not in range(1 << 16):
            raise InvalidInput(f"port must be an integer from 0 to 65535, not {port!r:.80}")
        if public_url is None and host in WILDCARDS:
            raise InvalidInput(
                f"{host!r} is not an address by which others reach this machine; pass it as"
                " public_url, such as 'https://crowd.example.com'"
            )
        outside = _check_url(public_url) if public_url else ""
        paths = (path.encode(), f"{urlsplit(outside).path}{path}".encode())
        self._server = _Server(host, port, paths, receive)
        bound = int(self._server.server_address[1])
        name = f"[{host}]" if ":" in host else host
        self.url = (outside or f"http://{name}:{bound}") + path
        """The address to post to."""
        self._thread = Thread(
            target=self._server.serve_forever,
            args=(POLL_INTERVAL,),
            name=f"receiver {bound}",
            daemon=True,
        )
        self._thread.start()

    def close(self) -> None:
        """Stop the server; a second call does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def _check_url(url: str) -> str:
    """Return an address without a slash at its end.

    >>> _check_url("https://crowd.example.com/hooks/")
    'https://crowd.example.com/hooks'
    """
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInput(
            "public_url must be the address by which others reach this machine, such as"
            f" 'https://crowd.example.com', not {url!r:.80}"
        )
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise InvalidInput("public_url must have no user, query or fragment")
    return url.rstrip("/")
