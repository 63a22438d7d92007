"""Kills a busy server, restarts it on the same file, and checks the data.

A round starts ``crowdflower serve``, resends the requests of the last round that got no response,
lets four clients upload, judge, order and give bonuses in parallel, kills the server with SIGKILL
at a random moment, and compares the file with the responses that the clients got.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from oracle import Write, find_violations
from sqlalchemy import select

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.units import uploads
from crowdflower.sandbox.rules.work import review, workers
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import account, unit

if TYPE_CHECKING:
    from typing import Self

KEY = "planted-key-7f3a90c1"
OTHER_KEY = "another-key-55b1e0d2"
TIMEOUT = 60.0
ROWS = 200
WORKERS = 40

FORM = """
<p>{{text}}</p>
<cml:text label="What do you see?" name="mark" validates="required"/>
"""
SETTINGS = {
    "title": "What is it?",
    "instructions": "Look.",
    "cml": FORM,
    "judgments_per_unit": 3,
    "units_per_assignment": 1,
    "payment_cents": 1,
}
_ADDRESS = re.compile(r"CROWDFLOWER_API_URL=(\S+)")
_NUMBER = re.compile(r"^process (\d+)")


class ServerResponse(NamedTuple):
    """A response of the server."""

    status: int
    body: bytes
    replayed: bool


def encode_body(body: Any) -> str | None:
    """Return the body of a request: JSON, rows as JSON lines, or none."""
    if isinstance(body, list):
        return "".join(f"{json.dumps(row)}\n" for row in body)
    return None if body is None else json.dumps(body)


class Connection:
    """A keep-alive connection for one client; it never retries a request."""

    def __init__(self, url: str, key: str = KEY) -> None:
        self._path = urlsplit(url).path
        self._key = key
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)

    def send(
        self, verb: str, path: str, body: Any = None, key: str | None = None
    ) -> ServerResponse:
        """Send JSON, a list of rows as JSON lines, or no body.

        :raises OSError: The connection broke.
        :raises HTTPException: The connection broke within the response.
        """
        headers = {"Authorization": f"Token token={self._key}", "Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        self._connection.request(verb, f"{self._path}{path}", encode_body(body), headers)
        response = self._connection.getresponse()
        is_replayed = response.headers["Idempotent-Replayed"] == "true"
        return ServerResponse(response.status, response.read(), is_replayed)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class WriteRequest(NamedTuple):
    """A write, and the request for it."""

    write: Write
    verb: str
    path: str
    body: Any


@dataclass
class Workload:
    """A database file with a job that many contributors work on, and all writes sent to it."""

    file: Path
    job: int = 0
    worker_ids: list[int] = field(default_factory=list)
    unit_ids: list[int] = field(default_factory=list)
    requests: list[WriteRequest] = field(default_factory=list)
    replayed: int = 0
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _judged: Iterator[int] = field(default_factory=lambda: count(1))

    @classmethod
    def create(cls, file: Path, *, units: int = 2000) -> Workload:
        """Create the file: a running job, and contributors who have judged one unit each."""
        workload = cls(file)
        with Sandbox(database=file, key=KEY, balance_cents=10**9) as box:  # noqa: SIM117
            with box.database.transaction() as tx:
                owner = tx.one(select(account))
                data = [{"text": f"row {number}"} for number in range(units)]
                workload.job = uploads.create_job(tx, owner, data).id
                jobs.update(tx, jobs.load(tx, workload.job), SETTINGS)
                orders.place(tx, jobs.load(tx, workload.job), 0, ["on_demand"])
                workload.worker_ids = [_add_worker(tx) for _ in range(WORKERS)]
                query = select(unit.c.id).where(unit.c.job_id == workload.job).order_by(unit.c.seq)
                workload.unit_ids = [row.id for row in tx.all(query)]
                job = jobs.load(tx, workload.job)
                for row, person in zip(workload.unit_ids, workload.worker_ids, strict=False):
                    review.submit_judgment(tx, job, row, person, {"mark": "before all"})
                accounts.open_account(tx, key=OTHER_KEY)
        return workload

    def new_mark(self) -> str:
        """Return a unique mark, by which the effect of a write is found."""
        return f"m{next(self._numbers)}"

    def send(
        self, connection: Connection, request: WriteRequest, *, is_resend: bool = False
    ) -> ServerResponse:
        """Send a write, and record its outcome."""
        if not is_resend:
            self.requests.append(request)
        response = connection.send(request.verb, request.path, request.body, request.write.key)
        request.write.outcome = "acknowledged" if response.status < 400 else "refused"
        self.replayed += response.replayed
        return response

    def upload(self, connection: Connection) -> None:
        """Upload rows into a new job; every seventh time the last row is invalid."""
        mark = self.new_mark()
        data: list[Any] = [{"text": f"row {number}", "mark": mark} for number in range(ROWS)]
        if next(self._numbers) % 7 == 0:
            data.append("not a row")
        self.send(
            connection, WriteRequest(Write("upload", mark, ROWS), "POST", "/jobs/upload", data)
        )

    def judge(self, connection: Connection) -> None:
        """Give a judgment; every seventh time by a contributor who has judged the unit before."""
        mark, number = self.new_mark(), next(self._judged)
        number -= number % 7 == 0
        row = self.unit_ids[(WORKERS + number // 3) % len(self.unit_ids)]
        judgment = {
            "unit_id": row,
            "worker_id": self.worker_ids[number % WORKERS],
            "data": {"mark": mark},
        }
        path = f"/jobs/{self.job}/judgments"
        self.send(
            connection, WriteRequest(Write("judgment", mark), "POST", path, {"judgment": judgment})
        )

    def order(self, connection: Connection) -> None:
        """Create a small job and order it; every seventh time for more than the balance."""
        mark = self.new_mark()
        data = [{"text": f"row {number}", "mark": mark} for number in range(5)]
        created = self.send(
            connection, WriteRequest(Write("upload", mark, 5), "POST", "/jobs/upload", data)
        )
        job = json.loads(created.body)["id"]
        cents = 10**9 if next(self._numbers) % 7 == 0 else 1
        connection.send("PUT", f"/jobs/{job}", {"job": {**SETTINGS, "payment_cents": cents}})
        order = {"debit": {"units_count": 5}, "channels": ["on_demand"]}
        self.send(
            connection, WriteRequest(Write("order", str(job)), "POST", f"/jobs/{job}/orders", order)
        )

    def give_bonus(self, connection: Connection) -> None:
        """Give a bonus; every seventh time one above the maximum."""
        mark, number = self.new_mark(), next(self._numbers)
        path = f"/jobs/{self.job}/workers/{self.worker_ids[number % WORKERS]}/bonus"
        body = {"amount": 10**6 if number % 7 == 0 else 3, "reason": mark}
        self.send(connection, WriteRequest(Write("bonus", mark), "POST", path, body))

    def resend(self, url: str) -> list[str]:
        """Resend the writes with an unknown outcome, and the last acknowledged one of each kind.

        :returns: Wrong responses.
        """
        acknowledged = [each for each in self.requests if each.write.outcome == "acknowledged"]
        last = {each.write.kind: each for each in acknowledged}
        unknown = [each for each in self.requests if each.write.outcome == "unknown"]
        problems = []
        connection = Connection(url)
        for request in (*last.values(), *unknown):
            was_acknowledged = request.write.outcome == "acknowledged"
            response = self.send(connection, request, is_resend=True)
            if was_acknowledged and not (response.replayed and response.status < 400):
                problems.append(f"{request.write.key} was not replayed: {response.body!r:.200}")
            if response.status >= 500:
                problems.append(f"{request.write.key}: {response.body!r:.200}")
        connection.close()
        return problems + self._check_isolation(url)

    def _check_isolation(self, url: str) -> list[str]:
        """Check that another account, which has no jobs, sees none."""
        connection = Connection(url, OTHER_KEY)
        responses = [connection.send("GET", path) for path in ("/jobs", f"/jobs/{self.job}")]
        connection.close()
        view = (responses[0].body, responses[1].status)
        return [] if view == (b"[]", 404) else [f"I8 another account sees {view!r:.200}"]


def _add_worker(tx: Transaction) -> int:
    return int(workers.join(tx, channel="on_demand").id)


class ForkServer:
    """A process with all modules imported, which starts ``crowdflower serve`` quickly by a fork."""

    def __init__(self) -> None:
        self.pid = 0
        """The process id of the running server."""
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-u", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def serve(self, file: Path) -> Iterator[str]:
        """Serve a file and yield the URL; kill the server at the end of the block."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{file}\n")
        self._process.stdin.flush()
        self.pid, address, output = 0, None, ""
        for text in self._process.stdout:
            output += text
            if number := _NUMBER.search(text):
                self.pid = int(number[1])
            address = _ADDRESS.search(text) or address
            if self.pid and (address or "ended" in text):
                break
        try:
            assert address, output
            yield address[1]
        finally:
            if self.pid:
                with suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=TIMEOUT)


