"""A sandbox in which everything that a path can name is there, and is there again afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.server.in_process import session_for

FORM = """
<p>{{text}}</p>
<cml:radios label="Sentiment" name="sentiment" validates="required" gold="true">
  <cml:radio label="Positive" value="positive"/>
  <cml:radio label="Negative" value="negative"/>
</cml:radios>
<cml:checkboxes label="Topics" name="topics">
  <cml:checkbox label="Price" value="price"/>
</cml:checkboxes>
<cml:textarea label="Any comments?" aggregation="all"/>
"""
ROWS = [{"text": f"Review {number}", "sentiment_gold": ""} for number in range(9)]
GOLD = {"text": "Wonderful", "sentiment_gold": "positive", "_golden": "true"}
STATES = ("blank", "unordered", "running", "paused", "finished", "canceled")
"""Of jobs; a blank one is ``unordered`` too."""


class Undone(Exception):
    """Ends a transaction of which nothing is to stay."""


class Stage:
    """A job in each state, those that ran with rows, judgments, contributors and an order.

    What a request changes is undone behind it: each one meets the same jobs, and one that failed
    fails again.
    """

    def __init__(self) -> None:
        self.box = Sandbox()
        self.session = session_for(self.box.app)
        self.session.headers["Authorization"] = f"Token token={self.box.key}"
        self.box.crowd.add(6)
        self.named = [self._made(state) for state in STATES] + [{}]
        """Job by job, what may stand in a path; nothing at last, for what was made up."""

    @contextmanager
    def undone(self) -> Iterator[None]:
        with suppress(Undone), self.box.database.transaction():
            yield
            raise Undone

    def close(self) -> None:
        self.session.close()
        self.box.close()

    def _made(self, state: str) -> dict[str, str]:
        """Make a job that is in a state; tell how a path names it and what it has."""
        client = self.box.client()
        if state == "blank":
            return {"job": str(client.create_job({"title": "Nothing yet"}).id)}
        job = client.upload_job([*ROWS, GOLD])
        job.title, job.instructions, job.cml = "Sentiment of reviews", "Read them.", FORM
        job.update()
        client.convert_job_test_questions(job.id)
        parts = {"job": str(job.id), "unit": str(next(iter(job.units)).id)}
        if state == "unordered":
            return parts
        parts["order"] = str(job.launch(len(ROWS)).id)
        self.box.crowd.run(job.id, pages=None if state == "finished" else 2)
        if state == "paused":
            job.pause()
        elif state == "canceled":
            job.cancel()
        judged = next(unit for unit in job.units if unit.judgments_count)
        judgment = next(iter(judged.get_judgments()))
        return parts | {
            "unit": str(judged.id),
            "judgment": str(judgment.id),
            "worker": str(judgment.worker_id),
        }
