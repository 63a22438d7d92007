"""The same application over a socket, for programs in other processes and for browsers."""

from __future__ import annotations

import logging
import socket
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from waitress import wasyncore  # type: ignore[import-untyped]
from waitress.channel import ClientDisconnected  # type: ignore[import-untyped]
from waitress.server import create_server  # type: ignore[import-untyped]

from crowdflower.sandbox.control.faults import Dropped
from crowdflower.sandbox.server.connections import Connection, Manners

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from types import TracebackType

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from typing_extensions import Self

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of this machine that no name server is asked for."""

MAX_BODY: Final = 256 * 1024 * 1024
"""Bytes of one request's body; uploads of half a million rows pass."""

MAX_HEADERS: Final = 1024 * 1024
"""Bytes of one request's first line and headers; some clients send a whole form in the query."""

_THREADS: Final = 4
_AT_ONCE: Final = 256 * 1024
"""Bytes taken from a socket; for each time, the server waits, looks and copies once."""
_OTHER_SOCKETS: Final = 100
_PATIENCE: Final = 10.0
_A_MOMENT: Final = 0.005

_WAITING: Final = logging.getLogger(f"{__name__}.waiting")
"""Told of every request that has to wait for a thread, as a warning, which it is none."""
_WAITING.setLevel(logging.ERROR)


class KnownHosts:
    """Lets only those requests through that call the server by a name of its own.

    A web page from elsewhere can make a browser send requests to this machine under a name of the
    page's, and would read the answers (DNS rebinding). To any unknown name the answer is 421.

    :param app: Gets the requests that are let through.
    :param names: Names and addresses of hosts, without port.
    """

    def __init__(self, app: WSGIApplication, names: Collection[str]) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on, or refuse it."""
        if self._knows(environ.get("HTTP_HOST", "localhost")):
            try:
                return self._app(environ, start_response)
            except Dropped as dropped:
                # As if the caller had gone: the connection is closed, and nothing is said.
                raise ClientDisconnected from dropped
        start_response("421 Misdirected Request", [("Content-Type", "application/json")])
        return [b'{"error":{"message":"This server does not go by that name."}}']

    def _knows(self, host: str) -> bool:
        try:
            return (urlsplit(f"//{host}").hostname or "") in self._names
        except ValueError:
            return False


class Server:
    """Serves an application in a thread of its own until it is closed.

    :param app: Any WSGI application.
    :param host: The address to listen at; by default only this machine can connect.
    :param port: 0 for any that is free.
    :param names: Names that requests may use for this server, beside the loopback's and ``host``;
        see :class:`KnownHosts`.
    :param manners: How many may connect, and how long they may take.
    :raises OSError: The port is taken, or the address is not this machine's.

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
        names: Collection[str] = (),
        manners: Manners | None = None,
    ) -> None:
        manners = manners or Manners()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
        self.host = host
        self.port: int = listener.getsockname()[1]
        self._sockets: dict[int, object] = {}
        self._server = create_server(
            KnownHosts(app, {*LOOPBACK, host, *names}),
            map=self._sockets,
            sockets=[listener],
            threads=_THREADS,
            ident="crowdflower-sandbox",
            max_request_body_size=MAX_BODY,
            max_request_header_size=MAX_HEADERS,
            recv_bytes=_AT_ONCE,
            clear_untrusted_proxy_headers=True,
            connection_limit=manners.most + _OTHER_SOCKETS,
            asyncore_use_poll=True,  # select ends at 1024
        )
        self._server.channel_class = partial(Connection, manners)
        self._server.task_dispatcher.queue_logger = _WAITING
        self._thread = threading.Thread(
            target=self._server.run, name=f"crowdflower-sandbox-{self.port}", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def close(self) -> None:
        """Finish what is being answered, then close every connection; the second time, nothing.

        Whoever takes longer than ten seconds to read an answer does not get the rest of it.
        """
        if not self._thread.is_alive():
            return
        self._server.task_dispatcher.shutdown(timeout=_PATIENCE)
        patience_ends = time.monotonic() + _PATIENCE
        while self._unsent() and time.monotonic() < patience_ends:
            time.sleep(_A_MOMENT)
        # Sockets belong to the thread that waits for them. Once none is left, it ends. The trigger
        # is one of them: were it closed before it is pulled, whatever had its number would be
        # written to.
        pulled = threading.Event()
        self._server.trigger.pull_trigger(partial(self._close_all, pulled))
        pulled.set()
        self._thread.join(_PATIENCE)

    def _unsent(self) -> int:
        """Count the bytes of answers that are still on their way out."""
        channels = list(self._server.active_channels.values())
        return sum(channel.total_outbufs_len for channel in channels)

    def _close_all(self, pulled: threading.Event) -> None:
        pulled.wait(_PATIENCE)
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()  # closes what it kept in temporary files, too
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
