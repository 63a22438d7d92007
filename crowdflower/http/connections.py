"""HTTP connections that keep a deadline and record how far a request got.

Whether a request is safe to retry depends on whether any of it left this machine. The exceptions of
the libraries do not show it: a stalled TLS handshake and a missing response are both a
``ReadTimeout``. So each connection records its progress in the :class:`Exchange` of its thread.

It also applies the deadline to every single read. A read timeout alone limits the gap between two
bytes, not the total: a server that sends one byte every half second could stall a call for hours.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NameResolutionError
from urllib3.util.connection import allowed_gai_family

from crowdflower._types import SecretText

if TYPE_CHECKING:
    from requests import PreparedRequest

SEND_CHUNK: Final = 1 << 16
"""Bytes of a body to send at a time."""

MAX_LINE: Final = 1 << 16
"""Bytes of the longest line in a response: in its headers, or between the chunks of its body."""

MIN_TIMEOUT: Final = 0.001
"""Connect timeout in seconds once the deadline has passed: a zero would mean non-blocking."""


class Phase(IntEnum):
    """How far a request got; each phase includes those before it."""

    UNSEEN = 0
    """None of our connections was used: the caller mounted another adapter, or a mock."""

    CONNECTING = 1
    """DNS, TCP, TLS, proxy. No byte of the request has been sent."""

    SENDING = 2
    """Part of the request may have been sent."""

    SENT = 3
    """The whole request was sent; there is no response yet."""

    ANSWERED = 4
    """Status and headers of a response have arrived."""


@dataclass
class Exchange:
    """One request in progress: its time limits, and how far it got.

    :param deadline: Time by which it must be complete, on the monotonic clock; ``None`` for none.
    :param send_timeout: Seconds to send one chunk of the body.
    :param read_timeout: Seconds to wait for the next bytes of the response.
    :param fresh: Use a new connection: a server that closes a kept-alive one for its own reasons
        looks like one that closes it because of this request.
    """

    deadline: float | None = None
    send_timeout: float = 30.0
    read_timeout: float = 30.0
    fresh: bool = False
    clock: Callable[[], float] = time.monotonic
    phase: Phase = Phase.UNSEEN
    status: int | None = None
    """Status of the response."""

    @property
    def is_expired(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and self.clock() >= self.deadline

    def advance(self, phase: Phase) -> None:
        """Record that a phase was reached."""
        self.phase = max(self.phase, phase)

    def limit(self, seconds: float) -> float:
        """Return a timeout, shortened to the time that is left until the deadline."""
        return seconds if self.deadline is None else min(seconds, self.deadline - self.clock())

    def set_timeout(self, sock: socket.socket, seconds: float) -> None:
        """Limit the next operation on a socket by a timeout and by the deadline."""
        seconds = self.limit(seconds)
        if seconds <= 0:
            raise TimeoutError("the deadline has passed")
        sock.settimeout(seconds)


_thread = threading.local()


@contextmanager
def record(exchange: Exchange) -> Iterator[Exchange]:
    """Let the connections that this thread uses report to an exchange."""
    outer = getattr(_thread, "exchange", None)  # the body may come from a generator of requests
    _thread.exchange = exchange
    try:
        yield exchange
    finally:
        _thread.exchange = outer


def start_connecting() -> None:
    """Record that one of our connections is requested: a failure before it means not sent."""
    _current_exchange().advance(Phase.CONNECTING)


def _current_exchange() -> Exchange:
    return getattr(_thread, "exchange", None) or Exchange()


class _Socket:
    """A socket whose every operation is limited by the time limits of its exchange."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self.exchange = exchange

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: Any) -> None:
        with memoryview(data) as view:
            for start in range(0, len(view), SEND_CHUNK):
                self.exchange.set_timeout(self._sock, self.exchange.send_timeout)
                self._sock.sendall(view[start : start + SEND_CHUNK])

    def makefile(self, *_: object) -> io.BufferedReader:
        """Return a binary reader: :mod:`http.client` uses no other mode."""
        return _BoundedLines(_SocketReader(self._sock, self.exchange))


class _BoundedLines(io.BufferedReader):
    """Limits the length of a line; older versions of urllib3 read chunk sizes without a limit."""

    last_line = b""

    def readline(self, size: int | None = -1, /) -> bytes:
        self.last_line = super().readline(MAX_LINE if size is None or size < 0 else size)
        return self.last_line


