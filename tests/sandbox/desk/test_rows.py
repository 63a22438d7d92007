"""The rows of a job on the desk: the list, its search and filters, one row, and the acts for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import event, select, update

from crowdflower.client import Client
from crowdflower.job import Job
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.desk.rows import row_search
from crowdflower.sandbox.rules.work import review, workers
from crowdflower.sandbox.store.contributor_tables import contest
from crowdflower.sandbox.store.tables import job as jobs
from crowdflower.sandbox.store.tables import judgment
from crowdflower.sandbox.store.tables import unit as units
from tests.sandbox.desk_browser import PASSWORD, Browser, readable

CML = """
<p>{{ review }}</p>
<cml:radios label="Mood" name="mood" validates="required">
<cml:radio label="Good" value="good"/><cml:radio label="Bad" value="bad"/>
<cml:radio label="Neither" value="neither"/></cml:radios>
<cml:text label="Why" name="why"/>
"""

REVIEWS = (
    "A kettle that boils fast",
    "It is a chair",
    "100 % wool, and 50_50",
    "Broke on the second day",
    'Says "good" on the box',
    "Straße und ÉCLAIR",
)

SETTINGS = {
    "title": "Reviews",
    "instructions": "Read.",
    "cml": CML,
    "judgments_per_unit": 3,
    "units_per_assignment": 1,
    "payment_cents": 10,
}


def make_job(client: Client, rows: Any = None, **settings: Any) -> Job:
    """Upload and launch a job with a row for each review."""
    job = client.create_job({**SETTINGS, **settings})
    job.upload(rows or [{"sku": f"S{n}", "review": text} for n, text in enumerate(REVIEWS)])
    job.launch(job.reload().units_count, channels=["on_demand"])
    return job.reload()


def judge(box: Sandbox, job: Job, place: int, *moods: str, why: str = "") -> list[int]:
    """Let a new contributor give each answer to a row; return their numbers."""
    unit_id = list(job.units)[place].id
    people = []
    with box.database.transaction() as tx:
        row = tx.one(select(jobs).where(jobs.c.id == job.id))
        for mood in moods:
            worker = workers.join(tx, channel="on_demand", country="FI", display_name=f"P{mood}")
            answers = {"mood": mood, **({"why": why} if why else {})}
            review.submit_judgment(tx, row, unit_id, worker.id, answers)
            people.append(worker.id)
    return people


@pytest.fixture
def job(box: Sandbox, client: Client) -> Job:
    """A job that a test may change."""
    return make_judged_job(box, client)


@pytest.fixture(scope="module")
def shown() -> Iterator[tuple[Job, Browser]]:
    """A job that tests only look at, and a browser that is signed in; for many tests."""
    with Sandbox(seed=3, desk=PASSWORD) as box:
        browser = Browser(box)
        browser.sign_in()
        yield make_judged_job(box, box.client()), browser


@pytest.fixture(scope="module")
def media() -> Iterator[Callable[[str], str]]:
    """A function that returns the page of a row with a value in its only column."""
    with Sandbox(seed=3, desk=PASSWORD) as box:
        browser, job = Browser(box), box.client().create_job({"title": "Media"})
        browser.sign_in()

        def page(value: str) -> str:
            unit = job.add_unit({"what": value})
            return browser.get(f"/desk/jobs/{job.id}/rows/{unit.id}").text

        yield page


def make_judged_job(box: Sandbox, client: Client) -> Job:
    """Six rows: one agreed, one split, one tied, one open with an answer, two without any."""
    job = make_job(client)
    judge(box, job, 0, "good", "good", "good")
    judge(box, job, 1, "good", "bad", "bad")
    judge(box, job, 2, "good", "bad", "neither", why="no idea")
    judge(box, job, 3, "bad")
    return job


def path(job: Job, place: int | None = None) -> str:
    rows = f"/desk/jobs/{job.id}/rows"
    return rows if place is None else f"{rows}/{list(job.units)[place].id}"


def listed(desk: Browser, job: Job, **query: Any) -> list[int]:
    """Return the numbers of the rows on a page of the list, from top to bottom."""
    response = desk.get(path(job), **query)
    assert response.status_code == 200, response.text
    return [int(each) for each in re.findall(r'class="rowlink" href="[^"]*">(\d+)<', response.text)]


def test_a_job_without_rows_says_what_to_do(client: Client, desk: Browser) -> None:
    job = client.create_job({"title": "Empty"})

    text = desk.text(path(job))

    assert "No rows yet" in text
    assert "Upload data" in text


def test_the_list_shows_each_row_with_its_result(shown: tuple[Job, Browser]) -> None:
    job, desk = shown

    text = desk.text(path(job))

    assert "1–6 of 6" in text
    assert "review" in text
    assert "A kettle that boils fast" in text
    assert "1.00" in text
    assert "0.67" in text
    assert "tie" in text
    assert "3 of 3" in text
    assert "1 of 3" in text
    assert listed(desk, job) == [1, 2, 3, 4, 5, 6]


def test_the_lowest_agreement_comes_first_and_unfinished_rows_last(
    shown: tuple[Job, Browser],
) -> None:
    job, desk = shown

    assert listed(desk, job, sort="agreement") == [3, 2, 1, 4, 5, 6]
    assert listed(desk, job, sort="agreement", only="low") == [3, 2]
    assert listed(desk, job, sort="agreement", state="finalized") == [3, 2, 1]
    assert listed(desk, job, sort="agreement", state="judgable") == [4, 5, 6]
    assert listed(desk, job, sort="agreement", only="unanswered") == [5, 6]


def test_the_last_answered_comes_first(box: Sandbox, job: Job, desk: Browser) -> None:
    box.clock.advance(minutes=3)
    judge(box, job, 4, "good")

    assert listed(desk, job, sort="last")[0] == 5
    assert listed(desk, job, sort="last")[-1] == 6


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ({"only": "low"}, [2, 3]),
        ({"only": "unanswered"}, [5, 6]),
        ({"only": "contested"}, []),
        ({"only": "short"}, []),
        ({"state": "finalized"}, [1, 2, 3]),
        ({"state": "judgable"}, [4, 5, 6]),
        ({"state": "new"}, []),
        ({"state": "canceled"}, []),
        ({"state": "golden"}, []),
        ({"state": "judgable", "only": "unanswered"}, [5, 6]),
        ({"state": "judgable", "only": "low"}, []),
        ({"answer": "mood:good"}, [1]),
        ({"answer": "mood:bad"}, [2, 4]),
        ({"answer": "mood:neither"}, [3]),
        ({"answer": "mood:good", "only": "low"}, []),
        ({"answer": "mood:bad", "state": "finalized"}, [2]),
        ({"answer": "mood:nothing"}, []),
        ({"answer": "unknown:good"}, []),
        ({"answer": "why:no idea"}, []),
        ({"q": "KETTLE"}, [1]),
        ({"q": "%"}, [3]),
        ({"q": "_"}, [3]),
        ({"q": "\\"}, []),
        ({"q": '"good"'}, [5]),
        ({"q": "strasse"}, []),
        ({"q": "STRAßE"}, [6]),
        ({"q": "éclair"}, [6]),
        ({"q": "review"}, []),
        ({"q": "S3"}, [4]),
        ({"q": "s", "answer": "mood:bad", "sort": "agreement"}, [2, 4]),
        ({"q": "\0"}, []),
    ],
)
def test_filters_and_search(
    shown: tuple[Job, Browser], query: dict[str, str], rows: list[int]
) -> None:
    job, desk = shown

    assert listed(desk, job, **query) == rows
    if not rows:
        assert "No row matches" in desk.text(path(job), **query)
        assert "Clear the filters" in desk.text(path(job), **query)


def test_a_number_in_the_data_is_found(client: Client, desk: Browser) -> None:
    job = client.create_job({"title": "Numbers"})
    job.upload([{"price": 125, "tags": []}, {"price": 80, "tags": ["tea", "jam"]}])

    assert listed(desk, job, q="125") == [1]
    assert listed(desk, job, q="JAM") == [2]


def test_contested_rows_are_found_as_test_questions_and_afterwards(
    box: Sandbox, job: Job, desk: Browser
) -> None:
    first, second, *_ = list(job.units)
    with box.database.transaction() as tx:
        for given in tx.all(select(judgment).where(judgment.c.unit_id.in_([first.id, second.id]))):
            values = {"job_id": job.id, "unit_id": given.unit_id, "worker_id": given.worker_id}
            now = box.clock.now()
            tx.add(contest, {**values, "field": "mood", "text": "I disagree", "created_at": now})
        tx.run(update(units).where(units.c.id == first.id).values(state="golden"))

    assert listed(desk, job, only="contested") == [1, 2]
    assert "contested" in desk.text(path(job, 1))


def test_pages_keep_the_filters(client: Client, desk: Browser) -> None:
    job = client.create_job({"title": "Long list"})
    job.upload([{"text": f"row {number}"} for number in range(1, 121)])

    second = desk.get(path(job), q="row", state="new", page=2)

    assert "51–100 of 120" in second.text
    assert "q=row&amp;state=new&amp;page=3" in second.text
    assert listed(desk, job, page=3) == list(range(101, 121))
    assert listed(desk, job, page=99) == list(range(101, 121))
    assert listed(desk, job, sort="agreement", page=3) == list(range(101, 121))
    assert listed(desk, job, sort="last", page=2) == list(range(51, 101))


@pytest.mark.parametrize("query", [{}, {"only": "low"}, {"state": "finalized"}])
def test_an_index_sorts_by_agreement(shown: tuple[Job, Browser], query: dict[str, str]) -> None:
    """So that a page of a large job does not sort all of its rows."""
    job, desk = shown
    database = desk.http.application.extensions["desk"].database
    statements: list[tuple[str, Any]] = []

    with database.snapshot() as tx:

        def record(*call: Any) -> None:
            statements.append((call[2], call[3]))

        event.listen(tx.connection, "before_cursor_execute", record)
        assert listed(desk, job, sort="agreement", **query)[0] == 3
        event.remove(tx.connection, "before_cursor_execute", record)
        sorting = [each for each in statements if "ORDER BY unit.agreement" in each[0]]
        (plan,) = [
            tx.driver.execute(f"EXPLAIN QUERY PLAN {sql}", given).fetchall()
            for sql, given in sorting
        ]

    steps = [row[3] for row in plan]
    assert any("unit_by_agreement" in step for step in steps)
    assert not any("TEMP B-TREE" in step for step in steps)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"sort": "size"}, "Rows cannot be sorted by “size”."),
        ({"state": "gone"}, "No row is ever in the state “gone”."),
        ({"only": "all"}, "There is no filter “all”."),
        ({"answer": "good"}, "Write an answer as question:answer, not “good”."),
        ({"page": "0"}, "There is no page “0”."),
        ({"page": "-3"}, "There is no page “-3”."),
        ({"page": "9" * 40}, "There is no page"),
        ({"page": "²"}, "There is no page “²”."),
        ({"page": "x"}, "There is no page “x”."),
        ({"q": "x" * 300}, "The search has more than 200 characters"),
    ],
)
def test_a_parameter_that_means_nothing_is_said(
    shown: tuple[Job, Browser], query: dict[str, str], said: str
) -> None:
    job, desk = shown

    assert said in desk.text(path(job), **query)


def test_a_search_that_takes_too_long_says_how_far_it_came(
    job: Job, desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_search, "_WINDOW", 2)
    moments = chain([0.0, 0.0, 1.0], repeat(5.0))
    monkeypatch.setattr(row_search, "time", SimpleNamespace(monotonic=lambda: next(moments)))

    page = readable(desk.get(path(job), q="i").text)

    assert "The search stopped after 2 seconds: the first 4 of 6 rows were searched." in page
    assert "1–2 of 2" in page


def test_a_row_shows_data_result_and_every_judgment(shown: tuple[Job, Browser]) -> None:
    job, desk = shown

    text = desk.text(path(job, 1))

    assert "Row 2" in text
    assert "It is a chair" in text
    assert "Mood : Bad" in text.replace(": Bad", " : Bad")
    assert "Bad 0.67" in text
    assert "Good 0.33" in text
    assert "Agreement 0.67" in text
    assert "3 of 3 wanted" in text
    assert "$0.36" in text
    assert "3 judgments" in text
    assert "Pgood" in text


def test_judgments_that_do_not_count_are_marked(box: Sandbox, job: Job, desk: Browser) -> None:
    (person,) = judge(box, job, 4, "bad")
    with box.database.transaction() as tx:
        row = tx.one(select(jobs).where(jobs.c.id == job.id))
        found = tx.all(select(judgment).order_by(judgment.c.id))[-1]
        review.update_judgment(tx, row, found.id, tainted=True)
    assert "set aside: it does not count" in desk.text(path(job, 4))

    with box.database.transaction() as tx:
        workers.reject(tx, row, person)
    text = desk.text(path(job, 4))

    assert "removed: it no longer counts" in text
    assert "1 judgment, 1 set aside" in text
    assert "There is no result before the first judgment." in text


def test_previous_and_next_follow_the_list(shown: tuple[Job, Browser]) -> None:
    job, desk = shown

    ids = [unit.id for unit in job.units]

    def neighbours(address: str, **query: Any) -> list[int]:
        page = desk.get(address, **query).text
        return [
            int(each) for each in re.findall(r'rel="(?:prev|next)" href="[^"]*rows/(\d+)', page)
        ]

    assert neighbours(path(job, 0)) == [ids[1]]
    assert neighbours(path(job, 2)) == [ids[1], ids[3]]
    assert neighbours(path(job, 5)) == [ids[4]]
    assert neighbours(path(job, 1), sort="agreement", at=2) == [ids[2], ids[0]]
    assert neighbours(path(job, 2), only="low", at=2) == [ids[1]]
    assert neighbours(path(job, 3), answer="mood:bad", at=2) == [ids[1]]
    # The row is no longer where it was: the order of the upload.
    assert neighbours(path(job, 1), sort="agreement", at=6) == [ids[0], ids[2]]
    assert neighbours(path(job, 1), at="x") == [ids[0], ids[2]]


def test_the_list_leads_to_the_row_and_back_with_its_filters(shown: tuple[Job, Browser]) -> None:
    job, desk = shown

    page = desk.get(path(job), q="chair", sort="agreement").text
    (link,) = re.findall(r'class="rowlink" href="([^"]+)"', page)

    row = desk.get(link.replace("&amp;", "&")).text

    assert f'href="{path(job)}?q=chair&amp;sort=agreement"' in row


@pytest.mark.parametrize("number", ["1", "0", "999999999999999999"])
def test_a_row_that_is_not_there_is_a_page(job: Job, desk: Browser, number: str) -> None:
    response = desk.get(f"{path(job)}/{number}")

    assert response.status_code == 404
    assert "<h1>" in response.text


def test_a_row_of_another_job_is_not_shown(client: Client, job: Job, desk: Browser) -> None:
    other = client.create_job({"title": "Other"})
    other.upload([{"review": "hers"}])

    assert desk.get(f"{path(job)}/{next(iter(other.units)).id}").status_code == 404


def test_more_judgments_open_the_row_again(job: Job, desk: Browser) -> None:
    said = desk.said(desk.post(path(job, 1), do="more", judgments="2"))

    assert "2 more judgments were ordered." in said
    assert "Open" in said
    assert "3 of 5 wanted" in said
    assert "Agreement so far 0.67" in said
    assert list(job.units)[1].state == "judgable"


@pytest.mark.parametrize("number", ["", "0", "-1", "1001", "two", "9" * 30, "1.5"])
def test_a_wrong_number_of_judgments_is_refused(job: Job, desk: Browser, number: str) -> None:
    response = desk.post(path(job, 1), do="more", judgments=number)

    assert response.status_code == 422
    assert "“More judgments” is a whole number from 1 to 1,000" in readable(response.text)
    assert list(job.units)[1].state == "finalized"


def test_more_judgments_are_ordered_once(job: Job, desk: Browser) -> None:
    fields = {"do": "more", "judgments": "1", "once": "the same"}
    desk.post(path(job, 1), **fields)

    said = desk.said(desk.post(path(job, 1), **fields))

    assert "This was done before." in said
    assert "3 of 4 wanted" in said


def test_more_judgments_than_the_account_can_pay_are_refused(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = make_job(client)
    judge(box, job, 0, "good", "good", "good")
    client.update_job(job.id, {"payment_cents": 90_000})

    response = desk.post(path(job, 0), do="more", judgments="1000")

    assert response.status_code in {402, 422}
    assert "This was not done" in response.text
    assert next(iter(job.units)).state == "finalized"


def test_a_row_becomes_a_test_question_with_its_result_as_answer(job: Job, desk: Browser) -> None:
    page = desk.get(path(job, 1)).text
    assert re.search(r'name="accepted\[mood\]" value="bad" checked', page)
    assert not re.search(r'name="accepted\[mood\]" value="good" checked', page)

    fields = {"accepted[mood]": ["bad", "neither"], "reason[mood]": "It broke."}
    said = desk.said(desk.post(path(job, 1), do="gold", **fields))

    assert "The row is a test question now." in said
    unit = list(job.units)[1]
    assert unit.state == "golden"
    assert unit.data["mood_gold"] == ["bad", "neither"]
    assert unit.data["mood_gold_reason"] == ["It broke."]
    assert listed(desk, job) == [1, 3, 4, 5, 6]
    assert listed(desk, job, state="golden") == [2]
    assert "only you see it" in said


def test_a_test_question_needs_an_answer_that_contributors_can_give(
    job: Job, desk: Browser
) -> None:
    response = desk.post(path(job, 1), do="gold", **{"reason[mood]": "Because <b>"})
    assert response.status_code == 422
    assert "Because &lt;b&gt;" in response.text
    assert "Choose at least one accepted answer." in response.text
    assert "switch the test question off" not in response.text
    response = desk.post(path(job, 1), do="gold", **{"accepted[mood]": "splendid"})
    assert response.status_code == 422
    assert "splendid" in readable(response.text)

    assert list(job.units)[1].state == "finalized"


def test_a_row_without_judgments_is_canceled(job: Job, desk: Browser) -> None:
    assert "The row is canceled" in desk.said(desk.post(path(job, 5), do="cancel"))

    assert list(job.units)[5].state == "canceled"
    assert listed(desk, job, state="canceled") == [6]
    assert "Cancel the row" not in desk.text(path(job, 1))
    assert desk.post(path(job, 1), do="cancel").status_code == 422


def test_an_act_that_is_not_known_is_refused(job: Job, desk: Browser) -> None:
    assert desk.post(path(job, 1), do="explode").status_code == 422
    assert desk.post(path(job, 1), do="cancel", token="wrong").status_code == 403
    assert desk.post(f"{path(job)}/1", do="cancel").status_code == 404


@pytest.mark.parametrize(
    ("value", "html"),
    [
        ("https://example.org/a.png", '<img src="https://example.org/a.png"'),
        ("http://localhost:8000/a.jpg?x=1", '<img src="http://localhost:8000/a.jpg?x=1"'),
        ("files/lamp.png", '<img src="/label/files/lamp.png"'),
        ("/label/files/lamp.png", '<img src="/label/files/lamp.png"'),
        ("data:image/png;base64,AAAA", '<img src="data:image/png;base64,AAAA"'),
        ("https://example.org/a.mp3", '<audio controls preload="none" src="https://example.org/a'),
        ("https://example.org/a.webm", '<video controls preload="none" src="https://example.org/a'),
        ("https://example.org/page", '<a href="https://example.org/page" target="_blank"'),
        ("http://example.org/a.png", '<a href="http://example.org/a.png" target="_blank"'),
    ],
)
def test_media_of_a_row_are_shown(media: Callable[[str], str], value: str, html: str) -> None:
    assert html in media(value)


def test_a_column_that_the_form_shows_as_a_picture_is_one(client: Client, desk: Browser) -> None:
    job = client.create_job({**SETTINGS, "cml": CML + '<img src="{{ photo }}" alt="">'})
    job.upload([{"review": "x", "photo": "https://example.org/photo/17"}])

    assert '<img src="https://example.org/photo/17"' in desk.get(path(job, 0)).text


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "data:image/svg+xml;base64,AAAA",
        "/label/files/../../desk",
        "files/..\\secret.png",
        "https://[::1",
        " https://example.org/a b.png",
        "//example.org/a.png",
    ],
)
def test_other_addresses_are_text(media: Callable[[str], str], value: str) -> None:
    page = media(value)

    data = page[page.index('<dl class="kv start">') : page.index("</dl>")]
    assert "<a " not in data
    assert "<img" not in data
    assert "&lt;script" in data or "<script" not in data


MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}'


def test_markup_is_text_everywhere(box: Sandbox, client: Client, desk: Browser) -> None:
    """Titles, columns, cells, labels, options, names, answers, reasons and searches."""
    cml = (
        '<cml:radios name="mood" label="&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;"'
        ' validates="required"><cml:radio value="a"'
        ' label="&amp;lt;img src=x onerror=alert(1)&amp;gt;"/>'
        '<cml:radio label="b" value="&quot;&gt;&lt;script&gt;"/></cml:radios>'
        '<cml:text label="Why" name="why" aggregation="agg"/>'
    )
    job = make_job(client, [{MARKUP: MARKUP, "b": MARKUP}] * 6, cml=cml, title=MARKUP)
    first = next(iter(job.units)).id
    with box.database.transaction() as tx:
        row = tx.one(select(jobs).where(jobs.c.id == job.id))
        for number in range(3):
            worker = workers.join(tx, channel="on_demand", country="FI", display_name=MARKUP)
            answers = {"mood": "a" if number else '"><script>', "why": MARKUP}
            review.submit_judgment(tx, row, first, worker.id, answers)
    pages = [
        desk.get(path(job)),
        desk.get(path(job), q=MARKUP, answer=f"mood:{MARKUP}", sort=MARKUP, page=MARKUP),
        desk.get(path(job), only=MARKUP, state=MARKUP, answer=MARKUP),
        desk.get(path(job), answer=f"{MARKUP}:{MARKUP}"),
        desk.get(path(job, 0)),
        desk.get(f"{path(job, 0)}?at={quote(MARKUP)}&q={quote(MARKUP)}"),
        desk.post(path(job, 0), do=MARKUP, judgments=MARKUP),
        desk.post(path(job, 0), do="more", judgments=MARKUP),
        desk.post(path(job, 0), do="gold", **{"accepted[why]": MARKUP, "reason[why]": MARKUP * 99}),
    ]

    for response in pages:
        assert response.status_code in {200, 422}
        assert "<script>alert" not in response.text
        assert "<img src=x" not in response.text
        assert "onerror=alert(1)>" not in response.text
        assert "49" not in re.findall(r"alert\(1\)&gt;(\d+)", response.text)
        for tag in re.findall(r"<\w(?:[^>\"]|\"[^\"]*\")*>", response.text):
            assert not re.search(r"\s(style|on\w+)\s*=", re.sub(r'"[^"]*"', '""', tag))
    assert "&lt;script&gt;alert(1)" in pages[0].text
    assert "&lt;script&gt;alert(1)" in pages[4].text


def test_a_form_that_no_longer_works_still_shows_the_rows(
    box: Sandbox, job: Job, desk: Browser
) -> None:
    with box.database.transaction() as tx:
        tx.run(update(jobs).where(jobs.c.id == job.id).values(cml="<cml:radios"))

    assert "1–6 of 6" in desk.text(path(job))
    assert "It is a chair" in desk.text(path(job, 1))
