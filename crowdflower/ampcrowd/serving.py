"""Serves an inbox on a port of this machine, with the standard library."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socket import AF_INET, AF_INET6, SOMAXCONN
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from crowdflower.ampcrowd.inbox import Inbox
from crowdflower.exceptions import InvalidInput

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

READ_TIMEOUT: Final = 10
"""Seconds without data after which a connection is closed."""

WILDCARDS: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to
"""Hosts that stand for all addresses of this machine."""

_POLL_INTERVAL: Final = 0.05


class _Handler(WSGIRequestHandler):
    """One connection, without log lines on the terminal."""

    timeout = READ_TIMEOUT

    def log_message(self, *_: Any) -> None:
        """Do nothing: the inbox has its own log."""


class _Server(ThreadingMixIn, WSGIServer):
    """One thread per connection, so that a stalled one does not block others."""

    daemon_threads = True
    request_queue_size = SOMAXCONN
    """The system's maximum: an AMPCrowd server may give up if its connection is refused."""

    def __init__(self, host: str, port: int) -> None:
        self.address_family = AF_INET6 if ":" in host else AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind the port without the DNS query for this host's name that the base class makes."""
        TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), int(port)
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a broken connection: the server posts the callback again."""


@contextmanager
def serve_inbox(
    host: str,
    port: int,
    make: Callable[[str], Inbox],
    *,
    address: str | None = None,
) -> Iterator[Inbox]:
    """Serve an inbox until the block ends.

    :param make: Creates the inbox for a URL; its path is random, so that it cannot be guessed.
    :param address: Scheme, host and port by which servers reach this machine; by default ``host``
        and the port.
    :raises InvalidInput: The address cannot be reached from outside, or the port is invalid.
    :raises OSError: The port is in use, or the host is not an address of this machine.

    >>> with serve_inbox("127.0.0.1", 0, Inbox) as inbox:
    ...     inbox.url
    'http://127.0.0.1:.../...'
    """
    path = f"/{secrets.token_urlsafe(16)}"
    if address is None and host in WILDCARDS:
        raise InvalidInput(
            f"{host!r} is not an address by which an AMPCrowd server can reach this machine; pass"
            ' one, such as address="http://me.example.com:9000"'
        )
    if address is not None and not address.startswith(("http://", "https://")):
        raise InvalidInput(f"address must begin with http:// or https://, not {address!r:.80}")
    if port not in range(1 << 16):
        raise InvalidInput(f"port must be an integer from 0 (any free one) to 65535: {port!r:.80}")
    with _Server(host, port) as server:
        name = f"[{host}]" if ":" in host else host
        base = address or f"http://{name}:{server.server_port}"
        inbox = make(base.rstrip("/") + path)
        server.set_app(_mount(path, inbox))
        thread = Thread(
            target=server.serve_forever, args=(_POLL_INTERVAL,), name="ampcrowd-inbox", daemon=True
        )
        thread.start()
        try:
            yield inbox
        finally:
            server.shutdown()
            thread.join()
            inbox.close()


def _mount(path: str, app: WSGIApplication) -> WSGIApplication:
    """Return an application that serves another one at this path and 404 elsewhere."""

    def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if secrets.compare_digest(environ.get("PATH_INFO", "").encode(), path.encode()):
            return app(environ, start_response)
        start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return [b""]

    return handle
