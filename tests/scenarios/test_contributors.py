"""A requester flags, unflags, rejects and pays contributors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from crowdflower.exceptions import InvalidInput, NotFound
from crowdflower.sandbox.store.tables import message

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.job import Job
    from tests.scenarios.conftest import Box

CML = """
<p>{{text}}</p>
<cml:radios label="Is it spam?" name="spam" validates="required">
  <cml:radio label="yes"/>
  <cml:radio label="no"/>
</cml:radios>
"""
NO = {"spam": "no"}


def launch_job(box: Box, rows: int = 10, **attributes: Any) -> Job:
    job = box.job([{"text": f"text {place}"} for place in range(rows)], CML, **attributes)
    job.launch(rows)
    return job


def inbox(box: Box, worker: Row[Any]) -> list[str]:
    theirs = select(message.c.text).where(message.c.worker_id == worker.id)
    with box.sandbox.database.snapshot() as tx:
        return [row.text for row in tx.all(theirs.order_by(message.c.id))]


def test_a_flag_blocks_a_contributor_in_one_job_and_keeps_their_judgments(box: Box) -> None:
    job, other = launch_job(box), launch_job(box)
    worker = box.contributor()
    box.work(job, worker, NO)
    flagged = job.get_worker(worker.id)

    flagged.flag("Too fast")

    assert box.refusal_reason(job, worker) == "flagged"
    assert box.take(other, worker).units
    assert [judgment.tainted for judgment in job.judgments()] == [False] * 5
    assert job.ping()["needed_judgments"] == 25
    flagged.deflag("A mistake")
    assert box.take(job, worker).units


def test_a_persistent_flag_blocks_a_contributor_in_every_job_of_the_account(box: Box) -> None:
    job, other = launch_job(box), launch_job(box)
    worker = box.contributor()
    box.work(job, worker, NO)
    flagged = job.get_worker(worker.id)

    flagged.flag("Too fast", persist=True)

    assert box.refusal_reason(job, worker) == "flagged"
    assert box.refusal_reason(other, worker) == "flagged"
    assert box.refusal_reason(launch_job(box), worker) == "flagged"
    flagged.deflag("A mistake")
    assert box.take(job, worker).units
    assert box.take(other, worker).units


def test_a_rejected_contributor_leaves_every_count_and_units_reopen(box: Box) -> None:
    job = launch_job(box, judgments_per_unit=1)
    worker = box.contributor()
    box.work(job, worker, NO)
    assert job.ping()["needed_judgments"] == 5

    job.get_worker(worker.id).reject("Careless")

    assert box.refusal_reason(job, worker) == "rejected"
    assert job.reload().judgments_count == 0
    assert job.ping()["needed_judgments"] == 10
    assert {unit.state for unit in job.units} == {"judgable"}
    assert [row["_tainted"] for row in box.client.get_report(job, "full")] == ["true"] * 5
    assert box.client.get_report(job, "aggregated") == []
    assert "worker_rejected" in {event["kind"] for event in box.sandbox.events()}


def test_rejection_in_a_finished_job_reopens_no_unit(box: Box) -> None:
    job = launch_job(box, 5, judgments_per_unit=2)
    careless, careful = box.contributor(), box.contributor()
    box.work(job, careless, {"spam": "yes"})
    box.work(job, careful, NO)
    assert job.reload().state == "finished"

    job.get_worker(careless.id).reject("Careless")

    assert job.reload().state == "finished"
    assert {unit.state for unit in job.units} == {"finalized"}
    assert {unit.judgments_count for unit in job.results()} == {1}
    assert {unit.get_aggregate("spam") for unit in job.results()} == {"no"}
    assert box.refusal_reason(job, box.contributor()) == "job_not_running"


def test_a_bonus_is_paid_with_its_fee_and_the_contributor_notified(box: Box) -> None:
    job = launch_job(box)
    worker = box.contributor()
    box.work(job, worker, NO)
    before = box.balance

    job.get_worker(worker.id).bonus(150, reason="Careful work")

    (paid,) = (line for line in box.sandbox.ledger() if line["kind"] == "bonus")
    assert (paid["amount_mc"], paid["job_id"], paid["note"]) == (-180_000, job.id, "Careful work")
    assert box.balance == before - 180
    assert inbox(box, worker) == ["You received a bonus of $1.50. Careful work"]


def test_a_bonus_above_twenty_dollars_or_to_a_stranger_is_refused(box: Box) -> None:
    job = launch_job(box)
    worker, stranger = box.contributor(), box.contributor()
    box.work(job, worker, NO)
    box.take(job, stranger)
    before = box.balance

    with pytest.raises(InvalidInput, match="nothing was paid"):
        job.get_worker(worker.id).bonus(2500)
    at = f"/jobs/{job.id}/workers/{worker.id}/bonus.json"
    assert box.api("POST", at, data={"amount": "2500"}).status_code == 422
    with pytest.raises(NotFound):
        job.get_worker(stranger.id).bonus(150)

    assert box.balance == before
    assert inbox(box, worker) == inbox(box, stranger) == []
