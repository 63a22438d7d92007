"""Job.wait with max_cost_cents: a job that costs too much is paused, whatever it takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower import ApiError, CostLimitReached, InvalidInput, OverBudget, WaitError

if TYPE_CHECKING:
    from conftest import Clock, SentRequest
    from requests import PreparedRequest
    from responses import RequestsMock

    from crowdflower.job import Job

JOB = "https://api.appen.com/v1/jobs/712034"
PAUSED = {"success": "Your job is being paused."}


def ping(finalized: int) -> dict[str, int]:
    """Return the counters of a job of eight units."""
    done = {"ordered_units": 8, "completed_non_gold_estimate": finalized}
    return {**done, "all_judgments": 3 * finalized, "needed_judgments": 24 - 3 * finalized}


def respond(
    api: RequestsMock, counters: dict[str, int], state: str = "running", **job: Any
) -> None:
    """Answer one poll; the last one is repeated."""
    api.get(f"{JOB}/ping.json", json=counters)
    api.get(f"{JOB}.json", json={"id": 712034, "state": state, **job})


def lines(sent: list[SentRequest]) -> list[str]:
    return [each.line for each in sent]


def test_a_job_below_the_limit_goes_on(api: RequestsMock, job: Job) -> None:
    respond(api, ping(3), crowd_costs=0.25)  # 30 cents with the fee
    respond(api, ping(8), "finished", crowd_costs=0.25)

    assert job.wait(max_cost_cents=30).cost_cents == 30


def test_a_job_above_the_limit_is_paused(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    respond(api, ping(2), crowd_costs=0.2)
    respond(api, ping(3), crowd_costs=0.26)
    api.get(f"{JOB}/pause.json", json=PAUSED)
    api.get(f"{JOB}.json", json={"id": 712034, "state": "paused"})

    with pytest.raises(CostLimitReached) as caught:
        job.wait(max_cost_cents=30)

    error = caught.value
    assert str(error) == (
        "job 712034 has cost 32 cents, and max_cost_cents is 30; it was paused, and job.resume()"
        " continues it"
    )
    assert isinstance(error, OverBudget)
    assert isinstance(error, WaitError)
    assert (error.state, job.state) == ("paused", "paused")
    assert error.counts is not None
    assert error.counts.cost_cents == 32
    assert lines(sent).count("GET /jobs/712034/pause.json") == 1


@pytest.mark.parametrize("until", [1, 0.1, lambda _: True])
def test_the_limit_counts_before_a_goal_that_lets_the_job_go_on(
    api: RequestsMock, job: Job, until: Any
) -> None:
    respond(api, ping(3), crowd_costs=0.26)
    api.get(f"{JOB}/pause.json", json=PAUSED)
    api.get(f"{JOB}.json", json={"id": 712034, "state": "paused"})

    with pytest.raises(CostLimitReached):
        job.wait(until, max_cost_cents=30)


def test_a_complete_job_above_the_limit_is_returned_with_a_warning(
    api: RequestsMock, job: Job
) -> None:
    respond(api, ping(8), "finished", crowd_costs=0.26)

    with pytest.warns(UserWarning, match="has cost 32 cents, and max_cost_cents is 30"):
        counts = job.wait(max_cost_cents=30)

    assert counts.is_complete


def test_a_paused_job_above_the_limit_is_not_paused_again(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    respond(api, ping(3), "paused", crowd_costs=0.26)

    with pytest.raises(CostLimitReached, match="max_cost_cents is 30; it is paused"):
        job.wait(max_cost_cents=30)

    assert len(sent) == 2


def test_a_pause_that_fails_is_repeated(
    api: RequestsMock, job: Job, clock: Clock, sent: list[SentRequest]
) -> None:
    respond(api, ping(3), crowd_costs=0.26)
    failures = iter([503] * 5)

    def pause(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        status = next(failures, 200)
        return status, {}, json.dumps(PAUSED if status == 200 else {})

    def read(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        state = "running" if next(failures, None) else "paused"
        return 200, {}, json.dumps({"id": 712034, "state": state})

    api.add_callback("GET", f"{JOB}/pause.json", pause)
    api.add_callback("GET", f"{JOB}.json", read)

    with pytest.raises(CostLimitReached, match="it was paused"):
        job.wait(max_cost_cents=30)

    assert job.state == "paused"
    assert lines(sent).count("GET /jobs/712034/pause.json") > 1


def test_a_job_that_another_program_paused_meanwhile_counts_as_paused(
    api: RequestsMock, job: Job
) -> None:
    respond(api, ping(3), crowd_costs=0.26)
    api.get(f"{JOB}/pause.json", json={"error": "You can only pause jobs that are running."})
    api.get(f"{JOB}.json", json={"id": 712034, "state": "paused"})

    with pytest.raises(CostLimitReached, match="it was paused"):
        job.wait(max_cost_cents=30)


def test_a_job_that_cannot_be_paused_is_named_as_running(
    api: RequestsMock, job: Job, clock: Clock
) -> None:
    respond(api, ping(3), crowd_costs=0.26)
    api.get(f"{JOB}/pause.json", status=403, json={"error": "Not allowed."})

    with pytest.raises(CostLimitReached, match="could not be paused, and goes on") as caught:
        job.wait(max_cost_cents=30)

    assert isinstance(caught.value.__cause__, ApiError)
    assert caught.value.state == "running"
    assert len(clock.slept) >= 9


@pytest.mark.parametrize("costs", [{}, {"crowd_costs": None}, {"crowd_costs": "much"}])
def test_a_limit_that_cannot_be_kept_is_an_error_at_once(
    api: RequestsMock, job: Job, costs: dict[str, Any]
) -> None:
    respond(api, ping(3), **costs)

    with pytest.raises(InvalidInput, match="the service does not show what job 712034 has cost"):
        job.wait(max_cost_cents=30)
