"""Webhooks: the sandbox signs and posts them, the client verifies and parses them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Thread
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from crowdflower.exceptions import Replay, WebhookError
from crowdflower.webhook import Event, JobEvent, JudgmentEvent, UnitEvent, Webhook

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from crowdflower.client import Client
    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox
    from crowdflower.unit import Unit

TIMEOUT = 60


class QuietHandler(WSGIRequestHandler):
    """A request handler without log output."""

    def log_message(self, *_: object) -> None:
        pass


class Receiver:
    """A minimal web server of a requester."""

    def __init__(self, webhook: Webhook) -> None:
        self.webhook = webhook
        self.bodies: list[bytes] = []
        self.events: list[Event] = []
        self.refused: list[WebhookError] = []
        self.is_failing = False
        self.port = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        self.bodies.append(body)
        status = "500 Oh" if self.is_failing else "200 OK"
        try:
            self.events.append(self.webhook.receive(body))
        except WebhookError as error:
            self.refused.append(error)
            status = status if isinstance(error, Replay) else "400 Bad Request"
        start_response(status, [("Content-Length", "0")])
        return []

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}/crowd"

    def post(self, body: bytes) -> int:
        """Post a body and return the status."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            connection.request("POST", "/crowd", body)
            return connection.getresponse().status
        finally:
            connection.close()


@contextmanager
def serve(webhook: Webhook) -> Iterator[Receiver]:
    receiver = Receiver(webhook)
    with make_server("127.0.0.1", 0, receiver, handler_class=QuietHandler) as server:
        receiver.port = server.server_port
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def receiver(client: Client) -> Iterator[Receiver]:
    """A server with the client's key."""
    with serve(client.webhook()) as receiver:
        yield receiver


def with_webhook(job: Job, receiver: Receiver) -> Job:
    job.webhook_uri = receiver.uri
    job.send_judgments_webhook = True
    job.update()
    return job


def finish(job: Job, box: Sandbox) -> Job:
    box.crowd.add(6, profile="perfect", truth={"sentiment": "truth"})
    job.launch(12)
    assert box.crowd.run(job).ended == "finished"
    return job.reload()


def answers(unit: Unit) -> list[tuple[int, object]]:
    return [(each["id"], each["data"]) for each in unit.results["judgments"]]


def test_every_event_is_posted_and_agrees_with_the_api(
    client: Client, box: Sandbox, draft: Job, receiver: Receiver
) -> None:
    job = finish(with_webhook(draft, receiver), box)

    attempts = box.deliver_webhooks()

    assert {attempt.problem for attempt in attempts} == {None}
    assert [event.signal for event in receiver.events] == [attempt.signal for attempt in attempts]
    units = [
        unit for event in receiver.events if isinstance(event, UnitEvent) for unit in event.units
    ]
    assert {unit.id: unit.get_aggregate("sentiment") for unit in units} == {
        unit.id: unit.data["truth"] for unit in job.units
    }
    assert [answers(unit) for unit in units] == [
        answers(client.get_unit(job, unit.id)) for unit in units
    ]
    judgments = [
        judgment
        for event in receiver.events
        if isinstance(event, JudgmentEvent)
        for judgment in event.judgments
    ]
    assert {judgment.id for judgment in judgments} == {each.id for each in job.judgments()}
    last = receiver.events[-1]
    assert isinstance(last, JobEvent)
    assert (last.signal, last.job.id, last.job.state) == ("job_complete", job.id, "finished")


def test_processed_rows_are_reported(box: Sandbox, draft: Job, receiver: Receiver) -> None:
    with_webhook(draft, receiver).upload([{"review": "Größer & besser + “schön”", "truth": "good"}])

    box.deliver_webhooks()

    (event,) = receiver.events
    assert isinstance(event, JobEvent)
    assert (event.signal, event.job.units_count) == ("job_data_processed", 13)


def test_the_objects_of_an_event_can_send_requests(
    box: Sandbox, draft: Job, receiver: Receiver
) -> None:
    finish(with_webhook(draft, receiver), box)
    box.deliver_webhooks()
    unit = next(event.units[0] for event in receiver.events if isinstance(event, UnitEvent))

    unit.request_more_judgments(1)

    assert unit.reload().state == "judgable"


def test_with_another_key_every_delivery_is_refused_and_retried(
    client: Client, box: Sandbox, draft: Job
) -> None:
    with serve(client.webhook("another-key")) as receiver:
        finish(with_webhook(draft, receiver), box)

        attempts = box.deliver_webhooks()
        assert [attempt.problem for attempt in attempts] == [
            "the receiver answered with status 400"
        ]
        assert [type(error).__name__ for error in receiver.refused] == ["SignatureMismatch"]
        assert receiver.events == []

        receiver.webhook = client.webhook("another-key", box.key)
        box.clock.advance(seconds=10)
        assert {attempt.problem for attempt in box.deliver_webhooks()} == {None}
        assert receiver.events[-1].signal == "job_complete"


def test_a_repeated_delivery_counts_once(box: Sandbox, draft: Job, receiver: Receiver) -> None:
    finish(with_webhook(draft, receiver), box)
    box.deliver_webhooks()
    count = len(receiver.events)

    statuses = {receiver.post(body) for body in list(receiver.bodies)}

    assert statuses == {200}
    assert len(receiver.events) == count
    assert [type(error) for error in receiver.refused] == [Replay] * count


def test_a_delivery_with_an_error_response_is_retried_and_counts_once(
    box: Sandbox, draft: Job, receiver: Receiver
) -> None:
    with_webhook(draft, receiver).upload([{"review": "One more", "truth": "good"}])
    receiver.is_failing = True
    assert [attempt.problem is None for attempt in box.deliver_webhooks()] == [False]

    receiver.is_failing = False
    box.clock.advance(seconds=10)

    assert [attempt.problem for attempt in box.deliver_webhooks()] == [None]
    assert len(receiver.events) == len(receiver.refused) == 1
    assert isinstance(receiver.refused[0], Replay)
