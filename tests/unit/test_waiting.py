"""Job.wait: goals, time limits, reads that fail, reasons of a standstill."""

from __future__ import annotations

import logging
import math
import pickle
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from crowdflower import (
    AuthenticationError,
    InvalidInput,
    JobStalled,
    NotFound,
    NothingToWaitFor,
    Progress,
    StallWarning,
    WaitError,
    WaitTimeout,
)
from crowdflower.models.waiting.counts import Counts, Goal

if TYPE_CHECKING:
    from conftest import Clock
    from responses import RequestsMock

    from crowdflower.job import Job

JOB = "https://api.appen.com/v1/jobs/712034"
ACCOUNT = "https://api.appen.com/v1/account.json"
CHANNELS = f"{JOB}/channels"
PING_OF_2011 = {"all_judgments": 3, "golden_judgments": 0, "all_units": 10, "golden_units": 2}


def ping(finalized: int = 0, ordered: int = 8, **others: Any) -> dict[str, Any]:
    """Return the counters of a job with three judgments for each finalized unit."""
    return {
        "all_units": 10,
        "golden_units": 2,
        "ordered_units": ordered,
        "completed_non_gold_estimate": finalized,
        "all_judgments": 3 * finalized,
        "needed_judgments": 3 * (ordered - finalized),
        **others,
    }


def respond(
    api: RequestsMock, counters: dict[str, Any], state: str = "running", **job: Any
) -> None:
    """Answer one poll; the last one is repeated."""
    api.get(f"{JOB}/ping.json", json=counters)
    api.get(f"{JOB}.json", json={"id": 712034, "state": state, **job})


def test_a_finished_job_is_returned_after_two_reads(
    api: RequestsMock, job: Job, clock: Clock
) -> None:
    respond(api, ping(8), "finished", crowd_costs=1.25)

    counts = job.wait()

    assert counts == Counts(
        "finished", ordered=8, finalized=8, not_ordered=0, judgments=24, needed_judgments=0,
        cost_cents=150,
    )  # fmt: skip
    assert repr(counts) == "<Counts finished: 8 of 8 units, 24 judgments, $1.50>"
    assert (len(api.calls), clock.slept, job.state) == (2, [], "finished")


@pytest.mark.parametrize("state", ["running", "paused"])
def test_a_job_is_done_when_no_judgment_is_needed_though_its_state_is_behind(
    api: RequestsMock, job: Job, state: str
) -> None:
    respond(api, ping(8), state)

    assert job.wait().state == state


def test_a_finished_job_whose_counters_never_agree_is_believed_after_a_while(
    api: RequestsMock, job: Job, clock: Clock
) -> None:
    respond(api, ping(7), "finished")

    assert job.wait().finalized == 7

    assert 300 <= clock.monotonic() - 1000 <= 360


@pytest.mark.parametrize(
    ("counters", "state", "is_complete"),
    [
        ({**PING_OF_2011, "needed_judgments": 21}, "running", False),
        ({**PING_OF_2011, "needed_judgments": 0}, "running", True),
        ({**PING_OF_2011, "needed_judgments": 0, "all_judgments": 0}, "running", False),
        ({**PING_OF_2011, "needed_jugdments": 21}, "finished", False),
        ({}, "finished", True),
        ({}, "running", False),
        (ping(8), "unordered", False),
        (ping(0, ordered=0), "running", False),
        (ping(7, needed_judgments=0), "running", False),
    ],
)
def test_counters_of_any_service_say_whether_a_job_is_complete(
    api: RequestsMock, job: Job, counters: dict[str, Any], state: str, is_complete: bool
) -> None:
    respond(api, counters, state)

    seen: list[Counts] = []
    with pytest.raises(RuntimeError):
        job.wait(until=lambda counts: seen.append(counts) or stop())

    assert seen[0].is_complete == is_complete


def stop() -> bool:
    raise RuntimeError


