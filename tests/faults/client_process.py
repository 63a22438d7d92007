"""A program that makes random calls and may be killed at any moment; it reports each step before.

Each line of its input describes a run; it writes what happens as JSON lines. A run is a fork of a
process that has imported everything, so that it starts quickly.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any, Final

from catalogue import ENDPOINTS, KEY, Endpoint
from fast_clock import FastClock
from leaks import leaks

from crowdflower.client import Client
from crowdflower.exceptions import ApiError
from crowdflower.http import endpoints
from crowdflower.http.retry import RetryRule, Safety
from crowdflower.job import Job
from crowdflower.payments.journal import Journal
from crowdflower.payments.kinds import KINDS
from crowdflower.payments.records import Applied, NotSeen
from crowdflower.unit import Unit

PAYMENTS: Final = ("launch", "bonus", "request_more_judgments")

MONEY: Final = ("orders.json", "bonus.json", "request_more_judgments.json")

OTHERS: Final = [each for each in ENDPOINTS if not each.path.endswith(MONEY)]

VALUES: Final[dict[str, Any]] = {
    "PUT jobs/7.json": {"job": {"title": "title {}"}},
    "PUT jobs/7/tags": {"tags": ["tag {}"]},
    "POST jobs/7/tags": {"tags": ["tag {}"]},
    "PUT jobs/7/channels": {"channels": ["channel {}"]},
    "PUT jobs/7/units/3.json": '{{"unit": {{"data": {{"row": "{}"}}}}}}',
}
"""Values for settings; each operation has its own value, so that it can be recognized."""


@dataclass(frozen=True)
class ClientRun:
    """One run of the client process.

    :param closed_url: An address that refuses connections.
    :param begin: Number of the first operation.
    :param end: Number after the last operation.
    :param flaw: A defect of the client; a name in :data:`FLAWS`.
    """

    url: str
    closed_url: str
    journal: str
    seed: int
    begin: int
    end: int
    flaw: str = ""


@dataclass(frozen=True)
class Step:
    """One operation: the same for the same seed and number, in every run."""

    number: int
    name: str
    endpoint: Endpoint | None = None
    is_sent: bool = True

    def do(self, client: Client) -> None:
        """Make the call; its number is in the request."""
        job = Job(client, id=1 + self.number % 5)
        key = str(self.number)
        if self.endpoint is not None:
            line = str(self.endpoint)
            body = _fill(VALUES.get(line, self.endpoint.body), self.number)
            client.call(
                self.endpoint.path.replace("jobs/7", f"jobs/{1000 + self.number}"),
                body,
                headers={"X-Operation": key},
                method=self.endpoint.method,
                as_json=self.endpoint.as_json,
            )
        elif self.name == "launch":
            job.launch(2, [key], key=key)
        elif self.name == "bonus":
            job.get_worker(5).bonus(3, key, key=key)
        else:
            Unit(job, client, id=1000 + self.number).request_more_judgments(1, key=key)


def _fill(template: Any, number: int) -> Any:
    if isinstance(template, dict):
        return {name: _fill(value, number) for name, value in template.items()}
    if isinstance(template, list):
        return [_fill(value, number) for value in template]
    return template.format(number) if isinstance(template, str) else template


def draw_step(seed: int, number: int) -> Step:
    """Draw an operation; one in eight repeats an earlier payment with its key."""
    chance = Random(f"{seed} {number}")  # noqa: S311 - the same operation for the same number
    kind = chance.random()
    if kind < 0.125:
        earlier = draw_step(seed, chance.randrange(number)) if number else None
        if earlier and not earlier.endpoint:
            return replace(earlier, is_sent=True)  # an earlier one that was not sent is sent now
    if kind < 0.6:
        return Step(number, chance.choice(PAYMENTS), is_sent=chance.random() > 0.05)
    endpoint = chance.choice(OTHERS)
    return Step(number, str(endpoint), endpoint, is_sent=chance.random() > 0.05)


# Defects of a client


def _repeat_changes(_: ClientRun) -> None:
    row = endpoints.Endpoint("", "", RetryRule(Safety.READ))
    repeatable = endpoints.Route(row)
    endpoints.EndpointTable.find = lambda *_: repeatable  # type: ignore[method-assign]


def _reject_unknown(_: ClientRun) -> None:
    settle = Journal.settle

    def settle_as_rejected(self: Journal, op_id: str, state: Any, evidence: str) -> Any:
        return settle(self, op_id, "rejected" if state == "unknown" else state, evidence)

    Journal.settle = settle_as_rejected  # type: ignore[method-assign]


def _always_find(kind: type, _: ClientRun) -> None:
    for each in KINDS.values():
        each.judge = lambda *_, **__: kind("surely")  # type: ignore[method-assign]


FLAWS: Final = {
    "repeats what was lost": _repeat_changes,
    "forgets": lambda _: None,
    "takes a lost response for a refusal": _reject_unknown,
    "believes that all was paid": partial(_always_find, Applied),
    "believes that nothing was paid": partial(_always_find, NotSeen),
}


# A run


def emit(**event: Any) -> None:
    """Write one event as one line, unbuffered, so that a kill cannot truncate it."""
    os.write(1, json.dumps(event).encode() + b"\n")


def run_client(run: ClientRun) -> None:
    """Reconcile pending payments, then make the operations; then wait to be killed."""
    emit(pid=os.getpid())
    if run.flaw:
        FLAWS[run.flaw](run)
    journal = None if run.flaw == "forgets" else run.journal
    clients = [
        Client(KEY, url, timeout=(20, 60), lookahead=1, journal=journal)
        for url in (run.closed_url, run.url)
    ]
    for client in clients:
        client._clock = FastClock()
    client = clients[True]
    for operation in client.operations.pending():
        emit(left=operation.state)
        found = client.operations.reconcile(operation.op_id, wait=10)
        emit(found=type(found).__name__, op_id=operation.op_id)
        if isinstance(found, NotSeen):
            client.operations.resolve(operation.op_id, "not_applied", note="looked")
    for number in range(run.begin, run.end):
        one = draw_step(run.seed, number)
        emit(begun=one.number, name=one.name, at=number)
        claim, leaked = "returned", []
        try:
            one.do(clients[one.is_sent])
        except ApiError as error:
            claim, leaked = type(error).__name__, leaks(error)
        emit(ended=one.number, claim=claim, leaked=leaked)
    emit(done=True)
    while True:
        signal.pause()


def main() -> None:
    """Make one run for each line of input; report its exit code."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                run_client(ClientRun(**json.loads(line)))
            except Exception:  # noqa: BLE001 - it ends only this run
                traceback.print_exc()
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        emit(exit_code=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
