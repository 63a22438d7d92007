"""Kill a client process at random moments; compare its claims, its journal and the server's ledger.

These are three records of the same payments. The ledger is in this process and survives; the
journal is a file and must survive; the claims are what the client reported before it was killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import parse_qs

from catalogue import ENDPOINTS
from client_process import PAYMENTS, ClientRun
from server import Request, Server, closed_port
from service import FAILURE_RATE, Service, changes

from crowdflower.payments.journal import Journal
from crowdflower.payments.records import Operation

MAX_EVENTS: Final = 30
"""Events of a run before it is killed."""

MAYBE: Final = {"OutcomeUnknown", "killed"}
"""Claims that allow for a change that was made once or not at all."""

READS: Final = {str(each) for each in ENDPOINTS if each.safety == "R"}

TWICE: Final = {str(each) for each in ENDPOINTS if each.safety == "E" and not each.is_readable}
"""Idempotent changes, which may be made twice."""

PAID: Final = {"sent", "unknown", "applied"}
"""The states of the journal that allow for a payment that was made."""


@dataclass
class Claims:
    """What the client reported, by the number of the operation."""

    names: dict[int, str] = field(default_factory=dict)
    claims: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    findings: list[tuple[str, str]] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    leaked: list[str] = field(default_factory=list)
    operations: int = 0
    kills: int = 0
    next: int = 0
    """Number of the first operation of the next run."""

    def add(self, event: dict[str, Any]) -> None:
        """Add an event of the client."""
        if "begun" in event:
            self.operations += 1
            self.next = event["at"] + 1
            self.names[event["begun"]] = event["name"]
            self.claims[event["begun"]].append("killed")  # unless an outcome follows
        elif "ended" in event:
            self.claims[event["ended"]][-1] = event["claim"]
            self.leaked += [f"{self.names[event['ended']]}: {way}" for way in event["leaked"]]
        elif "left" in event:
            self.left[event["left"]] += 1
        elif "found" in event:
            self.findings.append((event["op_id"], event["found"]))

    @property
    def outcomes(self) -> Counter[str]:
        """How often each outcome was claimed."""
        return Counter(claim for claims in self.claims.values() for claim in claims)


def run(
    count: int,
    seed: int,
    directory: Path,
    *,
    announces: bool = False,
    failure_rate: float = FAILURE_RATE,
    flaw: str = "",
) -> tuple[Claims, list[str]]:
    """Make operations in many runs; return the claims, and what is wrong with them.

    :param announces: The server announces that it honours idempotency keys.
    :param failure_rate: The share of requests that fail.
    :param flaw: A defect of the client.
    """
    chance = Random(seed)  # noqa: S311 - the same kills for the same seed
    claims = Claims()
    journal = directory / f"journal-{seed}.db"
    with Server() as server, closed_port() as port, _fork_server() as process:
        server.answer(Service(seed, announces=announces, failure_rate=failure_rate))
        closed_url = f"http://127.0.0.1:{port}/v1"
        while claims.next < count:
            client_run = ClientRun(
                server.url, closed_url, str(journal), seed, claims.next, count, flaw
            )
            _run_and_kill(process, client_run, claims, chance)
            server.settle()
            _resolve(Journal(journal), claims, server.ledger)
        ledger = [request for request in server.ledger if changes(request)]
    return claims, violations(claims, ledger, _operations(Journal(journal)))


def _run_and_kill(
    process: subprocess.Popen[str], client_run: ClientRun, claims: Claims, chance: Random
) -> None:
    """Start a run, and kill it after a random number of events and a random delay."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(asdict(client_run)) + "\n")
    process.stdin.flush()
    lines, begun, spent = chance.randrange(1, MAX_EVENTS), 0.0, [0.01]
    child = 0
    for number, text in enumerate(process.stdout):
        event = json.loads(text)
        if "exit_code" in event:
            assert event["exit_code"] == -signal.SIGKILL, "the client failed"
            return
        child = event.get("pid", child)
        claims.add(event)
        if "begun" in event:
            begun = time.monotonic()
        elif "ended" in event:
            spent.append(time.monotonic() - begun)
        if number == lines or ("done" in event and number < lines):
            time.sleep(chance.uniform(0, 1.2 * sum(spent) / len(spent)))
            os.kill(child, signal.SIGKILL)  # it does not end otherwise, so the id is not reused
            claims.kills += 1


