"""Webhooks: signed, retried, and delivered in the end."""

from __future__ import annotations

import json
import threading
from collections import Counter
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crowdflower.job import Job
    from tests.scenarios.conftest import Box

TIMEOUT = 60
SIX_HOURS = 6 * 60
CML = """
<p>{{text}}</p>
<cml:radios label="Is it spam?" name="spam" validates="required">
  <cml:radio label="yes"/>
  <cml:radio label="nö"/>
</cml:radios>
"""


class WebhookHandler(BaseHTTPRequestHandler):
    """Records each webhook, and responds with the status that its server returns."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fields = {name: value for name, (value,) in parse_qs(body.decode()).items()}
        self.send_response(self.server.receive(fields))  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Receiver(HTTPServer):
    """A requester's webhook server, which can be made to fail."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), WebhookHandler)
        self.is_down = False
        self.refused = 0
        self.letters: list[dict[str, str]] = []
        self._news = threading.Condition()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    @property
    def signals(self) -> Counter[str]:
        return Counter(letter["signal"] for letter in self.letters)

    def receive(self, fields: dict[str, str]) -> int:
        with self._news:
            if self.is_down:
                self.refused += 1
            else:
                self.letters.append(fields)
            self._news.notify_all()
            return 503 if self.is_down else 200

    def wait(self, until: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(until, TIMEOUT), self.signals


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def launch_job(box: Box, receiver: Receiver) -> Job:
    job = box.client.create_job({"title": "Is it spam?"})
    about = {"instructions": "Read it.", "cml": CML, "webhook_uri": receiver.address}
    job.absorb(box.client.update_job(job.id, {**about, "judgments_per_unit": 1}))
    job.upload([{"text": f"text {place}"} for place in range(5)])
    job.launch(5)
    return job


def deliver(box: Box) -> list[Any]:
    attempts: list[Any] = box.control("POST", "webhooks/deliver")
    return attempts


def test_a_webhook_is_sent_once_per_unit_and_once_when_the_job_finishes(
    box: Box, receiver: Receiver
) -> None:
    job = launch_job(box, receiver)
    box.work(job, box.contributor(), {"spam": "nö"})

    deliver(box)  # the command does so by itself, in the background
    receiver.wait(lambda: receiver.signals["job_complete"] > 0)

    assert receiver.signals == {"job_data_processed": 1, "unit_complete": 5, "job_complete": 1}
    for letter in receiver.letters:
        signed = sha1((letter["payload"] + "scenario-key-2f6c").encode(), usedforsecurity=False)
        assert letter["signature"] == signed.hexdigest()
    about = [json.loads(letter["payload"]) for letter in receiver.letters]
    assert about[0]["units_count"] == 5
    assert sorted(unit["id"] for unit in about[1:-1]) == [unit.id for unit in job.units]
    assert {unit["results"]["spam"]["agg"] for unit in about[1:-1]} == {"nö"}
    assert (about[-1]["id"], about[-1]["state"]) == (job.id, "finished")


@pytest.mark.parametrize("settings", [{"seed": 3}])
def test_undelivered_webhooks_are_retried_when_the_address_is_saved_again(
    box: Box, receiver: Receiver
) -> None:
    receiver.is_down = True
    job = launch_job(box, receiver)
    box.work(job, box.contributor(), {"spam": "nö"})

    tried = 0
    for _ in range(2 * SIX_HOURS // 10):
        attempts = deliver(box)
        assert all("503" in each["problem"] for each in attempts)
        tried += len(attempts)
        box.advance(minutes=10)

    assert 4 <= tried == receiver.refused <= 12
    assert "webhook_disabled" in {event["kind"] for event in box.control("GET", "events")}
    receiver.is_down = False
    box.advance(minutes=SIX_HOURS)
    assert deliver(box) == []
    box.client.update_job(job.id, {"webhook_uri": receiver.address})
    assert len(deliver(box)) == 7
    assert deliver(box) == []
    assert receiver.signals == {"job_data_processed": 1, "unit_complete": 5, "job_complete": 1}
