"""Every endpoint with every fault: what arrived, what was done, claimed and shown."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from catalogue import CASES, Case, Endpoint, fitting
from leaks import leaks
from server import Server

from crowdflower.exceptions import ApiError

if TYPE_CHECKING:
    from crowdflower.client import Client

DEADLINE = 0.15
"""Seconds for a call in which it is the deadline that ends it; each other one has its usual."""

HANDSHAKE = 0.05
"""Seconds for a handshake that never ends."""

MORE = 20
"""How many times as long is waited where a busy machine did not get so far in that time."""

GRACE = 5
"""Seconds that a busy machine may take beside; who kept no deadline would be late by eight."""


@pytest.mark.parametrize("letter", "REVN")
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.row(case.row), id=str(case)) for case in CASES]
)
@pytest.mark.usefixtures("trusted")
def test_each_fault_on_each_endpoint_has_the_expected_requests_and_error(
    case: Case, letter: str, connect: Callable[..., Client], tls: ssl.SSLContext
) -> None:
    wrong = {}

    for endpoint in fitting(case, letter):
        for times in (1, MORE) if case.waits else (1,):
            with Server(tls=tls if case.tls else None) as server:
                problems = list(differences(endpoint, case, server, connect, times))
            if not problems:
                break
        if problems:
            wrong[str(endpoint)] = problems

    assert wrong == {}


def differences(
    endpoint: Endpoint,
    case: Case,
    server: Server,
    connect: Callable[..., Client],
    times: int = 1,
) -> Iterator[str]:
    """Make one call that meets one fault, and yield whatever is not as it must be.

    :param times: How much longer to wait than it takes where nothing else is going on.
    """
    server.plan(case.fault)
    patience = times * HANDSHAKE if case.row == "N4" else 10
    deadline = times * DEADLINE if case.at_deadline else None
    client = connect(server.url, timeout=(patience, 20), deadline=deadline)
    error = None
    started = time.monotonic()
    try:
        client.call(endpoint.path, endpoint.body, method=endpoint.method, as_json=endpoint.as_json)
    except ApiError as raised:
        error = raised
    elapsed = time.monotonic() - started

    if type(error) is not (case.raises(endpoint) or type(None)):
        yield f"it ended with {error!r}"
    expected = case.attempts(endpoint)
    arrived = server.taken(expected) if case.means == "not sent" else len(server.log)
    if arrived != expected:
        yield f"{arrived} requests arrived, not {expected}"
    if len(server.ledger) != (arrived if case.fault.applies else 0):
        yield f"{len(server.ledger)} changes were made"
    if server.made(endpoint.line) > 1 and endpoint.letter in "VN":
        yield "a change was made twice"
    if elapsed > (deadline or 0) + GRACE:
        yield f"it took {elapsed:.1f} s"
    if error is not None:
        yield from (f"{way} shows the key" for way in leaks(error))
        if not str(error).startswith(f"{endpoint.method} /{endpoint.path}: "):
            yield f"it is not named by its endpoint: {error}"
        if not str(error).isprintable():
            yield f"it cannot be printed: {error!r}"
