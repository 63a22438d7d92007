"""POST requests to users' URLs: only public addresses, resolved once, with a deadline."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from typing import Any

import pytest

from crowdflower.sandbox.webhooks.outbound import DeliveryError, ForbiddenURL, is_public, post

BODY = b"data=1"
FORM = "application/x-www-form-urlencoded"
TIMEOUT = 60


@pytest.fixture
def lookups() -> list[str]:
    """The host names that were looked up."""
    return []


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch, lookups: list[str]) -> dict[str, list[str]]:
    """Fake DNS, a dict of host name to addresses; IP addresses resolve as usual."""
    known: dict[str, list[str]] = {}
    resolve = socket.getaddrinfo

    def fake_resolve(host: str, *rest: Any, **settings: Any) -> list[Any]:
        lookups.append(host)
        addresses = known.get(host, [host])
        return [info for each in addresses for info in resolve(each, *rest, **settings)]

    monkeypatch.setattr(socket, "getaddrinfo", fake_resolve)
    return known


@contextmanager
def run_receiver(
    respond: Callable[[BaseHTTPRequestHandler], None],
) -> Iterator[tuple[int, list[str]]]:
    """Run a server on loopback; record host and path of each request."""
    received: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            received.append(f"{self.headers['Host']} {self.path}")
            respond(self)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port, received
        finally:
            server.shutdown()
            thread.join()


def respond_with(status: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return a function that sends a response without a body."""

    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()

    return respond


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.9.9.9", "[::1]", "localhost"),
        *("2130706433", "0x7f000001", "0177.0.0.1", "127.1"),
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "[::]", "224.0.0.1", "[ff02::1]", "[fe80::1]", "[fc00::1]"),  # noqa: S104 - to be refused
        *("[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[2002:7f00:1::]", "[64:ff9b::a00:1]"),
    ],
)
def test_addresses_that_are_not_public_are_refused(host: str) -> None:
    with pytest.raises(DeliveryError):
        post(f"http://{host}:1/", BODY, FORM)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, True) for text in ("93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822")),
        *((text, False) for text in ("192.0.0.8", "192.0.0.171", "192.88.99.1", "240.0.0.1")),
        *((text, False) for text in ("fec0::1", "64:ff9b:1::a00:1", "64:ff9b::7f00:1")),
        *((text, False) for text in ("::7f00:1", "::ffff:0:7f00:1", "3fff::1", "5f00::1")),
    ],
)
def test_public_addresses_are_the_same_on_every_python(text: str, expected: bool) -> None:
    assert is_public(ip_address(text)) is expected


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "//example.com/"),
        *("http://", "http://:80/", "http://user@example.com/", "http://u:p@example.com/"),
        *("http://example.com:99999/", "http://[::1/", "javascript:alert(1)", "", "http://a..b/"),
    ],
)
def test_an_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenURL):
        post(url, BODY, FORM, allow_loopback=True, timeout=TIMEOUT)


def test_a_host_with_one_private_address_is_refused(names: dict[str, list[str]]) -> None:
    names["rebinding.example.com"] = ["93.184.216.34", "10.0.0.1"]

    with pytest.raises(
        ForbiddenURL, match=r"resolves to 10\.0\.0\.1, which is not a public address"
    ):
        post("http://rebinding.example.com/", BODY, FORM, allow_loopback=True, timeout=TIMEOUT)


def test_loopback_can_be_allowed_and_other_private_addresses_cannot() -> None:
    with run_receiver(respond_with(204)) as (port, received):
        post(
            f"http://127.0.0.1:{port}/answers?for=me",
            BODY,
            FORM,
            allow_loopback=True,
            timeout=TIMEOUT,
        )

    assert received == [f"127.0.0.1:{port} /answers?for=me"]
    with pytest.raises(ForbiddenURL):
        post("http://10.0.0.1/", BODY, FORM, allow_loopback=True, timeout=TIMEOUT)


def test_the_connection_goes_to_the_resolved_address_with_the_original_host(
    names: dict[str, list[str]], lookups: list[str]
) -> None:
    names["answers.example.com"] = ["127.0.0.1"]

    with run_receiver(respond_with(200)) as (port, received):
        post(
            f"http://answers.example.com:{port}/", BODY, FORM, allow_loopback=True, timeout=TIMEOUT
        )

    assert received == [f"answers.example.com:{port} /"]
    assert lookups.count("answers.example.com") == 1


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503])
def test_only_a_success_is_a_delivery(status: int) -> None:
    with (
        run_receiver(respond_with(status, Location="http://127.0.0.1:1/")) as (port, received),
        pytest.raises(DeliveryError, match=f"answered with status {status}"),
    ):
        post(f"http://127.0.0.1:{port}/", BODY, FORM, allow_loopback=True, timeout=TIMEOUT)

    assert len(received) == 1


def test_a_response_without_end_is_a_timeout() -> None:
    stop = threading.Event()

    def send_slowly(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
        with suppress(OSError):
            while not stop.wait(0.01):
                handler.wfile.write(b"x")

    with run_receiver(send_slowly) as (port, _):
        try:
            with pytest.raises(DeliveryError, match=r"took longer than 0\.2 s"):
                post(f"http://127.0.0.1:{port}/", BODY, FORM, allow_loopback=True, timeout=0.2)
        finally:
            stop.set()


def test_a_refused_connection_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(DeliveryError, match="the connection was refused"):
        post(f"http://127.0.0.1:{port}/", BODY, FORM, allow_loopback=True, timeout=TIMEOUT)
