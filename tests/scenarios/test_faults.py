"""Injected faults, and how the client retries or reports them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import (
    ConnectionLost,
    MalformedResponse,
    RateLimited,
    ServerError,
)

if TYPE_CHECKING:
    from crowdflower.job import Job
    from tests.scenarios.conftest import Box

CML = '<cml:text label="What is it?" name="what" validates="required"/>'


@pytest.fixture
def job(box: Box) -> Job:
    """A job that is ready to be launched."""
    return box.job([{"text": f"text {place}"} for place in range(5)], CML)


def list_statuses(box: Box, verb: str, end: str) -> list[int | None]:
    """List the statuses of the responses in the sandbox's request log."""
    requests = box.control("GET", "requests")
    return [
        each["status"]
        for each in requests
        if each["verb"] == verb and each["path"].removesuffix(".json").endswith(end)
    ]


def test_two_errors_before_a_success_are_retried(box: Box, job: Job) -> None:
    box.control("DELETE", "requests")
    box.control("POST", "faults", status=500, times=2)

    assert job.reload().title == "What do you see?"

    assert list_statuses(box, "GET", f"/jobs/{job.id}") == [500, 500, 200]
    assert box.control("GET", "faults") == []


def test_a_permanent_error_is_raised_after_four_attempts(box: Box, job: Job) -> None:
    box.control("POST", "faults", status=503, times=9)

    with pytest.raises(ServerError):
        job.reload()

    assert [fault["times"] for fault in box.control("GET", "faults")] == [5]


def test_a_client_waits_for_retry_after(box: Box, job: Job) -> None:
    box.control("POST", "faults", status=429, headers={"Retry-After": "17"})
    begin = box.waiting.now

    job.reload()

    assert 17 <= box.waiting.now - begin < 18


def test_a_launch_is_never_retried_not_even_after_a_429(box: Box, job: Job) -> None:
    box.control("POST", "faults", status=429, path="/jobs/*/orders", times=1)
    balance = box.balance

    with pytest.raises(RateLimited):
        job.launch(5)

    assert list_statuses(box, "POST", "/orders") == [429]
    assert (job.reload().state, box.balance) == ("unordered", balance)


@pytest.mark.parametrize("done", [False, True], ids=["request lost", "answer lost"])
def test_a_launch_whose_connection_breaks_is_retried_with_its_key_and_paid_once(
    box: Box, job: Job, done: bool
) -> None:
    box.control("POST", "faults", drop=True, path="/jobs/*/orders", done=done)
    balance = box.balance

    order = job.launch(5)

    assert list_statuses(box, "POST", "/orders") == [None, 200]
    assert (job.reload().state, order.nuggeted_units_count) == ("running", 5)
    assert balance - box.balance == 1000
    orders = [line["order_id"] for line in box.control("GET", "ledger")]
    assert orders == [None, order.id]


def test_a_read_is_retried_when_the_connection_breaks(box: Box, job: Job) -> None:
    box.control("POST", "faults", drop=True, times=2)

    assert job.reload().units_count == 5


def test_a_connection_that_always_breaks_raises_an_error(box: Box, job: Job) -> None:
    box.control("POST", "faults", drop=True, times=9)

    with pytest.raises(ConnectionLost):
        job.reload()


def test_truncated_json_is_an_error(box: Box, job: Job) -> None:
    box.control("POST", "faults", garble=True, times=9, verb="GET")

    with pytest.raises(MalformedResponse):
        job.reload()

    box.control("DELETE", "faults")
    assert job.reload().units_count == 5


def test_an_upload_whose_connection_breaks_is_not_stored_twice(box: Box) -> None:
    job = box.client.create_job({"title": "Rows with keys"})
    box.control("POST", "faults", drop=True, done=True, path="/jobs/*/upload")
    rows: list[dict[str, Any]] = [{"key": number, "text": "x"} for number in range(50)]

    done = job.upload(rows, key="key")

    assert (done.rows, done.duplicates_removed) == (50, 0)
    assert sorted(unit.data["key"] for unit in job.reload().units) == list(range(50))
