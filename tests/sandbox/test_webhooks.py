"""What a requester's own server is told, how it is signed, and what if nobody is there."""

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
    """Takes notifications, unless it is told not to."""

    def __init__(self) -> None:
        self.found: list[Notification] = []
        self.refuses: str | None = None

    def __call__(self, notification: Notification) -> None:
        if self.refuses is not None:
            raise OSError(self.refuses)
        self.found.append(notification)

    @property
    def signals(self) -> list[str]:
        return [each.signal for each in self.found]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=3) as box:
        yield box


@pytest.fixture
def inbox(box: Sandbox) -> Inbox:
    inbox = Inbox()
    box.receive_webhooks(inbox)
    return inbox


def a_job(client: Client, **settings: Any) -> Job:
    about = {
        "title": "About price",
        "instructions": "Read the review.",
        "cml": FORM,
        "judgments_per_unit": 1,
        "webhook_uri": HOOK,
    }
    job = client.create_job({"title": "About price"})
    client.update_job(job.id, about | settings)
    return client.get_job(job.id)


def launched(box: Sandbox, **settings: Any) -> Job:
    job = a_job(box.client(), **settings)
    job.upload(ROWS)
    job.launch(len(ROWS), channels=["on_demand"])
    return job


def done(box: Sandbox, job: Job) -> None:
    box.crowd.add(1, profile="perfect", truth={"price": "answer"})
    box.crowd.run(job)


def test_a_job_is_told_of_from_upload_to_end(box: Sandbox, inbox: Inbox) -> None:
    job = launched(box)
    done(box, job)

    tried = box.deliver_webhooks()

    assert inbox.signals == ["job_data_processed", *["unit_complete"] * 5, "job_complete"]
    assert tried == [Attempt(job.id, signal, HOOK, None) for signal in inbox.signals]
    assert box.deliver_webhooks() == []
    assert json.loads(inbox.found[0].payload)["units_count"] == 5
    assert json.loads(inbox.found[-1].payload)["state"] == "finished"
    unit = json.loads(inbox.found[1].payload)
    assert (unit["state"], unit["results"]["price"]["agg"]) == ("finalized", "nö")


def test_every_page_is_told_of_when_it_is_asked_for(box: Sandbox, inbox: Inbox) -> None:
    job = launched(box, send_judgments_webhook=True)
    done(box, job)

    box.deliver_webhooks()

    assert inbox.signals[:3] == ["job_data_processed", "new_judgments", "unit_complete"]
    judgments = json.loads(inbox.found[1].payload)
    assert [each["data"] for each in judgments] == [{"price": "nö"}] * 5
    assert {each["unit_state"] for each in judgments} == {"finalized"}


def test_a_judgment_says_when_a_server_first_took_it(box: Sandbox) -> None:
    job = launched(box, send_judgments_webhook=True)
    done(box, job)
    takes = {"job_data_processed"}

    def receive(notification: Notification) -> None:
        if notification.signal not in takes:
            raise OSError("not yet")

    box.receive_webhooks(receive)
    box.deliver_webhooks()
    unsent = {each.webhook_sent_at for each in job.judgments()}
    takes |= {"new_judgments"}
    box.clock.advance(seconds=10)
    box.deliver_webhooks()
    first = iso(box.clock.now())
    takes |= {"unit_complete", "job_complete"}
    box.clock.advance(seconds=10)
    told = [each.signal for each in box.deliver_webhooks()]

    assert unsent == {None}
    assert told == [*["unit_complete"] * 5, "job_complete"]
    assert {each.webhook_sent_at for each in job.judgments()} == {first}


def test_a_finished_row_carries_its_judgments_to_the_server(box: Sandbox, inbox: Inbox) -> None:
    job = launched(box)
    done(box, job)

    box.deliver_webhooks()

    assert {each.webhook_sent_at for each in job.judgments()} == {iso(box.clock.now())}


