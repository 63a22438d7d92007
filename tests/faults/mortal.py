"""A client that may be killed at any moment, and says beforehand what it is about to do.

It is a program: each line that it reads is a life, and what happens in it is written as lines of
JSON. Lives are forks of a process that has everything loaded, so that they can be short.
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
from leaks import leaks
from quick import Quick

from crowdflower.client import Client
from crowdflower.exceptions import ApiError
from crowdflower.http import retry
from crowdflower.job import Job
from crowdflower.payments.journal import Journal
from crowdflower.payments.kinds import KINDS
from crowdflower.payments.records import Applied, NotSeen
from crowdflower.unit import Unit

PAYMENTS: Final = ("launch", "bonus", "request_more_judgments")

MONEY: Final = ("orders.json", "bonus.json", "request_more_judgments.json")

OTHERS: Final = [each for each in ENDPOINTS if not each.path.endswith(MONEY)]

WANTED: Final[dict[str, Any]] = {
    "PUT jobs/7.json": {"job": {"title": "title {}"}},
    "PUT jobs/7/tags": {"tags": ["tag {}"]},
    "POST jobs/7/tags": {"tags": ["tag {}"]},
    "PUT jobs/7/channels": {"channels": ["channel {}"]},
    "PUT jobs/7/units/3.json": '{{"unit": {{"data": {{"row": "{}"}}}}}}',
}
"""What settings are set to; each operation has a value of its own, which can then be looked for."""


@dataclass(frozen=True)
class Life:
    """One life.

    :param dead: An address where nobody listens.
    :param begin: Number of its first operation.
    :param end: Number after its last.
    :param flaw: What is wrong with the client; the name of one of :data:`FLAWS`.
    """

    url: str
    dead: str
    journal: str
    seed: int
    begin: int
    end: int
    flaw: str = ""


@dataclass(frozen=True)
class Step:
    """One operation: the same for the same seed and number, in whichever life."""

    number: int
    name: str
    endpoint: Endpoint | None = None
    is_sent: bool = True

    def do(self, client: Client) -> None:
        """Make it; its number shows in the request."""
        job = Job(client, id=1 + self.number % 5)
        key = str(self.number)
        if self.endpoint is not None:
            line = str(self.endpoint)
            wanted = _filled(WANTED.get(line, self.endpoint.body), self.number)
            client.call(
                self.endpoint.path.replace("jobs/7", f"jobs/{1000 + self.number}"),
                wanted,
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


def _filled(wanted: Any, number: int) -> Any:
    if isinstance(wanted, dict):
        return {name: _filled(value, number) for name, value in wanted.items()}
    if isinstance(wanted, list):
        return [_filled(value, number) for value in wanted]
    return wanted.format(number) if isinstance(wanted, str) else wanted


def step(seed: int, number: int) -> Step:
    """Draw an operation; one in eight is a payment that was begun before, under its own key."""
    chance = Random(f"{seed} {number}")  # noqa: S311 - the same operation for the same number
    kind = chance.random()
    if kind < 0.125:
        earlier = step(seed, chance.randrange(number)) if number else None
        if earlier and not earlier.endpoint:
            return replace(earlier, is_sent=True)  # what was begun in vain is begun in earnest
    if kind < 0.6:
        return Step(number, chance.choice(PAYMENTS), is_sent=chance.random() > 0.05)
    endpoint = chance.choice(OTHERS)
    return Step(number, str(endpoint), endpoint, is_sent=chance.random() > 0.05)


# What may be wrong with a client


def _repeats(_: Life) -> None:
    retry.rule_for = lambda *_: retry.Rule(retry.Safety.READ)  # type: ignore[assignment]


def _excuses(_: Life) -> None:
    settle = Journal.settle

    def excused(self: Journal, op_id: str, state: Any, evidence: str) -> Any:
        return settle(self, op_id, "rejected" if state == "unknown" else state, evidence)

    Journal.settle = excused  # type: ignore[method-assign]


def _finds(kind: type, _: Life) -> None:
    for each in KINDS.values():
        each.judge = lambda *_, **__: kind("surely")  # type: ignore[method-assign]


FLAWS: Final = {
    "repeats what was lost": _repeats,
    "forgets": lambda _: None,
    "takes a lost answer for a refusal": _excuses,
    "believes that all was paid": partial(_finds, Applied),
    "believes that nothing was paid": partial(_finds, NotSeen),
}


# A life


def say(**what: Any) -> None:
    """Write one line, whole: whoever reads it knows that it was so, even if we end here."""
    os.write(1, json.dumps(what).encode() + b"\n")


def live(life: Life) -> None:
    """Look back at what was left open, then go on; it does not end by itself."""
    say(born=os.getpid())
    if life.flaw:
        FLAWS[life.flaw](life)
    journal = None if life.flaw == "forgets" else life.journal
    clients = [
        Client(KEY, url, timeout=(20, 60), lookahead=1, journal=journal)
        for url in (life.dead, life.url)
    ]
    for client in clients:
        client._caller.clock = Quick()
    client = clients[True]
    for open_one in client.operations.pending():
        say(left=open_one.state)
        found = client.operations.reconcile(open_one.op_id, wait=10)
        say(found=type(found).__name__, op_id=open_one.op_id)
        if isinstance(found, NotSeen):
            client.operations.resolve(open_one.op_id, "not_applied", note="looked")
    for number in range(life.begin, life.end):
        one = step(life.seed, number)
        say(begun=one.number, name=one.name, at=number)
        claim, leaked = "returned", []
        try:
            one.do(clients[one.is_sent])
        except ApiError as error:
            claim, leaked = type(error).__name__, leaks(error)
        say(ended=one.number, claim=claim, leaked=leaked)
    say(done=True)
    while True:
        signal.pause()


def main() -> None:
    """Give a life to each line; say when it is over."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                live(Life(**json.loads(line)))
            except Exception:  # noqa: BLE001 - whatever it was, it ends only this life
                traceback.print_exc()
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        say(died=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