class _SocketReader(io.RawIOBase):
    """Reads from a socket, with a time limit for each read."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self._exchange = exchange
        self._raw: Any = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._exchange.set_timeout(self._sock, self._exchange.read_timeout)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _numeric_host(host: str | int, _port: Any, _flow: Any = 0, scope: int = 0) -> str:
    """Return an address in numeric form, which needs no second DNS lookup."""
    return f"{host}%{scope}" if scope else str(host)


class _CompleteHead(http.client.HTTPResponse):
    """A response whose headers must be complete; :mod:`http.client` takes half a header for one.

    A redirect that is cut inside its ``Location`` would name another order.
    """

    def begin(self) -> None:
        lines: Any = self.fp
        super().begin()
        if not lines.last_line:  # the connection was closed before the blank line
            self.close()
            raise http.client.RemoteDisconnected("the connection was closed within the headers")


class _Connection(HTTPConnection):
    """A connection that reports to the exchange of the thread that uses it."""

    response_class = _CompleteHead
    _is_connecting = False

    def connect(self) -> None:
        exchange = _current_exchange()
        exchange.advance(Phase.CONNECTING)
        self._is_connecting = True  # a CONNECT to the proxy is not part of the request
        try:
            super().connect()
        finally:
            self._is_connecting = False
        self.sock = _Socket(self.sock, exchange)

    def _new_conn(self) -> socket.socket:
        """Try the addresses of a host in turn, all within one deadline."""
        name, exchange = self._dns_host, _current_exchange()
        timeout: Any = self.timeout  # always a number: the transport sets it
        family = allowed_gai_family()
        try:
            results = socket.getaddrinfo(name.strip("[]"), self.port, family, socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except UnicodeError:
            results = []
        addresses = [_numeric_host(*address) for *_, address in results] or [name]
        try:
            while True:
                self._dns_host = addresses.pop(0)
                self.timeout = max(exchange.limit(timeout), MIN_TIMEOUT)
                try:
                    return super()._new_conn()
                except HTTPError:
                    if not addresses or exchange.is_expired:
                        raise
        finally:
            self._dns_host, self.timeout = name, timeout

    def _tunnel(self) -> None:
        """Open a tunnel through the proxy; the time limits apply to its response too."""
        sock, exchange = self.sock, _current_exchange()
        timeout: Any = self.timeout
        limits = replace(exchange, send_timeout=timeout, read_timeout=timeout)
        self.sock = _Socket(sock, limits)
        super()._tunnel()
        self.sock = sock
        exchange.set_timeout(sock, timeout)  # for the TLS handshake that follows

    def request(self, *args: Any, **kwargs: Any) -> None:
        if isinstance(self.sock, _Socket):
            self.sock.exchange = _current_exchange()
        if self.sock is None:
            self.connect()  # here, where no local variable of a caller holds the key
        super().request(*args, **kwargs)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        if not self._is_connecting:
            _current_exchange().advance(Phase.SENDING)
        super().send(data)

    def getresponse(self) -> Any:
        exchange = _current_exchange()
        exchange.advance(Phase.SENT)
        response = super().getresponse()
        exchange.advance(Phase.ANSWERED)
        exchange.status = response.status
        return response


class _TLSConnection(_Connection, HTTPSConnection):
    """The same, over TLS."""


class _Pool(HTTPConnectionPool):
    """A connection pool that returns a new connection if the exchange requires one."""

    ConnectionCls = _Connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)
        if _current_exchange().fresh:
            connection.close()  # it reconnects when used
        return connection

    def _put_conn(self, connection: Any) -> None:
        sock = getattr(connection, "sock", None)
        if isinstance(sock, _Socket) and sock.exchange.fresh:
            connection.close()  # the request had "Connection: close"
        super()._put_conn(connection)


class _TLSPool(_Pool, HTTPSConnectionPool):
    """The same, over TLS."""

    ConnectionCls = _TLSConnection


POOL_CLASSES = {"http": _Pool, "https": _TLSPool}
"""Connection pools by URL scheme, for urllib3's pool manager."""


class Adapter(HTTPAdapter):
    """Connections that record how far a request got; nothing is retried down here."""

    _last: tuple[Any, Any] = (None, None)
    """A server without proxy, and its pool of connections, which takes long to look up."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use our own kind of connections."""
        super().init_poolmanager(*args, blocksize=SEND_CHUNK, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """Return the connections to a server; those of the last one are not looked up again."""
        start_connecting()
        server = (str(request.url).split("/", 3)[:3], verify, cert)
        last, pool = self._last
        if proxies or last != server:
            pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            self._last = (None if proxies else server, pool)
        return pool

    def close(self) -> None:
        """Close the connections, and forget them."""
        self._last = (None, None)
        super().close()

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Use our own kind of connections behind a proxy too."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = POOL_CLASSES
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """Return the headers for a proxy; the password in them has a masked repr."""
        return {name: SecretText(value) for name, value in super().proxy_headers(proxy).items()}
