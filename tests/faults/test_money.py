"""Payments over failing networks and in killed processes: at most once, and never forgotten."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from catalogue import KEY
from leaks import leaks
from server import Act, Fault, Request, Wire, closed_port, hang_up, reset, respond, send_raw, stall

from crowdflower.exceptions import (
    DuplicateOperation,
    JournalCorrupt,
    NotSentError,
    OutcomeUnknown,
)
from crowdflower.job import Job
from crowdflower.payments.journal import Journal
from crowdflower.payments.records import Applied, Inconclusive, NotSeen

if TYPE_CHECKING:
    from server import Server

    from crowdflower.client import Client

Connect = Callable[..., "Client"]


class Account:
    """An account with one job: payments show in later reads.

    :param act: How the server answers a payment.
    :param applies: Whether it makes the payment.
    """

    def __init__(self, act: Act = hang_up, *, applies: bool = True) -> None:
        self.fault = Fault(act, applies=applies)
        self.ordered = 0
        self.balance = 5000

    def __call__(self, request: Request) -> Fault:
        if request.method == "POST":
            if self.fault.applies and request.target.endswith("/orders.json"):
                self.ordered += 20
            elif self.fault.applies:
                self.balance -= 150
            return self.fault
        job = {
            "id": 7,
            "state": "running" if self.ordered else "unordered",
            "payment_cents": 10,
            "judgments_per_unit": 3,
            "units_per_assignment": 5,
        }
        shown = {
            "/jobs/7.json": job,
            "/jobs/7/ping.json": {"ordered_units": self.ordered},
            "/account.json": {"id": 1, "balance": self.balance},
        }[request.line.partition(" ")[2]]
        return Fault(respond(json.dumps(shown).encode()))


def launch(client: Client, key: str | None = None) -> Any:
    return Job(client, id=7).launch(20, key=key)


def bonus(client: Client, key: str | None = None) -> Any:
    return Job(client, id=7).get_worker(5).bonus(150, "Thank you", key=key)


EACH = pytest.mark.parametrize("pay", [launch, bonus])


def payments(requests: list[Request]) -> int:
    return sum(request.method == "POST" for request in requests)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def _beneath(wire: Wire, _: Request) -> None:
    wire.send_beneath(b"this is no TLS at all" * 10)
    wire.close()


# A response that is cut within its head

HEADS = {
    "refusal": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /jobs/7/orders/99\r\nContent-Length: 0\r\n\r\n",
}


@EACH
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
@pytest.mark.row("N19")
def test_a_head_that_is_cut_anywhere_is_not_a_response(
    server: Server, connect: Connect, pay: Any, head: bytes
) -> None:
    client = connect(server.url)

    for cut in range(len(head)):
        server.answer(Account(send_raw(head[:cut])))
        with pytest.raises(OutcomeUnknown):
            pay(client)

    assert payments(server.log) == len(head)


# A lost response

LOSSES = [
    pytest.param(hang_up, marks=pytest.mark.row("N9", "N10", "N11"), id="FIN"),
    pytest.param(reset, marks=pytest.mark.row("N8", "N10", "N11"), id="RST"),
    pytest.param(respond(status="502 Bad"), marks=pytest.mark.row("H1"), id="502"),
    pytest.param(respond(b'{"id": 8', length=90), marks=pytest.mark.row("N19"), id="cut short"),
]


@pytest.mark.parametrize("act", LOSSES)
def test_a_launch_that_was_made_without_an_answer_is_applied(
    server: Server, connect: Connect, path: Path, act: Act
) -> None:
    server.answer(Account(act))
    client = connect(server.url, journal=path)
    with pytest.raises(OutcomeUnknown) as caught:
        launch(client, "may")

    found = caught.value.reconcile()

    assert type(found) is Applied
    assert leaks(caught.value) == []
    with pytest.raises(DuplicateOperation):
        launch(client, "may")
    assert (payments(server.log), payments(server.ledger)) == (1, 1)


@pytest.mark.parametrize("act", LOSSES)
def test_a_launch_that_was_neither_made_nor_answered_is_not_seen_and_not_repeated(
    server: Server, connect: Connect, path: Path, act: Act
) -> None:
    server.answer(Account(act, applies=False))
    client = connect(server.url, journal=path)
    with pytest.raises(OutcomeUnknown) as caught:
        launch(client, "may")

    found = caught.value.reconcile()

    assert type(found) is NotSeen
    assert len(client.operations.pending()) == 1
    with pytest.raises(DuplicateOperation):
        launch(client, "may")
    assert (payments(server.log), payments(server.ledger)) == (1, 0)


@pytest.mark.parametrize(("applies", "says"), [(True, "for it"), (False, "against it")])
@pytest.mark.parametrize("act", LOSSES)
def test_a_bonus_without_an_answer_stays_pending_with_its_evidence(
    server: Server, connect: Connect, act: Act, applies: bool, says: str
) -> None:
    server.answer(Account(act, applies=applies))
    client = connect(server.url)
    with pytest.raises(OutcomeUnknown) as caught:
        bonus(client, "may")

    found = caught.value.reconcile()

    assert type(found) is Inconclusive
    assert f"speaks {says}" in found.evidence
    assert len(client.operations.pending()) == 1
    assert payments(server.log) == 1


@EACH
@pytest.mark.row("N7")
def test_garbage_beneath_tls_after_the_request_pays_once(
    secure: Server, connect: Connect, pay: Any
) -> None:
    secure.answer(Account(_beneath))

    with pytest.raises(OutcomeUnknown):
        pay(connect(secure.url))

    assert (payments(secure.log), payments(secure.ledger)) == (1, 1)


@EACH
@pytest.mark.row("N12")
def test_a_silent_server_is_paid_once(server: Server, connect: Connect, pay: Any) -> None:
    server.answer(Account(stall))

    with pytest.raises(OutcomeUnknown) as caught:
        pay(connect(server.url, timeout=(10, 1)))

    assert (caught.value.phase, payments(server.log)) == ("sent", 1)


@EACH
@pytest.mark.row("N1")
def test_a_payment_that_was_never_sent_frees_its_key(
    server: Server, connect: Connect, path: Path, pay: Any
) -> None:
    with closed_port() as port, pytest.raises(NotSentError):
        pay(connect(f"http://127.0.0.1:{port}/v1", journal=path), "may")
    server.answer(Account(respond(b'{"id": 88}')))
    client = connect(server.url, journal=path)

    pay(client, "may")

    assert Journal(path).pending() == []
    assert payments(server.ledger) == 1


# Several at once


@EACH
@pytest.mark.row("P3")
def test_many_threads_with_one_key_pay_once(server: Server, connect: Connect, pay: Any) -> None:
    server.answer(Account(respond(b'{"id": 88}')))
    client = connect(server.url)
    together = threading.Barrier(8)

    def one(_: int) -> bool:
        together.wait(60)
        try:
            pay(client, "may")
        except DuplicateOperation:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(one, range(8)))

    assert (sum(done), payments(server.log)) == (1, 1)


PROGRAM = """
import os, signal, sys
from crowdflower import Client, Job
from crowdflower.http.base_client import BaseClient
from crowdflower.exceptions import DuplicateOperation
from crowdflower.payments.journal import Journal

