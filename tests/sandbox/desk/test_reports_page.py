"""The desk's tab of reports: made, aged, downloaded; webhooks sent again; events in words."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.job import Job
from crowdflower.rows.csv_format import FORMULA
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.store.outbox import webhook_delivery
from crowdflower.sandbox.store.tables import event, worker
from tests.sandbox.desk_browser import Browser, readable

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from crowdflower.client import Client

FORM = """
<cml:radios label="Is it spam?" name="spam" validates="required">
  <cml:radio label="=yes"/><cml:radio label="@no"/>
</cml:radios>
<cml:text label="Why?" name="why" validates="required" aggregation="all"/>
"""
MARKUP = "<img src=x onerror=alert(1)>"
HOOK = "https://hooks.example.org/crowd"


@pytest.fixture
def job(client: Client) -> Job:
    """A launched job with six rows, whose cells and columns are formulas."""
    job = client.upload_job([{"text": f"=row {n}", "=column": "+1"} for n in range(6)])
    client.update_job(job.id, {"title": MARKUP, "instructions": "<p>x</p>", "cml": FORM})
    job.launch(6)
    return job


def path(job: Job, below: str = "") -> str:
    return f"/desk/jobs/{job.id}/reports{below}"


def work(box: Sandbox, job: Job, pages: int | None = None) -> None:
    """Let contributors work, whose answers are formulas."""
    if not box.crowd.contributors:
        box.crowd.add(4)
        for place, each in enumerate(box.crowd.contributors):
            rename(box, each.worker.id, f"=cmd|{place}")
    box.crowd.run(job.id, pages=pages)


def rename(box: Sandbox, number: int, name: str) -> None:
    with box.database.transaction() as tx:
        tx.run(worker.update().where(worker.c.id == number).values(display_name=name))


def make(desk: Browser, job: Job, kind: str) -> str:
    return desk.said(desk.post(path(job, "/make"), type=kind))


def table(response: TestResponse) -> list[list[str]]:
    assert response.status_code == 200
    return list(csv.reader(io.StringIO(response.get_data(as_text=True), newline="")))


def test_each_report_is_explained_and_can_be_made(desk: Browser, box: Sandbox, job: Job) -> None:
    before = desk.text(path(job))
    work(box, job)

    said = [make(desk, job, kind) for kind in ("full", "aggregated", "json", "gold_report")]

    assert before.count("not made yet") == 12  # twice each: in its column, and for a narrow screen
    assert "Every judgment: who gave which answers, and when." in before
    assert "The report is ready: 18 lines." in said[0]
    assert "The report is ready: 6 lines." in said[1]
    assert said[3].count("not made yet") == 4


def test_a_report_says_how_many_answers_came_after_it(
    desk: Browser, box: Sandbox, client: Client, job: Job
) -> None:
    work(box, job, pages=1)
    for kind in ("full", "source", "json"):
        make(desk, job, kind)
    assert "since" not in desk.text(path(job))

    work(box, job, pages=1)
    client.add_unit(job.id, {"text": "later"})

    later = desk.get(path(job)).text
    assert re.findall(r">(\d+) answers? since<", later) == ["5"] * 4  # full and JSON
    assert re.findall(r">(\d+) rows? since<", later) == ["1"] * 2  # source


def test_a_download_is_the_file_of_the_api_unless_it_is_made_safe(
    desk: Browser, box: Sandbox, client: Client, job: Job
) -> None:
    work(box, job)
    make(desk, job, "full")

    raw = desk.get(path(job, "/file"), type="full", safe="0")
    zipped = desk.get(path(job, "/file"), **{"type": "full", "safe": "0", "as": "zip"})

    with zipfile.ZipFile(io.BytesIO(zipped.data)) as archive:
        assert archive.read(f"f{job.id}.csv") == raw.data
    assert raw.headers["Content-Disposition"] == f"attachment; filename=f{job.id}.csv"
    assert raw.headers["X-Content-Type-Options"] == "nosniff"
    assert raw.headers["Cache-Control"] == "no-store"
    assert next(iter(client.get_report(job.id, "full")))["text"] in raw.get_data(as_text=True)


@pytest.mark.parametrize("kind", ["full", "aggregated", "source", "workset", "gold_report"])
@pytest.mark.parametrize("zipped", ["file", "zip"])
def test_no_cell_of_any_table_is_a_formula_unless_asked_for(kind: str, zipped: str) -> None:
    with Sandbox(seed=3, desk="correct horse", names=True) as box:
        desk = Browser(box)
        desk.sign_in()
        client = box.client()
        job = client.upload_job([{"text": f"=row {n}", "=column": "-1+1"} for n in range(5)])
        client.update_job(job.id, {"title": "=1+1+1", "instructions": "x", "cml": FORM})
        job.launch(5)
        work(box, job)
        make(desk, job, kind)

        raw = table(desk.get(path(job, "/file"), type=kind, safe="0"))
        response = desk.get(path(job, "/file"), **{"type": kind, "as": zipped})
        if zipped == "zip":
            with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
                text = archive.read(archive.namelist()[0]).decode()
            safe = list(csv.reader(io.StringIO(text, newline="")))
        else:
            safe = table(response)

    assert safe == [[f"'{c}" if c.startswith(FORMULA) else c for c in line] for line in raw]
    if kind != "gold_report":  # this job has no test questions
        assert any(cell.startswith(FORMULA) for line in raw for cell in line)
    if kind in {"full", "workset"}:
        place = raw[0].index("_worker_name")
        assert {line[place] for line in safe[1:]} <= {f"'=cmd|{number}" for number in range(4)}


def test_without_names_a_report_of_the_desk_has_numbers_only(
    desk: Browser, box: Sandbox, job: Job
) -> None:
    work(box, job)
    make(desk, job, "full")

    text = desk.get(path(job, "/file"), type="full").get_data(as_text=True)

    assert "cmd|" not in text
    assert "start the server with --names" in desk.text(path(job))


def test_a_report_that_was_not_made_or_is_unknown_leads_back(desk: Browser, job: Job) -> None:
    missing = desk.said(desk.get(path(job, "/file"), type="full"))
    unknown = desk.said(desk.get(path(job, "/file"), type="../../etc/passwd"))
    refused = desk.post(path(job, "/make"), type="fulll")

    assert "This report is not made yet." in missing
    assert "There is no report of this type." in unknown
    assert refused.status_code == 422
    assert "There is no report of this type." in readable(refused.text)


def test_a_stranger_downloads_nothing_and_makes_nothing(
    desk: Browser, stranger: Browser, box: Sandbox, job: Job
) -> None:
    work(box, job)
    make(desk, job, "full")

    for answer in (
        stranger.get(path(job, "/file"), type="full"),
        stranger.http.post(path(job, "/make"), data={"type": "json"}),
        desk.post(path(job, "/make"), type="json", token=None),
    ):
        assert answer.status_code in {303, 403}
        assert b"_unit_id" not in answer.data
    assert box.app.services.reports.latest(job.id, "json") is None


def test_a_report_that_is_being_made_is_not_made_twice(
    desk: Browser, box: Sandbox, job: Job
) -> None:
    cache = box.app.services.reports
    with cache.add(job.id, "full", "slow") as unfinished:
        unfinished.write_bytes(b"PK")
        again = make(desk, job, "full")
        page = desk.get(path(job)).text

    assert "This report is being made already." in again
    assert page.count("being made") == 2
    assert re.search(r'value="full" disabled', page)
    assert cache.latest(job.id, "full") is None


def test_making_a_report_needs_no_turn_of_a_writer(
    desk: Browser, box: Sandbox, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report of a large job takes seconds; writers go on meanwhile."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a transaction that writes was opened")

    token = desk.token()
    monkeypatch.setattr(box.database, "transaction", refuse)

    assert desk.post(path(job, "/make"), type="source", token=token).status_code == 303


# Webhooks.


@pytest.fixture
def hooked(client: Client, box: Sandbox, job: Job) -> Job:
    """The job with an address, and two webhooks: a failed one, and one that waits behind it."""
    client.update_job(job.id, {"webhook_uri": HOOK})
    job = client.get_job(job.id)
    failing = failing_receiver(f"the receiver said {MARKUP}")
    box.receive_webhooks(failing)
    work(box, job)
    box.deliver_webhooks()
    return job


def failing_receiver(problem: str) -> Any:
    def receive(_: object) -> None:
        raise ValueError(problem)

    return receive


def states(box: Sandbox) -> list[str]:
    return [each["state"] for each in box.webhooks()]


def test_each_webhook_has_its_state_problem_and_next_try(
    desk: Browser, box: Sandbox, hooked: Job
) -> None:
    text = desk.text(path(hooked), webhook=1)

    assert "7 wait" in text
    assert f"ValueError: the receiver said {MARKUP}" in text
    assert "next try in" in text
    assert text.count("Queued") == 6
    assert "Payload of unit_complete, webhook 1" in text
    assert box.webhooks()[0]["payload"] in text


def test_try_them_now_starts_over_and_they_arrive(desk: Browser, box: Sandbox, hooked: Job) -> None:
    received: list[Any] = []
    box.receive_webhooks(received.append)
    assert box.deliver_webhooks() == []

    said = desk.said(desk.post(path(hooked), do="try_now"))
    box.deliver_webhooks()

    assert "7 webhooks are tried again now." in said
    assert len(received) == 7
    assert "Waiting" not in desk.text(path(hooked))


def test_a_webhook_that_arrived_is_sent_again_once(
    desk: Browser, box: Sandbox, hooked: Job
) -> None:
    received: list[Any] = []
    box.receive_webhooks(received.append)
    desk.post(path(hooked), do="try_now")
    box.deliver_webhooks()
    number = box.webhooks()[2]["id"]

    first = desk.said(desk.post(path(hooked), do="send_again", webhook=number, once="k"))
    twice = desk.post(path(hooked), do="send_again", webhook=number, once="k")
    waiting = desk.post(path(hooked), do="send_again", webhook=number)
    box.deliver_webhooks()

    assert "This webhook is sent again now." in first
    assert twice.status_code == 303
    assert waiting.status_code == 422
    assert "still waits" in readable(waiting.text)
    assert len(received) == 8
    assert received[7].payload == received[2].payload


def test_a_test_goes_to_the_saved_address(desk: Browser, box: Sandbox, job: Job) -> None:
    received: list[Any] = []
    box.receive_webhooks(received.append)

    without = desk.post(path(job), do="test")
    desk.post(path(job), do="save_address", webhook_uri=HOOK)
    sent = desk.post(path(job), do="test")
    box.deliver_webhooks()

    assert without.status_code == 422
    assert "no address to send webhooks to" in readable(without.text)
    assert "A test is on its way." in desk.said(sent)
    assert [(each.uri, each.signal) for each in received] == [(HOOK, "test")]


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "http://me:secret@example.org", "javascript:alert(1)", "x"]
)
def test_an_address_that_may_not_be_called_is_refused_as_by_the_api(
    desk: Browser, client: Client, job: Job, address: str
) -> None:
    refused = desk.post(path(job), do="save_address", webhook_uri=address)

    assert refused.status_code == 422
    assert f'value="{address}"' in refused.text
    assert "Send webhooks to: Write a whole web address" in readable(refused.text)
    assert client.get_job(job.id).webhook_uri is None


def test_saving_an_address_starts_over_and_removing_it_drops_what_waits(
    desk: Browser, box: Sandbox, client: Client, hooked: Job
) -> None:
    for _ in range(20):
        box.clock.advance(hours=1)
        box.deliver_webhooks()
    given_up = desk.text(path(hooked))
    refused = desk.post(path(hooked), do="test")

    saved = desk.said(
        desk.post(path(hooked), do="save_address", webhook_uri=HOOK, send_judgments_webhook="1")
    )
    settings = client.get_job(hooked.id)
    removed = desk.said(desk.post(path(hooked), do="save_address", webhook_uri=" "))

    assert "Sending stopped 14 hours ago: this address failed for 6 hours." in given_up
    assert "Sending webhooks was given up after hours of failures" in given_up
    assert refused.status_code == 422
    assert "The address is saved." in saved
    assert "Sending stopped" not in saved
    assert settings.send_judgments_webhook is True
    assert "those that waited were dropped" in removed
    assert {*states(box)} == {"dropped"}


def test_another_jobs_webhook_is_not_shown_nor_sent(
    desk: Browser, box: Sandbox, client: Client, hooked: Job
) -> None:
    other = client.create_job({"title": "Other", "webhook_uri": HOOK})
    number = box.webhooks()[0]["id"]

    assert desk.get(path(other), webhook=number).status_code == 404
    assert desk.post(path(other), do="send_again", webhook=number).status_code == 404
    assert desk.get(path(hooked), webhook=10**30).status_code == 404


def test_what_others_wrote_is_text(desk: Browser, box: Sandbox, hooked: Job) -> None:
    with box.database.transaction() as tx:
        values = {"payload": f'{{"a": "{MARKUP}</pre>"}}', "signal": MARKUP}
        tx.run(webhook_delivery.update().values(values))
        detail = {"warning": MARKUP, "request": f"GET /{MARKUP}"}
        line = {"job_id": hooked.id, "created_at": 0}
        tx.run(event.insert().values(kind="warning", detail=detail, **line))
        tx.run(event.insert().values(kind=f"new_{MARKUP}", detail={MARKUP: MARKUP}, **line))

    page = desk.get(path(hooked), webhook=1).text

    assert "<img" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") > 8


def test_long_lists_have_pages_of_50_and_long_payloads_a_limit(
    desk: Browser, box: Sandbox, client: Client, job: Job
) -> None:
    client.update_job(job.id, {"webhook_uri": HOOK})
    line = {"job_id": job.id, "signal": "unit_complete", "signature": "", "created_at": 0}
    with box.database.transaction() as tx:
        for number in range(60):
            payload = "x" * (100_001 if number == 0 else 1)
            tx.run(webhook_delivery.insert().values(**line, payload=payload, next_at=0))
            tx.record("job_complete", job.id, title="x")

    first = desk.text(path(job))
    second = desk.text(path(job), sent=2, events=2)
    long = desk.text(path(job), webhook=1)

    assert first.count("1–50 of 60") == 2
    assert second.count("51–60 of 60") == 2
    assert "The first 100,000 of 100,001 characters." in long