def test_a_job_without_an_address_is_not_told_of(box: Sandbox, inbox: Inbox) -> None:
    job = launched(box, webhook_uri=None)
    done(box, job)

    assert box.deliver_webhooks() == []
    assert inbox.found == []


def test_the_signature_is_of_the_text_that_is_sent(box: Sandbox, inbox: Inbox) -> None:
    job = launched(box)
    done(box, job)

    box.deliver_webhooks()

    for each in inbox.found:
        fields = parse_qsl(each.body.decode(), strict_parsing=True)
        assert [name for name, _ in fields] == ["signal", "payload", "signature"]
        text, signature = fields[1][1], fields[2][1]
        assert sha1((text + box.key).encode(), usedforsecurity=False).hexdigest() == signature


def test_what_is_undone_is_not_told_of(box: Sandbox, inbox: Inbox) -> None:
    job = a_job(box.client())

    with pytest.raises(ApiError):
        box.client().call(
            f"jobs/{job.id}/upload.json", '{"text": "fine"}\n{"text": }\n', method="put"
        )

    assert box.deliver_webhooks() == []


def test_test_questions_are_told_of_when_it_is_asked_for(box: Sandbox, inbox: Inbox) -> None:
    job = a_job(box.client())
    job.upload([{**ROWS[0], "_golden": "TRUE", "price_gold": "nö"}, *ROWS])
    job.convert_test_questions()
    box.deliver_webhooks()
    inbox.found.clear()

    answer = box.client().call(f"jobs/{job.id}/golds/fire_webhooks")
    box.deliver_webhooks()

    assert set(answer) == {"notice"}
    (told,) = inbox.found
    assert (told.signal, json.loads(told.payload)["state"]) == ("unit_complete", "golden")


def test_pauses_between_attempts_grow_until_the_address_is_given_up(
    box: Sandbox, inbox: Inbox
) -> None:
    launched(box)
    inbox.refuses = "nobody listens there"
    begin, times = box.clock.now(), []
    while box.clock.now() - begin < 3 * MAX_FAILING_TIME:
        if tried := box.deliver_webhooks():
            assert [each.problem for each in tried] == ["OSError: nobody listens there"]
            times.append(box.clock.now() - begin)
        box.clock.advance(seconds=0.5 if box.clock.now() - begin < 20 else 30)

    pauses = [after - before for before, after in pairwise(times)]
    for pause, planned in zip(pauses, [1, 5, 25, 125, 625, 3125], strict=False):
        assert 0.9 * planned <= pause <= 1.1 * planned + 30
    assert len(times) == 9
    assert MAX_FAILING_TIME <= times[-1] < MAX_FAILING_TIME + 60


def test_saving_the_address_sends_again_what_was_not_delivered(box: Sandbox, inbox: Inbox) -> None:
    job = launched(box)
    inbox.refuses = "nobody listens there"
    box.deliver_webhooks()
    box.clock.advance(seconds=MAX_FAILING_TIME)
    box.deliver_webhooks()
    done(box, job)
    inbox.refuses = None
    given_up = box.deliver_webhooks()

    box.client().update_job(job.id, {"webhook_uri": "https://elsewhere.example.com/hook"})
    box.deliver_webhooks()

    assert given_up == []
    assert inbox.signals == ["job_data_processed", *["unit_complete"] * 5, "job_complete"]
    assert {each.uri for each in inbox.found} == {"https://elsewhere.example.com/hook"}


def test_without_an_address_what_was_not_delivered_is_dropped(box: Sandbox, inbox: Inbox) -> None:
    job = launched(box)

    box.client().update_job(job.id, {"webhook_uri": ""})
    dropped = box.deliver_webhooks()
    box.client().update_job(job.id, {"webhook_uri": HOOK})

    assert dropped == box.deliver_webhooks() == []


