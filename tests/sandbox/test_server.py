"""The server: loopback only, trusted hosts, limits, and shutdown."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from crowdflower.sandbox.server.app import create_app
from crowdflower.sandbox.server.dispatcher import MAX_RUNNING
from crowdflower.sandbox.server.sockets import MAX_HEADERS, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crowdflower.sandbox.server.dispatcher import Kind
    from crowdflower.sandbox.store import Database


def echo(environ: dict[str, Any], start: Any) -> list[bytes]:
    """Respond with the length of the request."""
    size = len(environ["wsgi.input"].read()) + len(environ["QUERY_STRING"])
    start("200 OK", [("Content-Type", "text/plain")])
    return [str(size).encode()]


TIMEOUT = 60


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(echo) as server:
        yield server


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_the_server_listens_only_on_the_loopback_address(server: Server) -> None:
    assert server.url == f"http://127.0.0.1:{server.port}"


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
def test_every_loopback_name_is_a_trusted_host(
    server: Server, session: requests.Session, name: str
) -> None:
    response = session.get(server.url, headers={"Host": f"{name}:{server.port}"})

    assert response.status_code == 200


@pytest.mark.parametrize(
    "name", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "[", ""]
)
def test_an_unknown_host_is_refused(server: Server, session: requests.Session, name: str) -> None:
    response = session.get(server.url, headers={"Host": name})

    assert response.status_code == 421
    assert "is not a name of this server" in response.json()["error"]["message"]


def test_a_given_host_is_trusted(session: requests.Session) -> None:
    with Server(echo, hosts=["crowd.example"]) as server:
        response = session.get(server.url, headers={"Host": "crowd.example"})

    assert response.status_code == 200


def test_a_form_in_the_query_is_accepted(server: Server, session: requests.Session) -> None:
    query = "q" * (MAX_HEADERS // 2)

    response = session.get(f"{server.url}/?{query}")

    assert response.text == str(len(query))


def test_headers_that_are_too_long_are_refused(server: Server, session: requests.Session) -> None:
    response = session.get(f"{server.url}/?{'q' * (MAX_HEADERS + 1000)}")

    assert response.status_code == 431


def test_an_upload_of_many_megabytes_is_accepted(server: Server, session: requests.Session) -> None:
    block = b"x" * 1_000_000

    response = session.post(server.url, data=(block for _ in range(20)))

    assert response.text == "20000000"


def test_requests_are_handled_concurrently(session: requests.Session) -> None:
    together = threading.Barrier(3, timeout=TIMEOUT)

    def app(_: object, start: Any) -> list[bytes]:
        together.wait()
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"met"]

    with Server(app) as server, ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda _: requests.get(server.url, timeout=TIMEOUT).text, range(3)))

    assert results == ["met"] * 3


def test_requests_that_wait_for_a_thread_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    go = threading.Event()

    def app(_: object, start: Any) -> list[bytes]:
        go.wait(TIMEOUT)
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"done"]

    with Server(app) as server, ThreadPoolExecutor(12) as pool:
        futures = [pool.submit(requests.get, server.url, timeout=TIMEOUT) for _ in range(12)]
        while len(server._server.task_dispatcher.queue) < 4:
            assert not go.wait(0.01)
        go.set()
        results = [each.result().text for each in futures]

    assert results == ["done"] * 12
    assert [each for each in caplog.messages if "depth" in each] == []


@pytest.mark.parametrize(("path", "kind"), [("/blocks", "write"), ("/file", "file")])
def test_writers_that_wait_hold_no_thread_and_readers_go_on(path: str, kind: Kind) -> None:
    go = threading.Event()

    def app(environ: Any, start: Any) -> list[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            go.wait(TIMEOUT)
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"done"]

    def kind_of(verb: str, _: str) -> Kind:
        return kind if verb == "POST" else "read"

    with Server(app, kind_of=kind_of) as server, ThreadPoolExecutor(20) as pool:
        url = server.url + path
        writers = [pool.submit(requests.post, url, timeout=TIMEOUT) for _ in range(20)]
        dispatcher = server._server.task_dispatcher
        while len(dispatcher._waiting[kind]) < 20 - MAX_RUNNING[kind]:
            assert not go.wait(0.01)
        reads = [requests.get(server.url, timeout=TIMEOUT).text for _ in range(5)]
        still_waiting = not any(each.done() for each in writers)
        go.set()
        results = [each.result().text for each in writers]

    assert reads == ["done"] * 5
    assert still_waiting
    assert results == ["done"] * 20
    assert dispatcher._running == dict.fromkeys(MAX_RUNNING, 0)


def test_closing_does_not_wait_for_writers_without_a_thread() -> None:
    go = threading.Event()

    def app(_: object, start: Any) -> list[bytes]:
        go.wait(TIMEOUT)
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"done"]

    server = Server(app)
    waiting = server._server.task_dispatcher._waiting["write"]
    with ThreadPoolExecutor(10) as pool:
        writers = [pool.submit(requests.post, server.url, timeout=TIMEOUT) for _ in range(9)]
        while len(waiting) < 9 - MAX_RUNNING["write"]:
            assert not go.wait(0.01)
        closing = pool.submit(server.close)
        while waiting:
            assert not go.wait(0.01)
        go.set()
        closing.result()
        answered = [each for each in writers if each.exception() is None]

    assert len(answered) == MAX_RUNNING["write"]


@pytest.mark.parametrize(
    ("verb", "path", "kind"),
    [
        ("GET", "/v1/account.json", "read"),
        ("GET", "/v1/jobs/7", "read"),
        ("GET", "/v1/jobs/7/pause.json", "write"),
        ("POST", "/v1/jobs.json", "write"),
        ("POST", "/v1/jobs/upload.json", "file"),
        ("POST", "/v1//jobs/upload.json/", "file"),
        ("PUT", "/v1/jobs/7/upload", "file"),
        ("GET", "/v1/jobs/7/units/ping", "read"),
        ("POST", "/_sandbox/crowd", "write"),
        ("GET", "/nothing/here", "read"),
        ("POST", "/nothing/here", "write"),
        ("ODD", "*", "write"),
    ],
)
def test_a_request_is_classified_by_its_route(
    database: Database, verb: str, path: str, kind: Kind
) -> None:
    assert create_app(database).kind_of(verb, path) == kind


def test_closing_finishes_running_requests() -> None:
    started, go = threading.Event(), threading.Event()

    def app(_: object, start: Any) -> list[bytes]:
        started.set()
        go.wait(TIMEOUT)
        start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "20000000")])
        return [b"x" * 20_000_000]

    server = Server(app)
    with ThreadPoolExecutor(2) as pool:
        response = pool.submit(requests.get, server.url, timeout=TIMEOUT)
        started.wait(TIMEOUT)
        closed = pool.submit(server.close)
        go.set()

        assert len(response.result().content) == 20_000_000
        closed.result()


def test_closing_ends_the_thread_and_frees_the_port() -> None:
    server = Server(echo)
    server.close()
    server.close()

    again = Server(echo, port=server.port)
    again.close()

    assert not server._thread.is_alive()
    assert not again._thread.is_alive()


def test_closing_does_not_wait_for_a_connection_that_is_kept_open() -> None:
    server = Server(echo)
    with socket.create_connection((server.host, server.port)):
        server.close()

    assert not server._thread.is_alive()


def test_closing_while_the_trigger_is_pulled_for_another_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(echo)
    trigger = server._server.trigger
    pull = trigger._physical_pull

    def pull_late() -> None:
        pull()  # wakes the server, as a finished response does
        server._thread.join(0.1)
        pull()

    monkeypatch.setattr(trigger, "_physical_pull", pull_late)
    server.close()

    assert not server._thread.is_alive()


def test_a_port_in_use_is_an_error_and_leaves_no_thread(server: Server) -> None:
    before = {*threading.enumerate()}

    with pytest.raises(OSError, match="in use"):
        Server(echo, port=server.port)

    assert {*threading.enumerate()} <= before
