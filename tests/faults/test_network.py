"""Connections that fail before, during and after a request."""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import trustme
from catalogue import ENDPOINTS, OK, Endpoint
from leaks import Log, leaks
from server import Fault, Request, Server, Wire, closed_port, hang_up, reset, respond, stall

from crowdflower.exceptions import (
    ApiError,
    MalformedResponse,
    NotSentError,
    OutcomeUnknown,
    PayloadTooLarge,
    TruncatedResponse,
)
from crowdflower.http import connections

if TYPE_CHECKING:
    from conftest import FastClock

    from crowdflower.client import Client

Connect = Callable[..., "Client"]


@pytest.mark.row("N1")
def test_a_refused_connection_is_retried_for_every_endpoint(
    connect: Connect, clock: FastClock
) -> None:
    with closed_port() as port:
        for endpoint in ENDPOINTS:
            clock.slept.clear()
            client = connect(f"http://127.0.0.1:{port}/v1")
            with pytest.raises(NotSentError) as caught:
                client.call(endpoint.path, endpoint.body, method=endpoint.method)

            assert len(clock.slept) == 3
            assert not caught.value.tls
            assert leaks(caught.value) == []


@pytest.mark.row("N2")
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_unknown_host_name_is_looked_up_three_times(
    connect: Connect, clock: FastClock, method: str
) -> None:
    client = connect("https://nowhere.invalid/v1")

    with pytest.raises(NotSentError, match=r"host name nowhere\.invalid not found") as caught:
        client.call("jobs/7/orders.json", method=method)

    assert caught.value.dns
    assert len(clock.slept) == 2


