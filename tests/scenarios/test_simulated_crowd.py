"""The simulated crowd: reproducible, and as accurate as its profiles say."""

from __future__ import annotations

import csv
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.crowd.plan import Plan
from crowdflower.sandbox.crowd.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from crowdflower.job import Job
    from tests.scenarios.conftest import Box

CML = """
<p>{{text}}</p>
<cml:radios label="What does it say?" name="says" validates="required" gold="true">
  <cml:radio label="yes"/><cml:radio label="no"/><cml:radio label="maybe"/>
</cml:radios>
<cml:text label="Why?" name="why" only-if="says:[no]" aggregation="all" gold="false"/>
"""
TRUTH = {"says": "truth"}
MIX = {
    "expert": 0.2,
    "normal": 0.5,
    "sloppy": 0.15,
    "random spammer": 0.1,
    "constant spammer": 0.05,
}
TIMES = {"_created_at", "_started_at"}
HANDS = 8


def rows(number: int, golds: int = 0) -> list[dict[str, Any]]:
    """Generate rows with a correct answer, and test questions."""
    chance = Random(0)  # noqa: S311 - no secret
    truths = [chance.choice(["yes", "no", "maybe"]) for _ in range(number + golds)]
    return [
        {"text": f"text {place}", "truth": truth}
        | ({"_golden": "TRUE", "says_gold": truth} if place >= number else {})
        for place, truth in enumerate(truths)
    ]


def create_job(client: Any, data: list[dict[str, Any]], **attributes: Any) -> Job:
    job: Job = client.upload_job(data)
    about = {"title": "What does it say?", "instructions": "Read it.", "cml": CML}
    job.absorb(client.update_job(job.id, about | attributes))
    job.convert_test_questions()
    job.launch(sum("_golden" not in row for row in data))
    return job


def full_report(box: Box) -> list[dict[str, str]]:
    """Run a crowd on a new job, and return its report."""
    job = create_job(box.client, rows(40, golds=16), options={"front_load": "true"})
    box.sandbox.crowd.add(15, mix=MIX, truth=TRUTH)
    assert box.sandbox.crowd.run(job).ended == "finished"
    answer = box.api("GET", f"/jobs/{job.id}.csv?type=full", allow_redirects=True)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        text = archive.read(f"f{job.id}.csv").decode()
    found = csv.DictReader(io.StringIO(text, newline=""))
    return [{name: row[name] for name in row if name not in TIMES} for row in found]


@pytest.mark.parametrize("settings", [{"seed": 5}], ids=["seed"])
def test_the_same_seed_gives_the_same_report_and_another_seed_another(box: Box) -> None:
    first = full_report(box)
    box.control("POST", "reset")
    box.advance(minutes=1)
    again = full_report(box)
    box.control("POST", "reset")
    box.control("POST", "seed", seed=6)
    other = full_report(box)

    assert first == again
    assert first != other
    assert first[0].keys() == other[0].keys()


def judgments(box: Sandbox, job: Job) -> dict[tuple[int, int], dict[str, Any]]:
    return {(each.unit_id, each.worker_id): each.data for each in job.judgments()}


def test_eight_threads_give_the_answers_of_one(tmp_path: Path) -> None:
    found = []
    for threads in (1, HANDS):
        clock = Clock(seed=9)
        with Sandbox(database=tmp_path / f"{threads}.db", clock=clock) as box:
            job = create_job(box.client(), rows(12), judgments_per_unit=HANDS)
            people = box.crowd.add(HANDS, mix=MIX, truth=TRUTH)
            plan = Plan(arrivals_per_minute=600, pages_per_visit=100, pages_at_once=1)
            runs = [Run(box.database, job.id, [who], plan, who.number) for who in people]
            with ThreadPoolExecutor(threads) as pool:
                ends = {summary.ended for summary in pool.map(Run.execute, runs)}
            assert ends <= {"no_work", "finished"}
            assert job.reload().state == "finished"
            found.append(judgments(box, job))

    one, eight = found
    assert len(one) == 12 * HANDS
    assert one == eight


def test_a_hundred_contributors_on_a_thousand_units_have_the_promised_accuracy(box: Box) -> None:
    data = rows(1000, golds=40)
    options = {"front_load": "true", "reject_at": 70, "after_gold": 4}
    job = create_job(box.client, data, units_per_assignment=10, options=options)
    people = box.sandbox.crowd.add(100, mix=MIX, truth=TRUTH)

    summary = box.sandbox.crowd.run(job)

    assert summary.ended == "finished"
    found = {row["text"]: row["says"] for row in box.client.get_report(job, "aggregated")}
    right = sum(found[row["text"]] == row["truth"] for row in data[:1000])
    assert 0.947 <= right / 1000 <= 0.991
    stand = {each["worker_id"]: each for each in box.api("GET", f"/jobs/{job.id}/workers").json()}
    spammers = [
        stand[who.worker.id] for who in people if "spammer" in who.name and who.worker.id in stand
    ]
    assert len(spammers) >= 10
    assert max(each["trust_overall"] for each in spammers) < 0.7
    assert job.ping()["tainted_judgments"] >= 10 * len(spammers)
