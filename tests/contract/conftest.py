"""One body of tests, each run twice: in process, and over a socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from crowdflower.client import Client
from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from crowdflower.job import Job

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


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=3) as box:
        yield box


@pytest.fixture(params=["in process", "over a socket"])
def client(request: pytest.FixtureRequest, box: Sandbox) -> Iterator[Client]:
    """The account of the sandbox, reached in one of two ways."""
    with box.client() if request.param == "in process" else Client(box.key, box.url) as client:
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
    """The same job, launched and answered by people who are always right."""
    box.crowd.add(6, profile="perfect", truth={"sentiment": "truth"})
    draft.launch(12)
    assert box.crowd.run(draft).ended == "finished"
    return draft.reload()
