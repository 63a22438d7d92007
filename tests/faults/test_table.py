"""Every endpoint with every fault: what arrived, what was done, what was claimed, what was shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from catalogue import Case, Endpoint, pairs
from leaks import leaks

from crowdflower.exceptions import ApiError

if TYPE_CHECKING:
    from server import Server

    from crowdflower.client import Client

DEADLINE = 0.15
"""Seconds for a call in which it is the deadline that ends it; each other one has its usual."""


@pytest.mark.parametrize(
    ("endpoint", "case"),
    [
        pytest.param(endpoint, case, marks=pytest.mark.row(case.row), id=f"{endpoint} {case}")
        for endpoint, case in pairs()
    ],
)
def test_a_fault_costs_as_many_requests_as_are_safe_and_is_named_for_what_it_means(
    endpoint: Endpoint,
    case: Case,
    request: pytest.FixtureRequest,
    connect: Callable[..., Client],
) -> None:
    server: Server = request.getfixturevalue("secure" if case.tls else "server")
    server.plan(case.fault)
    patience = 0.03 if case.row == "N4" else 0.5
    deadline = DEADLINE if case.at_deadline else None
    client = connect(server.url, timeout=(patience, 20), deadline=deadline)
    error = None
    started = time.monotonic()

    try:
        client.call(endpoint.path, endpoint.body, method=endpoint.method, as_json=endpoint.as_json)
    except ApiError as raised:
        error = raised
    elapsed = time.monotonic() - started

    assert type(error) is (case.raises(endpoint) or type(None))
    arrived = server.connections if case.means == "not sent" else len(server.log)
    assert arrived == case.attempts(endpoint)
    applied = case.attempts(endpoint) if case.fault.applies else 0
    assert len(server.ledger) == applied
    assert applied <= 1 or endpoint.letter in "RE"
    assert elapsed < (deadline or 0) + 1
    if error is not None:
        assert leaks(error) == []
        assert str(error).startswith(f"{endpoint.method} /{endpoint.path}: ")
        assert str(error).isprintable()
