"""A sandbox begins anew, and knows of no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import NotFound
from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.scenarios.conftest import Box

CML = '<cml:text label="What is it?" name="what" validates="required"/>'


def a_days_work(box: Box) -> tuple[Any, ...]:
    """Do a bit of everything, and return all that could tell one time from another."""
    job = box.job([{"text": f"text {place}"} for place in range(5)], CML)
    order = job.launch(5)
    worker = box.contributor()
    page = box.take(job, worker)
    box.hand_in(worker, page, {"what": "A test"})
    now = box.control("GET", "clock")
    ids = [unit.id for unit in page.units]
    return job.id, job.created_at, order.id, worker.id, page.assignment_id, ids, now, box.balance


@pytest.mark.parametrize("settings", [{"seed": 4}], ids=["time stands still"])
def test_after_a_reset_everything_is_as_at_the_start(box: Box) -> None:
    box.control("POST", "faults", status=500, path="/jobs/*/pause")
    first = a_days_work(box)
    box.advance(minutes=90)

    box.control("POST", "reset")

    assert list(box.client.get_jobs()) == []
    assert box.sandbox.events() == []
    assert box.control("GET", "faults") == []
    assert [line["kind"] for line in box.control("GET", "ledger")] == ["credit"]
    assert a_days_work(box) == first


def test_two_sandboxes_share_nothing(box: Box) -> None:
    with Sandbox(seed=1) as other:
        theirs = other.client().upload_job([{"text": "theirs"}])
        a_days_work(box)

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
