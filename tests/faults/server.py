"""A server on raw sockets that fails as it is told to, and keeps a ledger of what it did.

A test gives it a plan, one fault a request. What the server was asked stands in its log; what it
did, whether it said so or not, in its ledger. Both are read after the client has made its claim.
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

AT_ONCE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: what is not sent yet is thrown away, and the other side gets a RST."""


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    raw: bytes
    body: bytes = b""

    @property
    def line(self) -> str:
        """Verb and path, without the version of the API and the query."""
        return f"{self.method} {self.target.partition('?')[0].removeprefix('/v1')}"


@dataclass
class Wire:
    """One connection, with every way to end it."""

    sock: socket.socket
    ending: threading.Event
    is_open: bool = True
    _under: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self._under = self.sock.dup()  # what TLS is put around cannot be reached any more

    def secure(self, context: ssl.SSLContext) -> None:
        """Shake hands."""
        self.sock = context.wrap_socket(self.sock, server_side=True)

    def send(self, data: bytes) -> None:
        """Send, within the TLS that there may be."""
        self.sock.sendall(data)

    def send_beneath(self, data: bytes) -> None:
        """Send beneath the TLS, which is then garbage to it."""
        self._under.sendall(data)

    def drip(self, data: bytes, pause: float) -> None:
        """Send byte by byte."""
        for number in range(len(data)):
            if self.ending.wait(pause):
                return
            self.send(data[number : number + 1])

    def stall(self) -> None:
        """Keep the connection open and say nothing, until the other side is gone."""
        self._under.settimeout(0.02)
        while not self.ending.is_set():
            try:
                if not self._under.recv(1 << 16):
                    break
            except TimeoutError:
                continue
        self.close()

    def wait(self) -> None:
        """Keep the connection open, and read nothing either."""
        self.ending.wait(30)
        self.close()

    def reset(self) -> None:
        """End with a RST."""
        for each in (self.sock, self._under):
            with suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.close()

    def close(self) -> None:
        """End with a FIN; without the farewell of TLS, as a process that dies would."""
        self.is_open = False
        with suppress(OSError):
            self.sock.close()
        with suppress(OSError):
            self._under.close()

    def interrupt(self) -> None:
        """Wake whoever waits for this connection, from another thread."""
        with suppress(OSError):
            self._under.shutdown(socket.SHUT_RDWR)

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

        :raises ConnectionError: It ends before its end: that is no request, and nothing is done.
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
"""What a server does with a request that it was sent."""


@dataclass(frozen=True)
class Fault:
    """One way to treat a request.

    :param applies: The change is made, whatever is said about it.
    :param before: When it strikes: after the whole ``request``, after its ``head``, or as soon as
        the ``connection`` is taken, before a handshake.
    """

    act: Act
    applies: bool = False
    before: str = "nothing"


class Server:
    """Takes connections on loopback until it is closed.

    :param tls: Shake hands with these certificates.
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
        """Treat each request by the next fault, and all that follow by the last."""
        with self._lock:
            self._plan = chain(faults, repeat(faults[-1]))
            self._upcoming = None
            self._by_request = None

    def answer(self, choose: Callable[[Request], Fault]) -> None:
        """Treat each request as a function of it says."""
        self._by_request = choose

    def settle(self) -> None:
        """Wait until all that arrived has been dealt with, of clients that are gone too."""
        with socket.create_connection(("127.0.0.1", self.port)) as last:  # taken after all others
            last.sendall(b"GET /settled HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert last.recv(1)
        for thread in [*self._threads]:
            if thread is not self._acceptor:
                thread.join(60)

    def taken(self, count: int) -> int:
        """Count the connections, once there are so many or no more come."""
        for _ in range(500):
            if self.connections >= count:
                break
            time.sleep(0.01)  # the kernel takes them, and tells us in its own time
        return self.connections

    def made(self, line: str) -> int:
        """Count the changes of a kind that were made."""
        return sum(each.line == line for each in [*self.ledger])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every connection, and wait until all is quiet."""
        self._ending.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(60)  # or it would let in somebody whom nobody sends away
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
        with suppress(OSError, ValueError):  # the other side has gone: that is what tests are for
            fault = self._peek()
            if fault is not None and fault.before == "connection":
                self._next()
                fault.act(wire, Request("", "", {}, b""))
            elif self._tls is not None:
                wire.secure(self._tls)
            while wire.is_open and (request := wire.head()) is not None:
                self._treat(wire, request)
                if request.headers.get("connection") == "close":
                    break
        wire.close()

    def _treat(self, wire: Wire, request: Request) -> None:
        if request.target == "/settled":
            said()(wire, request)
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
            wire.reset()  # it is up already: all that it can do is break
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


# What is said


def said(
    body: bytes = b"",
    *,
    status: str = "200 OK",
    headers: tuple[str, ...] = (),
    kind: str = "application/json",
    length: int | None = None,
) -> Act:
    """Answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
    if kind:
        lines.append(f"Content-Type: {kind}")
    whole = "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body

    def act(wire: Wire, _: Request) -> None:
        wire.send(whole)
        if length is not None:
            wire.close()

    return act


def raw(data: bytes) -> Act:
    """Send bytes, whatever they are, and hang up."""

    def act(wire: Wire, _: Request) -> None:
        wire.send(data)
        wire.close()

    return act


def elsewhere(location: str | None, status: str = "302 Found") -> Act:
    """Redirect."""
    return said(status=status, headers=() if location is None else (f"Location: {location}",))


def hang_up(wire: Wire, _: Request) -> None:
    """Say nothing, and close."""
    wire.close()


def reset(wire: Wire, _: Request) -> None:
    """Say nothing, and throw the connection away."""
    wire.reset()


def stall(wire: Wire, _: Request) -> None:
    """Say nothing, for ever."""
    wire.stall()


@contextmanager
def closed_port() -> Iterator[int]:
    """Yield a port where nobody listens, and nobody else will."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
