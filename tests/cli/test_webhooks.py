"""``crowdflower webhooks listen``."""

from __future__ import annotations

import json
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Run

    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

BEFORE = "https://example.com/before"


@contextmanager
def notifying(box: Sandbox, job: Job) -> Iterator[None]:
    """Send the webhooks of the test questions as soon as the command listens."""
    job.webhook_uri = BEFORE
    job.update()
    client = box.client()

    def send() -> None:
        for _ in range(600):
            if client.get_job(job.id).webhook_uri != BEFORE:
                break
            Event().wait(0.05)
        client.get_job(job.id).fire_test_question_webhooks()
        box.deliver_webhooks()

    thread = Thread(target=send)
    thread.start()
    yield
    thread.join()


def test_events_are_printed_a_line_each(run: Run, box: Sandbox, job: Job) -> None:
    with notifying(box, job):
        result = run("webhooks", "listen", "reviews", "--limit", "3")

    lines = result.stdout.splitlines()
    assert result.exit_code == 0, result.stderr
    assert result.stderr.startswith("Listening at http://127.0.0.1:")
    assert [line.split()[:2] for line in lines] == [["unit_complete", "unit"]] * 3
    assert job.reload().webhook_uri == BEFORE


def test_events_for_programs_are_a_document_a_line(run: Run, box: Sandbox, job: Job) -> None:
    with notifying(box, job):
        result = run("webhooks", "listen", "reviews", "--limit", "2", "--json")

    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["signal"] for event in events] == ["unit_complete"] * 2
    assert events[0]["units"][0]["id"] in {unit.id for unit in job.units}


def test_a_dry_run_changes_no_job(run: Run, box: Sandbox, job: Job) -> None:
    result = run("webhooks", "listen", "reviews", "--dry-run")

    assert result.stdout.startswith(f"PUT {box.url}/jobs/{job.id}.json\njob[webhook_uri]=http://")
    assert job.reload().webhook_uri is None


@pytest.mark.parametrize("option", [["--port", "70000"], ["--limit", "0"]])
def test_invalid_options_are_refused(run: Run, box: Sandbox, option: list[str]) -> None:
    assert run("webhooks", "listen", *option).exit_code == 2
