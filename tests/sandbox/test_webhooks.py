"""Webhooks: which are sent, how they are signed, and how failed deliveries are retried."""

from __future__ import annotations

import json
import threading
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from crowdflower.exceptions import ApiError
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.clock import iso
from crowdflower.sandbox.webhooks.delivery import (
    MAX_FAILING_TIME,
    Attempt,
    HttpReceiver,
    Notification,
    WebhookSender,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crowdflower.client import Client
    from crowdflower.job import Job

HOOK = "https://client.example.com/hook"

FORM = """
<p>{{text}}</p>
<cml:radios label="Is it about price?" name="price" validates="required" gold="true">
  <cml:radio label="Ja" value="ja"/>
  <cml:radio label="Nö" value="nö"/>
</cml:radios>
"""

ROWS = [{"text": f"Review {number}", "answer": "nö"} for number in range(5)]


class Inbox:
    """Receives notifications; fails while ``error`` is set."""

    def __init__(self) -> None:
        self.received: list[Notification] = []
        self.error: str | None = None

    def __call__(self, notification: Notification) -> None:
        if self.error is not None:
            raise OSError(self.error)
        self.received.append(notification)

    @property
    def signals(self) -> list[str]:
        return [each.signal for each in self.received]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=3) as box:
        yield box


@pytest.fixture
def inbox(box: Sandbox) -> Inbox:
    inbox = Inbox()
    box.receive_webhooks(inbox)
    return inbox


def create_job(client: Client, **settings: Any) -> Job:
    """Create a job with a webhook."""
    attributes = {
        "title": "About price",
        "instructions": "Read the review.",
        "cml": FORM,
        "judgments_per_unit": 1,
        "webhook_uri": HOOK,
    }
    job = client.create_job({"title": "About price"})
    client.update_job(job.id, attributes | settings)
    return client.get_job(job.id)


def launch(box: Sandbox, **settings: Any) -> Job:
    """Launch a job with a webhook and five rows."""
    job = create_job(box.client(), **settings)
    job.upload(ROWS)
    job.launch(len(ROWS), channels=["on_demand"])
    return job


def finish(box: Sandbox, job: Job) -> None:
    """Let one contributor judge all units."""
    box.crowd.add(1, profile="perfect", truth={"price": "answer"})
    box.crowd.run(job)


def test_a_job_sends_webhooks_from_upload_to_completion(box: Sandbox, inbox: Inbox) -> None:
    job = launch(box)
    finish(box, job)

    attempts = box.deliver_webhooks()

    assert inbox.signals == ["job_data_processed", *["unit_complete"] * 5, "job_complete"]
    assert attempts == [Attempt(job.id, signal, HOOK, None) for signal in inbox.signals]
    assert box.deliver_webhooks() == []
    assert json.loads(inbox.received[0].payload)["units_count"] == 5
    assert json.loads(inbox.received[-1].payload)["state"] == "finished"
    unit = json.loads(inbox.received[1].payload)
    assert (unit["state"], unit["results"]["price"]["agg"]) == ("finalized", "nö")


def test_new_judgments_are_sent_if_enabled(box: Sandbox, inbox: Inbox) -> None:
    job = launch(box, send_judgments_webhook=True)
    finish(box, job)

    box.deliver_webhooks()

    assert inbox.signals[:3] == ["job_data_processed", "new_judgments", "unit_complete"]
    judgments = json.loads(inbox.received[1].payload)
    assert [each["data"] for each in judgments] == [{"price": "nö"}] * 5
    assert {each["unit_state"] for each in judgments} == {"finalized"}


def test_a_judgment_has_the_time_of_its_first_delivery(box: Sandbox) -> None:
    job = launch(box, send_judgments_webhook=True)
    finish(box, job)
    accepted = {"job_data_processed"}

    def receive(notification: Notification) -> None:
        if notification.signal not in accepted:
            raise OSError("not yet")

    box.receive_webhooks(receive)
    box.deliver_webhooks()
    unsent = {each.webhook_sent_at for each in job.judgments()}
    accepted |= {"new_judgments"}
    box.clock.advance(seconds=10)
    box.deliver_webhooks()
    first = iso(box.clock.now())
    accepted |= {"unit_complete", "job_complete"}
    box.clock.advance(seconds=10)
    signals = [each.signal for each in box.deliver_webhooks()]

    assert unsent == {None}
    assert signals == [*["unit_complete"] * 5, "job_complete"]
    assert {each.webhook_sent_at for each in job.judgments()} == {first}