signal.signal(signal.SIGINT, signal.default_int_handler)

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def die_at_payment(self, method, *rest, _request=BaseClient.request, **more):
    return die() if method == "POST" else _request(self, method, *rest, **more)

{point}
client = Client(timeout=(20, 120))
print("ready", flush=True)
sys.stdin.readline()
try:
    Job(client, id=7).launch(20, key="may")
except DuplicateOperation:
    print("duplicate")
else:
    print("paid")
"""


def program(server: Server, path: Path, point: str = "") -> subprocess.Popen[str]:
    """Start a process that launches a job after a line of input."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM.format(point=point)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "CROWDFLOWER_API_KEY": KEY,
            "CROWDFLOWER_API_URL": server.url,
            "CROWDFLOWER_JOURNAL": str(path),
        },
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.row("P3")
def test_two_processes_with_one_key_pay_once(server: Server, path: Path) -> None:
    server.answer(Account(respond(b'{"id": 88}')))
    both = [program(server, path) for _ in range(2)]
    for process in both:
        assert process.stdin is not None
        process.stdin.write("now\n")
        process.stdin.flush()

    said_by_both = [process.communicate(timeout=120) for process in both]

    assert sorted(output for output, _ in said_by_both) == ["duplicate\n", "paid\n"]
    assert (payments(server.log), payments(server.ledger)) == (1, 1)


# Killed processes


