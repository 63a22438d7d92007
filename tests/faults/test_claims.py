"""The client's claims and the server's ledger agree; and checks of these checks."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from catalogue import CASES, ENDPOINTS, Endpoint
from claims import RunResult, run
from requests import Session
from requests.adapters import HTTPAdapter
from server import Server
from test_fault_matrix import differences

from crowdflower.client import Client
from crowdflower.exceptions import ConfigError, NotFound, OutcomeUnknown

if TYPE_CHECKING:
    from conftest import FastClock

ORDER = next(each for each in ENDPOINTS if each.path == "jobs/7/orders.json")
COPY = next(each for each in ENDPOINTS if each.path == "jobs/7/copy.json")
READ = next(each for each in ENDPOINTS if each.path == "jobs/7.json")


@pytest.mark.row("N10", "N11")
@pytest.mark.usefixtures("trusted")
def test_every_claim_agrees_with_the_ledger(
    tls: ssl.SSLContext, connect: Callable[..., Client]
) -> None:
    tally = run(200, 20, tls, connect)

    assert tally.violations == []
    assert tally.leaked == []
    assert tally.paid_twice == 0
    assert {"returned", "OutcomeUnknown", "NotSentError"} <= set(tally.outcomes)


@pytest.mark.parametrize(
    ("endpoint", "error", "made", "wrong"),
    [
        (ORDER, None, 1, False),
        (ORDER, None, 0, True),
        (ORDER, None, 2, True),
        (ORDER, NotFound("no"), 0, False),
        (ORDER, NotFound("no"), 1, True),
        (ORDER, OutcomeUnknown("lost", evidence="sent"), 0, False),
        (ORDER, OutcomeUnknown("lost", evidence="sent"), 1, False),
        (ORDER, OutcomeUnknown("lost", evidence="sent"), 2, True),
        (READ, NotFound("no"), 3, False),
    ],
)
def test_a_claim_that_contradicts_the_ledger_is_a_violation(
    endpoint: Endpoint, error: Exception | None, made: int, wrong: bool
) -> None:
    tally = RunResult()

    tally.check(endpoint, error, made)

    assert bool(tally.violations) == wrong
    assert bool(tally.paid_twice) == (made > 1 and endpoint is ORDER)


# Checks of the checks


class FollowingAdapter(HTTPAdapter):
    """An adapter that follows redirects, as ``allow_redirects=True`` would."""

    def send(self, request: object, **kwargs: object) -> object:
        response = super().send(request, **kwargs)
        if response.is_redirect:
            response.close()
            return Session().request(
                request.method,
                response.url,
                data=request.body,
                headers=dict(request.headers),
                allow_redirects=True,
                timeout=20,
            )
        return response


def install(client: Client, adapter: HTTPAdapter) -> Client:
    """Install an adapter in a client that breaks a guarantee."""
    for prefix in ("http://", "https://"):
        client.transport._session.mount(prefix, adapter)
    return client


def found(
    endpoint: Endpoint, row: str, adapter: HTTPAdapter | None, connect: Callable[..., Client]
) -> list[str]:
    """Return the defects that the fault matrix finds for an endpoint in one row."""

    def build(*args: object, **kwargs: object) -> Client:
        client = connect(*args, **kwargs)
        return client if adapter is None else install(client, adapter)

    problems = []
    for case in CASES:
        if case.row == row and not case.tls:
            with Server() as server:
                problems += differences(endpoint, case, server, build)
    return problems


@pytest.mark.parametrize("row", ["N8", "N9", "N10", "H12"])
def test_the_fault_matrix_finds_no_defect_in_the_client(
    connect: Callable[..., Client], row: str
) -> None:
    assert found(COPY, row, None, connect) == []


@pytest.mark.parametrize("row", ["N8", "N9"])
def test_the_fault_matrix_detects_an_adapter_that_repeats_requests(
    connect: Callable[..., Client], row: str
) -> None:
    problems = found(COPY, row, HTTPAdapter(max_retries=3), connect)

    assert "4 requests arrived, not 1" in problems


def test_the_fault_matrix_detects_a_change_that_is_made_twice(
    connect: Callable[..., Client],
) -> None:
    problems = found(COPY, "N10", HTTPAdapter(max_retries=3), connect)

    assert "a change was made twice" in problems


def test_the_fault_matrix_detects_an_adapter_that_follows_redirects(
    connect: Callable[..., Client],
) -> None:
    problems = found(ORDER, "H12", FollowingAdapter(), connect)

    assert any("requests arrived, not 1" in problem for problem in problems)


def test_a_session_that_repeats_requests_is_refused(server: Server, clock: FastClock) -> None:
    with Session() as session:
        session.mount("https://", HTTPAdapter(max_retries=3))

        with pytest.raises(ConfigError, match="max_retries"):
            Client("a-key", server.url, session=session)
