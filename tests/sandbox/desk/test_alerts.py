"""The alerts of a job: each problem is named, with what follows and where it is repaired."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import ServiceWarning
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.rules.jobs import caps, jobs
from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.store import Transaction, contributor_tables, tables
from crowdflower.sandbox.store.outbox import webhook_delivery
from crowdflower.states import ON_DEMAND
from tests.sandbox.desk_browser import Browser, readable

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdflower import Client, Job

FORM = """
<cml:radios label="Good?" name="good" validates="required">
  <cml:radio label="Yes" value="yes"/><cml:radio label="No" value="no"/>
</cml:radios>
"""

EVIL = "<script>alert(1)</script>"


def make(client: Client, *, golds: int = 0, launched: bool = True, **attributes: Any) -> Job:
    rows = [{"text": f"Row {n}", "truth": "yes"} for n in range(30)]
    gold = {"text": "Gold", "truth": "yes", "_golden": "TRUE", "good_gold": "yes"}
    job = client.upload_job([*rows, *([gold] * golds)])
    job.title, job.instructions, job.cml, job.units_per_assignment = "Good?", "Read.", FORM, 5
    for name, value in attributes.items():
        setattr(job, name, value)
    job.update()
    if golds:
        job.convert_test_questions()
    if launched:
        job.launch(30, channels=[ON_DEMAND])
    return job


def work(box: Sandbox, job: Job, people: int = 4, **plan: Any) -> None:
    box.crowd.add(people, truth={"good": "truth"})
    box.crowd.run(job, **plan)


def alerts(desk: Browser, job: Job) -> list[tuple[str, str]]:
    """Return level and text of each alert, with the addresses of its links."""
    html = desk.get(f"/desk/jobs/{job.id}").text
    section = r'<section class="alert (\w+)" aria-labelledby="alerts[^>]*>(.*?)</section>'
    found = re.findall(section, html, re.DOTALL)
    with_urls = [(level, re.sub(r'<a href="([^"]+)"', r" \1 <a", text)) for level, text in found]
    return [(level, readable(text)) for level, text in with_urls]


def change(box: Sandbox, do: Callable[[Transaction], Any]) -> None:
    with box.database.transaction() as tx:
        do(tx)


def update_workers(box: Sandbox, **values: Any) -> None:
    change(box, lambda tx: tx.run(tables.worker_job.update().values(values)))


def only(desk: Browser, job: Job) -> tuple[str, str]:
    (found,) = alerts(desk, job)
    return found


def test_a_job_in_order_has_no_alert(box: Sandbox, client: Client, desk: Browser) -> None:
    job = make(client, golds=0)
    work(box, job)

    assert alerts(desk, job) == []


@pytest.mark.parametrize(
    ("cml", "title"),
    [
        ("<cml:txt/>", "The form has an error"),
        ('<cml:text label="Why?"/>', "No question of the form has to be answered"),
        (None, "The job has no form"),
    ],
)
def test_a_form_that_cannot_be_launched(
    box: Sandbox, client: Client, desk: Browser, cml: str | None, title: str
) -> None:
    job = make(client, launched=False)
    change(box, lambda tx: tx.run(tables.job.update().values(cml=cml)))

    level, text = only(desk, job)

    assert level == "bad"
    assert text.startswith(title)
    assert "The job cannot be launched." in text
    assert f"/desk/jobs/{job.id}/form" in text


def test_a_column_that_no_row_has(box: Sandbox, client: Client, desk: Browser) -> None:
    job = make(client)
    cml = f"<p>{{{{ shop_name }}}}</p>{FORM}"
    change(box, lambda tx: tx.run(tables.job.update().values(cml=cml)))

    level, text = only(desk, job)

    assert level == "warn"
    assert "The form prints 1 column that no row has" in text
    assert "shop_name" in text


@pytest.mark.filterwarnings("ignore:no contributor will be tested")
def test_too_few_test_questions_come_first(box: Sandbox, client: Client, desk: Browser) -> None:
    job = make(client, golds=3, launched=False)
    cml = f"<p>{{{{ shop_name }}}}</p>{FORM}"
    change(box, lambda tx: tx.run(tables.job.update().values(cml=cml)))

    (first, text), (second, _) = alerts(desk, job)

    assert (first, second) == ("bad", "warn")
    assert "The job has 3 test questions, too few: nobody is tested" in text
    assert f"/desk/jobs/{job.id}/tests" in text
    assert f"/desk/jobs/{job.id}/settings" in text


def test_few_test_questions_are_enough_when_they_are_always_asked(
    client: Client, desk: Browser
) -> None:
    job = make(client, golds=3, launched=False, options={"gold_always": True})

    assert alerts(desk, job) == []


def test_test_questions_that_run_out_with_the_names(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = make(client, golds=12, max_judgments_per_worker=30)
    work(box, job, 1, seconds=120)
    change(box, lambda tx: tx.run(tables.worker.update().values(display_name=f"Ada {EVIL}")))
    update_workers(box, golds_seen=11)

    level, text = next(each for each in alerts(desk, job) if "run out" in each[1])

    assert level == "warn"
    assert f"Test questions run out for Ada {EVIL}" in text
    assert re.search(r"can give 4 of the \d+ judgments that are needed", text)


def test_contested_test_questions(box: Sandbox, client: Client, desk: Browser) -> None:
    job = make(client, golds=12, max_judgments_per_worker=30)
    with box.database.transaction() as tx:
        worker = workers.join(tx, channel=ON_DEMAND)
        (gold, other, *_) = tx.all(tables.unit.select().where(tables.unit.c.state == "golden"))
        for unit, decided in ((gold, None), (other, 1.0)):
            values = {
                "job_id": job.id,
                "unit_id": unit.id,
                "worker_id": worker.id,
                "field": "good",
                "text": EVIL,
                "created_at": 1.0,
                "decided_at": decided,
            }
            tx.add(contributor_tables.contest, values)

    assert "1 contested test question" in only(desk, job)[1]


def test_a_test_question_that_half_of_the_contributors_miss(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = make(client, golds=12, max_judgments_per_worker=30)
    missed = {"judgments_count": 4, "missed_count": 2}
    gold = tables.unit.c.state == "golden"
    with box.database.transaction() as tx:
        first = tx.all(tables.unit.select().where(gold))[0]
        tx.run(tables.unit.update().where(tables.unit.c.id == first.id).values(missed))

    assert "At least half of the answers to 1 test question are wrong" in only(desk, job)[1]


def test_webhooks_that_are_not_taken(box: Sandbox, client: Client, desk: Browser) -> None:
    job = make(client)
    line = {
        "job_id": job.id,
        "signal": "unit_complete",
        "payload": "{}",
        "signature": "",
        "attempts": 2,
        "next_at": 0.0,
        "created_at": 0.0,
    }
    change(box, lambda tx: tx.add(webhook_delivery, line))
    assert "1 webhook was not taken" in only(desk, job)[1]

    change(box, lambda tx: tx.run(tables.job.update().values(webhook_disabled_at=1.0)))

    text = only(desk, job)[1]
    assert "Webhooks are not sent any more" in text
    assert f"/desk/jobs/{job.id}/reports" in text


def test_the_row_at_which_the_cap_is_reached(box: Sandbox, client: Client, desk: Browser) -> None:
    job = make(client)
    change(box, lambda tx: caps.set_cap(tx, jobs.load(tx, job.id), 108_000))

    level, text = only(desk, job)

    assert level == "warn"
    assert "The cap will be reached at about row 15 of 30" in text
    assert "About $2.16 are needed, and the cap is $1.08." in text


def test_contributors_much_faster_than_the_others(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = make(client, judgments_per_unit=8)
    work(box, job, 8)
    page = tables.assignment
    with box.database.transaction() as tx:
        fast = min(row.worker_id for row in tx.all(page.select()))
        seconds = {"started_at": page.c.submitted_at - 100}
        tx.run(page.update().values(seconds))
        tx.run(
            page.update()
            .where(page.c.worker_id == fast)
            .values(started_at=page.c.submitted_at - 19)
        )
        name = tables.worker.update().where(tables.worker.c.id == fast)
        tx.run(name.values(display_name="Fay"))

    level, text = only(desk, job)

    assert level == "warn"
    assert "1 contributor is at least 5 times as fast as most" in text
    assert "Look at the answers of Fay" in text
    with box.database.transaction() as tx:
        workers.flag(tx, jobs.load(tx, job.id), fast)
    assert alerts(desk, job) == []


def test_rows_of_a_finished_job_that_lost_judgments(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = make(client)
    work(box, job)
    with box.database.transaction() as tx:
        someone = tx.all(tables.worker_job.select())[0].worker_id
        workers.reject(tx, jobs.load(tx, job.id), someone)

    level, text = only(desk, job)

    assert level == "warn"
    short = re.search(r"(\d+) rows ended without enough judgments", text)
    assert short is not None
    listed = desk.text(f"/desk/jobs/{job.id}/rows", only="short")
    assert f"–{short[1]} of {short[1]}" in listed
    with box.database.snapshot() as tx:
        row = next(
            each
            for each in tx.all(tables.unit.select())
            if each.state == "finalized" and each.judgments_count < each.needed
        )
    client.get_unit(job, row.id).request_more_judgments(1)
    assert job.reload().state == "running"
    more = [text for _, text in alerts(desk, job) if "without enough judgments" in text]
    assert more
    assert f"{int(short[1]) - 1} row" in more[0]


def test_nobody_at_work_for_an_hour(box: Sandbox, client: Client, desk: Browser) -> None:
    job = make(client)
    box.clock.advance(minutes=59)
    assert alerts(desk, job) == []

    box.clock.advance(minutes=2)

    assert only(desk, job)[0] == "info"
    assert "Nobody has been at work for an hour" in only(desk, job)[1]


def test_a_report_that_is_older_than_the_last_answer(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = make(client)
    work(box, job, 1, seconds=120)
    client.get_report(job.id, "full")
    assert not [text for _, text in alerts(desk, job) if "older" in text]

    box.clock.advance(minutes=1)
    work(box, job)

    assert ("info", "older") in [
        (level, "older") for level, text in alerts(desk, job) if "older" in text
    ]


def test_several_alerts_of_a_level_stand_together(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = make(client)
    cml = f"<p>{{{{ shop_name }}}}</p>{FORM}"
    change(box, lambda tx: tx.run(tables.job.update().values(cml=cml, webhook_disabled_at=1.0)))

    level, text = only(desk, job)

    assert level == "warn"
    assert text.startswith("2 things need a look")


def test_the_alerts_of_an_ended_job_are_not_about_its_settings(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = make(client)
    change(box, lambda tx: jobs.cancel(tx, jobs.load(tx, job.id)))
    change(box, lambda tx: tx.run(tables.job.update().values(cml=None)))

    assert alerts(desk, job) == []


def test_test_questions_that_a_form_leaves_without_use_are_an_alert(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = make(client, golds=12)
    work(box, job, pages=14)
    assert job.reload().state == "running"

    job.cml = FORM.replace('name="good"', 'name="fine"')
    with pytest.warns(ServiceWarning, match="12 test questions have answers to good, which the"):
        job.update()

    level, text = alerts(desk, job)[0]
    assert level == "bad"
    assert "12 test questions check nobody" in text
    assert "The correct answer is to “good”, which the form does not ask." in text
    assert f"/desk/jobs/{job.id}/tests" in text
    assert f"/desk/jobs/{job.id}/form" in text
    page = desk.text(f"/desk/jobs/{job.id}")
    assert "none of finished rows yet" in page
    assert "no row is finished" not in page
    tests = desk.text(f"/desk/jobs/{job.id}/tests")
    assert "12 test questions check nobody" in tests
    assert tests.count("Checks nobody") == 2 * 12, "wide and narrow"
    assert "In use " not in tests.replace("In use and hidden In use", "")


def test_a_question_among_several_that_is_gone_is_a_milder_alert(
    client: Client, desk: Browser
) -> None:
    more = '<cml:text label="Why?" name="why"/>'
    rows = [{"text": f"{n}"} for n in range(30)]
    gold = {"text": "Gold", "_golden": "TRUE", "good_gold": "yes", "why_gold": "because"}
    job = client.upload_job([*rows, *([gold] * 12)])
    job.title, job.instructions, job.cml = "Good?", "Read.", FORM + more
    job.update()
    job.convert_test_questions()
    job.launch(30, channels=[ON_DEMAND])

    job.cml = FORM
    with pytest.warns(ServiceWarning, match="only answers to other questions are checked"):
        job.update()

    level, text = only(desk, job)
    assert level == "warn"
    assert "12 test questions do not check every answer they have" in text


def test_answers_that_are_no_choices_any_more_are_an_alert(client: Client, desk: Browser) -> None:
    job = make(client, golds=12)

    job.cml = FORM.replace('value="yes"', 'value="ok"')
    with pytest.warns(ServiceWarning, match="Nobody can answer the test question .* for 11 more"):
        job.update()

    level, text = only(desk, job)
    assert level == "bad"
    assert "Nobody can pass 12 test questions" in text


def test_marked_rows_without_an_answer_are_an_alert(client: Client, desk: Browser) -> None:
    rows = [{"text": f"{n}"} for n in range(30)]
    job = client.upload_job([*rows, *([{"text": "Gold", "_golden": "TRUE"}] * 12)])
    job.title, job.instructions, job.cml = "Good?", "Read.", FORM
    job.update()
    job.convert_test_questions()
    with pytest.warns(ServiceWarning, match="12 test questions have no accepted answer: nobody"):
        job.launch(30, channels=[ON_DEMAND])

    level, text = only(desk, job)
    assert level == "bad"
    assert "12 test questions have no correct answer" in text
