"""A client that is killed at random: what it claimed, wrote down and did agree."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from lives import Book, run, violations
from server import Request, Server
from service import Service

from crowdflower.payments.records import Operation, State


@pytest.mark.row("P4", "N10", "N11")
@pytest.mark.parametrize("announces", [False, True], ids=["no keys", "keys are honoured"])
def test_whenever_a_client_is_killed_claims_journal_and_ledger_agree(
    tmp_path: Path, announces: bool
) -> None:
    book, wrong = run(50, 41, tmp_path, announces=announces)

    assert wrong == []
    assert book.leaked == []
    assert book.kills >= 3
    assert book.operations >= 50
    assert "returned" in book.outcomes


@pytest.mark.parametrize("body", [b"", b"debit%5Bunits_count%5D=2"], ids=["nothing", "a part"])
def test_a_request_that_a_death_cuts_off_is_not_carried_out(server: Server, body: bytes) -> None:
    server.answer(Service(1, temper=0))
    head = b"POST /v1/jobs/5/orders.json HTTP/1.1\r\nContent-Length: 40\r\n\r\n"

    with socket.create_connection(("127.0.0.1", server.port)) as dying:
        dying.sendall(head + body)
    server.settle()

    assert server.ledger == []


# What the checker takes for wrong


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
        (["killed"], PAID, [begun(2, "a", "sent")], "under another name"),
        (["killed"], [paid(1, "a"), paid(1, "b")], [begun(1, "a", "sent")], "made too often"),
        (["killed"], [paid(3, "a")], [], "nobody claims it"),
    ],
)
def test_what_does_not_agree_is_named(
    claims: list[str], ledger: list[Request], journal: list[Operation], wrong: str
) -> None:
    book = Book(names={1: "bonus"}, claims={1: claims})

    named = violations(book, ledger, journal)

    assert bool(named) == bool(wrong)
    assert not wrong or any(wrong in each for each in named)


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
def test_a_finding_that_the_ledger_contradicts_is_wrong(
    finding: str, ledger: list[Request], wrong: bool
) -> None:
    book = Book(names={1: "bonus"}, claims={1: ["killed"]}, findings=[("a", finding)])

    named = violations(book, ledger, [begun(1, "a", "sent")])

    assert bool(named) == wrong


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
def test_what_is_no_payment_is_made_as_often_as_is_safe(
    name: str, claims: list[str], made: int, wrong: bool
) -> None:
    book = Book(names={1: name}, claims={1: claims})
    ledger = [Request("POST", "/v1/x", {"x-operation": "1"}, b"")] * made

    assert bool(violations(book, ledger, [])) == wrong
