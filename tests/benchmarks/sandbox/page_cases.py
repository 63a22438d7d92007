"""The benchmarks of the pages: how long the server works until a person sees a page.

Requests are in process, without sockets: what is measured is the server's own work.
"""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.desk.desk import Desk
from crowdflower.sandbox.desk.overview.history import HistoryCache
from crowdflower.sandbox.pages.routes import DESK
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.work import handout, submission, workers
from crowdflower.states import INTERNAL, ON_DEMAND
from tests.benchmarks.harness import Stopwatch, scaled
from tests.benchmarks.sandbox import fixtures

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from crowdflower import Job

PEOPLE = 15
"""Contributors, each of whom opens the page of a job for the first time."""

VISITS = 5
UPDATES = 15

SMALL_JOB = 400
"""Rows of the job with which a large one is compared."""

MORE_ROWS = scaled(1000, 100)
"""Rows that are ordered in addition, so that a job that is finished has something to do."""

PASSWORD = "of this benchmark"

_SLOTS = """
SELECT CAST(created_at / 60 AS INTEGER), count(*) FROM judgment WHERE +job_id = ? GROUP BY 1
"""
_FINALIZED = """
SELECT CAST(finalized_at / 60 AS INTEGER), count(*), sum(agreement) FROM unit
WHERE job_id = ? AND state = 'finalized' GROUP BY 1
"""


# The requester's desk.


def desk_ours(folder: Path, watch: Stopwatch) -> None:
    """Open the overview of a job with all judgments; nothing about it is in memory yet."""
    with Sandbox(database=folder / f"judged{fixtures.JUDGED_ROWS}.db", desk=PASSWORD) as box:
        browser, path = box.app.test_client(), _path(box)
        browser.post("/desk/sign-in", data={"password": PASSWORD})
        desk: Desk = box.app.extensions[DESK]
        assert browser.get("/desk/").status_code == 200
        with watch.median() as measure:
            for _ in range(VISITS):
                desk.histories = HistoryCache()
                with measure():
                    page = browser.get(path)
                assert "Answers by question" in page.text, page.text


def desk_floor(folder: Path, watch: Stopwatch) -> None:
    """Count the judgments and the finished rows of the same job by minute, in two statements."""
    with (
        Sandbox(database=folder / f"judged{fixtures.JUDGED_ROWS}.db") as box,
        box.database.snapshot() as tx,
        watch.median() as measure,
    ):
        (job,) = box.client().get_jobs()
        for _ in range(VISITS):
            with measure():
                judgments = tx.driver.execute(_SLOTS, (job.id,)).fetchall()
                tx.driver.execute(_FINALIZED, (job.id,)).fetchall()
            assert sum(count for _, count in judgments) > fixtures.JUDGED_ROWS


def live_ours(folder: Path, watch: Stopwatch) -> None:
    """Update the overview of the same job, each time after another page was submitted."""
    path = folder / "live.db"
    shutil.copy(folder / f"judged{fixtures.JUDGED_ROWS}.db", path)
    with Sandbox(database=path, desk=PASSWORD) as box:
        (job,) = box.client().get_jobs()
        job.upload(list(fixtures.rows(MORE_ROWS)))
        job.launch(MORE_ROWS, channels=[ON_DEMAND])
        browser, address = box.app.test_client(), _path(box)
        browser.post("/desk/sign-in", data={"password": PASSWORD})
        assert browser.get(address).status_code == 200
        with watch.median() as measure:
            for number in range(1, UPDATES + 1):
                _submit_page(box, job.id)
                with measure():
                    page = browser.get(address)
                count = fixtures.JUDGED_ROWS * fixtures.JUDGMENTS_PER_ROW
                expected = f"{count + number * fixtures.UNITS_PER_PAGE:,}"
                assert f"<dd>{expected}</dd>" in page.text, expected
    fixtures.remove(path)


def ping_floor(folder: Path, watch: Stopwatch) -> None:
    """Ask the API for the progress of the same job."""
    with Sandbox(database=folder / f"judged{fixtures.JUDGED_ROWS}.db") as box:
        (job,) = box.client().get_jobs()
        browser = box.app.test_client()
        with watch.median() as measure:
            for _ in range(UPDATES):
                with measure():
                    answer = browser.get(f"/v1/jobs/{job.id}/ping.json?key={box.key}")
                assert answer.status_code == 200


def _path(box: Sandbox) -> str:
    (job,) = box.client().get_jobs()
    return f"/desk/jobs/{job.id}"


def _submit_page(box: Sandbox, job_id: int) -> None:
    with box.database.transaction() as tx:
        worker = workers.join(tx, channel=ON_DEMAND)
        page = handout.take_page(tx, jobs.load(tx, job_id), worker)
        answers = {unit.id: {"sentiment": "neutral"} for unit in page.units}
        submission.submit(tx, worker, page.assignment_id, page.token, answers)


# The contributor's page.


class _Person:
    """A contributor with a browser of their own."""

    def __init__(self, box: Sandbox, job: Job) -> None:
        self.http = box.app.test_client()
        self.url = f"/label/{job.id}?secret={job.secret}"
        entered = self.http.post(self.url, data={"name": "Mia"})
        assert entered.status_code == 303, entered.text

    def load(self) -> TestResponse:
        """Open the page of the job."""
        return self.http.get(self.url)

    def submit(self, page: str) -> TestResponse:
        """Submit a page with an answer for each row, and load the next one."""
        fields = dict(re.findall(r'name="(assignment|token)" value="([^"]*)"', page))
        names = set(re.findall(r'name="(u\d+\[sentiment\])"', page))
        assert len(names) == fixtures.UNITS_PER_PAGE, html.escape(page)
        answers = dict.fromkeys(names, "neutral")
        return self.http.post(self.url, data={**fields, **answers}, follow_redirects=True)


def _launch(box: Sandbox, rows: int) -> Job:
    job = fixtures.launch(box, rows)
    job.add_channels([INTERNAL])
    return job


def _first_page(watch: Stopwatch, rows: int) -> None:
    with Sandbox(balance_cents=fixtures.BALANCE) as box:
        job = _launch(box, rows)
        people = [_Person(box, job) for _ in range(PEOPLE)]
        with watch.median() as measure:
            for person in people:
                with measure():
                    page = person.load()
                assert "sentiment" in page.text


def first_page_ours(_folder: Path, watch: Stopwatch) -> None:
    """Open the first page of a job with all rows, as different people."""
    _first_page(watch, fixtures.JUDGED_ROWS)


def first_page_floor(_folder: Path, watch: Stopwatch) -> None:
    """Open the first page of a small job."""
    _first_page(watch, SMALL_JOB)


def _next_page(watch: Stopwatch, rows: int) -> None:
    with Sandbox(balance_cents=fixtures.BALANCE) as box:
        job = _launch(box, rows)
        people = [_Person(box, job) for _ in range(PEOPLE)]
        with watch.median() as measure:
            for person in people:
                page = person.load().text
                with measure():
                    following = person.submit(page)
                assert following.status_code == 200


def next_page_ours(_folder: Path, watch: Stopwatch) -> None:
    """Submit a page of a job with all rows, and get the next one."""
    _next_page(watch, fixtures.JUDGED_ROWS)


def next_page_floor(_folder: Path, watch: Stopwatch) -> None:
    """Do the same in a small job."""
    _next_page(watch, SMALL_JOB)
