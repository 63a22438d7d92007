"""A client that is killed again and again: its claims, its journal, and the ledger of the server.

Three accounts of the same payments. The server's is in this process and survives; the journal is in
a file and has to; the claims are what the client said before it was killed.
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
from mortal import PAYMENTS, Life
from server import Request, Server, closed_port
from service import TEMPER, Service, changes

from crowdflower.payments.journal import Journal
from crowdflower.payments.records import Operation

LONGEST: Final = 30
"""Lines that a life may write before it is ended."""

MAYBE: Final = {"OutcomeUnknown", "killed"}
"""What says of a change that it was made once or not at all."""

READS: Final = {str(each) for each in ENDPOINTS if each.letter == "R"}

TWICE: Final = {str(each) for each in ENDPOINTS if each.letter == "E" and not each.shows}
"""What may be made twice, because the same state once more is the same state."""

PAID: Final = {"sent", "unknown", "applied"}
"""The states in which a journal allows that something was paid."""


@dataclass
class Book:
    """What was claimed, by the number of the operation."""

    names: dict[int, str] = field(default_factory=dict)
    claims: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    findings: list[tuple[str, str]] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    leaked: list[str] = field(default_factory=list)
    operations: int = 0
    kills: int = 0
    next: int = 0
    """Number of the operation with which the next life begins."""

    def note(self, line: dict[str, Any]) -> None:
        """Write down a line that a client wrote."""
        if "begun" in line:
            self.operations += 1
            self.next = line["at"] + 1
            self.names[line["begun"]] = line["name"]
            self.claims[line["begun"]].append("killed")  # unless it comes to say something else
        elif "ended" in line:
            self.claims[line["ended"]][-1] = line["claim"]
            self.leaked += [f"{self.names[line['ended']]}: {way}" for way in line["leaked"]]
        elif "left" in line:
            self.left[line["left"]] += 1
        elif "found" in line:
            self.findings.append((line["op_id"], line["found"]))

    @property
    def outcomes(self) -> Counter[str]:
        """How often each claim was made."""
        return Counter(claim for claims in self.claims.values() for claim in claims)


def run(
    count: int,
    seed: int,
    directory: Path,
    *,
    announces: bool = False,
    temper: float = TEMPER,
    flaw: str = "",
) -> tuple[Book, list[str]]:
    """Make operations in many lives; return what was claimed, and what is wrong with it.

    :param announces: The server does once what it is sent under one key.
    :param temper: The part of the requests that meet a fault.
    :param flaw: What is wrong with the client.
    """
    chance = Random(seed)  # noqa: S311 - the same kills for the same seed
    book = Book()
    journal = directory / f"journal-{seed}.db"
    with Server() as server, closed_port() as port, _nursery() as nursery:
        server.answer(Service(seed, announces=announces, temper=temper))
        dead = f"http://127.0.0.1:{port}/v1"
        while book.next < count:
            life = Life(server.url, dead, str(journal), seed, book.next, count, flaw)
            _lived(nursery, life, book, chance)
            server.settle()
            _resolved(Journal(journal), book, server.ledger)
        ledger = [request for request in server.ledger if changes(request)]
    return book, violations(book, ledger, _operations(Journal(journal)))


def _lived(nursery: subprocess.Popen[str], life: Life, book: Book, chance: Random) -> None:
    """Give a life, and take it after so many lines and a moment more."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(json.dumps(asdict(life)) + "\n")
    nursery.stdin.flush()
    lines, begun, spent = chance.randrange(1, LONGEST), 0.0, [0.01]
    child = 0
    for number, text in enumerate(nursery.stdout):
        line = json.loads(text)
        if "died" in line:
            assert line["died"] == -signal.SIGKILL, "the client failed by itself"
            return
        child = line.get("born", child)
        book.note(line)
        if "begun" in line:
            begun = time.monotonic()
        elif "ended" in line:
            spent.append(time.monotonic() - begun)
        if number == lines or ("done" in line and number < lines):
            time.sleep(chance.uniform(0, 1.2 * sum(spent) / len(spent)))
            os.kill(child, signal.SIGKILL)  # it ends in no other way, so the number is its own
            book.kills += 1


def _resolved(journal: Journal, book: Book, ledger: list[Request]) -> None:
    """Settle what a client could not, as a person does who looks into the account."""
    paid = {request.headers.get("idempotency-key") for request in ledger}
    undecided = {op_id for op_id, finding in book.findings if finding == "Inconclusive"}
    for operation in journal.pending():
        if operation.op_id in undecided:
            outcome = "applied" if operation.op_id in paid else "not_applied"
            journal.resolve(operation.op_id, outcome, "seen in the account")


@contextmanager
def _nursery() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, str(Path(__file__).with_name("mortal.py"))],
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


def violations(book: Book, ledger: Iterable[Request], operations: Iterable[Operation]) -> list[str]:
    """Hold the three accounts against each other, and name whatever does not agree."""
    made: dict[int, list[str]] = defaultdict(list)
    for request in ledger:
        made[number_of(request)].append(request.headers.get("idempotency-key", ""))
    known = {operation.op_id: operation for operation in operations}
    wrong = [f"{number}: nobody claims it" for number in made.keys() - book.names.keys()]
    for number, name in book.names.items():
        if name in READS:
            continue
        claims, keys = book.claims[number], made[number]
        problems = [*_claims(name, claims, len(keys))]
        if name in PAYMENTS:
            problems += _journal(number, claims, keys, known)
        wrong += [f"{number} {name} {claims}, made {len(keys)}: {each}" for each in problems]
    paid = {key for keys in made.values() for key in keys}
    for op_id, finding in book.findings:
        if {"Applied": op_id not in paid, "NotSeen": op_id in paid}.get(finding, False):
            wrong.append(f"{op_id}: {finding}, and the ledger says otherwise")
    return wrong


def _claims(name: str, claims: list[str], made: int) -> Iterator[str]:
    """Compare what was claimed of one operation with how often it was made."""
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


def _journal(
    number: int, claims: list[str], keys: list[str], known: dict[str, Operation]
) -> Iterator[str]:
    """Compare what was made of one payment with what the journal has."""
    for key in keys:
        operation = known.get(key)
        if operation is None:
            yield "the journal has forgotten it"
        elif operation.key != str(number):
            yield "the journal has it under another name"
        elif operation.state not in PAID:
            yield f"the journal has it as {operation.state}"
    states = {each.state for each in known.values() if each.key == str(number)}
    if "returned" in claims and "applied" not in states:
        yield "claimed, and the journal does not have it"
    if "applied" in states and not keys:
        yield "the journal has it as applied"


def number_of(request: Request) -> int:
    """Find the operation that a request was part of; payments carry it in what they say."""
    if "x-operation" in request.headers:
        return int(request.headers["x-operation"])
    form = parse_qs(request.body.decode("latin-1"))
    for name in ("channels[]", "reason"):
        if name in form:
            return int(form[name][0])
    return int(request.target.split("/")[-2]) - 1000
