"""Reset, and two sandboxes side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import NotFound
from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.scenarios.conftest import Box

CML = '<cml:text label="What is it?" name="what" validates="required"/>'


def use_everything(box: Box) -> tuple[Any, ...]:
    """Use every part of the sandbox, and return all values that could differ between two runs."""
    job = box.job([{"text": f"text {place}"} for place in range(5)], CML)
    order = job.launch(5)
    worker = box.contributor()
    page = box.take(job, worker)
    box.submit(worker, page, {"what": "A test"})
    now = box.control("GET", "clock")
    ids = [unit.id for unit in page.units]
    return job.id, job.created_at, order.id, worker.id, page.assignment_id, ids, now, box.balance


@pytest.mark.parametrize("settings", [{"seed": 4}], ids=["time stands still"])
def test_after_a_reset_everything_is_as_at_the_start(box: Box) -> None:
    box.control("POST", "faults", status=500, path="/jobs/*/pause")
    first = use_everything(box)
    box.advance(minutes=90)

    box.control("POST", "reset")

    assert list(box.client.get_jobs()) == []
    assert box.sandbox.events() == []
    assert box.control("GET", "faults") == []
    assert [line["kind"] for line in box.control("GET", "ledger")] == ["credit"]
    assert use_everything(box) == first


def test_two_sandboxes_share_nothing(box: Box) -> None:
    with Sandbox(seed=1) as other:
        theirs = other.client().upload_job([{"text": "theirs"}])
        use_everything(box)

        assert [job.id for job in other.client().get_jobs()] == [theirs.id]
        assert len(other.ledger()) == 1
        assert {each.path for each in other.requests} == {"/v1/jobs/upload.json", "/v1/jobs.json"}
        mine = list(box.client.get_jobs())
    assert len(mine) == 1
    assert mine[0].title != theirs.title


def test_a_job_of_another_account_is_not_found(box: Box) -> None:
    job = box.job([{"text": "mine"}], CML)

    strange = box.session.get(
        f"{box.url}/v1/jobs/{job.id}.json", params={"key": "another"}, timeout=60
    )
    with pytest.raises(NotFound):
        box.client.get_job(job.id + 1)

    assert strange.status_code == 401
    assert "mine" not in strange.text