@pytest.mark.parametrize(
    ("until", "finalized"),
    [(3, 3), (0.5, 4), (1.0, 8), (0.001, 1), (lambda counts: counts.finalized >= 6, 6)],
)
def test_a_wait_ends_at_a_number_a_share_or_a_condition(
    api: RequestsMock, job: Job, until: Any, finalized: int
) -> None:
    for done in range(9):
        respond(api, ping(done))
    api.assert_all_requests_are_fired = False

    assert job.wait(until).finalized == finalized


@pytest.mark.parametrize(
    "until", ["done", "", 0, -1, 0.0, 1.5, math.nan, True, None, b"finished", [1]]
)
def test_another_goal_is_refused_before_anything_is_sent(
    api: RequestsMock, job: Job, until: Any
) -> None:
    with pytest.raises(InvalidInput, match="until must be 'finished'"):
        job.wait(until)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", -1),
        ("timeout", "6h"),
        ("timeout", math.nan),
        ("timeout", True),
        ("stall_after", 0),
        ("stall_after", timedelta(0)),
        ("poll", 0),
        ("max_cost_cents", 1.5),
        ("max_cost_cents", -1),
        ("max_cost_cents", True),
        ("webhooks", "http://localhost"),
    ],
)
def test_an_unusable_limit_is_refused_before_anything_is_sent(
    api: RequestsMock, job: Job, name: str, value: Any
) -> None:
    with pytest.raises(InvalidInput, match=f"^{name} must be"):
        job.wait(**{name: value})


# Polling


def test_polls_become_rarer_while_nothing_moves(api: RequestsMock, job: Job, clock: Clock) -> None:
    respond(api, ping(1))
    api.get(CHANNELS, json={"enabled_channels": ["on_demand"]})

    with pytest.raises(WaitTimeout):
        job.wait(timeout=300)

    assert clock.slept[0] == 1.0
    assert clock.slept[:-1] == sorted(clock.slept[:-1])
    assert max(clock.slept) == 60.0
    assert sum(clock.slept) == pytest.approx(300)


def test_polls_become_frequent_towards_the_end(api: RequestsMock, job: Job, clock: Clock) -> None:
    for done in range(0, 8001, 1000):
        respond(api, ping(done, ordered=8000))

    job.wait(poll=None)

    assert all(1 <= delay <= 60 for delay in clock.slept)
    assert clock.slept[-1] == 1.0


def test_a_poll_interval_of_the_caller_is_kept(api: RequestsMock, job: Job, clock: Clock) -> None:
    for done in (0, 4, 8):
        respond(api, ping(done))

    job.wait(poll=timedelta(minutes=5))

    assert clock.slept == [300.0, 300.0]


def test_progress_counts_the_finalized_units(api: RequestsMock, job: Job) -> None:
    for done in (2, 5, 8):
        respond(api, ping(done))
    seen: list[Progress] = []

    job.wait(progress=seen.append)

    assert [(each.done, each.total, each.unit) for each in seen] == [
        (2, 8, "units"),
        (5, 8, "units"),
        (8, 8, "units"),
    ]
    assert seen[1].eta == timedelta(seconds=1)


def test_progress_towards_a_share_counts_to_it(api: RequestsMock, job: Job) -> None:
    respond(api, ping(4))
    seen: list[Progress] = []

    job.wait(0.5, progress=seen.append)

    assert (seen[0].done, seen[0].total) == (4, 4)


def test_unsent_changes_survive_a_wait(api: RequestsMock, job: Job) -> None:
    respond(api, ping(8), "finished", title="Sentiment")
    job.title = "Another title"

    job.wait()

    assert job.title == "Another title"


# Reads that fail


@pytest.mark.parametrize(
    "failure",
    [
        {"status": 503},
        {"status": 429},
        {"body": requests.ConnectionError("gone")},
        {"body": "<html>Maintenance</html>", "content_type": "text/html"},
        {"json": [1]},
    ],
    ids=str,
)
def test_a_failed_read_is_repeated(
    api: RequestsMock, job: Job, clock: Clock, failure: dict[str, Any]
) -> None:
    api.get(f"{JOB}/ping.json", **failure)
    for _ in range(3):
        api.get(f"{JOB}/ping.json", **failure)
    respond(api, ping(8), "finished")
    api.assert_all_requests_are_fired = False

    assert job.wait().is_complete
    assert clock.slept


