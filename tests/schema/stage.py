"""A sandbox with an object for every path, restored after each request."""

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
GOLDS = [
    {"text": f"Wonderful {number}", "sentiment_gold": "positive", "_golden": "true"}
    for number in range(12)
]
STATES = ("blank", "unordered", "running", "paused", "finished", "canceled")
"""States of jobs; a ``blank`` job has no rows, and its state is ``unordered``."""


class Rollback(Exception):
    """Raised to roll back a transaction."""


class Stage:
    """A job in each state; those that ran have rows, judgments, contributors and an order.

    The changes of a request are rolled back, so that each request finds the same jobs and failures
    can be reproduced.
    """

    def __init__(self) -> None:
        self.box = Sandbox()
        self.session = session_for(self.box.app)
        self.session.headers["Authorization"] = f"Token token={self.box.key}"
        self.box.crowd.add(6)
        self.path_parameters = [self._create(state) for state in STATES] + [{}]
        """Path parameters of each job; the last is empty, to keep the generated ones."""

    @contextmanager
    def rollback(self) -> Iterator[None]:
        """Roll back all changes at the end of the block."""
        with suppress(Rollback), self.box.database.transaction():
            yield
            raise Rollback

    def close(self) -> None:
        self.session.close()
        self.box.close()

    def _create(self, state: str) -> dict[str, str]:
        """Create a job in a state; return its path parameters."""
        client = self.box.client()
        if state == "blank":
            return {"job": str(client.create_job({"title": "Nothing yet"}).id)}
        job = client.upload_job([*ROWS, *GOLDS])
        job.title, job.instructions, job.cml = "Sentiment of reviews", "Read them.", FORM
        job.update()
        client.convert_job_test_questions(job.id)
        parameters = {"job": str(job.id), "unit": str(next(iter(job.units)).id)}
        if state == "unordered":
            return parameters
        parameters["order"] = str(job.launch(len(ROWS)).id)
        self.box.crowd.run(job.id, pages=None if state == "finished" else 2)
        if state == "paused":
            job.pause()
        elif state == "canceled":
            job.cancel()
        judged = next(unit for unit in job.units if unit.judgments_count)
        judgment = next(iter(judged.get_judgments()))
        return parameters | {
            "unit": str(judged.id),
            "judgment": str(judgment.id),
            "worker": str(judgment.worker_id),
        }
