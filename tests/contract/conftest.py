"""Runs each test in process and over a socket, or on PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.client import Client
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.clock import Clock

if TYPE_CHECKING:
    from crowdflower.job import Job

IN_PROCESS, OVER_A_SOCKET, POSTGRESQL = "in process", "over a socket", "postgresql"

# The environment with PostgreSQL runs only this mode; all others run the rest.
MODES = [POSTGRESQL] if "CROWDFLOWER_TEST_POSTGRESQL" in os.environ else [IN_PROCESS, OVER_A_SOCKET]

CML = """
<p>{{ review }}</p>
<cml:radios label="What does the review say?" name="sentiment" validates="required" gold="true">
  <cml:radio label="Good" value="good"/>
  <cml:radio label="Bad" value="bad"/>
</cml:radios>
<cml:checkboxes label="What about?" name="topics" only-if="sentiment:[bad]" gold="false">
  <cml:checkbox label="Price" value="price"/>
  <cml:checkbox label="Delivery" value="delivery"/>
</cml:checkboxes>
"""

REVIEWS = [
    {"review": f"Review {number}, “{'süß' if number % 3 else 'fad'}”", "truth": truth}
    for number, truth in enumerate(["good", "bad"] * 6)
]


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Where the sandbox stores its data, and how clients connect."""
    mode: str = request.param
    return mode


@pytest.fixture
def sandbox_arguments(request: pytest.FixtureRequest, mode: str) -> dict[str, Any]:
    """Arguments of a sandbox in this mode."""
    if mode != POSTGRESQL:
        return {"seed": 3}
    return {"database": request.getfixturevalue("rowless_schema"), "clock": Clock(seed=3)}


@pytest.fixture
def box(sandbox_arguments: dict[str, Any]) -> Iterator[Sandbox]:
    with Sandbox(**sandbox_arguments) as box:
        yield box


@pytest.fixture
def client(mode: str, box: Sandbox) -> Iterator[Client]:
    """A client of the account of the sandbox."""
    with box.client() if mode == IN_PROCESS else Client(box.key, box.url) as client:
        yield client


@pytest.fixture
def draft(client: Client) -> Job:
    """A job with twelve rows and a form, not launched yet."""
    job = client.upload_job(REVIEWS)
    job.title = "What do reviews say?"
    job.instructions = "<p>Read the review.</p>"
    job.cml = CML
    job.update()
    return job


@pytest.fixture
def finished(draft: Job, box: Sandbox) -> Job:
    """The same job, finished by contributors who are always right."""
    box.crowd.add(6, profile="perfect", truth={"sentiment": "truth"})
    draft.launch(12)
    assert box.crowd.run(draft).ended == "finished"
    return draft.reload()