def test_a_service_that_stays_away_ends_in_a_timeout_with_the_cause(
    api: RequestsMock, job: Job, clock: Clock
) -> None:
    api.get(f"{JOB}/ping.json", status=503)

    with pytest.raises(WaitTimeout, match="the job cannot be read: GET") as caught:
        job.wait(timeout=30)

    assert (caught.value.counts, caught.value.state) == (None, None)
    assert "503" in str(caught.value.__cause__)
    assert clock.monotonic() - 1000 < 120


def test_a_service_that_stays_away_is_a_standstill(api: RequestsMock, job: Job) -> None:
    respond(api, ping(3))
    api.get(f"{JOB}/ping.json", status=503)

    with pytest.raises(JobStalled, match="the job cannot be read") as caught:
        job.wait(stall_after=60)

    assert caught.value.counts is not None
    assert caught.value.counts.finalized == 3


def test_a_long_retry_after_is_respected(api: RequestsMock, job: Job, clock: Clock) -> None:
    api.get(f"{JOB}/ping.json", status=429, headers={"Retry-After": "240"})
    respond(api, ping(8), "finished")

    job.wait()

    assert clock.slept == [240.0]


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (404, NotFound)])
def test_an_error_that_stays_ends_the_wait(
    api: RequestsMock, job: Job, clock: Clock, status: int, error: type[Exception]
) -> None:
    api.get(f"{JOB}/ping.json", status=status)

    with pytest.raises(error):
        job.wait(timeout=3600)

    assert clock.slept == []


# Time limits and reasons


def test_one_unit_is_not_plural() -> None:
    counts = Counts("running", ordered=1, finalized=0, judgments=1, not_ordered=1)

    assert str(counts) == "running: 0 of 1 unit, 1 judgment, 1 unit not ordered"
    assert str(Goal.parse(1)) == "1 unit is finalized"
    assert Goal.parse(1).describe_unmet("job 7") == "no unit of job 7 is finalized"


def test_a_timeout_has_the_last_state_and_counts(api: RequestsMock, job: Job, clock: Clock) -> None:
    for done in (1, 2, 3):
        respond(api, ping(done))

    with pytest.raises(WaitTimeout) as caught:
        job.wait(timeout=2)

    error = caught.value
    assert isinstance(error, TimeoutError)
    assert isinstance(error, WaitError)
    assert (error.state, error.reason) == ("running", "")
    assert error.counts is not None
    assert (error.counts.finalized, error.counts.seconds) == (3, pytest.approx(2))
    assert str(error) == (
        "job 712034 is not finished after 0:00:02; running: 3 of 8 units, 9 judgments, 15 needed"
    )
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (copied.counts, str(copied)) == (error.counts, str(error))


def test_a_timeout_of_0_looks_once(api: RequestsMock, job: Job, clock: Clock) -> None:
    respond(api, ping(3))

    with pytest.raises(WaitTimeout):
        job.wait(timeout=0)

    assert (len(api.calls), clock.slept) == (2, [])


def test_an_infinite_timeout_is_none(api: RequestsMock, job: Job) -> None:
    respond(api, ping(3))
    respond(api, ping(8))

    assert job.wait(timeout=math.inf).is_complete


def test_movement_begins_the_time_of_a_standstill_again(
    api: RequestsMock, job: Job, clock: Clock
) -> None:
    for done in (0, 1, 2, 3):
        respond(api, ping(done))
    api.get(CHANNELS, json={"enabled_channels": ["on_demand"]})

    with pytest.raises(JobStalled, match="no judgment in 0:01:40") as caught:
        job.wait(stall_after=100, poll=50)

    assert clock.monotonic() - 1000 == pytest.approx(3 * 50 + 100)
    assert caught.value.counts is not None
    assert caught.value.counts.finalized == 3


