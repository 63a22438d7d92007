"""Contributors take and submit pages: with mistakes, from two browsers, too late, twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox.errors import Conflict, Expired, Invalid

if TYPE_CHECKING:
    from crowdflower.job import Job
    from tests.scenarios.conftest import Box

CML = """
<p>{{name}}</p>
<cml:radios label="Is there a site?" name="found" validates="required">
  <cml:radio label="yes"/>
  <cml:radio label="no"/>
</cml:radios>
<cml:text label="Where?" name="site" validates="required url" only-if="found:[yes]"/>
<cml:text label="Why not?" name="why" only-if="found:[no]"/>
"""
YES = {"found": "yes", "site": "https://example.com/shop"}


def launch_job(box: Box, number: int = 5, **attributes: Any) -> Job:
    job = box.job([{"name": f"Shop {place}"} for place in range(number)], CML, **attributes)
    job.launch(number)
    return job


def stored_answers(job: Job) -> list[dict[str, Any]]:
    return [judgment.data for judgment in job.reload().judgments()]


def test_a_page_is_refused_with_errors_by_question_and_hidden_answers_are_dropped(
    box: Box,
) -> None:
    job = launch_job(box, judgments_per_unit=1)
    worker = box.contributor()
    page = box.take(job, worker)
    first, second, *others = (unit.id for unit in page.units)
    wrong = {first: {}, second: {"found": "yes", "site": "no address"}}

    with pytest.raises(Invalid) as caught:
        box.submit(worker, page, lambda unit: wrong.get(unit.id, YES))

    assert {unit: set(errors) for unit, errors in caught.value.fields.items()} == {
        first: {"found"},
        second: {"site"},
    }
    assert stored_answers(job) == []
    box.submit(worker, page, {**YES, "why": "Posted, although nobody was asked."})
    assert stored_answers(job) == [YES] * 5
    assert len(others) == 3


def test_a_judgment_through_the_api_is_checked_against_the_form(box: Box) -> None:
    job = launch_job(box)
    unit, worker = job.units[0].id, box.contributor()
    asked = {"unit_id": unit, "worker_id": worker.id, "data": {"found": "yes", "site": "none"}}

    answer = box.api("POST", f"/jobs/{job.id}/judgments.json", json={"judgment": asked})

    assert answer.status_code == 422
    assert set(answer.json()["error"]["fields"][str(unit)]) == {"site"}
    assert stored_answers(job) == []


def test_one_contributor_has_one_page_and_two_never_share_a_slot(
    box: Box,
) -> None:
    job = launch_job(box, 5, judgments_per_unit=1, units_per_assignment=4)
    first, second, third = (box.contributor() for _ in range(3))

    page, again = box.take(job, first), box.take(job, first)
    assert page == again
    assert len(page.units) == 4

    (last,) = box.take(job, second).units
    assert last.id not in {unit.id for unit in page.units}
    assert box.refusal_reason(job, third) == "no_work"
    box.submit(first, page, YES)
    assert box.refusal_reason(job, third) == "no_work"
    assert stored_answers(job) == [YES] * 4


def test_an_expired_page_goes_to_another_contributor_and_is_paid_once(
    box: Box,
) -> None:
    job = launch_job(box, judgments_per_unit=1)
    late, quick = box.contributor(), box.contributor()
    before = box.balance
    page = box.take(job, late)
    assert box.refusal_reason(job, quick) == "no_work"

    box.advance(minutes=31)
    with pytest.raises(Expired):
        box.submit(late, page, YES)
    other = box.take(job, quick)
    box.submit(quick, other, YES)
    with pytest.raises(Expired):
        box.submit(late, page, YES)

    assert {unit.id for unit in other.units} == {unit.id for unit in page.units}
    assert {judgment.worker_id for judgment in job.judgments()} == {quick.id}
    charges = [each for each in box.sandbox.ledger() if each["kind"] == "charge"]
    assert [each["amount_mc"] for each in charges] == [-12_000]
    assert box.balance == before + 1000 - 12, "what was set aside came back with the end"


def test_a_page_that_is_submitted_twice_is_stored_and_paid_once(box: Box) -> None:
    job = launch_job(box, 5)
    worker = box.contributor()
    page = box.take(job, worker)

    first = box.submit(worker, page, YES)
    second = box.submit(worker, page, {"found": "no"})

    assert second == first
    assert stored_answers(job) == [YES] * 5
    assert len([each for each in box.sandbox.ledger() if each["kind"] == "charge"]) == 1


@pytest.mark.parametrize("how", ["cancel", "reject", "flag"])
def test_a_revoked_page_is_refused(box: Box, how: str) -> None:
    job = launch_job(box, 10)
    worker = box.contributor()
    box.work(job, worker, YES)
    page = box.take(job, worker)

    if how == "cancel":
        job.cancel()
    else:
        getattr(job.get_worker(worker.id), how)("Careless")

    with pytest.raises(Conflict):
        box.submit(worker, page, YES)
    assert job.reload().judgments_count == (0 if how == "reject" else 5)


def test_the_token_of_another_page_is_refused(box: Box) -> None:
    job = launch_job(box, 10, judgments_per_unit=1)
    one, other = box.contributor(), box.contributor()
    mine, theirs = box.take(job, one), box.take(job, other)

    with pytest.raises(Conflict):
        box.submit(one, mine, YES, token=theirs.token)

    assert stored_answers(job) == []


def test_a_paused_job_hands_out_no_pages_and_accepts_open_ones(box: Box) -> None:
    job = launch_job(box, 10, judgments_per_unit=1)
    one, other = box.contributor(), box.contributor()
    page = box.take(job, one)

    job.pause()
    refused = box.refusal_reason(job, other)
    box.submit(one, page, YES)
    job.resume()
    box.work(job, other, YES)

    assert refused == "job_not_running"
    assert stored_answers(job) == [YES] * 10
    assert job.state == "finished"
