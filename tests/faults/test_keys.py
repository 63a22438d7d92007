"""Idempotency keys: changes are sent again only to a server that honours them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from catalogue import ENDPOINTS, Endpoint
from server import Fault, Request, Server, hang_up, reset, respond

from crowdflower.exceptions import OutcomeUnknown, RateLimited
from crowdflower.job import Job
from crowdflower.payments.journal import Journal

if TYPE_CHECKING:
    from crowdflower.client import Client

Connect = Callable[..., "Client"]

CHANGES = [each for each in ENDPOINTS if each.safety in "VN"]


@dataclass
class KeyService:
    """A service that announces and honours idempotency keys, and loses responses.

    :param lost: The faults of the first responses to a change.
    :param says: Its announcement.
    """

    lost: list[Fault] = field(default_factory=list)
    says: str = "1"
    done: set[str] = field(default_factory=set)

    def __call__(self, request: Request) -> Fault:
        announced = (f"X-CrowdFlower-Idempotency: {self.says}",) if self.says else ()
        answer = respond(b'{"id": 7, "state": "unordered"}', headers=announced)
        key = request.headers.get("idempotency-key")
        if key is None:
            return Fault(answer)
        fault = self.lost.pop(0) if self.lost else Fault(answer, applies=True)
        applies = fault.applies and key not in self.done
        if applies:
            self.done.add(key)
        return Fault(fault.act, applies=applies)


def keys(server: Server) -> list[str]:
    return [
        request.headers["idempotency-key"]
        for request in server.log
        if "idempotency-key" in request.headers
    ]


def change(client: Client, endpoint: Endpoint) -> None:
    client.call(endpoint.path, endpoint.body, method=endpoint.method, as_json=endpoint.as_json)


LOSSES = [
    pytest.param(Fault(hang_up), id="not made, FIN"),
    pytest.param(Fault(hang_up, applies=True), id="made, FIN"),
    pytest.param(Fault(reset, applies=True), id="made, RST"),
    pytest.param(Fault(respond(status="502 Bad"), applies=True), id="made, 502"),
    pytest.param(Fault(respond(b'{"id"', length=90), applies=True), id="made, cut short"),
]


@pytest.mark.row("N10")
@pytest.mark.parametrize("loss", LOSSES)
def test_a_lost_change_is_retried_with_its_idempotency_key_and_made_once(
    server: Server, client: Client, loss: Fault
) -> None:
    for endpoint in CHANGES:
        server.answer(KeyService([loss]))
        client.get_job(7)
        server.log.clear()
        server.ledger.clear()

        change(client, endpoint)

        assert len(keys(server)) == 2, str(endpoint)
        assert len(set(keys(server))) == 1
        assert server.count_changes(endpoint.line) == 1


@pytest.mark.parametrize("says", ["", "0", "yes"])
def test_without_support_for_idempotency_keys_a_change_is_sent_once(
    server: Server, client: Client, says: str
) -> None:
    server.answer(KeyService(says=says))
    client.get_job(7)
    server.plan(Fault(hang_up))

    with pytest.raises(OutcomeUnknown):
        client.call("jobs/7/orders.json", b"{}", method="post")

    assert len(server.log) == 2
    assert keys(server) == []


def test_support_for_idempotency_keys_is_known_per_server(server: Server, connect: Connect) -> None:
    server.answer(KeyService())
    connect(server.url).get_job(7)
    with Server() as another:
        another.plan(Fault(hang_up))

        with pytest.raises(OutcomeUnknown):
            connect(another.url).call("jobs/7/orders.json", b"{}", method="post")

        assert len(another.log) == 1


def test_the_callers_idempotency_key_is_sent(server: Server, client: Client) -> None:
    server.answer(KeyService([Fault(hang_up, applies=True)]))
    client.get_job(7)

    client.call("jobs/7/orders.json", b"{}", {"Idempotency-Key": "may"}, method="post")

    assert keys(server) == ["may", "may"]


def test_each_change_has_its_own_idempotency_key(server: Server, client: Client) -> None:
    server.answer(KeyService())
    client.get_job(7)

    for _ in range(2):
        client.call("jobs/7/orders.json", b"{}", method="post")

    assert len(set(keys(server))) == 2


def test_a_stream_that_cannot_be_rewound_is_not_retried(server: Server, client: Client) -> None:
    server.answer(KeyService([Fault(hang_up, applies=True)]))
    client.get_job(7)

    with pytest.raises(OutcomeUnknown):
        client.call("jobs/7/upload.json", iter([b"{}"]), method="put")

    assert len(keys(server)) == 1


def test_a_response_lost_every_time_is_outcome_unknown(server: Server, client: Client) -> None:
    server.answer(KeyService([Fault(hang_up, applies=True)] * 9))
    client.get_job(7)

    with pytest.raises(OutcomeUnknown):
        client.call("jobs/7/orders.json", b"{}", method="post")

    assert len(keys(server)) == 4
    assert server.count_changes("POST /jobs/7/orders.json") == 1


def test_a_refusal_after_a_lost_response_is_outcome_unknown(server: Server, client: Client) -> None:
    refused = Fault(respond(b'{"error": "slow down"}', status="429 Too Many"))
    server.answer(KeyService([Fault(hang_up, applies=True), refused]))
    client.get_job(7)

    with pytest.raises(OutcomeUnknown):
        client.call("jobs/7/orders.json", b"{}", method="post")

    server.answer(KeyService([refused]))
    with pytest.raises(RateLimited):
        client.call("jobs/7/orders.json", b"{}", method="post")


def test_a_payment_with_a_lost_response_is_made_once_and_settled(
    server: Server, connect: Connect, tmp_path: Path
) -> None:
    server.answer(KeyService([Fault(hang_up, applies=True)]))
    client = connect(server.url, journal=tmp_path / "journal.db")

    order = Job(client, id=7).launch(20, key="may")

    assert order.id == 7
    assert len(keys(server)) == 2
    assert server.count_changes("POST /jobs/7/orders.json") == 1
    operation = Journal(tmp_path / "journal.db").get(keys(server)[0])
    assert (operation.key, operation.state) == ("may", "applied")


def test_support_may_be_announced_in_a_refusal(server: Server, client: Client) -> None:
    body = json.dumps({"error": "No."}).encode()
    announced = respond(body, status="404 No", headers=("X-CrowdFlower-Idempotency: 1",))
    server.plan(Fault(announced))
    with pytest.raises(Exception, match="404"):
        client.get_job(7)
    server.answer(KeyService([Fault(hang_up, applies=True)]))

    client.call("jobs/7/orders.json", b"{}", method="post")

    assert server.count_changes("POST /jobs/7/orders.json") == 1