@pytest.fixture
def full_backlog_port() -> Iterator[int]:
    """A port whose accept queue is full."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        time.sleep(0.05)
        yield listener.getsockname()[1]


@pytest.mark.row("N3")
def test_a_connection_that_is_not_accepted_times_out(
    full_backlog_port: int, connect: Connect
) -> None:
    client = connect(f"http://127.0.0.1:{full_backlog_port}/v1", timeout=(0.2, 20), retries=0)
    started = time.monotonic()

    with pytest.raises(NotSentError, match=r"did not accept the connection within 0\.2 s"):
        client.call("jobs/7/orders.json", b"{}", method="post")

    assert 0.15 < time.monotonic() - started < 10


@pytest.mark.row("N3")
def test_the_deadline_includes_the_time_to_connect(
    full_backlog_port: int, connect: Connect
) -> None:
    client = connect(f"http://127.0.0.1:{full_backlog_port}/v1", timeout=(20, 20), deadline=0.2)
    started = time.monotonic()

    with pytest.raises(NotSentError):
        client.get_job(7)

    assert time.monotonic() - started < 10


def certificate(authority: trustme.CA, what: str) -> trustme.LeafCert:
    if what == "untrusted":
        return trustme.CA().issue_cert("127.0.0.1")
    if what == "for another name":
        return authority.issue_cert("elsewhere.example.com")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return authority.issue_cert("127.0.0.1", not_after=yesterday)


@pytest.mark.row("N5")
@pytest.mark.parametrize("what", ["untrusted", "for another name", "expired"])
@pytest.mark.usefixtures("trusted")
def test_an_invalid_certificate_is_refused_and_not_retried(
    what: str, authority: trustme.CA, connect: Connect
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate(authority, what).configure_cert(context)
    with Server(tls=context) as server:
        server.plan(OK)

        with pytest.raises(NotSentError, match="certificate") as caught:
            connect(server.url).call("jobs/7/orders.json", b"{}", method="post")

        assert caught.value.tls
        assert (server.connections, server.log) == (1, [])


# While the body is being sent


def stops_reading(wire: Wire, _: Request) -> None:
    wire.wait()


@pytest.mark.row("N15")
@pytest.mark.parametrize("kind", [bytes, io.BytesIO], ids=["bytes", "file"])
def test_an_upload_that_the_server_stops_reading_ends_at_the_deadline(
    server: Server, connect: Connect, kind: Callable[[bytes], bytes | io.BytesIO]
) -> None:
    server.plan(Fault(stops_reading, before="head"))
    client = connect(server.url, timeout=(10, 20), deadline=0.5)
    started = time.monotonic()

    with pytest.raises(OutcomeUnknown) as caught:
        client.call("jobs/7/upload.json", kind(b" " * 50_000_000), method="put")

    assert 0.4 < time.monotonic() - started < 10
    assert caught.value.evidence == "sending, DeadlineExceeded"
    assert len(server.log) == 1


def refuses_early(wire: Wire, _: Request) -> None:
    respond(b'{"error": "Too many rows."}', status="413 Too Large")(wire, _)
    for _each in range(1 << 10):  # unread data would turn the response into a RST
        if not wire.sock.recv(1 << 16):
            break


@pytest.mark.row("N16")
@pytest.mark.parametrize("kind", [bytes, io.BytesIO], ids=["bytes", "file"])
def test_a_refusal_before_the_end_of_the_body_is_the_answer(
    server: Server, client: Client, kind: Callable[[bytes], bytes | io.BytesIO]
) -> None:
    server.plan(Fault(refuses_early, before="head"))

    with pytest.raises(PayloadTooLarge, match="Too many rows"):
        client.call("jobs/7/upload.json", kind(b" " * 60_000_000), method="put")

    assert len(server.log) == 1


def refuses_and_hangs_up(wire: Wire, request: Request) -> None:
    respond(b'{"error": "Too many rows."}', status="413 Too Large")(wire, request)
    time.sleep(0.02)
    wire.close()


@pytest.mark.row("N16")
def test_a_refusal_followed_by_a_closed_connection_is_the_answer(
    server: Server, client: Client
) -> None:
    server.plan(Fault(refuses_and_hangs_up, before="head"))

    with pytest.raises(PayloadTooLarge, match="Too many rows"):
        client.call("jobs/7/upload.json", io.BytesIO(b" " * 60_000_000), method="put")

    assert len(server.log) == 1


@pytest.mark.row("N15")
def test_an_upload_may_take_longer_than_the_timeout_of_one_chunk(
    server: Server, connect: Connect
) -> None:
    def slowly(wire: Wire, request: Request) -> None:
        # To the writer, data in the receive buffer of the kernel counts as sent.
        wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        left = int(request.headers["content-length"])
        while left:
            left -= len(wire.sock.recv(min(left, 1 << 20), socket.MSG_WAITALL))
            time.sleep(0.15)
        respond(b'{"id": 7}')(wire, request)

    server.plan(Fault(slowly, before="head"))
    client = connect(server.url, timeout=(4, 4))
    started = time.monotonic()

    answer = client.call("jobs/7/tags", b" " * 40_000_000, method="put")

    assert answer == {"id": 7}
    assert time.monotonic() - started > 4


# Kept connections


def answers_and_hangs_up(wire: Wire, request: Request) -> None:
    respond(b'{"id": 7}')(wire, request)
    wire.close()


@pytest.mark.row("N17")
def test_a_kept_alive_connection_closed_by_the_server_is_replaced(
    server: Server, client: Client, clock: FastClock
) -> None:
    server.plan(Fault(answers_and_hangs_up))
    client.get_job(7)
    server.settle()
    before = server.connections

    client.get_job(7)

    assert (len(server.log), server.connections - before, clock.slept) == (2, 1, [])


@pytest.mark.row("N18")
def test_a_read_is_retried_if_a_kept_alive_connection_breaks(
    server: Server, client: Client
) -> None:
    server.plan(OK, Fault(reset), OK)
    client.get_job(7)

    assert client.get_job(7).id == 7

    assert len(server.log) == 3


@pytest.mark.row("N18")
@pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.safety in "VN"], ids=str)
def test_a_change_uses_a_new_connection(server: Server, client: Client, endpoint: Endpoint) -> None:
    server.plan(OK)
    client.get_job(7)

    client.call(endpoint.path, endpoint.body, method=endpoint.method)
    client.call(endpoint.path, endpoint.body, method=endpoint.method)

    assert server.connections == 3
    assert server.log[1].headers["connection"] == "close"


@pytest.mark.row("N18")
def test_the_connection_of_a_change_is_not_reused(
    server: Server, client: Client, clock: FastClock
) -> None:
    def lingers(wire: Wire, request: Request) -> None:
        respond(b'{"id": 7}')(wire, request)
        wire.wait()

    server.plan(Fault(lingers), OK)
    client.call("jobs/7/orders.json", b"{}", method="post")

    client.get_job(7)

    assert (server.connections, clock.slept) == (2, [])


def test_new_connections_log_no_warnings(server: Server, client: Client, log: Log) -> None:
    server.plan(OK)

    client.call("jobs/7/orders.json", b"{}", method="post")

    assert not [line for line in log.lines if "WARNING" in line]


@pytest.mark.row("N21")
def test_a_truncated_body_that_is_valid_json_is_detected_by_its_shape(
    server: Server, client: Client
) -> None:
    def cut(wire: Wire, _: Request) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}")
        wire.close()

    server.plan(Fault(cut))

    with pytest.raises(MalformedResponse, match="without a usable id"):
        client.get_job(7)


@pytest.mark.row("N19")
def test_the_evidence_of_a_lost_response_includes_its_status(
    server: Server, client: Client
) -> None:
    server.plan(Fault(respond(b'{"id"', length=90), applies=True))

    with pytest.raises(OutcomeUnknown) as caught:
        client.call("jobs/7/orders.json", b"{}", method="post")

    assert caught.value.evidence == "answered with status 200, TruncatedResponse"


@pytest.mark.row("N19")
def test_a_truncated_file_is_an_error(server: Server, client: Client) -> None:
    server.plan(Fault(respond(b"PK half", kind="application/zip", length=90)))

    with pytest.raises(TruncatedResponse):
        b"".join(client.transport.chunks(client.call("jobs/7.csv", as_json=False)))


# Proxies


@pytest.mark.row("N24")
@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "502 Bad Gateway"])
def test_a_proxy_that_refuses_to_connect_is_not_sent(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    server.plan(Fault(respond(status=status)))

    with pytest.raises(NotSentError) as caught:
        connect("https://api.example.com/v1").call("jobs/7/orders.json", b"{}", method="post")

    assert caught.value.proxy
    assert [request.line for request in server.log] == ["CONNECT api.example.com:443"] * 4
    assert leaks(caught.value) == []


@pytest.mark.row("N24")
def test_an_unreachable_proxy_is_not_sent(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closed_port() as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")

        with pytest.raises(NotSentError) as caught:
            connect("https://api.example.com/v1").call("jobs/7/orders.json", b"{}", method="post")

    assert caught.value.proxy


@pytest.mark.row("N24")
def test_a_proxy_that_does_not_respond_ends_at_the_deadline(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    server.plan(Fault(stall))
    started = time.monotonic()

    with pytest.raises(NotSentError):
        connect("https://api.example.com/v1", timeout=(20, 20), deadline=0.2).get_job(7)

    assert time.monotonic() - started < 10


@pytest.mark.row("N24", "N14")
def test_a_proxy_that_sends_single_bytes_ends_at_the_deadline(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dripping(wire: Wire, _: Request) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\n")
        wire.drip(b"X-Waiting: yes\r\n" * 80, 0.02)

    monkeypatch.setenv("HTTPS_PROXY", server.url)
    server.plan(Fault(dripping))
    started = time.monotonic()

    with pytest.raises(NotSentError):
        connect("https://api.example.com/v1", timeout=(20, 20), deadline=0.2).get_job(7)

    assert time.monotonic() - started < 10  # all bytes together take 25 seconds


@pytest.mark.row("N24")
@pytest.mark.parametrize(
    "proxy", ["http://[::1", "odd://127.0.0.1:9", "http://", "http://127.0.0.1:99999"]
)
def test_an_invalid_proxy_address_is_not_sent(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    with pytest.raises(NotSentError, match="has an invalid address") as caught:
        connect("https://api.example.com/v1").call("jobs/7/orders.json", b"{}", method="post")

    assert caught.value.proxy


@pytest.mark.row("N5")
def test_missing_certificate_files_are_not_sent(
    secure: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch, clock: FastClock
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/certificates.pem")

    with pytest.raises(NotSentError, match=r"certificates .* cannot be read") as caught:
        connect(secure.url).call("jobs/7/orders.json", b"{}", method="post")

    assert caught.value.tls
    assert (secure.connections, clock.slept) == (0, [])


@pytest.mark.row("N2")
@pytest.mark.parametrize("host", ["a..b", "a" * 300])
def test_an_invalid_host_name_is_not_sent(connect: Connect, host: str) -> None:
    with pytest.raises(NotSentError, match="not a valid host name"):
        connect(f"https://{host}/v1").call("jobs/7/orders.json", b"{}", method="post")


@pytest.mark.row("N24")
def test_a_lost_response_of_a_plain_http_proxy_is_outcome_unknown(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    server.plan(Fault(hang_up))
    client = connect("http://api.example.com/v1", allow_insecure=True)

    with pytest.raises(OutcomeUnknown):
        client.call("jobs/7/orders.json", b"{}", method="post")

    assert len(server.log) == 1


@pytest.mark.row("N25")
def test_the_next_address_of_a_host_is_tried_if_one_fails(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def both(host: str, *args: object, **kwargs: object) -> list[object]:
        if host != "api.example.com":
            return resolve(host, *args, **kwargs)
        here = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 9, 0, 0)), here]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    server.plan(OK)

    client = connect(f"http://api.example.com:{server.port}/v1", allow_insecure=True)

    assert client.get_job(7).id == 7


@pytest.mark.row("N3", "N25")
def test_the_deadline_covers_all_addresses_of_a_host(
    full_backlog_port: int, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo
    here = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", full_backlog_port))

    def many(host: str, *args: object, **kwargs: object) -> list[object]:
        return [here] * 50 if host == "api.example.com" else resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", many)
    client = connect(
        f"http://api.example.com:{full_backlog_port}/v1",
        timeout=(0.3, 20),
        deadline=0.5,
        allow_insecure=True,
    )
    started = time.monotonic()

    with pytest.raises(NotSentError):
        client.get_job(7)

    assert time.monotonic() - started < 7  # all addresses in sequence take 15 seconds


@pytest.mark.row("N22")
def test_a_line_of_the_response_has_a_maximum_length() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, connections._Socket(ours, connections.Exchange()).makefile("rb") as reader:
        theirs.sendall(b"1" * (connections.MAX_LINE + 10) + b"\n")
        theirs.shutdown(socket.SHUT_WR)

        lines = [reader.readline(), reader.readline(), reader.readline(5)]

    assert list(map(len, lines)) == [connections.MAX_LINE, 11, 0]


# Deadlines


@pytest.mark.row("N13")
def test_the_deadline_covers_all_attempts(server: Server, connect: Connect) -> None:
    server.plan(Fault(stall))
    client = connect(server.url, timeout=(10, 0.1), deadline=0.25)
    started = time.monotonic()

    with pytest.raises(ApiError) as caught:
        client.get_job(7)

    assert isinstance(caught.value, TimeoutError)
    assert time.monotonic() - started < 10
