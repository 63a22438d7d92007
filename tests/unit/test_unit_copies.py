"""Waiting for the units of a copy, which the service copies in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crowdflower import NotFound, Progress, Sandbox, WaitTimeout
from crowdflower.rows.job_copies.unit_copies import wait_for_units
from crowdflower.sandbox.control.delays import Delay

if TYPE_CHECKING:
    from conftest import Clock
    from responses import RequestsMock

    from crowdflower.client import Client

COPY = "https://api.appen.com/v1/jobs/8"


@pytest.mark.parametrize("flags", [{"all_units": True}, {"only_new_and_judgable": True}])
def test_a_copy_with_progress_is_returned_when_its_units_are_there(flags: dict[str, bool]) -> None:
    seen: list[Progress] = []
    with Sandbox(transitions={"copy": Delay(polls=4)}) as box:
        job = box.client().upload_job({"text": f"row {number}"} for number in range(8))

        copied = job.copy(**flags, progress=seen.append)

        assert copied.units_count == 8
    assert [progress.done for progress in seen] == sorted({progress.done for progress in seen})
    assert (seen[0].done, seen[-1].done) == (0, 8)
    assert {progress.unit for progress in seen} == {"units"}


def test_a_copy_without_progress_is_returned_at_once_unless_wait_is_set() -> None:
    with Sandbox(transitions={"copy": Delay(seconds=60)}) as box:
        job = box.client().upload_job([{"text": "a row"}])

        assert job.copy(all_units=True).units_count == 0
        assert job.copy(all_units=True, wait=True).units_count == 1
        assert job.copy(all_units=True, progress=print, wait=False).units_count == 0


def test_a_copy_without_units_has_nothing_to_wait_for() -> None:
    with Sandbox(transitions={"copy": Delay(seconds=3600)}) as box:
        job = box.client().upload_job([{"text": "a row"}])

        assert job.copy(wait=True).units_count == 0


def test_a_service_whose_latest_upload_says_nothing_of_the_copy_is_believed_by_its_count(
    api: RequestsMock, client: Client
) -> None:
    api.get(f"{COPY}/units/ping.json", json={"done": True, "count": 0})
    api.get(f"{COPY}.json", json={"id": 8, "units_count": 3})
    api.get(f"{COPY}.json", json={"id": 8, "units_count": 9})

    wait_for_units(client, 8, 9, None)

    assert len(api.calls) == 4


def test_an_error_that_passes_does_not_end_the_wait(
    api: RequestsMock, client: Client, clock: Clock
) -> None:
    for _ in range(4):
        api.get(f"{COPY}/units/ping.json", status=503)
    api.get(f"{COPY}/units/ping.json", json={"done": True, "count": 9})
    api.get(f"{COPY}.json", json={"id": 8, "units_count": 9})

    wait_for_units(client, 8, 9, None)

    assert clock.slept


def test_a_copy_that_is_gone_ends_the_wait(api: RequestsMock, client: Client) -> None:
    api.get(f"{COPY}/units/ping.json", status=404)

    with pytest.raises(NotFound):
        wait_for_units(client, 8, 9, None)


def test_a_copy_that_stays_short_is_named(api: RequestsMock, client: Client, clock: Clock) -> None:
    api.get(f"{COPY}/units/ping.json", json={"done": False, "count": 3})
    api.get(f"{COPY}.json", json={"id": 8, "units_count": 0})

    with pytest.raises(WaitTimeout, match=r"job 8 was created, .* it has 3 of 9 units"):
        wait_for_units(client, 8, 9, None)

    assert clock.monotonic() - 1000 <= 1800


def test_the_copy_is_named_when_the_callers_function_fails() -> None:
    def stop(progress: Progress) -> None:
        raise RuntimeError("enough")

    with Sandbox() as box:
        client = box.client()
        job = client.upload_job([{"text": "a row"}])

        with pytest.raises(RuntimeError) as caught:
            job.copy(all_units=True, progress=stop)

        newest = next(iter(client.get_jobs()))
        assert newest.copied_from == job.id
        assert caught.value.__notes__ == [f"the copy is job {newest.id}"]
