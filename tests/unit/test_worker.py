"""Contributors: bonuses, messages, flags, rejection."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import (
    ApplicationError,
    InvalidInput,
    NotFound,
    PaymentRequired,
    ValidationError,
)

if TYPE_CHECKING:
    from conftest import SentRequest
    from responses import RequestsMock

    from crowdflower.job import Job
    from crowdflower.worker import Worker

WORKER = "https://api.appen.com/v1/jobs/712034/workers/31883685"


@pytest.fixture
def worker(job: Job) -> Worker:
    return job.get_worker(31883685)


def last(sent: list[SentRequest]) -> str:
    return sent[-1].line.replace("/jobs/712034/workers/31883685", "")


# Bonuses


@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        ((150,), [("amount", "150")]),
        ((1, "Größe"), [("amount", "1"), ("reason", "Größe")]),
        ((2000, ""), [("amount", "2000"), ("reason", "")]),
    ],
)
@pytest.mark.usefixtures("payment_reads")
def test_a_bonus_sends_cents_and_reason(
    api: RequestsMock, worker: Worker, sent: list[SentRequest], arguments: Any, form: object
) -> None:
    api.post(f"{WORKER}/bonus.json", json={"success": "Paid."})

    worker.bonus(*arguments)

    assert last(sent) == "POST /bonus.json"
    assert sent[-1].form == form


@pytest.mark.parametrize(
    "amount",
    [0, -1, 1.5, 100.0, "100", True, None, float("nan"), Decimal("1.50"), 2001, 10**12],
    ids=repr,
)
def test_an_invalid_amount_is_refused(worker: Worker, sent: list[SentRequest], amount: Any) -> None:
    with pytest.raises(InvalidInput):
        worker.bonus(amount)

    assert sent == []


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, {"error": {"message": "We couldn't find it."}}, NotFound),
        (400, {"error": {"message": "This channel does not support bonuses"}}, ValidationError),
        (402, {"error": {"message": "You have $20.00 available"}}, PaymentRequired),
        (200, {"error": "Not today."}, ApplicationError),
    ],
)
@pytest.mark.usefixtures("payment_reads")
def test_a_refused_bonus_is_an_error(
    api: RequestsMock, worker: Worker, sent: list[SentRequest], status: int, body: Any, error: Any
) -> None:
    api.post(f"{WORKER}/bonus.json", status=status, json=body)

    with pytest.raises(error):
        worker.bonus(150)

    assert [each.line[:4] for each in sent] == ["GET ", "POST"]


# Messages and flags


def test_a_message_is_sent(api: RequestsMock, worker: Worker, sent: list[SentRequest]) -> None:
    said = {"success": {"message": "Contributor was successfully notified."}}
    api.post(f"{WORKER}/notify.json", json=said)

    worker.notify("Grüße,\nyour team")

    assert last(sent) == "POST /notify.json"
    assert sent[0].form == [("message", "Grüße,\nyour team")]


@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        (("Too fast",), [("flag", "Too fast")]),
        (("Too fast", False), [("flag", "Too fast")]),
        (("Too fast", True), [("flag", "Too fast"), ("persist", "true")]),
    ],
)
def test_a_flag_sends_its_reason_and_persist(
    api: RequestsMock, worker: Worker, sent: list[SentRequest], arguments: Any, form: object
) -> None:
    api.put(f"{WORKER}.json", json={"success": "Flagged."})

    worker.flag(*arguments)

    assert last(sent) == "PUT .json"
    assert sent[0].form == form


def test_a_flag_is_removed(api: RequestsMock, worker: Worker, sent: list[SentRequest]) -> None:
    api.put(f"{WORKER}.json", json={"success": "Unflagged."})

    worker.deflag("A mistake")

    assert last(sent) == "PUT .json"
    assert sent[0].form == [("unflag", "A mistake")]


def test_flagging_twice_is_not_an_error(api: RequestsMock, worker: Worker) -> None:
    api.put(f"{WORKER}.json", json={"warning": "Already flagged."})

    worker.flag("Too fast")


def test_a_rejection_sends_the_default_or_the_given_reason(
    api: RequestsMock, worker: Worker, sent: list[SentRequest]
) -> None:
    said = "Rejecting contributor... this operation can take up to 10 minutes"
    api.put(f"{WORKER}/reject.json", json={"success": {"message": said}})

    worker.reject()
    worker.reject("A program")

    assert last(sent) == "PUT /reject.json"
    (reason, manual) = sent[0].form
    assert (reason[0], bool(reason[1]), manual) == ("reason", True, ("manual", "true"))
    assert sent[1].form == [("reason", "A program"), ("manual", "true")]


def test_an_unknown_contributor_is_not_found(api: RequestsMock, worker: Worker) -> None:
    api.put(f"{WORKER}.json", status=404)

    with pytest.raises(NotFound):
        worker.flag("Too fast")
