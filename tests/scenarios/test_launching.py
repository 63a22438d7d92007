"""Launching a job: its requirements, its cost and the movements of money."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crowdflower.exceptions import PaymentRequired, ValidationError

if TYPE_CHECKING:
    from crowdflower.job import Job
    from tests.scenarios.conftest import Box

CML = """
<p>{{text}}</p>
<cml:radios label="Is it spam?" name="spam" validates="required">
  <cml:radio label="yes"/>
  <cml:radio label="no"/>
</cml:radios>
"""


def rows(number: int) -> list[dict[str, str]]:
    return [{"text": f"text {place}"} for place in range(number)]


def ledger_sum(box: Box, *kinds: str) -> int:
    """Return the sum of the ledger entries of these kinds, by default all, in cents."""
    lines = box.sandbox.ledger()
    return sum(each["amount_mc"] for each in lines if not kinds or each["kind"] in kinds) // 1000


def test_each_missing_requirement_of_a_launch_has_its_own_message_and_costs_nothing(
    box: Box,
) -> None:
    ready = box.job(rows(6), CML)
    canceled = box.job(rows(6), CML)
    canceled.launch(6)
    canceled.cancel()
    before = box.balance
    without_title = box.client.upload_job(rows(6))
    without_form = box.client.upload_job(rows(6))
    about = {"title": "No form yet", "instructions": "Read it."}
    box.client.update_job(without_form.id, about)
    without_rows = box.job(rows(6), CML)
    for unit in without_rows.units:
        unit.delete()

    messages = {launch_error(job) for job in (without_title, without_form, without_rows, canceled)}

    assert len(messages) == 4
    for word in ("title", "form", "no new unit", "canceled"):
        assert sum(word in text for text in messages) == 1
    assert box.balance == before == ledger_sum(box)
    assert ready.reload().state == "unordered"


def launch_error(job: Job) -> str:
    with pytest.raises(ValidationError) as caught:
        job.launch(6)
    return str(caught.value)


def test_three_rows_are_launched_with_a_warning(box: Box) -> None:
    """As in the READMEs of two published clients."""
    job = box.job(rows(3), CML, judgments_per_unit=1)

    order = {"debit[units_count]": 3, "channels[]": "cf_internal"}
    placed = box.api("POST", f"/jobs/{job.id}/orders.json", data=order)
    box.finish(job, box.contributor("cf_internal"), {"spam": "yes"})

    assert placed.json()["nuggeted_units_count"] == 3
    assert "at least 5 units" in placed.headers["X-Sandbox-Warning"]
    assert job.reload().state == "finished"


@pytest.mark.parametrize("settings", [{"balance_cents": 500}])
def test_an_unfunded_order_is_refused_and_unspent_money_comes_back(box: Box) -> None:
    job = box.job(rows(20), CML)

    with pytest.raises(PaymentRequired) as caught:
        job.launch(20)
    assert "$5.00" in str(caught.value)
    assert "$10.00" in str(caught.value)
    assert (job.reload().state, box.balance) == ("unordered", 500)

    assert box.control("POST", "credit", cents=2000) == {"balance": 2500}
    order = job.launch(20)
    assert order.amount_in_cents == 144, "4 pages, 3 judgments, 10 cents, and 20 % on top"
    assert box.balance == 1500 == ledger_sum(box), "ten dollars are the least that is set aside"

    box.work(job, box.contributor(), {"spam": "no"})
    assert box.balance == 1500, "a page is paid from what was set aside"
    job.cancel()
    assert box.balance == 2500 - 12 == ledger_sum(box)
    assert ledger_sum(box, "charge") == -12
    assert ledger_sum(box, "refund") == 1000 - 12


def test_a_finished_job_returns_its_unspent_money(box: Box) -> None:
    job = box.job(rows(20), CML)
    before = box.balance

    job.launch(20)
    for _ in range(3):
        box.finish(job, box.contributor(), {"spam": "no"})

    assert job.reload().state == "finished"
    assert before - box.balance == 144
    assert ledger_sum(box) == box.balance
    assert job.crowd_costs == 1.2, "what contributors got, in dollars"


def test_a_thousand_units_with_test_questions_cost_as_in_the_vendors_article(
    box: Box,
) -> None:
    golds = [{"text": f"gold {place}", "spam_gold": "no"} for place in range(50)]
    job = box.job(golds + rows(1000), CML, units_per_assignment=10, payment_cents=10)
    job.mark_test_questions("spam")

    order = job.reload().launch(1000)

    assert job.gold_per_assignment == 1
    assert order.nuggeted_units_count == 1000
    assert order.amount_in_cents == 4032, "112 pages; the article's own 41.63 is a slip"


def test_more_judgments_reopen_a_unit_and_are_paid(box: Box) -> None:
    job = box.job(rows(5), CML, judgments_per_unit=1)
    job.launch(5)
    box.finish(job, box.contributor(), {"spam": "no"})
    assert job.reload().state == "finished"
    before = box.balance
    unit = box.client.get_unit(job, job.units[0].id)
    assert unit.state == "finalized"

    unit.request_more_judgments(2)

    assert (unit.reload().state, job.reload().state) == ("judgable", "running")
    assert job.ping()["needed_judgments"] == 2
    for _ in range(2):
        box.work(job, box.contributor(), {"spam": "yes"})
    assert (unit.reload().state, job.reload().state) == ("finalized", "finished")
    assert unit.judgments_count == 3
    assert unit.get_aggregate("spam") == "yes"
    assert before - box.balance == 2 * 12
    assert ledger_sum(box) == box.balance
