"""An inbox on a port of this machine, served by the standard library."""

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

PATIENCE: Final = 10
"""Seconds of silence after which a connection is given up."""

EVERYWHERE: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - to know them when we see them
"""Hosts that stand for all addresses of this machine."""

_A_MOMENT: Final = 0.05


class _Handler(WSGIRequestHandler):
    """One connection, without a word on the terminal."""

    timeout = PATIENCE

    def log_message(self, *_: Any) -> None:
        """Say nothing: the inbox has a log of its own."""


class _Server(ThreadingMixIn, WSGIServer):
    """Every connection in a thread of its own: one that stalls keeps nobody waiting."""

    daemon_threads = True
    request_queue_size = SOMAXCONN
    """As many as the system lets wait: a server whose connection is refused may give up soon."""

    def __init__(self, host: str, port: int) -> None:
        self.address_family = AF_INET6 if ":" in host else AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Take the port; the server next door would first ask a name server for our name."""
        TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), int(port)
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a connection that broke: whoever posts will try again."""


@contextmanager
def served(
    host: str,
    port: int,
    make: Callable[[str], Inbox],
    *,
    address: str | None = None,
) -> Iterator[Inbox]:
    """Serve an inbox until the block ends.

    :param make: Gets the address, which nobody can guess, and makes the inbox for it.
    :param address: Scheme, host and port by which others reach it; by default ``host`` and
        the port.
    :raises InvalidInput: Nobody could come by that address, or it is no port.
    :raises OSError: The port is taken, or the host is not this machine's.

    >>> with served("127.0.0.1", 0, Inbox) as inbox:
    ...     inbox.url
    'http://127.0.0.1:.../...'
    """
    path = f"/{secrets.token_urlsafe(16)}"
    if address is None and host in EVERYWHERE:
        raise InvalidInput(
            f"{host!r} is no address by which the AMPCrowd server reaches this machine; say which"
            ' one is, as address="http://me.example.com:9000"'
        )
    if address is not None and not address.startswith(("http://", "https://")):
        raise InvalidInput(f"address begins with http:// or https://, unlike {address!r:.80}")
    if port not in range(1 << 16):
        raise InvalidInput(f"a port is a number from 0, for any that is free, to 65535, not {port}")
    with _Server(host, port) as server:
        name = f"[{host}]" if ":" in host else host
        base = address or f"http://{name}:{server.server_port}"
        inbox = make(base.rstrip("/") + path)
        server.set_app(_only_at(path, inbox))
        thread = Thread(
            target=server.serve_forever, args=(_A_MOMENT,), name="ampcrowd-inbox", daemon=True
        )
        thread.start()
        try:
            yield inbox
        finally:
            server.shutdown()
            thread.join()
            inbox.close()


def _only_at(path: str, app: WSGIApplication) -> WSGIApplication:
    """Let an application be found at one path and nowhere else."""

    def found(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if secrets.compare_digest(environ.get("PATH_INFO", "").encode(), path.encode()):
            return app(environ, start_response)
        start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return [b""]

    return found
