"""Slow, idle and endless connections: they time out and do not block other clients."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
import requests

from crowdflower.sandbox.server import sockets as serving
from crowdflower.sandbox.server.connections import Connection, ConnectionLimits
from crowdflower.sandbox.server.sockets import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
TIMEOUT = 60


def echo(environ: dict[str, Any], start: Any) -> list[bytes]:
    """Respond with the length of the body."""
    size = len(environ["wsgi.input"].read())
    start("200 OK", [("Content-Type", "text/plain")])
    return [str(size).encode()]


@contextmanager
def connect(server: Server) -> Iterator[socket.socket]:
    """Yield an open connection to the server."""
    with socket.create_connection((server.host, server.port), timeout=TIMEOUT) as connection:
        yield connection


def read(connection: socket.socket) -> bytes:
    """Read until the connection is closed."""
    data = b""
    with suppress(ConnectionError):
        while block := connection.recv(65536):
            data += block
    return data


def is_responsive(server: Server) -> bool:
    """Return whether the server responds to a new connection."""
    with requests.Session() as session:
        session.trust_env = False
        return session.post(server.url, data=b"abc", timeout=TIMEOUT).text == "3"


@pytest.mark.parametrize("space", [b" ", b"\t", b"\r\n ", b" \r\n\t\t"])
def test_white_space_before_a_value_blocks_nobody(space: bytes) -> None:
    spaces = space * (200_000 // len(space))
    with Server(echo) as server, connect(server) as connection:
        connection.sendall(HEAD + b"Connection: close\r\nAny:" + spaces + b"x\r\n\r\n")

        assert is_responsive(server)
        assert read(connection).split(b" ")[1] == b"200"


def test_a_value_of_several_lines_is_one_line_and_the_first_line_has_none() -> None:
    seen: list[str] = []

    def note(environ: dict[str, Any], start: Any) -> list[bytes]:
        seen.append(environ["HTTP_ANY"])
        return echo(environ, start)

    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    with Server(note) as server:
        for value in (b"  a \t b\t", b"a\r\n  b\r\n\t\r\n c", b"", b"a: b"):
            with connect(server) as connection:
                connection.sendall(head + b"Any:" + value + b"\r\n\r\n")
                assert read(connection).split(b" ")[1] == b"200"
        with connect(server) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n Any: a\r\n" + head[16:] + b"\r\n")
            assert read(connection).split(b" ")[1] == b"400"

    assert seen == ["a \t b", "a b c", "", "a: b"]


@pytest.mark.parametrize(
    "data",
    [
        b"P",
        HEAD,
        HEAD + b"Content-Length: 10\r\n\r\n12345",
        CHUNKED + b"5\r\n123",
        CHUNKED + b"ff",
    ],
)
def test_an_incomplete_request_times_out(data: bytes) -> None:
    with (
        Server(echo, limits=ConnectionLimits(request_timeout=0.1)) as server,
        connect(server) as connection,
    ):
        connection.sendall(data)

        response = read(connection)

    assert response.startswith((b"HTTP/1.0 408", b"HTTP/1.1 408"))


@pytest.mark.parametrize("data", [HEAD, HEAD + b"Content-Length: 1000000\r\n\r\n"])
def test_a_slow_request_times_out(data: bytes) -> None:
    limits = ConnectionLimits(request_timeout=0.2, min_rate=1000)
    with Server(echo, limits=limits) as server, connect(server) as connection:
        connection.sendall(data)
        stop = threading.Event()

        def send_slowly() -> None:
            with suppress(OSError):
                while not stop.wait(0.02):
                    connection.sendall(b"x")

        sender = threading.Thread(target=send_slowly)
        sender.start()
        try:
            response = read(connection)
        finally:
            stop.set()
            sender.join()

    assert b" 408 " in response.partition(b"\r\n")[0]


def test_a_request_above_the_minimum_rate_is_accepted() -> None:
    limits = ConnectionLimits(request_timeout=TIMEOUT, min_rate=1)
    with Server(echo, limits=limits) as server, connect(server) as connection:
        for part in (
            HEAD[:9],
            HEAD[9:],
            b"Content-Length: 6\r\nConnection: close\r\n\r\n123",
            b"456",
        ):
            connection.sendall(part)
            time.sleep(0.05)

        response = read(connection)

    assert response.startswith(b"HTTP/1.1 200")
    assert response.endswith(b"6")


def test_idle_connections_are_closed_for_new_ones() -> None:
    with Server(echo, limits=ConnectionLimits(max_connections=20)) as server, ExitStack() as stack:
        idle = [stack.enter_context(connect(server)) for _ in range(200)]

        assert all(is_responsive(server) for _ in range(5))

        assert sum(_is_closed(each) for each in idle) >= 180


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_incomplete_requests_are_closed_for_new_connections() -> None:
    with Server(echo, limits=ConnectionLimits(max_connections=20)) as server, ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connect(server)).sendall(HEAD)

        assert is_responsive(server)


def test_a_client_that_does_not_read_the_response_does_not_block_others() -> None:
    def app(environ: dict[str, Any], start: Any) -> Iterator[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        return iter([b"3"] if environ["PATH_INFO"] == "/" else [b"x" * 1_000_000] * 60)

    with Server(app, limits=ConnectionLimits(send_timeout=0.2)) as server, ExitStack() as stack:
        for _ in range(16):  # twice the number of threads
            connection = stack.enter_context(connect(server))
            connection.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")

        assert is_responsive(server)


def test_a_response_that_took_long_to_make_is_not_taken_for_unread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A large upload may take minutes; the server checks its connection at any moment."""
    unread: list[bool] = []
    flush = Connection._flush_some

    def check(connection: Any, **settings: Any) -> Any:
        unread.append(connection._is_unread())
        return flush(connection, **settings)

    def app(_: object, start: Any) -> list[bytes]:
        time.sleep(0.3)
        start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
        return [b"done"]

    monkeypatch.setattr(Connection, "_flush_some", check)
    with Server(app, limits=ConnectionLimits(send_timeout=0.2)) as server:
        assert requests.get(server.url, timeout=TIMEOUT).text == "done"

    assert unread
    assert not any(unread)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (CHUNKED + b"1" * 3000, b"400"),
        (CHUNKED + b"1;" + b"x" * 3000, b"400"),
        (CHUNKED + b"0\r\n" + b"x" * 3000, b"400"),
        (CHUNKED + b"no\r\n", b"400"),
        (CHUNKED + b"4000\r\n" + b"x" * 0x4000, b"413"),
        (HEAD + b"Content-Length: 10000000000\r\n\r\n", b"413"),
        (HEAD + b"Content-Length: -1\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n12", b"400"),
        (HEAD + b"X: a\r\n b\rSet-Cookie: c\r\n\r\n", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
    ],
)
def test_an_invalid_request_closes_the_connection(
    monkeypatch: pytest.MonkeyPatch, data: bytes, status: bytes
) -> None:
    monkeypatch.setattr(serving, "MAX_BODY", 10_000)
    with Server(echo) as server, connect(server) as connection:
        connection.sendall(data)

        response = read(connection)

        assert is_responsive(server)

    assert response.split(b" ")[1] == status
    assert b"Traceback" not in response
