"""MemoryError at critical moments."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from catalogue import OK
from server import Act, Fault, Request, hang_up, respond

from crowdflower.exceptions import DuplicateOperation, OutcomeUnknown
from crowdflower.http import encoding
from crowdflower.job import Job
from crowdflower.payments.journal import Journal

if TYPE_CHECKING:
    from server import Server

    from crowdflower.client import Client

BIG = b'{"big": 1}'
JOB = {"id": 7, "payment_cents": 10, "judgments_per_unit": 3, "units_per_assignment": 5}

Connect = Callable[..., "Client"]


@pytest.fixture(autouse=True)
def limited_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding a marked body raises MemoryError."""
    decode = encoding.decode_json

    def decode_or_die(content: bytes) -> Any:
        if b'"big"' in content:
            raise MemoryError
        return decode(content)

    monkeypatch.setattr(encoding, "decode_json", decode_or_die)


@pytest.mark.row("P13")
@pytest.mark.parametrize("lookahead", [1, 8])
def test_a_memory_error_ends_the_list_but_not_the_client(
    server: Server, connect: Connect, lookahead: int
) -> None:
    def page(asked: Request) -> Fault:
        number = int(asked.target.rpartition("page=")[2])
        return Fault(respond(BIG if number == 3 else json.dumps({number: {}}).encode()))

    server.answer(page)
    client = connect(server.url, lookahead=lookahead, timeout=(20, 20))
    units = client.get_units(7)

    assert [next(units).id, next(units).id] == [1, 2]
    with pytest.raises(MemoryError):
        next(units)

    server.plan(OK)
    assert client.get_job(7).id == 7


def paid_by(act: Act, asked: Request) -> Fault:
    """Answer a payment with a fault, the job normally, and units with a too large body."""
    if asked.method == "POST":
        return Fault(act, applies=True)
    return Fault(respond(json.dumps(JOB).encode() if "units" not in asked.target else BIG))


@pytest.mark.row("P13")
def test_a_memory_error_while_reconciling_leaves_the_journal_unchanged(
    server: Server, connect: Connect, tmp_path: Path
) -> None:
    path = tmp_path / "journal.db"
    server.answer(partial(paid_by, hang_up))
    client = connect(server.url, journal=path, timeout=(20, 20))
    with pytest.raises(OutcomeUnknown):
        Job(client, id=7).launch(20, key="spring")
    before = Journal(path).pending()

    with pytest.raises(MemoryError):
        next(client.get_units(7))

    assert [payment.key for payment in before] == ["spring"]
    assert Journal(path).pending() == client.operations.pending() == before


@pytest.mark.row("P13")
def test_a_payment_with_a_memory_error_stays_pending_and_is_not_repeated(
    server: Server, connect: Connect, tmp_path: Path
) -> None:
    path = tmp_path / "journal.db"
    server.answer(partial(paid_by, respond(BIG)))
    client = connect(server.url, journal=path, timeout=(20, 20))

    with pytest.raises(MemoryError):
        Job(client, id=7).launch(20, key="spring")

    (payment,) = Journal(path).pending()
    assert (payment.key, payment.state) == ("spring", "sent")
    with pytest.raises(DuplicateOperation):
        Job(client, id=7).launch(20, key="spring")
    assert len(server.ledger) == 1
