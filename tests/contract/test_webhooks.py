"""What the sandbox posts, and what the client makes of it: two readings of one signature."""

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

PATIENCE = 60


class Quiet(WSGIRequestHandler):
    """Says nothing on the terminal."""

    def log_message(self, *_: object) -> None:
        pass


class Hook:
    """A requester's own server, as small as it can be."""

    def __init__(self, webhook: Webhook) -> None:
        self.webhook = webhook
        self.bodies: list[bytes] = []
        self.events: list[Event] = []
        self.refused: list[WebhookError] = []
        self.is_ill = False
        self.port = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        self.bodies.append(body)
        status = "500 Oh" if self.is_ill else "200 OK"
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
        """Post a body as anybody can, and return the status."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("POST", "/crowd", body)
            return connection.getresponse().status
        finally:
            connection.close()


@contextmanager
def serving(webhook: Webhook) -> Iterator[Hook]:
    hook = Hook(webhook)
    with make_server("127.0.0.1", 0, hook, handler_class=Quiet) as server:
        hook.port = server.server_port
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def hook(client: Client) -> Iterator[Hook]:
    """A server that knows the client's key."""
    with serving(client.webhook()) as hook:
        yield hook


def told_of(job: Job, hook: Hook) -> Job:
    job.webhook_uri = hook.uri
    job.send_judgments_webhook = True
    job.update()
    return job


def worked_on(job: Job, box: Sandbox) -> Job:
    box.crowd.add(6, profile="perfect", truth={"sentiment": "truth"})
    job.launch(12)
    assert box.crowd.run(job).ended == "finished"
    return job.reload()


def answers(unit: Unit) -> list[tuple[int, object]]:
    return [(each["id"], each["data"]) for each in unit.results["judgments"]]


def test_all_that_happens_is_told_and_agrees_with_what_the_api_says(
    client: Client, box: Sandbox, draft: Job, hook: Hook
) -> None:
    job = worked_on(told_of(draft, hook), box)

    attempts = box.deliver_webhooks()

    assert {attempt.problem for attempt in attempts} == {None}
    assert [event.signal for event in hook.events] == [attempt.signal for attempt in attempts]
    units = [unit for event in hook.events if isinstance(event, UnitEvent) for unit in event.units]
    assert {unit.id: unit.get_aggregate("sentiment") for unit in units} == {
        unit.id: unit.data["truth"] for unit in job.units
    }
    assert [answers(unit) for unit in units] == [
        answers(client.get_unit(job, unit.id)) for unit in units
    ]
    judgments = [
        judgment
        for event in hook.events
        if isinstance(event, JudgmentEvent)
        for judgment in event.judgments
    ]
    assert {judgment.id for judgment in judgments} == {each.id for each in job.judgments()}
    last = hook.events[-1]
    assert isinstance(last, JobEvent)
    assert (last.signal, last.job.id, last.job.state) == ("job_complete", job.id, "finished")


def test_rows_that_are_through_are_told_of(box: Sandbox, draft: Job, hook: Hook) -> None:
    told_of(draft, hook).upload([{"review": "Größer & besser + “schön”", "truth": "good"}])

    box.deliver_webhooks()

    (event,) = hook.events
    assert isinstance(event, JobEvent)
    assert (event.signal, event.job.units_count) == ("job_data_processed", 13)


def test_what_was_told_of_can_act(box: Sandbox, draft: Job, hook: Hook) -> None:
    worked_on(told_of(draft, hook), box)
    box.deliver_webhooks()
    unit = next(event.units[0] for event in hook.events if isinstance(event, UnitEvent))

    unit.request_more_judgments(1)

    assert unit.reload().state == "judgable"


def test_with_another_key_nothing_is_believed_and_all_comes_again(
    client: Client, box: Sandbox, draft: Job
) -> None:
    with serving(client.webhook("another-key")) as hook:
        worked_on(told_of(draft, hook), box)

        attempts = box.deliver_webhooks()
        assert [attempt.problem for attempt in attempts] == [
            "the receiver answered with status 400"
        ]
        assert [type(error).__name__ for error in hook.refused] == ["SignatureMismatch"]
        assert hook.events == []

        hook.webhook = client.webhook("another-key", box.key)
        box.clock.advance(seconds=10)
        assert {attempt.problem for attempt in box.deliver_webhooks()} == {None}
        assert hook.events[-1].signal == "job_complete"


def test_the_same_delivery_counts_once(box: Sandbox, draft: Job, hook: Hook) -> None:
    worked_on(told_of(draft, hook), box)
    box.deliver_webhooks()
    told = len(hook.events)

    statuses = {hook.post(body) for body in list(hook.bodies)}

    assert statuses == {200}
    assert len(hook.events) == told
    assert [type(error) for error in hook.refused] == [Replay] * told


def test_a_delivery_whose_answer_was_bad_comes_again_and_counts_once(
    box: Sandbox, draft: Job, hook: Hook
) -> None:
    told_of(draft, hook).upload([{"review": "One more", "truth": "good"}])
    hook.is_ill = True
    assert [attempt.problem is None for attempt in box.deliver_webhooks()] == [False]

    hook.is_ill = False
    box.clock.advance(seconds=10)

    assert [attempt.problem for attempt in box.deliver_webhooks()] == [None]
    assert len(hook.events) == len(hook.refused) == 1
    assert isinstance(hook.refused[0], Replay)
