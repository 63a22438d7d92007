"""Job.wait against the sandbox: delayed states, money, test questions, a crowd that works on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from crowdflower import (
    CostLimitReached,
    Job,
    JobStalled,
    NothingToWaitFor,
    Sandbox,
    StallWarning,
    WaitTimeout,
)

SETTINGS = {
    "title": "What is the mood?",
    "instructions": "<p>Say it.</p>",
    "cml": """
        <p>{{ text }}</p>
        <cml:radios name="mood" label="The mood" validates="required" gold="true">
          <cml:radio label="good"/><cml:radio label="bad"/>
        </cml:radios>
    """,
    "judgments_per_unit": 3,
    "units_per_assignment": 5,
    "payment_cents": 10,
}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


def upload(box: Sandbox, units: int = 10, **settings: Any) -> Job:
    job = box.client().create_job({**SETTINGS, **settings})
    job.upload({"text": f"row {number}"} for number in range(units))
    return job


def test_a_crowd_that_works_meanwhile_finishes_the_job(box: Sandbox) -> None:
    job = upload(box)
    job.launch(10)
    box.crowd.add(8)

    counts = job.wait(progress=lambda _: box.crowd.run(job, pages=1), timeout=86_400)

    assert (counts.state, counts.finalized, counts.needed_judgments) == ("finished", 10, 0)
    assert counts.cost_cents == 72


@pytest.mark.parametrize("kind", ["order", "pause", "resume", "cancel"])
def test_states_that_change_late_do_not_end_a_wait(kind: str) -> None:
    with Sandbox(transitions={kind: 12}) as box:
        job = upload(box)
        job.launch(10)
        box.crowd.add(8)

        assert job.wait(progress=lambda _: box.crowd.run(job, pages=2), timeout=86_400).is_complete


def test_rows_that_were_ordered_later_are_waited_for(box: Sandbox) -> None:
    job = upload(box)
    job.launch(10)
    box.crowd.add(8)
    box.crowd.run(job)
    assert job.wait().ordered == 10

    job.upload([{"text": f"new {number}"} for number in range(5)])
    job.launch(5)
    counts = job.wait(progress=lambda _: box.crowd.run(job, pages=1), timeout=86_400)

    assert (counts.ordered, counts.finalized, counts.not_ordered) == (15, 15, 0)


def test_money_that_runs_out_is_the_reason() -> None:
    with Sandbox(balance_cents=1005) as box:
        job = upload(box)
        job.launch(10)
        job.pause()
        assert box.client().get_account()["balance"] < 12

        with pytest.raises(WaitTimeout) as caught, pytest.warns(StallWarning):
            job.wait(timeout=60)

    assert "does not pay for a page of 12 cents: add funds" in caught.value.reason


def test_test_questions_that_run_out_are_the_reason(box: Sandbox) -> None:
    job = box.client().create_job({**SETTINGS, "gold_per_assignment": 2})
    job.upload(
        {"text": f"row {n}", "_golden": n < 8, "mood_gold": "good" if n < 8 else None}
        for n in range(40)
    )
    job.convert_test_questions()
    job.set_options(gold_always=True)
    job.launch(32)
    box.crowd.add(2, profile="perfect")
    assert box.crowd.run(job).ended == "no_work"

    with pytest.raises(JobStalled) as caught:
        job.wait(stall_after=300)

    assert "the test questions may be exhausted: 8 of them allow" in caught.value.reason


def test_a_job_above_its_limit_costs_no_more(box: Sandbox) -> None:
    job = upload(box)
    job.launch(10)
    box.crowd.add(8)

    with pytest.raises(CostLimitReached) as caught:
        job.wait(progress=lambda _: box.crowd.run(job, pages=1), max_cost_cents=30)

    assert (job.state, caught.value.state) == ("paused", "paused")
    assert box.crowd.run(job).pages == 0
    job.resume()
    assert box.crowd.run(job).state == "finished"


def test_a_canceled_job_is_not_waited_for(box: Sandbox) -> None:
    job = upload(box)
    job.launch(10)
    job.cancel()

    with pytest.raises(NothingToWaitFor, match="the job is canceled"):
        job.wait()


def test_an_interrupted_wait_leaves_the_job_as_it_is(box: Sandbox) -> None:
    job = upload(box)
    job.launch(10)
    box.crowd.add(8)

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job.wait(progress=interrupt)

    box.crowd.run(job)
    assert job.wait().is_complete