def _resolve(journal: Journal, claims: Claims, ledger: list[Request]) -> None:
    """Resolve inconclusive payments, as a person would who looks into the account."""
    paid = {request.headers.get("idempotency-key") for request in ledger}
    undecided = {op_id for op_id, finding in claims.findings if finding == "Inconclusive"}
    for operation in journal.pending():
        if operation.op_id in undecided:
            outcome = "applied" if operation.op_id in paid else "not_applied"
            journal.resolve(operation.op_id, outcome, "seen in the account")


@contextmanager
def _fork_server() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, str(Path(__file__).with_name("client_process.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _operations(journal: Journal) -> list[Operation]:
    with closing(journal._store._open(journal.path)) as connection:
        ids = [row[0] for row in connection.execute("SELECT op_id FROM operations")]
    return [journal.get(op_id) for op_id in ids]


# What must agree


def violations(
    claims: Claims, ledger: Iterable[Request], operations: Iterable[Operation]
) -> list[str]:
    """Compare the three records; return each disagreement."""
    made: dict[int, list[str]] = defaultdict(list)
    for request in ledger:
        made[number_of(request)].append(request.headers.get("idempotency-key", ""))
    known = {operation.op_id: operation for operation in operations}
    wrong = [f"{number}: no client claims it" for number in made.keys() - claims.names.keys()]
    for number, name in claims.names.items():
        if name in READS:
            continue
        outcomes, keys = claims.claims[number], made[number]
        problems = [*_check_claims(name, outcomes, len(keys))]
        if name in PAYMENTS:
            problems += _check_journal(number, outcomes, keys, known)
        wrong += [f"{number} {name} {outcomes}, made {len(keys)}: {each}" for each in problems]
    paid = {key for keys in made.values() for key in keys}
    for op_id, finding in claims.findings:
        if {"Applied": op_id not in paid, "NotSeen": op_id in paid}.get(finding, False):
            wrong.append(f"{op_id}: {finding}, and the ledger says otherwise")
    return wrong


def _check_claims(name: str, claims: list[str], made: int) -> Iterator[str]:
    """Compare the claims of one operation with how often it was made."""
    if made > 1 + (name in TWICE):
        yield "made too often"
    if "returned" in claims and not made:
        yield "claimed and not made"
    if claims.count("returned") > 1 and name in PAYMENTS:
        yield "claimed twice"
    definite = {*claims} - MAYBE - {"returned", "DuplicateOperation"}
    if definite and made and not {*claims} & (MAYBE | {"returned"}):
        yield "refused, and made"
    if claims[0] == "DuplicateOperation":
        yield "a duplicate of nothing"


def _check_journal(
    number: int, claims: list[str], keys: list[str], known: dict[str, Operation]
) -> Iterator[str]:
    """Compare how often one payment was made with the journal."""
    for key in keys:
        operation = known.get(key)
        if operation is None:
            yield "the journal has forgotten it"
        elif operation.key != str(number):
            yield "the journal has it under another key"
        elif operation.state not in PAID:
            yield f"the journal has it as {operation.state}"
    states = {each.state for each in known.values() if each.key == str(number)}
    if "returned" in claims and "applied" not in states:
        yield "claimed, and the journal does not have it"
    if "applied" in states and not keys:
        yield "the journal has it as applied"


def number_of(request: Request) -> int:
    """Return the number of the operation of a request; payments carry it in the form."""
    if "x-operation" in request.headers:
        return int(request.headers["x-operation"])
    form = parse_qs(request.body.decode("latin-1"))
    for name in ("channels[]", "reason"):
        if name in form:
            return int(form[name][0])
    return int(request.target.split("/")[-2]) - 1000