def test_a_completed_unit_delivers_its_judgments(box: Sandbox, inbox: Inbox) -> None:
    job = launch(box)
    finish(box, job)

    box.deliver_webhooks()

    assert {each.webhook_sent_at for each in job.judgments()} == {iso(box.clock.now())}


def test_without_webhook_uri_nothing_is_sent(box: Sandbox, inbox: Inbox) -> None:
    job = launch(box, webhook_uri=None)
    finish(box, job)

    assert box.deliver_webhooks() == []
    assert inbox.received == []


def test_the_signature_matches_the_payload(box: Sandbox, inbox: Inbox) -> None:
    job = launch(box)
    finish(box, job)

    box.deliver_webhooks()

    for each in inbox.received:
        fields = parse_qsl(each.body.decode(), strict_parsing=True)
        assert [name for name, _ in fields] == ["signal", "payload", "signature"]
        text, signature = fields[1][1], fields[2][1]
        assert sha1((text + box.key).encode(), usedforsecurity=False).hexdigest() == signature


def test_a_refused_upload_sends_nothing(box: Sandbox, inbox: Inbox) -> None:
    job = create_job(box.client())

    with pytest.raises(ApiError):
        box.client().call(
            f"jobs/{job.id}/upload.json", '{"text": "fine"}\n{"text": }\n', method="put"
        )

    assert box.deliver_webhooks() == []


def test_fire_webhooks_sends_the_test_questions(box: Sandbox, inbox: Inbox) -> None:
    job = create_job(box.client())
    job.upload([{**ROWS[0], "_golden": "TRUE", "price_gold": "nö"}, *ROWS])
    job.convert_test_questions()
    box.deliver_webhooks()
    inbox.received.clear()

    response = box.client().call(f"jobs/{job.id}/golds/fire_webhooks")
    box.deliver_webhooks()

    assert set(response) == {"notice"}
    (notification,) = inbox.received
    assert (notification.signal, json.loads(notification.payload)["state"]) == (
        "unit_complete",
        "golden",
    )


def test_retry_delays_grow_until_the_address_is_disabled(box: Sandbox, inbox: Inbox) -> None:
    launch(box)
    inbox.error = "connection refused"
    start, times = box.clock.now(), []
    while box.clock.now() - start < 3 * MAX_FAILING_TIME:
        if attempts := box.deliver_webhooks():
            assert [each.problem for each in attempts] == ["OSError: connection refused"]
            times.append(box.clock.now() - start)
        box.clock.advance(seconds=0.5 if box.clock.now() - start < 20 else 30)

    delays = [after - before for before, after in pairwise(times)]
    for delay, planned in zip(delays, [1, 5, 25, 125, 625, 3125], strict=False):
        assert 0.9 * planned <= delay <= 1.1 * planned + 30
    assert len(times) == 9
    assert MAX_FAILING_TIME <= times[-1] < MAX_FAILING_TIME + 60


def test_saving_the_address_resumes_deliveries(box: Sandbox, inbox: Inbox) -> None:
    job = launch(box)
    inbox.error = "connection refused"
    box.deliver_webhooks()
    box.clock.advance(seconds=MAX_FAILING_TIME)
    box.deliver_webhooks()
    finish(box, job)
    inbox.error = None
    while_disabled = box.deliver_webhooks()

    box.client().update_job(job.id, {"webhook_uri": "https://elsewhere.example.com/hook"})
    box.deliver_webhooks()

    assert while_disabled == []
    assert inbox.signals == ["job_data_processed", *["unit_complete"] * 5, "job_complete"]
    assert {each.uri for each in inbox.received} == {"https://elsewhere.example.com/hook"}


def test_removing_the_address_drops_pending_notifications(box: Sandbox, inbox: Inbox) -> None:
    job = launch(box)

    box.client().update_job(job.id, {"webhook_uri": ""})
    dropped = box.deliver_webhooks()
    box.client().update_job(job.id, {"webhook_uri": HOOK})

    assert dropped == box.deliver_webhooks() == []


