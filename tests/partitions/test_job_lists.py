"""The jobs of an account in parts: each job is in one of them, whatever happens meanwhile."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from partition_tables import read

from crowdflower.exceptions import InvalidInput

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.sandbox import Sandbox

pa = pytest.importorskip("pyarrow")

from crowdflower.tables.partitions import (  # noqa: E402 - needs pyarrow
    plan_partitions,
    start_write,
)

JOBS = 85
PAGES = 9


@pytest.fixture
def many_jobs(box: Sandbox, client: Client) -> list[int]:
    """Ids of jobs that were created over some days, several at the same second."""
    ids = []
    for number in range(JOBS):
        box.clock.advance(hours=number % 5)
        ids.append(client.create_job({"title": f"Job {number}"}).id)
    return ids


def test_a_long_list_is_divided_by_the_time_of_creation(
    box: Sandbox, client: Client, many_jobs: list[int]
) -> None:
    box.forget_requests()

    plan = plan_partitions(client, "jobs", partitions=4)

    assert len(plan.partitions) == 4
    assert len(box.requests) < 3 * PAGES / 2
    sizes = [read(client, type(plan)(plan.schema, (each,))).num_rows for each in plan.partitions]
    assert sum(sizes) == JOBS
    assert max(sizes) < JOBS / 2
    assert Counter(read(client, plan)["job_id"].to_pylist()) == Counter(many_jobs)


def test_jobs_that_are_created_meanwhile_lose_and_double_none(
    box: Sandbox, client: Client, many_jobs: list[int]
) -> None:
    plan = plan_partitions(client, "jobs", partitions=3)
    found: Counter[int] = Counter()

    for each in plan.partitions:
        found.update(read(client, type(plan)(plan.schema, (each,)))["job_id"].to_pylist())
        box.clock.advance(hours=1)
        client.create_job({"title": "Meanwhile"})

    assert found == Counter(many_jobs)


def test_the_service_is_asked_for_the_state_and_the_time_of_a_condition(
    box: Sandbox, client: Client, many_jobs: list[int]
) -> None:
    first_of_last_day = client.get_job(many_jobs[-10]).created_at
    conditions = [("state", "=", "unordered"), ("created_at", ">=", first_of_last_day)]
    plan = plan_partitions(client, "jobs", conditions=conditions)
    box.forget_requests()

    found = read(client, plan)

    assert len(found) < JOBS / 3
    assert {*many_jobs[-10:]} <= {*found["job_id"].to_pylist()}
    for each in box.requests:
        assert each.parameters["state"] == "unordered"
        assert each.parameters["created_at_greater_equal"] < first_of_last_day
    nothing = plan_partitions(client, "jobs", conditions=[("state", "in", ["running"])])
    assert read(client, nothing).num_rows == 0


def test_a_state_that_the_service_does_not_list_is_no_error(client: Client) -> None:
    client.create_job({"title": "A job"})

    plan = plan_partitions(client, "jobs", conditions=[("state", "=", "archived")])

    assert read(client, plan).num_rows == 0


def test_some_jobs_may_be_named(client: Client) -> None:
    ids = [client.create_job({"title": "A job"}).id for _ in range(5)]

    plan = plan_partitions(client, "jobs", ids[1:], partitions=2)

    assert len(plan.partitions) == 2
    assert read(client, plan)["job_id"].to_pylist() == ids[1:]


def test_a_job_has_its_settings_and_counts_but_not_its_secret(client: Client) -> None:
    job = client.create_job({"title": "Reviews", "included_countries": ["FI"]})
    job.upload([{"id": 1}])
    job.reload()

    (row,) = read(client, plan_partitions(client, "jobs")).to_pylist()

    assert row["job_id"] == job.id
    assert row["title"] == "Reviews"
    assert row["units_count"] == 1
    assert row["included_countries"] == ["FI"]
    assert job.json["secret"] not in str(row)


def test_an_unknown_column_is_refused(client: Client) -> None:
    for arguments in (
        {"columns": ["secret"]},
        {"conditions": [("secret", "=", "a")]},
        {"schema": pa.schema([("secret", pa.string())])},
    ):
        with pytest.raises(InvalidInput, match="the table jobs has no column 'secret'"):
            plan_partitions(client, "jobs", **arguments)


def test_the_claims_of_a_write_are_not_in_the_list(client: Client) -> None:
    job = client.create_job({"title": "Reviews"})
    alike = client.create_job({"title": f"Claims of a write to job {job.id}"})
    start_write(client, job, key="id")

    found = read(client, plan_partitions(client, "jobs"))

    assert found["job_id"].to_pylist() == [alike.id, job.id]
