"""Random calls with random faults: the claims of the client against the ledger of the server.

There are three outcomes, as in checkers of distributed databases: a call that returned was executed
once; a refused or unsent one was not executed; an unknown one was executed once or not at all.
"""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from catalogue import CASES, ENDPOINTS, OK, Endpoint
from leaks import leaks
from server import Server

from crowdflower.client import Client
from crowdflower.exceptions import ApiError, OutcomeUnknown

FAULTS: Final = [
    case.fault
    for case in CASES
    if not case.at_deadline and case.row not in {"N4", "H22", "C5", "C6", "H12"}
]
"""All faults without a timeout."""

MONEY: Final = ("orders.json", "bonus.json", "request_more_judgments.json")


@dataclass
class RunResult:
    """The result of a run."""

    calls: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    paid_twice: int = 0

    def judge(self, endpoint: Endpoint, error: ApiError | None, made: int) -> None:
        """Compare the claim of one call with the number of changes that were made."""
        self.calls += 1
        self.outcomes[type(error).__name__ if error else "returned"] += 1
        most = {"R": 99, "E": 2}.get(endpoint.letter, 1)
        if isinstance(error, OutcomeUnknown):
            honest = made <= most
        elif error is None:
            honest = 1 <= made <= most
        else:
            honest = made == 0 or endpoint.letter == "R"
        if not honest:
            self.violations.append(f"{endpoint}: {error!r}, and {made} changes were made")
        if endpoint.path.endswith(MONEY) and made > 1:
            self.paid_twice += 1
        if error is not None:
            self.leaked += [f"{endpoint}: {way}" for way in leaks(error)]


def run(
    calls: int, seed: int, tls: ssl.SSLContext, build: Callable[[str], Client], patience: int = 20
) -> RunResult:
    """Make calls of all kinds, each with one to four random faults.

    :param build: Creates a client for an address.
    :param patience: Calls until the client is replaced, together with its retry quota.
    """
    chance = Random(seed)  # noqa: S311 - the same faults for the same seed
    result = RunResult()
    while result.calls < calls:
        with Server(tls=tls) as server:
            client = build(server.url)
            for _ in range(min(patience, calls - result.calls)):
                endpoint = chance.choice(ENDPOINTS)
                few = [chance.choice(FAULTS) for _ in range(chance.randrange(4))]
                server.plan(*few, OK)
                before = server.count_changes(endpoint.line)
                error = None
                try:
                    client.call(
                        endpoint.path,
                        endpoint.body,
                        method=endpoint.method,
                        as_json=endpoint.as_json,
                    )
                except ApiError as raised:
                    error = raised
                result.judge(endpoint, error, server.count_changes(endpoint.line) - before)
            client.close()
    return result