def test_a_failing_receiver_delays_only_its_own_job(box: Sandbox, inbox: Inbox) -> None:
    refused, other = launch(box), launch(box)

    def receive(notification: Notification) -> None:
        if json.loads(notification.payload)["id"] == refused.id:
            raise ValueError("refused")
        inbox(notification)

    box.receive_webhooks(receive)
    first = box.deliver_webhooks()
    immediately = box.deliver_webhooks()

    assert [(each.job_id, each.problem) for each in first] == [
        (refused.id, "ValueError: refused"),
        (other.id, None),
    ]
    assert immediately == []


def test_deliveries_stop_on_request(box: Sandbox, inbox: Inbox) -> None:
    for _ in range(3):
        launch(box)

    attempts = box.deliver_webhooks(lambda: len(inbox.received) == 1)

    assert len(attempts) == len(inbox.received) == 1
    assert len(box.deliver_webhooks()) == 2


def test_a_receiver_may_call_the_api(box: Sandbox) -> None:
    job = launch(box)
    states: list[str] = []
    box.receive_webhooks(lambda _: states.append(box.client().get_job(job.id).state))

    box.deliver_webhooks()

    assert states == ["running"]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("jobs", [0, 1])
def test_a_delivery_that_began_before_a_reset_does_not_change_later_ones(
    box: Sandbox, inbox: Inbox, jobs: int, fails: bool
) -> None:
    def reset(_: Notification) -> None:
        box.receive_webhooks(inbox)
        box.reset()
        for _ in range(jobs):
            create_job(box.client(), title="A second job").upload(ROWS)
        if fails:
            raise OSError("no")

    box.receive_webhooks(reset)
    create_job(box.client()).upload(ROWS)

    box.deliver_webhooks()

    titles = [json.loads(each.payload)["title"] for each in inbox.received]
    assert titles == ["A second job"] * jobs


def test_two_senders_do_not_deliver_the_same_notification(box: Sandbox, inbox: Inbox) -> None:
    launch(box)
    other = WebhookSender(box.database, inbox)
    concurrent: list[Attempt] = []
    box.receive_webhooks(lambda _: concurrent.extend(other.deliver(lambda: False)))

    attempts = box.deliver_webhooks()

    assert len(attempts) == 1
    assert concurrent == []


class Receiver(BaseHTTPRequestHandler):
    """Responds with the status of the server, and records requests."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.headers["Content-Type"], body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Location", "http://127.0.0.1:9/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def hook() -> Iterator[HTTPServer]:
    """A server that records the notifications it receives."""
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.requests, server.status = [], 200  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (204, None),
        (302, "the receiver answered with status 302"),
        (500, "the receiver answered with status 500"),
    ],
)
def test_a_notification_is_posted_as_a_form(
    box: Sandbox, hook: Any, status: int, problem: str | None
) -> None:
    hook.status = status
    uri = f"http://127.0.0.1:{hook.server_port}/cf/hook"
    job = launch(box, webhook_uri=uri)

    attempts = box.deliver_webhooks()

    ((kind, body),) = hook.requests
    assert attempts == [Attempt(job.id, "job_data_processed", uri, problem)]
    assert kind == "application/x-www-form-urlencoded"
    assert body.startswith(b"signal=job_data_processed&payload=%7B%22id%22%3A")


def test_loopback_addresses_can_be_refused(box: Sandbox, hook: Any) -> None:
    box.receive_webhooks(HttpReceiver(allow_loopback=False))
    launch(box, webhook_uri=f"http://127.0.0.1:{hook.server_port}/")

    (attempt,) = box.deliver_webhooks()

    assert attempt.problem is not None
    assert "not a public address" in attempt.problem
    assert hook.requests == []


@pytest.mark.parametrize("uri", ["ftp://example.com/", "example.com/hook", "http://me:pw@host/"])
def test_an_invalid_webhook_uri_is_refused_when_it_is_saved(box: Sandbox, uri: str) -> None:
    client = box.client()
    job = client.create_job({"title": "About price"})

    with pytest.raises(ApiError, match="Webhook uri cannot be notified"):
        client.update_job(job.id, {"webhook_uri": uri})

    assert client.get_job(job.id).webhook_uri is None
