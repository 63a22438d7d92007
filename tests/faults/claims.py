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

    def check(self, endpoint: Endpoint, error: ApiError | None, made: int) -> None:
        """Compare the claim of one call with the number of changes that were made."""
        self.calls += 1
        self.outcomes[type(error).__name__ if error else "returned"] += 1
        max_made = {"R": 99, "E": 2}.get(endpoint.safety, 1)
        if isinstance(error, OutcomeUnknown):
            is_true = made <= max_made
        elif error is None:
            is_true = 1 <= made <= max_made
        else:
            is_true = made == 0 or endpoint.safety == "R"
        if not is_true:
            self.violations.append(f"{endpoint}: {error!r}, and {made} changes were made")
        if endpoint.path.endswith(MONEY) and made > 1:
            self.paid_twice += 1
        if error is not None:
            self.leaked += [f"{endpoint}: {way}" for way in leaks(error)]


def run(
    calls: int,
    seed: int,
    tls: ssl.SSLContext,
    build: Callable[[str], Client],
    calls_per_client: int = 20,
) -> RunResult:
    """Make calls of all kinds, each with one to four random faults.

    :param build: Creates a client for an address.
    :param calls_per_client: Calls until the client is replaced, together with its retry budget.
    """
    random = Random(seed)  # noqa: S311 - the same faults for the same seed
    result = RunResult()
    while result.calls < calls:
        with Server(tls=tls) as server:
            client = build(server.url)
            for _ in range(min(calls_per_client, calls - result.calls)):
                endpoint = random.choice(ENDPOINTS)
                few = [random.choice(FAULTS) for _ in range(random.randrange(4))]
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
                result.check(endpoint, error, server.count_changes(endpoint.line) - before)
            client.close()
    return result
