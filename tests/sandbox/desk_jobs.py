"""A job whose contributors do exactly what a test of the desk says."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from crowdflower.client import Client
from crowdflower.job import Job
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.rules.work import handout, submission, workers
from crowdflower.sandbox.store import tables

if TYPE_CHECKING:
    from crowdflower.sandbox.rules.work.receipts import Receipt

CML = """
<p>{{ text }}</p>
<cml:radios label="What is the mood?" name="mood" validates="required" gold="true">
<cml:radio label="Good" value="good"/><cml:radio label="Bad" value="bad"/></cml:radios>
"""

MARKUP = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
"""A text that would run if a page did not write it as text."""


def launch_job(client: Client, *, rows: int = 20, golds: int = 0, **settings: Any) -> Job:
    """Launch a job with two rows on a page, or with one and a test question, whose answer is bad.

    The texts of its test questions are "Test 0", "Test 1", …
    """
    tests = [{"text": f"Test {number}", "mood_gold": "bad"} for number in range(golds)]
    job = client.upload_job(tests + [{"text": f"Row {number}"} for number in range(rows)])
    values = {"title": "Moods of people", "instructions": "Read.", "cml": CML}
    values |= {"units_per_assignment": 2, "judgments_per_unit": 3, "payment_cents": 10}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the job is smaller than a real one
        client.update_job(job.id, values | settings)
        if golds:
            job.mark_test_questions("mood")
        job.launch(rows, channels=["on_demand"])
    return client.get_job(job.id)


def join(box: Sandbox, name: str | None = "Ada", channel: str = "on_demand") -> int:
    """Add a contributor and return their number."""
    with box.database.transaction() as tx:
        return int(workers.join(tx, channel=channel, display_name=name).id)


def take(box: Sandbox, job: Job, worker: int) -> handout.Page:
    """Let a contributor take a page."""
    with box.database.transaction() as tx:
        row = tx.one(tables.job.select().where(tables.job.c.id == job.id))
        return handout.take_page(tx, row, workers.find(tx, worker))


def work(box: Sandbox, job: Job, worker: int, mood: str = "bad", *, seconds: float = 20) -> Receipt:
    """Let a contributor take a page and submit it with one answer to each row."""
    page = take(box, job, worker)
    box.clock.advance(seconds)
    answers = {unit.id: {"mood": mood} for unit in page.units}
    with box.database.transaction() as tx:
        return submission.submit(
            tx, workers.find(tx, worker), page.assignment_id, page.token, answers
        )
