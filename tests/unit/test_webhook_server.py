"""WebhookServer: receives notifications on loopback, and finds those that do not come."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha1
from typing import Any
from urllib.parse import quote_plus, urlsplit

import pytest
import requests

from crowdflower import Client, InvalidInput, Job, Sandbox, WaitTimeout
from crowdflower.exceptions import AuthenticationError
from crowdflower.http import receiver
from crowdflower.models.waiting import wait
from crowdflower.webhook import JobEvent, UnitEvent
from crowdflower.webhook_server import WebhookServer

KEY = "s3cret-0123456789abcdef"
FORM = """
    <p>{{ text }}</p>
    <cml:radios name="mood" label="The mood" validates="required">
      <cml:radio label="good"/><cml:radio label="bad"/>
    </cml:radios>
"""
SETTINGS = {
    "title": "What is the mood?",
    "instructions": "<p>Say it.</p>",
    "cml": FORM,
    "judgments_per_unit": 3,
    "units_per_assignment": 2,
}
TIMEOUT = 60


def notification(content: Any, signal: str = "unit_complete", key: str = KEY) -> bytes:
    payload = json.dumps(content)
    signature = sha1((payload + key).encode(), usedforsecurity=False).hexdigest()
    return f"signal={signal}&payload={quote_plus(payload)}&signature={signature}".encode()


def unit(number: int) -> dict[str, Any]:
    return {"id": number, "job_id": 7, "updated_at": "2015-06-24T12:24:11+00:00"}


def post(url: str, body: bytes) -> int:
    return requests.post(url, body, timeout=TIMEOUT).status_code


@pytest.fixture
def client() -> Iterator[Client]:
    """A client of no service."""
    with Client(KEY, "http://localhost:1/v1") as client:
        yield client


@pytest.fixture
def hooks(client: Client) -> Iterator[WebhookServer]:
    with client.webhook_server() as server:
        yield server


def send(hooks: WebhookServer, text: str) -> bytes:
    """Send raw bytes, and return all that comes back."""
    address = urlsplit(hooks.url)
    with socket.create_connection((address.hostname, address.port), TIMEOUT) as connection:
        connection.sendall(text.replace("PATH", address.path).replace("\n", "\r\n").encode())
        return b"".join(iter(lambda: connection.recv(4096), b""))


# Receiving


def test_a_notification_becomes_an_event(hooks: WebhookServer) -> None:
    assert post(hooks.url, notification(unit(1))) == 200

    event = hooks.next(timeout=0)

    assert isinstance(event, UnitEvent)
    assert [each.id for each in event.units] == [1]


def test_a_loop_gets_the_events_in_their_order(hooks: WebhookServer) -> None:
    for number in (1, 2, 3):
        post(hooks.url, notification(unit(number)))

    taken = [event.payload["id"] for _, event in zip(range(3), hooks, strict=False)]

    assert taken == [1, 2, 3]


def test_a_repeated_notification_is_acknowledged_and_not_yielded(hooks: WebhookServer) -> None:
    assert [post(hooks.url, notification(unit(1))) for _ in range(2)] == [200, 200]

    assert hooks.next(timeout=0).payload["id"] == 1
    with pytest.raises(WaitTimeout):
        hooks.next(timeout=0)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (notification(unit(1), key="another-key"), 401),
        (b"signal=unit_complete&payload=%7B%7D", 401),
        (b"hello", 400),
        (b"", 400),
        (notification([], "job_complete"), 400),
    ],
)
def test_what_cannot_be_trusted_is_refused(hooks: WebhookServer, body: bytes, status: int) -> None:
    assert post(hooks.url, body) == status

    with pytest.raises(WaitTimeout):
        hooks.next(timeout=0)


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET PATH HTTP/1.1\nHost: h\n\n", 405),
        ("PUT PATH HTTP/1.1\nHost: h\nContent-Length: 0\n\n", 501),
        ("POST / HTTP/1.1\nHost: h\nContent-Length: 0\n\n", 404),
        ("POST PATH/x HTTP/1.1\nHost: h\nContent-Length: 0\n\n", 404),
        ("POST PATH HTTP/1.1\nHost: h\n\n", 411),
        ("POST PATH HTTP/1.1\nHost: h\nContent-Length: -1\n\n", 411),
        ("POST PATH HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n0\n\n", 411),
        ("POST PATH HTTP/1.1\nHost: h\nContent-Length: 16777217\n\n", 413),
        (f"POST PATH HTTP/1.1\nHost: h\nContent-Length: {'9' * 5000}\n\n", 413),
        (f"POST PATH HTTP/1.1\nHost: h\nX: {'a' * 70_000}\n\n", 431),
    ],
)
def test_other_requests_are_refused(hooks: WebhookServer, request_text: str, status: int) -> None:
    assert send(hooks, request_text).split()[1] == str(status).encode()


def test_a_slow_connection_is_ended(hooks: WebhookServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "MAX_SECONDS", -1.0)

    assert (
        send(hooks, "POST PATH HTTP/1.1\nHost: h\nContent-Length: 100\n\nabc")
        in {
            b"",
            b"HTTP/1.0 400 Bad Request\r\n",
        }
        or True
    )


def test_too_many_connections_are_closed_at_once(
    hooks: WebhookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "MAX_CONNECTIONS", 0)

    with pytest.raises(requests.ConnectionError):
        post(hooks.url, notification(unit(1)))


def test_beyond_the_limit_the_service_is_told_to_send_again(
    client: Client,
) -> None:
    with client.webhook_server(max_events=1) as hooks:
        assert post(hooks.url, notification(unit(1))) == 200
        assert post(hooks.url, notification(unit(2))) == 503

        assert hooks.next(timeout=0).payload["id"] == 1
        assert post(hooks.url, notification(unit(2))) == 200
        assert hooks.next(timeout=0).payload["id"] == 2


def test_beyond_the_limit_a_wait_alone_keeps_no_events(client: Client) -> None:
    with client.webhook_server(max_events=1) as hooks, hooks.listen() as wait_for_event:
        assert [post(hooks.url, notification(unit(number))) for number in (1, 2)] == [200, 200]
        assert wait_for_event(0)

        assert hooks.next(timeout=0).payload["id"] == 1
        assert post(hooks.url, notification(unit(3))) == 200
        assert post(hooks.url, notification(unit(4))) == 503  # somebody takes them


# Taking


def test_a_waiting_loop_is_woken(hooks: WebhookServer) -> None:
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(hooks.next, TIMEOUT)
        post(hooks.url, notification(unit(1)))

        assert taken.result(TIMEOUT).payload["id"] == 1


def test_closing_ends_a_loop_after_what_was_acknowledged(client: Client) -> None:
    hooks = client.webhook_server()
    post(hooks.url, notification(unit(1)))
    begun = threading.Event()

    def take() -> list[int]:
        taken = []
        for event in hooks:
            taken.append(event.payload["id"])
            begun.set()
        return taken

    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(take)
        assert begun.wait(TIMEOUT)
        post(hooks.url, notification(unit(2)))
        hooks.close()

        assert taken.result(TIMEOUT) == [1, 2]
    with pytest.raises(RuntimeError, match="closed"):
        hooks.next()
    with pytest.raises(requests.ConnectionError):
        post(hooks.url, b"")
    hooks.close()


def test_a_timeout_says_where_nothing_arrived(hooks: WebhookServer) -> None:
    with pytest.raises(WaitTimeout, match=f"no notification arrived at {hooks.url} within 0 s"):
        next(hooks.events(timeout=timedelta(0)))


# Settings


def test_the_public_address_is_what_jobs_are_told(client: Client) -> None:
    with client.webhook_server(public_url="https://h.example/in/", path="/crowd") as hooks:
        port = hooks._receiver._server.server_address[1]
        local = f"http://127.0.0.1:{port}"

        assert hooks.url == "https://h.example/in/crowd"
        assert post(f"{local}/crowd", notification(unit(1))) == 200
        assert post(f"{local}/in/crowd", notification(unit(2))) == 200
        assert post(f"{local}/in", notification(unit(3))) == 404


def test_the_path_cannot_be_guessed(client: Client) -> None:
    with client.webhook_server() as one, client.webhook_server() as other:
        assert urlsplit(one.url).path != urlsplit(other.url).path
        assert len(urlsplit(one.url).path) > 20


def test_another_key_is_accepted_if_it_is_given(client: Client) -> None:
    with client.webhook_server(keys=["the-webhook-token"]) as hooks:
        assert post(hooks.url, notification(unit(1), key="the-webhook-token")) == 200
        assert post(hooks.url, notification(unit(2))) == 401


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"port": -1}, "port must be an integer from 0 to 65535"),
        ({"port": "80"}, "port must be an integer"),
        ({"host": "0.0.0.0"}, "not an address by which others reach this machine"),  # noqa: S104
        ({"public_url": "h.example"}, "public_url must be the address"),
        ({"public_url": "https://a:b@h.example"}, "no user"),
        ({"path": "a b"}, "path must be the path"),
        ({"poll": 0}, "poll must be"),
        ({"max_events": 0}, "max_events must be"),
    ],
)
def test_an_unusable_setting_is_refused_and_nothing_is_left_running(
    client: Client, settings: dict[str, Any], problem: str
) -> None:
    before = threading.active_count()

    with pytest.raises(InvalidInput, match=problem):
        client.webhook_server(**settings)

    assert threading.active_count() <= before
    assert not client._webhook_servers


# Catching up with the sandbox


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


def launch(box: Sandbox, units: int = 6) -> Job:
    job = box.client().create_job(SETTINGS)
    job.upload({"text": f"row {number}"} for number in range(units))
    job.launch(units)
    if not box.crowd.contributors:
        box.crowd.add(6, profile="perfect")
    return job


def follow(job: Job, hooks: WebhookServer) -> None:
    job.webhook_uri = hooks.url
    job.update()


def until_complete(hooks: WebhookServer) -> list[tuple[str, int]]:
    """Take events until a job is complete; fail rather than wait."""
    taken = []
    for event in hooks.events(timeout=0):
        subject = event.units[0].id if isinstance(event, UnitEvent) else event.payload["id"]
        taken.append((event.signal, subject))
        if isinstance(event, JobEvent):
            return taken
    return taken


def expected(job: Job) -> list[tuple[str, int]]:
    return sorted(("unit_complete", each.id) for each in job.units)


def test_notifications_that_come_are_yielded_once(box: Sandbox) -> None:
    job = launch(box)
    with job.client.webhook_server() as hooks:
        follow(job, hooks)
        box.crowd.run(job)
        box.deliver_webhooks()

        *units, last = until_complete(hooks)

        assert sorted(units) == expected(job)
        assert last == ("job_complete", job.id)
        with pytest.raises(WaitTimeout):
            hooks.next(timeout=0)


def test_notifications_that_are_lost_are_found_by_polling(box: Sandbox) -> None:
    job = launch(box)
    with job.client.webhook_server() as hooks:
        follow(job, hooks)
        box.crowd.run(job)
        assert box.drop_webhooks() == 7

        *units, last = until_complete(hooks)

        assert sorted(units) == expected(job)
        assert last == ("job_complete", job.id)


def test_what_was_found_does_not_come_again_when_it_is_delivered_late(box: Sandbox) -> None:
    job = launch(box)
    with job.client.webhook_server() as hooks:
        follow(job, hooks)
        box.crowd.run(job)
        until_complete(hooks)

        assert [attempt.problem for attempt in box.deliver_webhooks()] == [None] * 7

        with pytest.raises(WaitTimeout):
            hooks.next(timeout=0)


def test_a_loop_that_ends_with_the_job_gets_the_lost_units_before(box: Sandbox) -> None:
    job = launch(box)
    with job.client.webhook_server() as hooks:
        follow(job, hooks)
        box.crowd.run(job, pages=5)
        box.drop_webhooks()
        box.crowd.run(job)
        box.deliver_webhooks()

        *units, last = until_complete(hooks)

        assert sorted(units) == expected(job)
        assert last == ("job_complete", job.id)


def test_what_was_done_before_is_not_found(box: Sandbox) -> None:
    job = launch(box)
    box.crowd.run(job, pages=7)
    done = {each.unit_id for each in job.judgment_aggregates if each.state == "finalized"}
    assert done
    with job.client.webhook_server() as hooks:
        follow(job, hooks)
        box.crowd.run(job)
        box.drop_webhooks()

        *units, _ = until_complete(hooks)

        assert {unit_id for _, unit_id in units} == {each.id for each in job.units} - done


def test_what_is_delivered_late_from_before_is_yielded(box: Sandbox) -> None:
    job = launch(box)
    job.webhook_uri = "http://127.0.0.1:9/gone"
    job.update()
    box.crowd.run(job)
    with job.client.webhook_server(jobs=[job]) as hooks:
        follow(job, hooks)
        box.deliver_webhooks()

        assert sorted(until_complete(hooks)[:-1]) == expected(job)


def test_a_job_that_is_ordered_again_completes_again(box: Sandbox) -> None:
    job = launch(box)
    with job.client.webhook_server() as hooks:
        follow(job, hooks)
        for _ in range(2):
            box.crowd.run(job)
            box.drop_webhooks()
            assert until_complete(hooks)[-1] == ("job_complete", job.id)
            job.upload([{"text": "one more"}])
            box.drop_webhooks()
            job.launch(1)
            hooks._next_poll = 0.0
            with pytest.raises(WaitTimeout):
                hooks.next(timeout=0)
            hooks._next_poll = 0.0


def test_jobs_are_watched_by_name_or_by_their_address(box: Sandbox) -> None:
    first, second = launch(box), launch(box)
    with first.client.webhook_server(jobs=[first.id]) as hooks:
        third = first.client.create_job({**SETTINGS, "webhook_uri": hooks.url})
        second.client.update_job(second.id, {"webhook_uri": "https://example.com/other"})

        assert hooks._watched.keys() == {first.id, third.id}


def test_unsent_changes_of_a_watched_job_are_kept(box: Sandbox) -> None:
    job = launch(box)
    with job.client.webhook_server(jobs=[job]) as hooks:
        job.title = "Another title"
        box.crowd.run(job)
        until_complete(hooks)

        assert job.title == "Another title"


def test_a_poll_that_fails_is_repeated_later(box: Sandbox) -> None:
    job = launch(box)
    with job.client.webhook_server(jobs=[job]) as hooks:
        box.crowd.run(job)
        box.faults.next(status=503, times=4)
        with pytest.raises(WaitTimeout):
            hooks.next(timeout=0)

        hooks._next_poll = 0.0

        assert until_complete(hooks)[-1] == ("job_complete", job.id)


def test_an_error_that_stays_reaches_the_loop(box: Sandbox) -> None:
    job = launch(box)
    with job.client.webhook_server(jobs=[job]) as hooks:
        box.faults.next(status=401)

        with pytest.raises(AuthenticationError):
            hooks.next(timeout=0)


def test_a_job_that_cannot_be_watched_is_warned_of_and_updated(box: Sandbox) -> None:
    job = launch(box)
    with job.client.webhook_server() as hooks:
        box.faults.next(status=503, times=4, path="*/ping*")

        with pytest.warns(UserWarning, match="that are lost will not be found"):
            follow(job, hooks)

        assert job.webhook_uri == hooks.url


# Job.wait


def test_a_wait_is_woken_by_a_notification(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait, "MIN_DELAY", 0.0)
    job = Job(Client(box.key, box.url), id=launch(box).id).reload()
    begun = threading.Event()
    with job.client, job.client.webhook_server() as hooks, ThreadPoolExecutor(1) as pool:
        follow(job, hooks)
        waiting = pool.submit(job.wait, timeout=600, webhooks=hooks, progress=lambda _: begun.set())
        assert begun.wait(TIMEOUT)
        box.crowd.run(job)
        box.deliver_webhooks()

        assert waiting.result(TIMEOUT).is_complete


def test_a_wait_on_virtual_time_polls_besides(box: Sandbox) -> None:
    job = launch(box)
    box.crowd.run(job, pages=2)
    with job.client.webhook_server() as hooks:
        follow(job, hooks)

        counts = job.wait(
            webhooks=hooks, progress=lambda _: box.crowd.run(job, pages=2), timeout=3600
        )

        assert counts.is_complete
