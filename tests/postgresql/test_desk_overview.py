"""The overview of a job on PostgreSQL: its hand-written statements say the same as on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.rules.jobs import caps, jobs
from crowdflower.sandbox.rules.work import workers
from tests.sandbox.desk_browser import PASSWORD, Browser, readable
from tests.sandbox.desk_jobs import join, launch_job, work

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def boxes(schema: str) -> Iterator[list[Sandbox]]:
    """A sandbox on each engine."""
    with (
        Sandbox(seed=3, desk=PASSWORD) as one,
        Sandbox(database=schema, clock=Clock(seed=3), desk=PASSWORD) as other,
    ):
        yield [one, other]


def overview(box: Sandbox) -> list[str]:
    """Return what the overview says after some pages, after others, and after a rejection."""
    job = launch_job(box.client(), rows=40, golds=12)
    browser = Browser(box)
    browser.sign_in()
    people = [join(box, name) for name in ("Ada", "Bo", "Chidi")]
    with box.database.transaction() as tx:
        caps.set_cap(tx, jobs.load(tx, job.id), 500_000)
    pages = []
    for pages_of_each in (2, 1):
        for person in people:
            for _ in range(pages_of_each):
                work(box, job, person)
        pages.append(browser.get(f"/desk/jobs/{job.id}").text)
    with box.database.transaction() as tx:
        current = jobs.load(tx, job.id)
        workers.bonus(tx, current, people[0], 5)
        workers.reject(tx, current, people[1])
    pages.append(browser.get(f"/desk/jobs/{job.id}").text)
    return [readable(page) for page in pages]


def test_both_engines_show_the_same(boxes: list[Sandbox]) -> None:
    sqlite, postgresql = (overview(box) for box in boxes)

    assert "Judgments 12 " in sqlite[0]
    assert "Judgments 18 " in sqlite[1]
    assert "of it, bonuses $0.06" in sqlite[2]
    assert postgresql == sqlite
