"""Two servers on one database file: both work, and nothing happens twice."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from crashes import TIMEOUT, Connection, ForkServer, ServerResponse, Workload
from oracle import Write, find_violations

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.store.engines.sqlite_file import BUSY_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SENDERS = 4


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.db"


@pytest.fixture
def servers() -> Iterator[tuple[ForkServer, ForkServer]]:
    with ForkServer() as one, ForkServer() as other:
        yield one, other


class Receiver(BaseHTTPRequestHandler):
    """Accepts every notification."""

    def do_POST(self) -> None:
        self.server.received.append(self.rfile.read(int(self.headers["Content-Length"])))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def hook() -> Iterator[Any]:
    """A server that records the notifications it receives."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.received = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def query_file(file: Path, sql: str) -> list[Any]:
    """Query the file directly."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(sql).fetchall()


def send_until_free(connection: Connection, *request: Any) -> ServerResponse:
    """Send a request; retry while the response says that the database is busy."""
    for _ in range(int(TIMEOUT / BUSY_TIMEOUT)):
        response = connection.send(*request)
        if response.status != 503:
            break
    return response


def test_two_servers_can_start_on_a_new_file_at_the_same_time(
    servers: tuple[ForkServer, ForkServer], tmp_path: Path
) -> None:
    for number in range(5):
        file = tmp_path / f"sandbox{number}.db"
        with ExitStack() as serving, ThreadPoolExecutor(2) as pool:
            starts = [pool.submit(serving.enter_context, each.serve(file)) for each in servers]
            urls = {each.result(TIMEOUT) for each in starts}

        assert len(urls) == 2
        assert query_file(file, "SELECT count(*) FROM account") == [(1,)]
        assert find_violations(file) == []


def test_two_servers_execute_each_request_once(
    servers: tuple[ForkServer, ForkServer], file: Path
) -> None:
    """Both receive the same requests with the same idempotency keys at the same time."""
    workload = Workload.create(file, units=40)
    job = f"/jobs/{workload.job}"
    bonuses = [
        (Write("bonus", f"b{number}"), f"{job}/workers/{workload.worker_ids[number]}/bonus",
         {"amount": 3, "reason": f"b{number}"})
        for number in range(12)
    ]  # fmt: skip
    judgments = [
        (Write("judgment", f"j{number}"), f"{job}/judgments", {"judgment": {
            "unit_id": workload.unit_ids[number // 12],
            "worker_id": workload.worker_ids[number + 12],
            "data": {"mark": f"j{number}"},
        }})
        for number in range(24)
    ]  # fmt: skip
    uploads = [
        (
            Write("upload", f"u{number}", 20),
            "/jobs/upload",
            [{"text": "", "mark": f"u{number}"}] * 20,
        )
        for number in range(12)
    ]
    requests = [*bonuses, *judgments, *uploads]

    with servers[0].serve(file) as one, servers[1].serve(file) as other:

        def send(url: str, first: int) -> list[tuple[Write, ServerResponse]]:
            connection = Connection(url)
            rotated = requests[first:] + requests[:first]
            sent = [
                (each[0], send_until_free(connection, "POST", *each[1:], each[0].key))
                for each in rotated
            ]
            connection.close()
            return sent

        with ThreadPoolExecutor(2 * SENDERS) as pool:
            sending = [
                pool.submit(send, url, first * len(requests) // SENDERS)
                for first in range(SENDERS)
                for url in (one, other)
            ]
            sent = [pair for each in sending for pair in each.result(TIMEOUT)]

    by_key: dict[str, list[ServerResponse]] = {}
    for write, response in sent:
        by_key.setdefault(write.key, []).append(response)
        write.outcome = "acknowledged" if response.status < 400 else "refused"
    assert {response.status for _, response in sent} <= {200, 409}
    assert all(len(responses) == 2 * SENDERS for responses in by_key.values())
    for write, *_ in [*bonuses, *uploads]:
        responses = by_key[write.key]
        assert len({response.body for response in responses}) == 1
        assert sum(not response.replayed for response in responses) == 1
    assert find_violations(file, [write for write, *_ in requests]) == []


def test_two_servers_send_each_notification_once(
    servers: tuple[ForkServer, ForkServer], file: Path, hook: Any
) -> None:
    uri = f"http://127.0.0.1:{hook.server_port}/hook"
    workload = Workload.create(file, units=5)
    with Sandbox(database=file) as box, box.client() as client:
        client.update_job(workload.job, {"webhook_uri": uri})
    uploads = 20

    with servers[0].serve(file) as one, servers[1].serve(file) as other:
        connections = [Connection(one), Connection(other)]
        for number in range(uploads):
            data = [{"text": f"row {number}"}]
            response = send_until_free(
                connections[number % 2], "PUT", f"/jobs/{workload.job}/upload", data
            )
            assert response.status == 200
        for connection in connections:
            connection.close()
        waited = threading.Event()
        for _ in range(int(TIMEOUT / 0.1)):
            if not query_file(file, "SELECT 1 FROM webhook_delivery WHERE state = 'pending'"):
                break
            waited.wait(0.1)

    states = query_file(file, "SELECT state, count(*) FROM webhook_delivery GROUP BY state")
    assert states == [("sent", uploads)]
    assert len(hook.received) == uploads
    assert len(set(hook.received)) == uploads