CAUSES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str], str]] = {
    "no contributors": (
        ping(0),
        {"payment_cents": 1, "units_per_assignment": 5},
        ["on_demand"],
        "taken work: it pays 1 cent for a page of 5 units, its channels are on_demand",
    ),
    "own contributors": (ping(0), {}, ["cf_internal"], "the only channel is cf_internal"),
    "countries": (
        ping(0),
        {"payment_cents": 9, "units_per_assignment": 5, "included_countries": [{"code": "DE"}]},
        ["on_demand"],
        "its channels are on_demand, only some countries are included",
    ),
    "no channels": (ping(0), {}, [], "no channel is enabled"),
    "nothing shows yet": (ping(0, ordered=0), {}, ["on_demand"], "no unit is ordered yet"),
    "nothing needed": (
        ping(5, needed_judgments=0), {}, ["on_demand"], "no judgment is needed any more",
    ),
    "the quiz is too hard": (
        ping(0, all_judgments=40, golden_judgments=40), {}, ["on_demand"], "they fail the quiz",
    ),
    "test questions": (
        ping(3),
        {"units_per_assignment": 5, "golds_count": 10, "gold_per_assignment": 3,
         "options": {"front_load": True, "after_gold": 5}},
        ["on_demand"],
        "the test questions may be exhausted: 10 of them allow a contributor",
    ),
    "a maximum": (
        ping(3), {"max_judgments_per_worker": 5, "units_per_assignment": 5}, ["on_demand"],
        "may have reached max_judgments_per_worker, which is 5",
    ),
    "unknown": (ping(3), {}, ["on_demand"], "no contributor takes work at present"),
}  # fmt: skip


@pytest.mark.parametrize("cause", CAUSES)
def test_a_running_job_that_does_not_move_says_why(api: RequestsMock, job: Job, cause: str) -> None:
    counters, fields, channels, reason = CAUSES[cause]
    respond(api, counters, **fields)
    api.get(CHANNELS, json={"enabled_channels": channels})

    with pytest.raises(JobStalled) as caught:
        job.wait(stall_after=500)

    assert reason in caught.value.reason
    assert caught.value.reason in str(caught.value)


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        ({"balance": 3}, "the balance of 3 cents does not pay for a page of 12 cents: add funds"),
        ({"balance": 5000}, "the job is paused: call job.resume()"),
        ({}, "the job is paused: call job.resume()"),
    ],
)
def test_a_paused_job_warns_at_once_and_waits_on(
    api: RequestsMock, job: Job, account: dict[str, Any], reason: str
) -> None:
    respond(api, ping(3), "paused", payment_cents=10)
    respond(api, ping(8))
    api.get(ACCOUNT, json=account)

    with pytest.warns(StallWarning) as warned:
        job.wait()

    assert len(warned) == 1
    assert reason in str(warned[0].message)
    assert warned[0].filename == __file__


def test_an_account_that_cannot_be_read_makes_the_reason_less_precise(
    api: RequestsMock, job: Job
) -> None:
    respond(api, ping(3), "paused", payment_cents=10)
    api.get(ACCOUNT, status=500)

    with pytest.raises(WaitTimeout) as caught, pytest.warns(StallWarning):
        job.wait(timeout=5)

    assert caught.value.reason == "the job is paused: call job.resume() to continue it"


def test_a_standstill_is_warned_of_once_until_something_moves(
    api: RequestsMock, job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "crowdflower")
    for done in (0, 1):
        for _ in range(12):
            respond(api, ping(done))
    respond(api, ping(8))
    api.get(CHANNELS, json={"enabled_channels": ["on_demand"]})

    with pytest.warns(StallWarning) as warned:
        job.wait(poll=120)

    assert len(warned) == 2
    assert sum("does not move" in line for line in caplog.messages) == 2


def test_a_wait_without_limits_ends_on_a_clock_that_does_not_wait(
    api: RequestsMock, job: Job, clock: Clock
) -> None:
    respond(api, ping(3))
    api.get(CHANNELS, json={"enabled_channels": ["on_demand"]})

    with pytest.raises(JobStalled), pytest.warns(StallWarning):
        job.wait(poll=600)

    assert clock.monotonic() - 1000 == 6 * 3600


