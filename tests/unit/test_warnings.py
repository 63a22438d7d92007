"""A warning points to the line of the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.job import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from responses import RequestsMock

    from crowdflower.client import Client

JOB = "https://api.appen.com/v1/jobs/7"
RESERVED = {"id": 5, "message": {"error": "Unit could not be ordered."}}


@pytest.mark.parametrize(
    "act",
    [
        lambda job: job.add_unit({"text": "hi"}),
        lambda job: job.client.add_unit(job, {"text": "hi"}),
        lambda job: job.client.jobs[7].units(data="{}", method="post"),
        lambda job: job.units,
        lambda job: list(job.client.get_units(job)),
        lambda job: job.pause(),
        lambda job: list(job.client.get_jobs()),
    ],
    ids=["add_unit", "client", "path", "units", "get_units", "pause", "get_jobs"],
)
def test_a_warning_points_to_the_line_of_the_caller(
    api: RequestsMock, client: Client, act: Callable[[Job], Any]
) -> None:
    api.assert_all_requests_are_fired = False
    api.post(f"{JOB}/units.json", json=RESERVED)
    api.get(f"{JOB}/units.json", json={})
    api.get(f"{JOB}/pause.json", json={"success": "Your job is being paused."})
    api.get(f"{JOB}.json", status=404)
    api.get("https://api.appen.com/v1/jobs.json", json=[{"errors": ["No title"]}])
    api.get("https://api.appen.com/v1/jobs.json", json=[])

    with pytest.warns(UserWarning, match="ordered|cannot be read|No title|0 items") as warned:
        act(Job(client, id=7, units_count=3, state="running"))

    assert {warning.filename for warning in warned} == {__file__}
