"""How far a request got, and how long it may take, as the connection under it sees it.

Whether a request may be sent again depends on whether any of it left this machine. The exceptions
of the libraries do not tell: a handshake that stalls and an answer that never comes are both a
``ReadTimeout``. The connection knows, so it keeps a record: the :class:`Exchange` of its thread.

It also holds the clock to every single read. A timeout alone bounds the silence between two bytes,
not their sum: a server that drips one byte every half second keeps a call going for hours.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NameResolutionError
from urllib3.util.connection import allowed_gai_family

PIECE: Final = 1 << 16
"""Bytes of a body that are sent at a time."""

LONGEST_LINE: Final = 1 << 16
"""Bytes of the longest line of an answer's head, or between the pieces of its body."""

MIN_TIMEOUT: Final = 0.001
"""Seconds for a connection, where the deadline leaves none: zero would mean not to wait at all."""


class Phase(IntEnum):
    """How far a request got; each includes those before it."""

    UNSEEN = 0
    """No connection of ours was asked: an adapter of somebody else's, or a mock."""

    CONNECTING = 1
    """Name look-up, TCP, TLS, the way through a proxy. Nothing of the request has left."""

    SENDING = 2
    """Some of it may have left."""

    SENT = 3
    """All of it has; no answer yet."""

    ANSWERED = 4
    """The head of an answer has arrived."""


@dataclass
class Exchange:
    """One request on its way.

    :param deadline: When all of it must be over, on the monotonic clock; ``None`` for no such end.
    :param send: Seconds that one piece of the body may take to leave.
    :param read: Seconds of silence that are put up with.
    :param fresh: Use a connection that nothing was sent on before: on one that was kept alive, a
        server that hangs up for its own reasons looks like one that hangs up on this request.
    """

    deadline: float | None = None
    send: float = 30.0
    read: float = 30.0
    fresh: bool = False
    clock: Callable[[], float] = time.monotonic
    phase: Phase = Phase.UNSEEN
    status: int | None = None
    """The status that the head of the answer named."""

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and self.clock() >= self.deadline

    def reached(self, phase: Phase) -> None:
        """Note how far it got."""
        self.phase = max(self.phase, phase)

    def within(self, seconds: float) -> float:
        """Return so many seconds, or what is left of them until the deadline."""
        return seconds if self.deadline is None else min(seconds, self.deadline - self.clock())

    def allow(self, sock: socket.socket, seconds: float) -> None:
        """Let the next operation on a socket take so long, or until the deadline."""
        seconds = self.within(seconds)
        if seconds <= 0:
            raise TimeoutError("the deadline has passed")
        sock.settimeout(seconds)


_of_this_thread = threading.local()


@contextmanager
def observe(exchange: Exchange) -> Iterator[Exchange]:
    """Make an exchange the one that connections used by this thread report to."""
    before = getattr(_of_this_thread, "exchange", None)  # a body may be made by other requests
    _of_this_thread.exchange = exchange
    try:
        yield exchange
    finally:
        _of_this_thread.exchange = before


def begin() -> None:
    """Record that one of our connections was asked for: what fails before that was never sent."""
    _current().reached(Phase.CONNECTING)


def _current() -> Exchange:
    return getattr(_of_this_thread, "exchange", None) or Exchange()


class _Socket:
    """A socket that asks its exchange how long each operation may take."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self.exchange = exchange

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: Any) -> None:
        with memoryview(data) as whole:
            for start in range(0, len(whole), PIECE):
                self.exchange.allow(self._sock, self.exchange.send)
                self._sock.sendall(whole[start : start + PIECE])

    def makefile(self, *_: object) -> io.BufferedReader:
        """Return a reader; ``rb`` is all that :mod:`http.client` asks for."""
        return _Lines(_Reader(self._sock, self.exchange))


class _Lines(io.BufferedReader):
    """Reads no line without end into memory: of old, urllib3 asked for a chunk so."""

    def readline(self, size: int | None = -1, /) -> bytes:
        return super().readline(LONGEST_LINE if size is None or size < 0 else size)


class _Reader(io.RawIOBase):
    """What comes from a socket, each piece in its time."""

    def __init__(self, sock: socket.socket, exchange: Exchange) -> None:
        self._sock = sock
        self._exchange = exchange
        self._raw: Any = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._exchange.allow(self._sock, self._exchange.read)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _numbers(host: str | int, _port: Any, _flow: Any = 0, scope: int = 0) -> str:
    """Write an address so that it need not be looked up again."""
    return f"{host}%{scope}" if scope else str(host)


class _Observed(HTTPConnection):
    """Reports to the exchange of the thread that uses it."""

    _exchange: Exchange | None = None
    _is_connecting = False

    def connect(self) -> None:
        exchange = _current()
        exchange.reached(Phase.CONNECTING)
        self._is_connecting = True  # what a proxy is told on the way is none of the request
        try:
            super().connect()
        finally:
            self._is_connecting = False
        self.sock = _Socket(self.sock, exchange)

    def _new_conn(self) -> socket.socket:
        """Try the addresses of a name one after the other; the deadline is for all of them."""
        name, exchange = self._dns_host, _current()
        patience: Any = self.timeout  # a number: the transport never asks without one
        family = allowed_gai_family()
        try:
            found = socket.getaddrinfo(name.strip("[]"), self.port, family, socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except UnicodeError:
            found = []
        addresses = [_numbers(*address) for *_, address in found] or [name]  # if it is none
        try:
            while True:
                self._dns_host = addresses.pop(0)
                self.timeout = max(exchange.within(patience), MIN_TIMEOUT)
                try:
                    return super()._new_conn()
                except HTTPError:
                    if not addresses or exchange.is_over:
                        raise
        finally:
            self._dns_host, self.timeout = name, patience

    def _tunnel(self) -> None:
        """Ask a proxy to let us through; its answer, too, may come in drops."""
        sock, exchange = self.sock, _current()
        patience: Any = self.timeout
        self.sock = _Socket(sock, replace(exchange, send=patience, read=patience))
        super()._tunnel()
        self.sock = sock
        exchange.allow(sock, patience)  # for the handshake that follows

    def request(self, *args: Any, **kwargs: Any) -> None:
        if isinstance(self.sock, _Socket):
            self.sock.exchange = _current()
        if self.sock is None:
            self.connect()  # not with the head of the request, and the key, in a variable above it
        super().request(*args, **kwargs)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        if not self._is_connecting:
            _current().reached(Phase.SENDING)
        super().send(data)

    def getresponse(self) -> Any:
        exchange = _current()
        exchange.reached(Phase.SENT)
        response = super().getresponse()
        exchange.reached(Phase.ANSWERED)
        exchange.status = response.status
        return response


class _ObservedTLS(_Observed, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    """Connections of which a fresh one can be demanded."""

    ConnectionCls = _Observed

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)
        if _current().fresh:
            connection.close()  # it connects anew
        return connection

    def _put_conn(self, connection: Any) -> None:
        sock = getattr(connection, "sock", None)
        if isinstance(sock, _Socket) and sock.exchange.fresh:
            connection.close()  # the server was told so, and closes its side in its own time
        super()._put_conn(connection)


class _PoolTLS(_Pool, HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls = _ObservedTLS


POOLS = {"http": _Pool, "https": _PoolTLS}
"""Pools of observed connections, by scheme, for a pool manager to use."""
