"""A client that is killed at random moments: its claims, its journal and the ledger agree."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from killed_clients import Claims, run, violations
from server import Request, Server
from service import Service

from crowdflower.payments.records import Operation, State


@pytest.mark.row("P4", "N10", "N11")
@pytest.mark.parametrize("announces", [False, True], ids=["no keys", "keys are honoured"])
def test_claims_journal_and_ledger_agree_whenever_a_client_is_killed(
    tmp_path: Path, announces: bool
) -> None:
    claims, wrong = run(50, 41, tmp_path, announces=announces)

    assert wrong == []
    assert claims.leaked == []
    assert claims.kills >= 3
    assert claims.operations >= 50
    assert "returned" in claims.outcomes


@pytest.mark.parametrize("body", [b"", b"debit%5Bunits_count%5D=2"], ids=["nothing", "a part"])
def test_a_request_cut_off_by_a_kill_is_not_executed(server: Server, body: bytes) -> None:
    server.answer(Service(1, failure_rate=0))
    head = b"POST /v1/jobs/5/orders.json HTTP/1.1\r\nContent-Length: 40\r\n\r\n"

    with socket.create_connection(("127.0.0.1", server.port)) as client_socket:
        client_socket.sendall(head + body)
    server.settle()

    assert server.ledger == []


# What the checker reports


def paid(number: int, op_id: str) -> Request:
    """Return a bonus as the ledger has it."""
    headers = {"idempotency-key": op_id}
    return Request("POST", "/v1/x", headers, b"", f"amount=3&reason={number}".encode())


def begun(number: int, op_id: str, state: State) -> Operation:
    """Return a bonus as the journal has it."""
    return Operation(op_id, "bonus", "", "POST", "x", "", str(number), state)


PAID = [paid(1, "a")]


@pytest.mark.parametrize(
    ("claims", "ledger", "journal", "wrong"),
    [
        (["returned"], PAID, [begun(1, "a", "applied")], ""),
        (["returned"], [], [begun(1, "a", "applied")], "claimed and not made"),
        (["returned"], PAID, [begun(1, "a", "unknown")], "the journal does not have it"),
        (["returned"], PAID * 2, [begun(1, "a", "applied")], "made too often"),
        (["returned", "returned"], PAID, [begun(1, "a", "applied")], "claimed twice"),
        (["returned", "DuplicateOperation"], PAID, [begun(1, "a", "applied")], ""),
        (["NotFound", "returned"], PAID, [begun(1, "a", "applied")], ""),
        (["DuplicateOperation"], [], [], "a duplicate of nothing"),
        (["NotFound"], [], [begun(1, "a", "rejected")], ""),
        (["NotFound"], PAID, [begun(1, "a", "sent")], "refused, and made"),
        (
            ["NotSentError", "DuplicateOperation"],
            PAID,
            [begun(1, "a", "sent")],
            "refused, and made",
        ),
        (["OutcomeUnknown"], [], [begun(1, "a", "unknown")], ""),
        (["OutcomeUnknown"], PAID, [begun(1, "a", "unknown")], ""),
        (["OutcomeUnknown"], PAID, [begun(1, "a", "rejected")], "as rejected"),
        (["OutcomeUnknown"], PAID, [begun(1, "a", "not_applied")], "as not_applied"),
        (["OutcomeUnknown"], [], [begun(1, "a", "applied")], "as applied"),
        (["killed"], [], [], ""),
        (["killed"], [], [begun(1, "a", "prepared")], ""),
        (["killed"], PAID, [begun(1, "a", "sent")], ""),
        (["killed"], PAID, [begun(1, "a", "prepared")], "as prepared"),
        (["killed"], PAID, [], "forgotten"),
        (["killed"], PAID, [begun(2, "a", "sent")], "under another key"),
        (["killed"], [paid(1, "a"), paid(1, "b")], [begun(1, "a", "sent")], "made too often"),
        (["killed"], [paid(3, "a")], [], "no client claims it"),
    ],
)
def test_each_disagreement_is_reported(
    claims: list[str], ledger: list[Request], journal: list[Operation], wrong: str
) -> None:
    records = Claims(names={1: "bonus"}, claims={1: claims})

    reported = violations(records, ledger, journal)

    assert bool(reported) == bool(wrong)
    assert not wrong or any(wrong in each for each in reported)


@pytest.mark.parametrize(
    ("finding", "ledger", "wrong"),
    [
        ("Applied", PAID, False),
        ("Applied", [], True),
        ("NotSeen", PAID, True),
        ("NotSeen", [], False),
        ("Inconclusive", PAID, False),
        ("Inconclusive", [], False),
    ],
)
def test_a_finding_that_contradicts_the_ledger_is_reported(
    finding: str, ledger: list[Request], wrong: bool
) -> None:
    records = Claims(names={1: "bonus"}, claims={1: ["killed"]}, findings=[("a", finding)])

    reported = violations(records, ledger, [begun(1, "a", "sent")])

    assert bool(reported) == wrong


@pytest.mark.parametrize(
    ("name", "claims", "made", "wrong"),
    [
        ("POST jobs/7/workers/5/notify.json", ["returned"], 1, False),
        ("POST jobs/7/workers/5/notify.json", ["returned"], 2, True),
        ("PUT jobs/7.json", ["returned"], 1, False),
        ("PUT jobs/7.json", ["returned"], 2, True),
        ("DELETE jobs/7.json", ["OutcomeUnknown"], 2, False),
        ("DELETE jobs/7.json", ["OutcomeUnknown"], 3, True),
        ("GET jobs/7.json", ["returned"], 0, False),
    ],
)
def test_a_change_that_is_not_a_payment_may_be_repeated_if_safe(
    name: str, claims: list[str], made: int, wrong: bool
) -> None:
    records = Claims(names={1: name}, claims={1: claims})
    ledger = [Request("POST", "/v1/x", {"x-operation": "1"}, b"")] * made

    assert bool(violations(records, ledger, [])) == wrong
