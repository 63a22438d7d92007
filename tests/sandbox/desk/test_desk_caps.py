"""The cap of a job on the desk: what it refuses, and what the overview then says."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from crowdflower import Job, ValidationError
from crowdflower.client import Client
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.work import submission, workers
from crowdflower.sandbox.store import tables
from tests.sandbox.desk_browser import Browser, readable
from tests.sandbox.desk_jobs import join, launch_job, take, work


def url(job: Job) -> str:
    return f"/desk/jobs/{job.id}"


def people(job: Job) -> str:
    return f"{url(job)}/people"


def row(box: Sandbox, job: Job) -> Any:
    with box.database.snapshot() as tx:
        return jobs.load(tx, job.id)


def balance_and_bonuses(box: Sandbox) -> tuple[int, int]:
    with box.database.snapshot() as tx:
        paid = tx.all(select(tables.bonus.c.id))
        return int(tx.one(select(tables.account.c.balance_mc)).balance_mc), len(paid)


def test_bonuses_beyond_the_cap_are_paid_to_nobody(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch_job(client)
    ada, bo = join(box), join(box, "Bo")
    work(box, job, ada)
    work(box, job, bo)
    desk.post(url(job), do="cap", cap="0.80")
    before = balance_and_bonuses(box)

    response = desk.post(people(job), do="bonus", who=[ada, bo], cents="24")  # $0.24 is spent

    assert response.status_code == 422
    text = readable(response.text)
    assert "this costs $0.576, and the cap of the job leaves $0.56 for bonuses. Nobody was" in text
    assert "The cap of the job leaves $0.56, with the fee. Change the cap" in text
    assert f'href="/desk/jobs/{job.id}#new-cap"' in response.text
    assert balance_and_bonuses(box) == before

    said = desk.said(desk.post(people(job), do="bonus", who=[ada, bo], cents="23"))
    assert "With the fee it cost $0.552. The job is paused: its cap leaves no room" in said
    page = desk.text(url(job))
    assert "Paused: the cap of $0.80 is reached" in page
    assert "Spent $0.792 of at most $0.80" in page
    assert "of it, bonuses $0.552" in page


def test_a_script_cannot_pay_a_bonus_beyond_the_cap(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch_job(client)
    ada = join(box)
    work(box, job, ada)
    desk.post(url(job), do="cap", cap="0.50")

    worker = job.get_worker(ada)

    with pytest.raises(ValidationError, match=r"the cap of the job leaves \$0.38. Raise the cap"):
        worker.bonus(32)

    assert balance_and_bonuses(box)[1] == 0
    worker.bonus(31)
    assert balance_and_bonuses(box)[1] == 1


def test_a_cap_that_would_stop_the_job_at_once_is_refused_with_the_sum(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch_job(client)

    refused = desk.post(url(job), do="cap", cap="0.05")
    assert refused.status_code == 422
    assert "$0.05: a page costs $0.12. Write at least $0.12." in readable(refused.text)
    assert '<details class="menu" id="cap" open>' in refused.text, "where it is corrected"
    work(box, job, join(box))
    refused = desk.post(url(job), do="cap", cap="0.20")
    assert "$0.12 is spent, and a page costs $0.12. Write at least $0.24." in readable(refused.text)

    assert row(box, job).cap_mc is None


def test_a_cap_below_the_price_of_a_page_is_refused_at_the_launch(
    client: Client, desk: Browser
) -> None:
    job = launch_job(client).copy(all_units=True)
    job.channels = ["on_demand"]

    refused = desk.post(f"{url(job)}/new/launch", do="launch", units="20", cap="0.05")

    assert refused.status_code == 422
    assert "$0.05: a page costs $0.12. Write at least $0.12." in readable(refused.text)
    assert client.get_job(job.id).state == "unordered"
    launched = desk.post(f"{url(job)}/new/launch", do="launch", units="20", cap="0.12")
    assert "The job was launched with 20 rows." in desk.said(launched)


def test_a_job_that_is_paused_by_hand_says_when_its_cap_is_reached(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job, ada = launch_job(client), join(box)
    page = take(box, job, ada)
    desk.post(url(job), do="cap", cap="0.20")
    desk.post(url(job), do="pause")
    assert "leaves no room" not in desk.text(url(job))
    assert "Resumed." in desk.said(desk.post(url(job), do="resume"))

    desk.post(url(job), do="pause")
    answers = {unit.id: {"mood": "bad"} for unit in page.units}
    with box.database.transaction() as tx:
        who = workers.find(tx, ada)
        submission.submit(tx, who, page.assignment_id, page.token, answers)

    text = desk.text(url(job))
    assert "Paused by you" in text
    assert "The cap of $0.20 leaves no room for another page: $0.12 is spent" in text
    assert "and a page costs $0.12. New cap, in dollars Raise the cap and resume" in text
    said = desk.said(desk.post(url(job), do="raise", cap="0.24"))
    assert "The cap is $0.24. Resumed." in said
    assert row(box, job).state == "running"


def test_a_job_paused_at_its_cap_says_that_the_cap_was_raised_or_removed(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch_job(client)
    desk.post(url(job), do="cap", cap="0.12")
    work(box, job, join(box))
    assert row(box, job).pause_reason == "cap"

    said = desk.said(desk.post(url(job), do="cap", cap="2"))
    assert "Paused at a cap that is changed: $2.00 leaves room" in said
    said = desk.said(desk.post(url(job), do="no_cap"))
    assert "Paused at a cap that is removed" in said
    assert "Resumed." in desk.said(desk.post(url(job), do="resume"))


def test_the_cap_of_a_job_that_ended_can_be_changed_for_bonuses(
    client: Client, desk: Browser
) -> None:
    job = launch_job(client)
    desk.post(url(job), do="cap", cap="1")
    desk.post(url(job), do="cancel")

    assert "Change the cap" in desk.text(url(job))
    assert "The cap is $0.01." in desk.said(desk.post(url(job), do="cap", cap="0.01"))
