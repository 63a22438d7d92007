"""A server on raw sockets that fails as planned, and keeps a ledger of the changes it made.

A test gives it a plan, one fault per request. Its log has the requests; its ledger has the changes,
whether they were acknowledged or not. Both are compared with what the client claims.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import Self

LINGER_RST: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: unsent data is discarded, and the other side gets a RST."""


@dataclass(frozen=True)
class Request:
    """One received request."""

    method: str
    target: str
    headers: dict[str, str]
    raw: bytes
    body: bytes = b""

    @property
    def line(self) -> str:
        """Verb and path, without API version and query."""
        return f"{self.method} {self.target.partition('?')[0].removeprefix('/v1')}"


@dataclass
class Wire:
    """One connection, with every way to break it."""

    sock: socket.socket
    ending: threading.Event
    is_open: bool = True
    _tcp: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self._tcp = self.sock.dup()  # the plain socket is not accessible after wrapping

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the TLS handshake."""
        self.sock = context.wrap_socket(self.sock, server_side=True)

    def send(self, data: bytes) -> None:
        """Send, encrypted if the connection uses TLS."""
        self.sock.sendall(data)

    def send_beneath(self, data: bytes) -> None:
        """Send unencrypted bytes below TLS, which are garbage to the other side."""
        self._tcp.sendall(data)

    def drip(self, data: bytes, pause: float) -> None:
        """Send byte by byte."""
        for number in range(len(data)):
            if self.ending.wait(pause):
                return
            self.send(data[number : number + 1])

    def stall(self) -> None:
        """Keep the connection open and send nothing until the other side closes it."""
        self._tcp.settimeout(0.02)
        while not self.ending.is_set():
            try:
                if not self._tcp.recv(1 << 16):
                    break
            except TimeoutError:
                continue
        self.close()

    def wait(self) -> None:
        """Keep the connection open without reading or sending."""
        self.ending.wait(30)
        self.close()

    def reset(self) -> None:
        """End with a RST."""
        for each in (self.sock, self._tcp):
            with suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)
        self.close()

    def close(self) -> None:
        """Close with a FIN, without a TLS close_notify, like a killed process."""
        self.is_open = False
        with suppress(OSError):
            self.sock.close()
        with suppress(OSError):
            self._tcp.close()

    def interrupt(self) -> None:
        """Wake the thread that waits for this connection."""
        with suppress(OSError):
            self._tcp.shutdown(socket.SHUT_RDWR)

    def head(self) -> Request | None:
        """Read a request up to its body; ``None`` at the end of the connection."""
        raw = b""
        while not raw.endswith(b"\r\n\r\n"):
            piece = self.sock.recv(1)
            if not piece:
                return None
            raw += piece
        first, *lines = raw.decode("latin-1").rstrip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        return Request(method, target, headers, raw)

    def body(self, headers: dict[str, str]) -> bytes:
        """Read a body, with its length or in chunks.

        :raises ConnectionError: The body is incomplete, so the request is not executed.
        """
        with self.sock.makefile("rb") as stream:
            if "content-length" in headers:
                length = int(headers["content-length"])
                whole = stream.read(length)
                if len(whole) < length:
                    raise ConnectionError(f"a body of {length} bytes ended after {len(whole)}")
                return whole
            if headers.get("transfer-encoding") != "chunked":
                return b""
            whole = b""
            while size := int(stream.readline(), 16):
                whole += stream.read(size)
                stream.readline()
            stream.readline()
            return whole


Act = Callable[[Wire, Request], None]
"""What a server does with a request."""


@dataclass(frozen=True)
class Fault:
    """One way to treat a request.

    :param applies: Whether the change is made, independently of the response.
    :param before: When it happens: after the whole ``request``, after its ``head``, or as soon as
        the ``connection`` is accepted, before a handshake.
    """

    act: Act
    applies: bool = False
    before: str = "nothing"


class Server:
    """Accepts connections on loopback until it is closed.

    :param tls: The certificates for TLS.
    :param host: The name in its address.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.log: list[Request] = []
        self.ledger: list[Request] = []
        self.connections = 0
        self._plan: Iterator[Fault] = iter(())
        self._upcoming: Fault | None = None
        self._by_request: Callable[[Request], Fault] | None = None
        self._lock = threading.Lock()
        self._tls = tls
        self._ending = threading.Event()
        self._wires: list[Wire] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}/v1"
        self._acceptor = self._start(self._accept)

    def plan(self, *faults: Fault) -> None:
        """Use the next fault for each request, and the last one for all further requests."""
        with self._lock:
            self._plan = chain(faults, repeat(faults[-1]))
            self._upcoming = None
            self._by_request = None

    def answer(self, choose: Callable[[Request], Fault]) -> None:
        """Use the fault that a function returns for a request."""
        self._by_request = choose

    def settle(self) -> None:
        """Wait until all received requests are handled, including those of closed clients."""
        with socket.create_connection(
            ("127.0.0.1", self.port)
        ) as last:  # accepted after all others
            last.sendall(b"GET /settled HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert last.recv(1)
        for thread in [*self._threads]:
            if thread is not self._acceptor:
                thread.join(60)

    def wait_for_connections(self, count: int) -> int:
        """Return the number of connections, after waiting for this many."""
        for _ in range(500):
            if self.connections >= count:
                break
            time.sleep(0.01)  # the kernel accepts them before the server does
        return self.connections

    def count_changes(self, line: str) -> int:
        """Count the changes of a kind in the ledger."""
        return sum(each.line == line for each in [*self.ledger])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection, and wait for the threads."""
        self._ending.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(60)  # or it would accept a connection that is never closed
        for wire in [*self._wires]:
            wire.interrupt()
        for thread in [*self._threads]:
            thread.join(60)
            assert not thread.is_alive(), f"{thread.name} does not end"

    def _start(self, target: Callable[..., None], *args: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            wire = Wire(sock, self._ending)
            self._wires = [each for each in self._wires if each.is_open]
            self._threads = [each for each in self._threads if each.is_alive()]
            self._wires.append(wire)
            self._start(self._serve, wire)

    def _serve(self, wire: Wire) -> None:
        with suppress(OSError, ValueError):  # the other side closed the connection, as tests do
            fault = self._peek()
            if fault is not None and fault.before == "connection":
                self._next()
                fault.act(wire, Request("", "", {}, b""))
            elif self._tls is not None:
                wire.start_tls(self._tls)
            while wire.is_open and (request := wire.head()) is not None:
                self._handle(wire, request)
                if request.headers.get("connection") == "close":
                    break
        wire.close()

    def _handle(self, wire: Wire, request: Request) -> None:
        if request.target == "/settled":
            respond()(wire, request)
            return
        choose = self._by_request
        fault = None if choose else self._next()
        if fault is None or fault.before != "head":
            request = replace(request, body=wire.body(request.headers))
        if choose:
            fault = choose(request)
        with self._lock:
            self.log.append(request)
            if fault.applies:
                self.ledger.append(request)
        if fault.before == "connection":
            wire.reset()  # the handshake is done: it can only fail
        else:
            fault.act(wire, request)

    def _peek(self) -> Fault | None:
        with self._lock:
            if self._upcoming is None:
                self._upcoming = next(self._plan, None)
            return self._upcoming

    def _next(self) -> Fault:
        fault = self._peek()
        assert fault is not None, "a request came before there was a plan"
        with self._lock:
            self._upcoming = None
        return fault


# Responses


def respond(
    body: bytes = b"",
    *,
    status: str = "200 OK",
    headers: tuple[str, ...] = (),
    kind: str = "application/json",
    length: int | None = None,
) -> Act:
    """Respond; with ``length``, announce a wrong Content-Length and close."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
    if kind:
        lines.append(f"Content-Type: {kind}")
    whole = "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body

    def act(wire: Wire, _: Request) -> None:
        wire.send(whole)
        if length is not None:
            wire.close()

    return act


def send_raw(data: bytes) -> Act:
    """Send raw bytes, and close."""

    def act(wire: Wire, _: Request) -> None:
        wire.send(data)
        wire.close()

    return act


def redirect(location: str | None, status: str = "302 Found") -> Act:
    """Respond with a redirect."""
    return respond(status=status, headers=() if location is None else (f"Location: {location}",))


def hang_up(wire: Wire, _: Request) -> None:
    """Close without a response."""
    wire.close()


def reset(wire: Wire, _: Request) -> None:
    """Reset the connection without a response."""
    wire.reset()


def stall(wire: Wire, _: Request) -> None:
    """Never respond."""
    wire.stall()


@contextmanager
def closed_port() -> Iterator[int]:
    """Yield a reserved port without a listener."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