# Nothing to wait for


@pytest.mark.parametrize(
    ("counters", "fields", "until", "reason"),
    [
        (ping(0, ordered=0), {"state": "unordered"}, "finished", "never launched"),
        (ping(3), {"state": "canceled"}, "finished", "the job is canceled"),
        (ping(3), {"state": "archived"}, 5, "the job is archived"),
        (ping(8), {"state": "finished"}, 9, "every unit that was ordered is finalized"),
        (ping(8), {"state": "finished"}, lambda _: False, "every unit that was ordered"),
    ],
)
def test_a_wait_that_cannot_end_ends_at_once(
    api: RequestsMock,
    job: Job,
    clock: Clock,
    counters: dict[str, Any],
    fields: dict[str, Any],
    until: Any,
    reason: str,
) -> None:
    respond(api, counters, **fields)

    with pytest.raises(NothingToWaitFor, match=reason) as caught:
        job.wait(until, timeout=3600)

    assert caught.value.state == fields["state"]
    assert clock.slept == []


def test_a_condition_may_wait_for_the_state(api: RequestsMock, job: Job) -> None:
    respond(api, ping(8))
    respond(api, ping(8), "finished")

    assert job.wait(lambda counts: counts.state == "finished").state == "finished"


def test_a_job_that_orders_automatically_is_waited_for(api: RequestsMock, job: Job) -> None:
    respond(api, ping(0, ordered=0), "unordered", auto_order=True)
    respond(api, ping(8), "finished", auto_order=True)

    assert job.wait().is_complete


def test_a_job_that_orders_automatically_says_what_it_waits_for(
    api: RequestsMock, job: Job
) -> None:
    respond(api, ping(0, ordered=0), "unordered", auto_order=True, auto_order_threshold=4)

    with pytest.raises(WaitTimeout, match="as soon as 4 units wait"):
        job.wait(timeout=10)


# An order shows some time after it was placed


def launched(api: RequestsMock, job: Job, before: dict[str, Any], state: str) -> None:
    """Launch eight units of a job."""
    api.get(ACCOUNT, json={"id": 1, "balance": 5000})
    respond(api, before, state, units_count=before["all_units"], golds_count=2)
    api.post(f"{JOB}/orders.json", json={"id": 9, "job_id": 712034})
    job._learn({"id": 712034, "state": "running"})
    job.launch(8)
    api.reset()
    api.calls.reset()


def test_a_job_just_launched_may_still_look_unordered(
    api: RequestsMock, job: Job, clock: Clock
) -> None:
    launched(api, job, ping(0, ordered=0), "unordered")
    for _ in range(3):
        respond(api, ping(0, ordered=0), "unordered")
    respond(api, ping(8), "finished")

    assert job.wait().ordered == 8


def test_a_job_launched_again_may_still_look_finished(
    api: RequestsMock, job: Job, clock: Clock
) -> None:
    launched(api, job, ping(8, all_units=18), "finished")
    respond(api, ping(8, all_units=18), "finished")
    respond(api, ping(8, ordered=16, all_units=18), "running")
    respond(api, ping(16, ordered=16, all_units=18), "finished")

    assert job.wait(1.0).finalized == 16


def test_an_order_that_never_shows_is_not_waited_for_for_ever(
    api: RequestsMock, job: Job, clock: Clock
) -> None:
    launched(api, job, ping(0, ordered=0), "unordered")
    respond(api, ping(0, ordered=0), "unordered")

    with pytest.raises(NothingToWaitFor, match="still unordered, although it was launched"):
        job.wait()

    assert clock.monotonic() - 1000 >= 300


# The log


def test_the_log_says_what_is_waited_for_and_what_came(
    api: RequestsMock, job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "crowdflower")
    respond(api, ping(3))
    respond(api, ping(8), "finished")

    job.wait(timeout=timedelta(hours=6))

    assert caplog.messages == [
        "job 712034: waiting until it is finished, for at most 6:00:00",
        "job 712034: finished: 8 of 8 units, 24 judgments, 0:00:01",
    ]
