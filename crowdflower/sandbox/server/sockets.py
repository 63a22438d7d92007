"""Serves the application over a socket, to other processes and to browsers."""

from __future__ import annotations

import logging
import socket
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from waitress import wasyncore  # type: ignore[import-untyped]
from waitress.channel import ClientDisconnected  # type: ignore[import-untyped]
from waitress.server import create_server  # type: ignore[import-untyped]

from crowdflower.sandbox.control.faults import ConnectionDropped
from crowdflower.sandbox.server.connections import Connection, ConnectionLimits
from crowdflower.sandbox.server.dispatcher import Dispatcher, kind_by_verb

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from types import TracebackType

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from crowdflower.sandbox.server.app import Application
    from crowdflower.sandbox.server.dispatcher import Kind

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of this machine that are resolved without DNS."""

MAX_BODY: Final = 256 * 1024 * 1024
"""Bytes of a request body; enough for an upload of half a million rows."""

MAX_HEADERS: Final = 1024 * 1024
"""Bytes of the request line and headers; some clients send a whole form in the query."""

_RECEIVE_SIZE: Final = 256 * 1024
"""Bytes per read from a socket; each read costs a system call and a copy."""
_OTHER_SOCKETS: Final = 100
_CLOSE_TIMEOUT: Final = 10.0
_POLL_INTERVAL: Final = 0.005

_QUEUE_LOG: Final = logging.getLogger(f"{__name__}.queue")
"""Waitress warns of every request that waits for a thread; that is normal here."""
_QUEUE_LOG.setLevel(logging.ERROR)


class TrustedHosts:
    """WSGI middleware: refuses requests whose ``Host`` header is not a name of this server.

    It prevents DNS rebinding: a web page on another site resolves its own name to this machine, and
    reads what the server responds. A request with an unknown host gets status 421.

    :param app: The application for all other requests.
    :param hosts: Names and addresses of this server, without port.
    """

    def __init__(self, app: WSGIApplication, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Call the application, or refuse the request."""
        if self._is_trusted(environ.get("HTTP_HOST", "localhost")):
            try:
                return self._app(environ, start_response)
            except ConnectionDropped as dropped:
                # Waitress then closes the connection without a response.
                raise ClientDisconnected from dropped
        start_response("421 Misdirected Request", [("Content-Type", "application/json")])
        return [b'{"error":{"message":"The Host header is not a name of this server."}}']

    def _is_trusted(self, host: str) -> bool:
        try:
            return (urlsplit(f"//{host}").hostname or "") in self._hosts
        except ValueError:
            return False


class Server:
    """Serves an application from a background thread until it is closed.

    :param app: Any WSGI application.
    :param host: The address to listen on; by default only this machine can connect.
    :param port: The port; 0 for any free one.
    :param hosts: Further values of the ``Host`` header to accept, beside the loopback names and
        ``host``; see :class:`TrustedHosts`.
    :param limits: How many clients may connect, and how slow they may be.
    :param kind_of: Returns whether a request may write, by its verb and path.
    :param has_proxy: A reverse proxy on this machine passes on the requests of others, with the
        headers ``X-Forwarded-For`` and ``X-Forwarded-Proto``; from anywhere else these are ignored.
    :raises OSError: The port is in use, or the address does not belong to this machine.

    >>> import requests
    >>> def app(environ, start_response):
    ...     start_response("200 OK", [("Content-Type", "text/plain")])
    ...     return [b"Hello"]
    >>> with Server(app) as server:
    ...     requests.get(server.url, timeout=5).text
    'Hello'
    """

    def __init__(
        self,
        app: WSGIApplication,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        hosts: Collection[str] = (),
        limits: ConnectionLimits | None = None,
        kind_of: Callable[[str, str], Kind] = kind_by_verb,
        has_proxy: bool = False,
    ) -> None:
        limits = limits or ConnectionLimits()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
        self.host = host
        self.address, self.port = listener.getsockname()[:2]
        self._sockets: dict[int, object] = {}
        self._server = create_server(
            TrustedHosts(app, {*LOOPBACK, host, self.address, *hosts}),
            map=self._sockets,
            sockets=[listener],
            _dispatcher=Dispatcher(kind_of),
            ident="crowdflower-sandbox",
            max_request_body_size=MAX_BODY,
            max_request_header_size=MAX_HEADERS,
            recv_bytes=_RECEIVE_SIZE,
            clear_untrusted_proxy_headers=True,
            **(_proxy_settings(self.address) if has_proxy else {}),
            connection_limit=limits.max_connections + _OTHER_SOCKETS,
            asyncore_use_poll=True,  # select() handles only 1024 sockets
        )
        self._server.channel_class = partial(Connection, limits)
        self._server.task_dispatcher.queue_logger = _QUEUE_LOG
        self._thread = threading.Thread(
            target=self._server.run, name=f"crowdflower-sandbox-{self.port}", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """URL of the server: scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def close(self) -> None:
        """Finish the running requests, then close all connections. May be called again.

        A client that takes longer than ten seconds to read its response does not get the rest.
        """
        if not self._thread.is_alive():
            return
        self._server.task_dispatcher.shutdown(timeout=_CLOSE_TIMEOUT)
        deadline = time.monotonic() + _CLOSE_TIMEOUT
        while self._unsent_bytes() and time.monotonic() < deadline:
            time.sleep(_POLL_INTERVAL)
        # The server thread must close its sockets itself; it ends when none is left. The trigger is
        # one of them and must not be closed before it is pulled: another file could have got its
        # descriptor by then, and would be written to.
        pulled = threading.Event()
        self._server.trigger.pull_trigger(partial(self._close_all, pulled))
        pulled.set()
        self._thread.join(_CLOSE_TIMEOUT)

    def _unsent_bytes(self) -> int:
        """Return how many bytes of responses are buffered."""
        channels = list(self._server.active_channels.values())
        return sum(channel.total_outbufs_len for channel in channels)

    def _close_all(self, pulled: threading.Event) -> None:
        pulled.wait(_CLOSE_TIMEOUT)
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()  # closes its temporary files, too
        wasyncore.close_all(self._sockets, ignore_all=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _proxy_settings(address: str) -> dict[str, object]:
    """Return whose headers about the original request are believed: a proxy on this machine."""
    return {
        "trusted_proxy": "::1" if address == "::1" else "127.0.0.1",
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
    }


class LazyServer:
    """Starts a :class:`Server` when its URL is first read."""

    def __init__(self, app: Application, before_start: Callable[[], None]) -> None:
        """Prepare a server for the application of a sandbox.

        :param before_start: Called before the server starts; may raise to prevent it.
        """
        self._app = app
        self._before_start = before_start
        self._lock = threading.Lock()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """URL of the server: scheme, host and port."""
        with self._lock:
            if self._server is None:
                self._before_start()
                self._server = Server(self._app, kind_of=self._app.kind_of)
            return self._server.url

    def close(self) -> None:
        """Close the server if it was started."""
        with self._lock:
            if self._server is not None:
                self._server.close()
