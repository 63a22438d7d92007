"""Lost responses, on a service that honours idempotency keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crowdflower.exceptions import OutcomeUnknown, UnitLimitReached
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.store import Limits

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.job import Job


class InstantClock:
    """A clock whose sleep returns at once."""

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        pass


@pytest.fixture(autouse=True)
def instant_clock(client: Client) -> None:
    client._clock = InstantClock()


@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_a_launch_without_a_response_creates_one_order(
    box: Sandbox, client: Client, draft: Job, done: bool
) -> None:
    box.faults.next(drop=True, verb="POST", path="*/orders*", done=done)

    order = draft.launch(12, channels=["cf_internal"], key="may")

    assert order.nuggeted_units_count == 12
    assert draft.ping()["ordered_units"] == 12
    assert [request.path.rpartition("/")[2] for request in box.requests].count("orders.json") == 2
    assert client.operations.pending() == []


def test_a_creation_without_a_response_creates_one_job(box: Sandbox, client: Client) -> None:
    client.get_account()
    box.faults.next(drop=True, verb="POST", path="*/jobs*", done=True)

    made = client.create_job({"title": "Sentiment of reviews"})

    assert [job.id for job in client.get_jobs()] == [made.id]


def test_a_copy_without_a_response_creates_one_copy(
    box: Sandbox, client: Client, draft: Job
) -> None:
    box.faults.next(drop=True, path="*/copy*", done=True)

    copied = draft.copy(all_units=True)

    assert {job.id for job in client.get_jobs()} == {draft.id, copied.id}


def test_before_the_first_response_a_change_is_sent_once(box: Sandbox, client: Client) -> None:
    box.faults.next(drop=True, verb="POST", path="*/jobs*", done=True)

    with pytest.raises(OutcomeUnknown):
        client.create_job({"title": "Sentiment of reviews"})

    assert len(box.requests) == 1


def test_a_pause_without_a_response_is_verified_and_not_repeated(box: Sandbox, draft: Job) -> None:
    draft.launch(12, channels=["cf_internal"])
    box.faults.next(drop=True, path="*/pause*", done=True)

    draft.pause()

    assert draft.state == "paused"
    assert sum("pause" in request.path for request in box.requests) == 1


def test_settings_without_a_response_are_verified(box: Sandbox, client: Client, draft: Job) -> None:
    settings = {"title": "Another", "options": {"front_load": True}, "included_countries": ["FI"]}
    box.faults.next(drop=True, verb="PUT", path="*/jobs/*", done=True)

    client.update_job(draft.id, settings)

    assert sum(request.verb == "PUT" for request in box.requests[-2:]) == 1


def test_rows_beyond_the_unit_limit_are_a_specific_error() -> None:
    with (
        Sandbox(limits=Limits(rows_per_job=2)) as box,
        box.client() as client,
        pytest.raises(UnitLimitReached),
    ):
        client.upload_job([{"review": "Good"}] * 3)
