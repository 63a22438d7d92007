"""Objects whose client may not send anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from crowdflower import Client, Job, JudgmentAggregate, Unit, UnitPromise, Worker
from crowdflower.tables.unit_list import UnitList

if TYPE_CHECKING:
    from collections.abc import Iterator


class Refusal(HTTPAdapter):
    """Refuses to send requests, and records them."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.refused.append(f"{request.method} {request.url}")
        raise requests.ConnectionError("nothing may be sent")


@pytest.fixture
def client() -> Iterator[Client]:
    """A client; the test fails if it sends anything."""
    adapter = Refusal()
    session = requests.Session()
    session.mount("http://", adapter)
    with Client("a-key", "http://localhost:1/v1", session=session, retries=0) as client:
        yield client
    assert adapter.refused == []


@pytest.fixture
def namespace(client: Client) -> dict[str, Any]:
    """The variables of a session: the client, and models that would load something when read."""
    job = Job(
        client,
        id=7,
        title="Sentiment",
        state="running",
        units_count=9,
        options={"front_load": True},
    )
    job.expire()
    bare = Job(client, id=8)
    return {
        "client": client,
        "job": job,
        "bare": bare,
        "unit": Unit(job, id=5, data={"review": "Fine."}, state="new"),
        "promise": UnitPromise(job, id=5, data={"review": "Fine."}),
        "aggregate": JudgmentAggregate(bare, _unit_id=5, _ids=[1], sentiment={"agg": "good"}),
        "units": UnitList([UnitPromise(job, id=5, data={"review": "Fine."})]),
        "results": job.results(),
        "worker": Worker(job, id=3),
        "path": client.jobs[7].units,
    }
