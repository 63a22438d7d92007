"""Fixtures: a database with one account, the API, a function that calls it, and two jobs."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert

from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.server.app import Application, create_app
from crowdflower.sandbox.server.in_process import ORIGIN, session_for
from crowdflower.sandbox.store import Database
from crowdflower.sandbox.store.tables import (
    assignment,
    job_column,
    judgment,
    unit,
    worker,
    worker_job,
)
from crowdflower.sandbox.store.tables import job as jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import Response

sys.path.insert(0, str(Path(__file__).parent))

KEY = "planted-key-7f3a90c1"

FORM = """
<p>{{review_text}}</p>
<cml:radios label="What is the sentiment?" name="sentiment" validates="required" gold="true">
  <cml:radio label="Positive" value="positive"/>
  <cml:radio label="Neutral" value="neutral"/>
  <cml:radio label="Negative" value="negative"/>
</cml:radios>
<cml:checkboxes label="Which topics are mentioned?" name="topics" only-if="sentiment:[negative]">
  <cml:checkbox label="Price" value="price"/>
  <cml:checkbox label="Delivery" value="delivery"/>
</cml:checkboxes>
<cml:textarea label="Any comments?" aggregation="all"/>
"""


@pytest.fixture
def database() -> Iterator[Database]:
    """A database with one account, whose balance is 100 dollars."""
    database = Database()
    with database.transaction() as tx:
        accounts.open_account(tx, key=KEY, balance_cents=10_000)
    yield database
    database.close()


@pytest.fixture
def app(database: Database) -> Iterator[Application]:
    """The application that serves the API."""
    app = create_app(database)
    yield app
    app.services.reset()


@pytest.fixture
def api(app: Application) -> Iterator[Callable[..., Response]]:
    """A function that sends a request: ``api("PUT", "/jobs/7")``; ``key=None`` omits the key."""
    with session_for(app) as session:

        def call(
            verb: str, path: str, *, key: str | None = KEY, version: str = "v1", **settings: Any
        ) -> Response:
            headers = {"Authorization": f"Token token={key}"} if key else {}
            headers |= settings.pop("headers", {})
            settings.setdefault("allow_redirects", False)
            return session.request(verb, f"{ORIGIN}/{version}{path}", headers=headers, **settings)

        yield call


@pytest.fixture
def job(api: Callable[..., Response]) -> int:
    """A job that is ready for launch, with one row for each letter of "abcdef"; its id."""
    rows = "".join(
        f'{{"review_id": "{letter}", "review_text": "{letter}…"}}\n' for letter in "abcdef"
    )
    created = api("POST", "/jobs/upload", data=rows.encode(), headers={"Content-Type": "text/json"})
    number: int = created.json()["id"]
    settings = {
        "title": "Sentiment of product reviews",
        "instructions": "<p>Read the review and pick its sentiment.</p>",
        "cml": FORM,
    }
    api("PUT", f"/jobs/{number}", json={"job": settings})
    return number


@pytest.fixture
def units(api: Callable[..., Response], job: int) -> list[int]:
    """The ids of that job's units."""
    return [int(number) for number in api("GET", f"/jobs/{job}/units").json()]


def _time(text: str) -> float:
    return datetime.fromisoformat(f"{text}+00:00").timestamp()


GOLD = {"sentiment_gold": ["negative"], "sentiment_gold_reason": ["It is strongly negative."]}

UNITS = [
    (1, "finalized", {"review_id": "r1", "review_text": "Late, and cost too much"}, 3, 1, 0),
    (2, "judgable", {"review_id": "r2", "review_text": "Würde wieder kaufen"}, 1, 0, 0),
    (3, "new", {"review_id": "r3", "review_text": "It is a box."}, 0, 0, 0),
    (4, "golden", {"review_id": "r4", "review_text": "Terrible", **GOLD}, 1, 1, 1),
]

WORKERS = [
    (31883685, "clixsense", "FIN", "13", "Helsinki", "198.51.100.7", 0.9444),
    (19596413, "neodev", "USA", "NY", "New York", "198.51.100.8", 0.85),
    (30222698, "cf_internal", "CAN", "NB", "Moncton", "203.0.113.9", 1.0),
    (40010001, "elite", "IND", "7", "New Delhi", "203.0.113.44", 0.5),
]

JUDGMENTS = [
    (1605619374, 1, 0, "54", None, False, {
        "sentiment": "negative", "topics": ["price", "delivery"], "any_comments": "Two complaints"
    }),
    (1605621852, 1, 1, "12", None, False, {"sentiment": "negative", "topics": ["delivery"]}),
    (1605623001, 1, 2, "21", None, False, {"sentiment": "neutral"}),
    (1605623010, 1, 3, "30", None, True, {"sentiment": "positive"}),
    (1605624100, 2, 0, "40", None, False, {"sentiment": "positive", "any_comments": "Bilingual"}),
    (1605624200, 4, 0, "20", False, False, {"sentiment": "negative", "topics": ["price"]}),
    (1605624300, 4, 3, "00", True, True, {"sentiment": "positive"}),
]  # fmt: skip


@pytest.fixture
def judged_job(database: Database, api: Callable[..., Response], job: int) -> int:
    """The job with four other rows, of which three were judged by up to four contributors.

    The records are inserted directly, without the rules, so that all numbers in reports are known.
    """
    when = _time("2015-06-24T12:45:10")
    with database.transaction() as tx:
        tx.run(unit.delete())
        values = {"units_count": 4, "golds_count": 1, "judgments_count": 7, "tainted_count": 2}
        tx.run(jobs.update().values(state="running", **values))
        tx.run(
            insert(job_column),
            [
                {"job_id": job, "name": name, "ordinal": place}
                for place, name in enumerate(sorted(GOLD), 2)
            ],
        )
        for number, state, data, trusted, tainted, missed in UNITS:
            tx.run(
                insert(unit),
                {
                    "id": number, "job_id": job, "seq": number, "state": state, "data": data,
                    "judgments_count": trusted, "tainted_count": tainted, "missed_count": missed,
                    "created_at": when, "updated_at": when,
                },
            )  # fmt: skip
        for number, channel, country, region, city, ip, trust in WORKERS:
            place = {"channel": channel, "country": country, "region": region, "city": city}
            tx.run(insert(worker), {"id": number, **place, "ip": ip, "created_at": when})
            tx.run(
                insert(worker_job),
                {
                    "job_id": job, "worker_id": number, "state": "working", "trust": trust,
                    "judgments_count": 1, "first_at": when, "last_at": when,
                },
            )  # fmt: skip
            tx.run(
                insert(assignment),
                {
                    "id": number, "job_id": job, "worker_id": number, "mode": "work",
                    "state": "submitted", "form_token": "t", "started_at": when, "expires_at": when,
                },
            )  # fmt: skip
        for number, of_unit, by, minute, missed, tainted, data in JUDGMENTS:
            who, channel, country, region, city, ip, trust = WORKERS[by]
            tx.run(
                insert(judgment),
                {
                    "id": number, "job_id": job, "unit_id": of_unit, "worker_id": who,
                    "assignment_id": who, "data": data, "trust": trust,
                    "golden": missed is not None, "missed": missed, "tainted": tainted,
                    "channel": channel, "country": country, "region": region, "city": city,
                    "ip": ip, "started_at": _time(f"2015-06-25T10:{minute}:02"),
                    "created_at": _time(f"2015-06-25T10:{minute}:20"),
                },
            )  # fmt: skip
    return job
