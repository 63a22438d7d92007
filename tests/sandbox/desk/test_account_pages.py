"""The desk's pages of the whole account: money, contributors, events, what the server lacks."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from crowdflower.exceptions import ApiError
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.store.tables import event, ledger, worker
from tests.sandbox.desk_browser import Browser, readable

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

FORM = """
<cml:radios label="Is it spam?" name="spam" validates="required">
  <cml:radio label="yes"/><cml:radio label="no"/>
</cml:radios>
"""
MARKUP = "<script>alert(1)</script>"
ADDRESSES = ["/desk/money", "/desk/people", "/desk/events", "/desk/not-implemented"]


@pytest.fixture
def job(client: Client, box: Sandbox) -> Job:
    """A finished job of four contributors."""
    job = client.upload_job([{"text": f"row {n}"} for n in range(6)])
    client.update_job(job.id, {"title": "Spam or not", "instructions": "<p>x</p>", "cml": FORM})
    job.launch(6)
    box.crowd.add(4)
    box.crowd.run(job.id)
    return job


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_is_shown_without_any_data_and_only_to_those_who_signed_in(
    desk: Browser, stranger: Browser, address: str
) -> None:
    assert desk.get(address).status_code == 200
    assert stranger.get(address).status_code == 303


def test_the_menu_leads_to_each_page(desk: Browser) -> None:
    page = desk.get("/desk/").text

    assert all(f'href="{address}"' in page for address in ADDRESSES)


def test_the_ledger_has_the_balance_after_each_line(desk: Browser, box: Sandbox, job: Job) -> None:
    total = sum(line["amount_mc"] for line in box.ledger())

    text = desk.text("/desk/money")

    assert f"1–{len(box.ledger())} of {len(box.ledger())}" in text
    assert f"${total / 100_000:,.2f}" in text
    assert "opening balance" in text
    assert "+$1,000.00 $1,000.00" in text
    assert "−$10.00 $990.00" in text  # the least that an order reserves
    assert "Paid for a page" in text


def test_the_balance_goes_on_from_page_to_page(desk: Browser, box: Sandbox) -> None:
    for number in range(1, 61):
        box.credit(number)

    newest, oldest = desk.text("/desk/money"), desk.text("/desk/money", page=2)

    assert "1–50 of 61" in newest
    assert "+$0.60 $1,018.30" in newest
    assert "51–61 of 61" in oldest
    assert "+$0.10 $1,000.55" in oldest
    assert "+$1,000.00 $1,000.00" in oldest


@pytest.mark.parametrize(
    ("typed", "cents"),
    [("25", 2500), ("$1,000.50", 100_050), (" 0.01 ", 1), ("10000000000", 10**12)],
)
def test_play_money_is_added_once(desk: Browser, box: Sandbox, typed: str, cents: int) -> None:
    fields = {"do": "add", "dollars": typed, "note": f" for\ttests {MARKUP}", "once": "k"}

    said = desk.said(desk.post("/desk/money", **fields))
    desk.post("/desk/money", **fields)

    added = box.ledger()[1:]
    assert [(line["kind"], line["amount_mc"]) for line in added] == [("credit", cents * 1000)]
    assert added[0]["note"] == f"for tests {MARKUP}"
    assert "of play money were added." in said
    assert "Play money: nobody pays it, and nobody gets it." in said
    assert MARKUP not in desk.get("/desk/money").text


@pytest.mark.parametrize(
    ("typed", "note"),
    [
        *(
            (amount, "")
            for amount in (
                "",
                "x",
                "0",
                "-5",
                "0.001",
                "nan",
                "inf",
                "1e2",
                "1e99",
                "9" * 40,
                "1e999999999",
            )
        ),
        ("٢٥", ""),
        ("25", "n" * 201),
        ("25", "bell\a"),
    ],
)
def test_an_amount_or_a_note_that_cannot_be_used_is_refused(
    desk: Browser, box: Sandbox, typed: str, note: str
) -> None:
    refused = desk.post("/desk/money", do="add", dollars=typed, note=note)

    assert refused.status_code == 422
    assert len(box.ledger()) == 1
    if typed == "25":
        assert 'value="25"' in refused.text


def test_contributors_of_all_jobs_are_found_by_name_and_number(
    desk: Browser, box: Sandbox, client: Client, job: Job
) -> None:
    people = [each.worker.id for each in box.crowd.contributors]
    with box.database.transaction() as tx:
        is_first = worker.c.id == people[0]
        tx.run(worker.update().where(is_first).values(display_name=f"Aino 100% {MARKUP}"))
    job.get_worker(people[0]).flag("Copies", persist=True)

    everyone = desk.text("/desk/people")
    by_name = desk.text("/desk/people", q="aino 100%")
    by_number = desk.text("/desk/people", q=str(people[1]))

    assert "1–4 of 4" in everyone
    assert "Flagged for all jobs" in by_name
    assert "1–1 of 1" in by_name
    assert "1–1 of 1" in by_number
    assert "No contributor matches" in desk.text("/desk/people", q="aino_100%")
    assert MARKUP not in desk.get("/desk/people").text


def test_events_are_those_of_the_account_in_words(
    desk: Browser, box: Sandbox, client: Client, job: Job
) -> None:
    with box.database.transaction() as tx:
        other = accounts.open_account(tx, key="another")
        tx.record("warning", job.id, warning=MARKUP, request="PUT /jobs/7")
        tx.record("worker_removed", job.id, worker_id=7, trust=0.5)
        tx.record("worker_rejected", job.id, worker_id=8, judgments=1200, reason="Copied")
        tx.record("callback_failed", None, group_id="g", problem="503")
        tx.record("something_new", job.id, what=MARKUP)
        tx.run(
            event.insert().values(kind="job_complete", detail=["odd"], job_id=job.id, created_at=0)
        )
    assert other.id

    page = desk.get("/desk/events").text
    text = readable(page)

    for words in (
        "The job is finished",
        "The accuracy of contributor 7 fell too low for the job Accuracy: 50 %",
        "1,200 judgments of contributor 8 were removed Copied",
        "Answers of a group were not taken; they are sent again g: 503",
        "Something new",
        "PUT /jobs/7",
    ):
        assert words in text
    assert MARKUP not in page
    warnings = desk.text("/desk/events", only="warnings")
    assert "1–1 of 1" in warnings
    assert "The job is finished" not in warnings


def test_events_of_another_account_are_not_shown(desk: Browser, box: Sandbox, job: Job) -> None:
    with box.database.transaction() as tx:
        stranger = accounts.open_account(tx, key="another")
        tx.run(ledger.update().values(note="mine"))
        from crowdflower.sandbox.rules.jobs import jobs  # noqa: PLC0415

        theirs = jobs.create(tx, stranger, {"title": "Theirs"})
        tx.record("funds_exhausted", theirs.id)

    assert "balance is used up" not in desk.text("/desk/events")
    assert desk.get(f"/desk/jobs/{theirs.id}/reports").status_code == 404


def test_what_the_server_was_asked_for_and_does_not_do_is_counted(
    desk: Browser, client: Client, job: Job
) -> None:
    for _ in range(2):
        with suppress(ApiError):
            client.request("PUT", f"jobs/{job.id}/archive")
    with suppress(ApiError):
        client.request("GET", f"users/{MARKUP}/x")

    page = desk.get("/desk/not-implemented")

    text = readable(page.text)
    assert "Archiving a job" in text
    assert f"PUT /v1/jobs/{job.id}/archive 2" in text
    assert "Advice on the pay" in text
    assert MARKUP not in page.text
