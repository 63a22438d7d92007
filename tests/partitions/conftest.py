"""Tables in parts: planned, pickled, read and written against a sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from partition_tables import CML, NoWait

from crowdflower.client import Client
from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from crowdflower.job import Job

SETTINGS = {"title": "Reviews", "instructions": "<p>Read.</p>", "cml": CML}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5) as box:
        yield box


@pytest.fixture
def client(box: Sandbox) -> Client:
    client = box.client()
    client._clock = NoWait()
    return client


@pytest.fixture
def new_job(client: Client) -> Callable[..., Job]:
    """Create a job with some rows."""

    def create(rows: Sequence[dict[str, Any]] | int = 0, **settings: Any) -> Job:
        job = client.create_job({**SETTINGS, **settings})
        if isinstance(rows, int):
            rows = [{"id": number, "text": f"Row {number}."} for number in range(rows)]
        if rows:
            job.upload(rows)
        return job

    return create


@pytest.fixture
def judged(box: Sandbox, new_job: Callable[..., Job]) -> Job:
    """A finished job, of which one contributor has lost trust."""
    job = new_job(6, judgments_per_unit=2)
    box.crowd.add(4)
    job.launch(channels=["cf_internal"])
    box.crowd.run(job)
    return job.reload()