def test_a_receiver_that_refuses_holds_up_its_own_job_only(box: Sandbox, inbox: Inbox) -> None:
    refused, other = launched(box), launched(box)

    def receive(notification: Notification) -> None:
        if json.loads(notification.payload)["id"] == refused.id:
            raise ValueError("not this one")
        inbox(notification)

    box.receive_webhooks(receive)
    first = box.deliver_webhooks()
    at_once = box.deliver_webhooks()

    assert [(each.job_id, each.problem) for each in first] == [
        (refused.id, "ValueError: not this one"),
        (other.id, None),
    ]
    assert at_once == []


def test_who_is_to_end_finishes_one_attempt_and_leaves_the_rest(box: Sandbox, inbox: Inbox) -> None:
    for _ in range(3):
        launched(box)

    tried = box.deliver_webhooks(lambda: len(inbox.found) == 1)

    assert len(tried) == len(inbox.found) == 1
    assert len(box.deliver_webhooks()) == 2


def test_a_receiver_may_call_the_api(box: Sandbox) -> None:
    job = launched(box)
    states: list[str] = []
    box.receive_webhooks(lambda _: states.append(box.client().get_job(job.id).state))

    box.deliver_webhooks()

    assert states == ["running"]


@pytest.mark.parametrize("refuses", [False, True])
@pytest.mark.parametrize("jobs", [0, 1])
def test_an_answer_from_before_a_reset_says_nothing_of_what_came_after(
    box: Sandbox, inbox: Inbox, jobs: int, refuses: bool
) -> None:
    def begin_again(_: Notification) -> None:
        box.receive_webhooks(inbox)
        box.reset()
        for _ in range(jobs):
            a_job(box.client(), title="A second beginning").upload(ROWS)
        if refuses:
            raise OSError("no")

    box.receive_webhooks(begin_again)
    a_job(box.client()).upload(ROWS)

    box.deliver_webhooks()

    titles = [json.loads(each.payload)["title"] for each in inbox.found]
    assert titles == ["A second beginning"] * jobs


def test_two_couriers_do_not_deliver_the_same(box: Sandbox, inbox: Inbox) -> None:
    launched(box)
    other = WebhookSender(box.database, inbox)
    meanwhile: list[Attempt] = []
    box.receive_webhooks(lambda _: meanwhile.extend(other.deliver(lambda: False)))

    tried = box.deliver_webhooks()

    assert len(tried) == 1
    assert meanwhile == []


class Hook(BaseHTTPRequestHandler):
    """Answers with whatever status the server has, and keeps what it got."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.headers["Content-Type"], body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Location", "http://127.0.0.1:9/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.got, server.status = [], 200  # type: ignore[attr-defined]
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
    job = launched(box, webhook_uri=uri)

    tried = box.deliver_webhooks()

    ((kind, body),) = hook.got
    assert tried == [Attempt(job.id, "job_data_processed", uri, problem)]
    assert kind == "application/x-www-form-urlencoded"
    assert body.startswith(b"signal=job_data_processed&payload=%7B%22id%22%3A")


def test_this_machine_is_not_called_for_people_elsewhere(box: Sandbox, hook: Any) -> None:
    box.receive_webhooks(HttpReceiver(allow_loopback=False))
    launched(box, webhook_uri=f"http://127.0.0.1:{hook.server_port}/")

    (attempt,) = box.deliver_webhooks()

    assert attempt.problem is not None
    assert "not a public address" in attempt.problem
    assert hook.got == []


@pytest.mark.parametrize("uri", ["ftp://example.com/", "example.com/hook", "http://me:pw@host/"])
def test_what_cannot_be_called_is_refused_when_it_is_saved(box: Sandbox, uri: str) -> None:
    client = box.client()
    job = client.create_job({"title": "About price"})

    with pytest.raises(ApiError, match="Webhook uri cannot be notified"):
        client.update_job(job.id, {"webhook_uri": uri})

    assert client.get_job(job.id).webhook_uri is None
