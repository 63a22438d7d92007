"""The overview of a job: figures, alerts in words, charts, cost, and the acts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from crowdflower import Client, Job
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.rules.jobs import caps, jobs
from crowdflower.sandbox.store import tables
from crowdflower.states import INTERNAL, ON_DEMAND
from tests.sandbox.desk_browser import PASSWORD, Browser, readable

FORM = """
<cml:radios label="What does the writer think?" name="opinion" validates="required">
  <cml:radio label="Good" value="good"/>
  <cml:radio label="Bad" value="bad"/>
</cml:radios>
<cml:ratings label="How sure?" name="sure" points="5"/>
<cml:textarea label="Why?" name="why"/>
"""

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def make_job(client: Client, rows: int = 40, *, golds: int = 0, **attributes: Any) -> Job:
    data = [{"text": f"Row {n}", "truth": ("good", "bad")[n % 2]} for n in range(rows)]
    gold = [
        {"text": f"Gold {n}", "truth": "good", "_golden": "TRUE", "opinion_gold": "good"}
        for n in range(golds)
    ]
    job = client.upload_job([*data, *gold])
    job.title, job.instructions, job.cml = "What does the review say?", "Read it.", FORM
    for name, value in {"units_per_assignment": 5, **attributes}.items():
        setattr(job, name, value)
    job.update()
    if golds:
        job.convert_test_questions()
    return job


def launch(client: Client, rows: int = 40, **attributes: Any) -> Job:
    job = make_job(client, rows, **attributes)
    job.launch(rows, channels=[ON_DEMAND])
    return job


def work(
    box: Sandbox, job: Job, people: int = 6, *, question: str = "opinion", **plan: Any
) -> None:
    box.crowd.add(people, truth={question: "truth"})
    box.crowd.run(job, **plan)


def row(box: Sandbox, job: Job) -> Any:
    with box.database.snapshot() as tx:
        return jobs.load(tx, job.id)


def url(job: Job) -> str:
    return f"/desk/jobs/{job.id}"


def test_a_draft_says_what_it_needs_and_costs(client: Client, desk: Browser) -> None:
    job = make_job(client, 40, golds=4)
    job.channels = [ON_DEMAND]

    page = desk.text(url(job))

    assert "The job has 4 test questions, too few: nobody is tested" in page
    assert "A page has 5 rows, so at least 8 test questions are needed; with 24" in page
    assert "Expected cost $2.88 at most $2.88" in page
    assert "Not launched yet" in page


def test_a_launched_job_without_answers_says_so(client: Client, desk: Browser) -> None:
    page = desk.text(url(launch(client)))

    assert "No answer yet" in page
    assert "Rows finished 0 of 40 · 0 %" in page
    assert "Time to finish not known yet" in page
    assert "Expected in the end $2.88" in page


@pytest.mark.parametrize("rows", [1, 5, 6, 40])
def test_a_job_is_expected_to_cost_what_was_said_before_its_launch(
    client: Client, desk: Browser, rows: int
) -> None:
    job = make_job(client, 40, units_per_assignment=4)
    job.channels = [ON_DEMAND]
    before = desk.text(f"/desk/jobs/{job.id}/new/launch", units=rows)
    job.launch(rows, channels=[ON_DEMAND])

    after = desk.text(f"/desk/jobs/{job.id}")

    said = re.search(r"Expected (\$[\d.]+)", before)
    assert said is not None
    assert f"Expected in the end {said[1]}" in after


def test_a_finished_job_shows_its_figures_charts_and_answers(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch(client)
    work(box, job)

    html = desk.get(url(job)).text
    page = readable(html)

    assert "Rows finished 40 of 40 · 100 %" in page
    assert "Judgments 120 0 set aside" in page
    assert re.search(r"Contributors [1-6] 0 at work now", page)
    assert "Time to finish – the job has ended" in page
    assert re.search(r"10 0 \d\d:\d\d \d\d:\d\d \d\d:\d\d Numbers Rows finished over time", page)
    assert "results of 40 finished rows" in page
    assert re.search(r"What does the writer think\? opinion .*Good \d+ % Bad \d+ %", page)
    assert re.search(r"How sure\? sure .* mean \d\.\d", page)
    assert "written answers are not counted" in page
    assert html.count('role="img" aria-label') >= 5
    assert f"{url(job)}/rows?answer=opinion%3Agood" in html
    assert "data-refresh" not in html


def test_numbers_of_charts_are_those_of_the_job(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch(client)
    work(box, job)

    html = desk.get(url(job)).text
    tables_of = re.findall(r"<caption[^>]*>(.*?)</caption>.*?<tbody>(.*?)</tbody>", html)
    found = {name: re.findall(r'"num">([\d,]+)<', body) for name, body in tables_of}

    judgments = next(cells for name, cells in found.items() if name.startswith("Judgments"))
    assert sum(map(int, judgments)) == 120
    assert len(judgments) <= 49
    assert sum(map(int, found["Rows by agreement"])) == 40
    assert found["Rows finished over time"][-1:] == ["40"]


def test_a_running_job_knows_how_long_the_rest_takes(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch(client, 400)
    work(box, job, seconds=1800)

    html = desk.get(url(job)).text
    page = readable(html)

    assert re.search(r"Time to finish about \d+ (minutes|hours) at [\d,]+ judgments an hour", page)
    assert 'class="curve plan"' in html
    assert 'data-refresh="5"' in html


def test_pause_and_resume(box: Sandbox, client: Client, desk: Browser) -> None:
    job = launch(client)

    said = desk.said(desk.post(url(job), do="pause"))
    assert "Paused. Nobody gets a page" in said
    assert "Paused by you 40 rows are open. About $2.88 more finish them." in said
    assert row(box, job).pause_reason == "requester"

    assert "Resumed." in desk.said(desk.post(url(job), do="resume"))
    assert row(box, job).state == "running"


def test_cancel_of_a_free_job_says_nothing_of_money(client: Client, desk: Browser) -> None:
    job = make_job(client)
    job.launch(40, channels=[INTERNAL])

    said = desk.said(desk.post(f"/desk/jobs/{job.id}", do="cancel"))

    assert "Canceled." in said
    assert "returned to the balance" not in said


def test_cancel(box: Sandbox, client: Client, desk: Browser) -> None:
    job = launch(client)

    assert "Canceled." in desk.said(desk.post(url(job), do="cancel"))

    assert row(box, job).state == "canceled"


def test_more_rows_are_ordered_once(box: Sandbox, client: Client, desk: Browser) -> None:
    job = make_job(client, 40)
    job.launch(10, channels=[ON_DEMAND])
    form = {"do": "order", "units": "20", "once": "key"}

    assert "20 rows were ordered." in desk.said(desk.post(url(job), **form))
    assert "This was done before." in desk.said(desk.post(url(job), **form))

    assert row(box, job).judgable_count == 30


def test_the_cost_of_more_rows_is_said_before_they_are_ordered(
    client: Client, desk: Browser
) -> None:
    job = make_job(client, 40, units_per_assignment=5)
    job.launch(10, channels=[ON_DEMAND])

    page = desk.text(f"/desk/jobs/{job.id}")

    assert "30 uploaded rows are not ordered yet. All together: $2.16 expected, $2.16" in page


@pytest.mark.parametrize(
    "units", ["", "0", "-1", "many", "1.5", "1,0", "31", "200", "1e1", "9" * 40, "٣"]
)
def test_a_number_of_rows_that_cannot_be_ordered_is_refused(
    box: Sandbox, client: Client, desk: Browser, units: str
) -> None:
    job = make_job(client, 40)
    job.launch(10, channels=[ON_DEMAND])

    response = desk.post(url(job), do="order", units=units, once="key")

    assert response.status_code == 422
    assert "“Rows to order” is a whole number from 1 to 30" in readable(response.text)
    assert re.search(
        r'<details class="menu" open>\s*<summary class="btn">.*Order more', response.text
    )
    assert f'id="more" name="units" inputmode="numeric" value="{units}"' in response.text
    assert row(box, job).judgable_count == 10
    said = desk.said(desk.post(url(job), do="order", units=" 30 ", once="key"))
    assert "30 rows were ordered." in said, "the key is not used up"


def test_rows_are_ordered_with_a_comma_between_thousands(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = make_job(client, 1100, payment_cents=1)
    job.launch(10, channels=[ON_DEMAND])
    assert 'value="1,090"' in desk.get(url(job)).text

    assert "1,080 rows were ordered." in desk.said(desk.post(url(job), do="order", units="1,080"))
    assert row(box, job).judgable_count == 1090


def test_no_rows_are_ordered_when_there_are_none(client: Client, desk: Browser) -> None:
    response = desk.post(url(launch(client)), do="order", units="1")

    assert response.status_code == 422
    assert "There are no rows to order. Add rows first." in readable(response.text)


def test_a_cap_pauses_the_job_and_raising_it_goes_on(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch(client)
    said = desk.said(desk.post(url(job), do="cap", cap="$1.00"))
    assert "The cap is $1.00." in said
    assert "The cap will be reached at about row 13 of 40" in said

    work(box, job)
    page = desk.text(url(job))
    assert "Paused: the cap of $1.00 is reached" in page
    assert "Spent $0.96 of at most $1.00" in page

    refused = desk.post(url(job), do="resume")
    assert refused.status_code == 422
    assert "The cap of $1.00 is reached" in readable(refused.text)

    said = desk.said(desk.post(url(job), do="raise", cap="5"))
    assert "The cap is $5.00. Resumed." in said
    assert (row(box, job).state, row(box, job).cap_mc) == ("running", 500_000)

    assert "The job has no cap any more." in desk.said(desk.post(url(job), do="no_cap"))


@pytest.mark.parametrize(
    "cap", ["", "much", "0", "-5", "1e9", "nan", "1.005", "1,5", "٣", "9" * 30]
)
def test_an_amount_that_is_none_is_refused_and_what_was_typed_is_kept(
    box: Sandbox, client: Client, desk: Browser, cap: str
) -> None:
    job = launch(client)

    response = desk.post(url(job), do="cap", cap=cap)

    assert response.status_code == 422
    assert "This was not done" in readable(response.text)
    assert f'value="{cap}"' in response.text or not cap
    assert row(box, job).cap_mc is None


def test_raising_the_cap_too_little_changes_nothing(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch(client)
    with box.database.transaction() as tx:
        caps.set_cap(tx, jobs.load(tx, job.id), 96_000)
    work(box, job)

    response = desk.post(url(job), do="raise", cap="1")

    assert response.status_code == 422
    assert row(box, job).cap_mc == 96_000


def test_a_job_without_funds_is_paid_and_resumed_in_one_step() -> None:
    with Sandbox(seed=3, desk=PASSWORD, balance_cents=1000) as poor:
        desk = Browser(poor)
        desk.sign_in()
        job = launch(poor.client(), 40, payment_cents=25)
        with poor.database.transaction() as tx:  # judgments that are replaced cost more
            tx.run(tables.job.update().values(payment_mc=100_000))
        work(poor, job)
        page = desk.text(url(job))
        assert "Paused: the balance does not cover another page" in page
        amount = re.search(r"Add (\$[\d.]+) of play money and resume", page)
        assert amount is not None

        said = desk.said(desk.post(url(job), do="fund", once="key"))

        assert f"{amount[1]} of play money were added. Resumed." in said
        assert row(poor, job).state == "running"
        assert poor.crowd.run(job).judgments > 0
        assert row(poor, job).state == "finished" or row(poor, job).pause_reason == "funds"


def test_an_unknown_act_is_refused(client: Client, desk: Browser) -> None:
    response = desk.post(url(launch(client)), do="explode")

    assert response.status_code == 422
    assert "This act is unknown" in readable(response.text)


def test_an_act_without_the_token_of_the_session_is_refused(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch(client)

    assert desk.post(url(job), token=None, do="pause").status_code == 403
    assert row(box, job).state == "running"


def test_pages_of_own_contributors_cost_nothing(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = make_job(client)
    job.launch(40, channels=[INTERNAL])

    page = desk.text(url(job))

    assert "Contributors of your own channel are not paid in the sandbox." in page
    assert "Set a cap" not in page


def test_what_people_wrote_stays_text(box: Sandbox, client: Client, desk: Browser) -> None:
    form = """
    <cml:text label="What does it say?" name="said" validates="required" aggregation="agg"/>
    """
    job = make_job(client, 5, cml=form, title=EVIL, judgments_per_unit=1)
    job.launch(5, channels=[ON_DEMAND])
    work(box, job, people=1, question="said")
    with box.database.transaction() as tx:
        values = {"data": {"said": EVIL}}
        tx.run(tables.judgment.update().values(values))
        tx.run(tables.worker.update().values(display_name=EVIL))

    html = desk.get(url(job)).text

    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "alert(1)" in html  # as text: of the answer, in the legend and in the bar
    assert f"{url(job)}/rows?answer=said%3A%22%3E%3Cscript" in html


def test_a_job_of_another_account_is_not_here(client: Client, desk: Browser) -> None:
    assert desk.get("/desk/jobs/999999").status_code == 404
