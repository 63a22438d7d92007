"""The history of a job in memory: what is new is added, and nothing that changed is missed."""

from __future__ import annotations

from typing import Any

import pytest

from crowdflower import Client, Job
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.desk.overview import answer_shares, history
from crowdflower.sandbox.desk.overview.history import History, HistoryCache
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.units import units
from crowdflower.sandbox.rules.work import handout, submission, workers
from crowdflower.sandbox.store import tables
from crowdflower.states import ON_DEMAND

FORM = """
<cml:radios label="Good?" name="good" validates="required">
  <cml:radio label="Yes" value="yes"/><cml:radio label="No" value="no"/>
</cml:radios>
"""


class Scene:
    """A job of twenty rows, and the cache that is tested against a new one."""

    def __init__(self, box: Sandbox, client: Client, rows: int = 20) -> None:
        self.box, self.client = box, client
        self.job = self.launch(rows)
        self.cache = HistoryCache()

    def launch(self, rows: int) -> Job:
        job = self.client.upload_job([{"text": f"Row {n}"} for n in range(rows)])
        job.title, job.instructions, job.cml = "Is it good?", "Read it.", FORM
        job.judgments_per_unit, job.units_per_assignment = 2, 5
        job.update()
        job.launch(rows, channels=[ON_DEMAND])
        return job

    def submit(self, job: Job | None = None, *, answer: str = "yes") -> int:
        """Submit a page as a new contributor, a minute later; return the contributor."""
        self.box.clock.advance(minutes=1)
        with self.box.database.transaction() as tx:
            worker = workers.join(tx, channel=ON_DEMAND)
            page = handout.take_page(tx, jobs.load(tx, (job or self.job).id), worker)
            answers = {unit.id: {"good": answer} for unit in page.units}
            submission.submit(tx, worker, page.assignment_id, page.token, answers)
            return int(worker.id)

    def read(self, cache: HistoryCache | None = None) -> History:
        with self.box.database.snapshot() as tx:
            return (cache or self.cache).read(tx, jobs.load(tx, self.job.id))

    def check(self) -> History:
        """Return what the cache has, which is what a new one counts."""
        found, expected = self.read(), self.read(HistoryCache())
        assert summary(found) == summary(expected)
        return found


def summary(found: History) -> dict[str, Any]:
    return {
        "times": (found.began_at, found.last_at),
        "judgments": sum(found.judgments.counts.values()),
        "useful": sum(found.useful.counts.values()),
        "finalized": sum(found.finalized.counts.values()),
        "agreement": (found.agreement, round(found.agreement_sum, 6)),
        "shares": (found.shares.rows, [dict(each.answers) for each in found.shares.questions]),
    }


@pytest.fixture
def scene(box: Sandbox, client: Client) -> Scene:
    return Scene(box, client)


@pytest.fixture
def no_rebuild(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often everything was counted; a list with an item each time."""
    counted: list[int] = []
    build = history._build

    def count(*arguments: Any) -> Any:
        counted.append(1)
        return build(*arguments)

    monkeypatch.setattr(history, "_build", count)
    return counted


def test_new_pages_are_added_without_counting_everything_again(
    scene: Scene, no_rebuild: list[int]
) -> None:
    scene.submit()
    scene.read()

    for _ in range(4):
        scene.submit()
        found = scene.read()

    assert len(no_rebuild) == 1
    assert summary(found) == summary(scene.read(HistoryCache()))
    assert sum(found.judgments.counts.values()) == 25
    assert sum(found.finalized.counts.values()) >= 5
    assert found.shares.questions[0].answers["yes"] == found.shares.rows


def test_an_empty_job_has_an_empty_history_until_its_first_page(scene: Scene) -> None:
    assert scene.check().began_at is None

    scene.submit()

    assert scene.check().began_at is not None


def test_rejected_judgments_leave_the_figures(scene: Scene) -> None:
    first, *_ = [scene.submit() for _ in range(7)]
    before = scene.check()

    with scene.box.database.transaction() as tx:
        workers.reject(tx, jobs.load(tx, scene.job.id), first)
    after = scene.check()

    assert sum(after.useful.counts.values()) == sum(before.useful.counts.values()) - 5
    assert sum(after.finalized.counts.values()) < sum(before.finalized.counts.values())


def test_finished_rows_that_need_more_judgments_leave_the_figures(scene: Scene) -> None:
    for _ in range(6):
        scene.submit()
    before = scene.check()

    with scene.box.database.transaction() as tx:
        job = jobs.load(tx, scene.job.id)
        finished = tx.all(tables.unit.select().where(tables.unit.c.state == "finalized"))
        units.request_more_judgments(tx, job, finished[0], 1)
    after = scene.check()

    assert sum(after.finalized.counts.values()) == sum(before.finalized.counts.values()) - 1
    assert after.shares.rows == before.shares.rows - 1


def test_judgments_of_other_jobs_do_not_count(scene: Scene) -> None:
    other = scene.launch(20)
    for _ in range(6):
        scene.submit(other)
    scene.submit()
    assert sum(scene.check().judgments.counts.values()) == 5

    scene.submit(other)
    scene.submit()

    assert sum(scene.check().judgments.counts.values()) == 10


def test_a_few_judgments_among_many_of_other_jobs_are_found_by_their_index(scene: Scene) -> None:
    scene.submit()
    other = scene.launch(120)
    for _ in range(8):
        scene.submit(other)
    scene.submit()

    found = scene.check()

    assert sum(found.judgments.counts.values()) == 10
    assert len(found.judgments.counts) == 2


def test_another_form_begins_to_count_answers_again(scene: Scene) -> None:
    for _ in range(8):
        scene.submit()
    assert scene.check().shares.questions[0].label == "Good?"

    with scene.box.database.transaction() as tx:
        jobs.update(tx, jobs.load(tx, scene.job.id), {"cml": FORM.replace("Good?", "Fine?")})

    assert scene.check().shares.questions[0].label == "Fine?"


def test_a_reset_sandbox_has_no_old_history(scene: Scene) -> None:
    for _ in range(4):
        scene.submit()
    scene.check()

    scene.box.reset()
    scene.client = scene.box.client()
    scene.job = scene.launch(20)
    scene.submit(answer="no")

    assert sum(scene.check().judgments.counts.values()) == 5


def test_a_large_job_is_sampled_and_says_of_how_many_rows(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_shares, "SAMPLE", 8)
    for _ in range(5):
        scene.submit()
    scene.read()
    for _ in range(3):
        scene.submit()

    shares = scene.check().shares

    assert shares.seqs is not None
    assert len(shares.seqs) == shares.rows == 8
    assert shares.questions[0].answers == {"yes": 8}


def test_slots_become_longer_as_a_job_grows_old(scene: Scene) -> None:
    scene.submit()
    first = scene.check()

    scene.box.clock.advance(hours=30 * 24)
    scene.submit()
    second = scene.check()

    assert first.finalized.seconds < second.finalized.seconds
    assert sum(second.judgments.counts.values()) == 5  # of the last day


def test_what_was_returned_does_not_change_any_more(scene: Scene) -> None:
    scene.submit()
    before = scene.read()
    kept = summary(before)

    scene.submit()
    scene.read()

    assert summary(before) == kept


def test_jobs_that_nobody_looks_at_are_forgotten(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_JOBS", 1)
    scene.submit()
    scene.read()
    first, scene.job = scene.job, scene.launch(5)
    scene.read()

    assert [*scene.cache._kept] == [scene.job.id]
    scene.job = first
    scene.check()