def run_fork_server() -> None:
    """Fork a server for each file that is named on a line of standard input."""
    from crowdflower.cli.local.serve import serve  # noqa: PLC0415 - the tests do not need it

    for line in sys.stdin:
        number = os.fork()
        if not number:
            with suppress(SystemExit):
                serve(["--port", "0", "--database", line.rstrip("\n")])
            os._exit(0)
        print(f"process {number}")  # noqa: T201 - read by serve()
        os.waitpid(number, 0)
        print("ended")  # noqa: T201 - read by serve()


def kill_once(
    server: ForkServer, workload: Workload, random: Random, max_seconds: float = 0.5
) -> list[str]:
    """Run one round.

    :param max_seconds: The server is killed within this many seconds after the first response.
    :returns: Violations found afterwards.
    """
    problems: list[str] = []
    started = Event()
    with server.serve(workload.file) as url:
        problems += workload.resend(url)
        clients = [
            Thread(target=_send_until_killed, args=(write, url, started, problems))
            for write in (workload.upload, workload.judge, workload.order, workload.give_bonus)
        ]
        for client in clients:
            client.start()
        started.wait(TIMEOUT)
        Event().wait(random.uniform(0.0, max_seconds))
    for client in clients:
        client.join(TIMEOUT)
    return problems + find_violations(workload.file, [each.write for each in workload.requests])


def _send_until_killed(write: Any, url: str, started: Event, problems: list[str]) -> None:
    """Repeat a write until the connection breaks."""
    connection = Connection(url)
    try:
        while True:
            write(connection)
            started.set()
    except (OSError, HTTPException):
        pass  # the server was killed
    except Exception as error:  # noqa: BLE001 - the round reports it
        problems.append(f"A client failed with {error!r}")
    finally:
        started.set()
        connection.close()


def count_outcomes(workload: Workload) -> Counter[tuple[str, str]]:
    """Count the writes by kind and outcome."""
    return Counter((each.write.kind, each.write.outcome) for each in workload.requests)


if __name__ == "__main__":
    run_fork_server()