@pytest.mark.row("P4")
@pytest.mark.parametrize(
    ("point", "states", "made", "kind"),
    [
        ("Journal.prepare = die", [], 0, None),
        ("Journal.send = die", ["prepared"], 0, NotSeen),
        ("BaseClient.request = die_at_payment", ["sent"], 0, NotSeen),
        ("Journal.settle = die", ["sent"], 1, Applied),
    ],
    ids=["before the journal", "before it is marked", "before it is sent", "after the answer"],
)
def test_a_killed_payment_is_pending_after_a_restart_and_not_repeated(
    server: Server,
    connect: Connect,
    path: Path,
    point: str,
    states: list[str],
    made: int,
    kind: type | None,
) -> None:
    server.answer(Account(respond(b'{"id": 88}')))
    process = program(server, path, point)
    process.communicate("now\n", timeout=120)
    assert process.returncode == -signal.SIGKILL

    client = connect(server.url, journal=path)
    pending = client.operations.pending() if path.exists() else []

    assert [each.state for each in pending] == states
    assert payments(server.ledger) == made
    for each in pending:
        with pytest.raises(DuplicateOperation):
            launch(client, "may")
        found = client.operations.reconcile(each.op_id)
        assert type(found) is kind
        if kind is NotSeen:
            client.operations.resolve(each.op_id, "not_applied")
    if not made:
        launch(client, "may")
    assert payments(server.ledger) == 1
    assert client.operations.pending() == []


@pytest.mark.row("P4")
@pytest.mark.parametrize(("applies", "kind"), [(True, Applied), (False, NotSeen)])
def test_a_process_killed_while_waiting_for_the_answer_leaves_the_payment_pending(
    server: Server, connect: Connect, path: Path, applies: bool, kind: type
) -> None:
    process, client = _ended(server, connect, path, signal.SIGKILL, applies=applies)

    (operation,) = client.operations.pending()

    assert process.returncode == -signal.SIGKILL
    assert operation.state == "sent"
    assert type(client.operations.reconcile(operation.op_id)) is kind
    with pytest.raises(DuplicateOperation):
        launch(client, "may")
    assert (payments(server.log), payments(server.ledger)) == (1, int(applies))


@pytest.mark.row("P5")
def test_an_interrupt_is_raised_and_the_journal_says_sent(
    server: Server, connect: Connect, path: Path
) -> None:
    process, client = _ended(server, connect, path, signal.SIGINT, applies=True)

    (operation,) = client.operations.pending()

    assert process.returncode != 0
    assert operation.state == "sent"
    assert type(client.operations.reconcile(operation.op_id)) is Applied
    assert payments(server.log) == 1


def _ended(
    server: Server, connect: Connect, path: Path, by: signal.Signals, *, applies: bool
) -> tuple[subprocess.Popen[str], Client]:
    """Start a payment in a process, end the process before an answer; return a new client."""
    arrived = threading.Event()

    def silent(wire: Wire, request: Request) -> None:
        arrived.set()
        stall(wire, request)

    server.answer(Account(silent, applies=applies))
    process = program(server, path)
    assert process.stdin is not None
    process.stdin.write("now\n")
    process.stdin.flush()
    assert arrived.wait(120)
    process.send_signal(by)
    _, errors = process.communicate(timeout=120)
    assert ("KeyboardInterrupt" in errors) == (by is signal.SIGINT)
    assert KEY not in errors
    return process, connect(server.url, journal=path)


# The journal


@EACH
@pytest.mark.row("P8")
def test_a_damaged_journal_stops_payments_and_nothing_else(
    server: Server, connect: Connect, path: Path, pay: Any
) -> None:
    server.answer(Account(respond(b'{"id": 88}')))
    path.write_bytes(b"SQLite format 3\0" + b"no more" * 1000)
    client = connect(server.url, journal=path)

    with pytest.raises(JournalCorrupt):
        pay(client)

    assert payments(server.log) == 0
    assert client.get_account()["balance"] == 5000


@EACH
@pytest.mark.row("S10")
def test_the_journal_does_not_contain_the_api_key(
    server: Server, connect: Connect, path: Path, pay: Any
) -> None:
    server.answer(Account())
    client = connect(server.url, journal=path)

    with pytest.raises(OutcomeUnknown):
        pay(client)

    assert path.stat().st_mode & 0o077 == 0
    with Journal(path)._store._connect():  # the write-ahead log is a file beside it
        files = list(path.parent.iterdir())
        assert len(files) > 1
        assert not [each for each in files if KEY.encode() in each.read_bytes()]
