"""The fault matrix: every endpoint with every fault; requests, changes, claims, leaks."""

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
"""Deadline in seconds of calls that are to end by it; all others have the default."""

HANDSHAKE = 0.05
"""Timeout in seconds of a handshake that never ends."""

SLOWDOWN = 20
"""Factor for the deadline in a second attempt on a busy machine."""

GRACE = 5
"""Seconds of tolerance on a busy machine; without a deadline, a call is late by eight."""


@pytest.mark.parametrize("safety", "REVN")
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.row(case.row), id=str(case)) for case in CASES]
)
@pytest.mark.usefixtures("trusted")
def test_each_fault_on_each_endpoint_has_the_expected_requests_and_error(
    case: Case, safety: str, connect: Callable[..., Client], tls: ssl.SSLContext
) -> None:
    wrong = {}

    for endpoint in fitting(case, safety):
        for times in (1, SLOWDOWN) if case.needs_time else (1,):
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
    """Make one call with one fault, and yield the differences to the expected outcome.

    :param times: Factor for the deadline, for a busy machine.
    """
    server.plan(case.fault)
    connect_timeout = times * HANDSHAKE if case.row == "N4" else 10
    deadline = times * DEADLINE if case.at_deadline else None
    client = connect(server.url, timeout=(connect_timeout, 20), deadline=deadline)
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
    arrived = server.wait_for_connections(expected) if case.means == "not sent" else len(server.log)
    if arrived != expected:
        yield f"{arrived} requests arrived, not {expected}"
    if len(server.ledger) != (arrived if case.fault.applies else 0):
        yield f"{len(server.ledger)} changes were made"
    if server.count_changes(endpoint.line) > 1 and endpoint.safety in "VN":
        yield "a change was made twice"
    if elapsed > (deadline or 0) + GRACE:
        yield f"it took {elapsed:.1f} s"
    if error is not None:
        yield from (f"{way} shows the key" for way in leaks(error))
        if not str(error).startswith(f"{endpoint.method} /{endpoint.path}: "):
            yield f"it is not named by its endpoint: {error}"
        if not str(error).isprintable():
            yield f"it cannot be printed: {error!r}"
