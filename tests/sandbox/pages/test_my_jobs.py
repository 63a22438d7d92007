"""A contributor's home: their jobs, earnings and inbox; signing out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

pytestmark = pytest.mark.filterwarnings("ignore:the test questions|no contributor will lose")

PAUSED, AGAIN = "Paused. Your answers so far are safe.", "Look again : Paused job"


def lines(html: str) -> list[str]:
    """Return the rows of the table of jobs, as text."""
    table = html.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in rows]


def test_a_browser_that_is_not_known_is_told_where_to_begin(new_browser: Callable[[], Any]) -> None:
    response = new_browser().get("/label/")

    assert response.status_code == 200
    assert response.content_type == "text/html; charset=utf-8"
    assert "ask the person who gave you this address for the whole link" in response.text
    assert 'name="link"' in response.text


def test_the_jobs_that_have_work_come_first(
    box: Sandbox, launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    browser = new_browser()
    jobs = {
        name: launch(title=name, judgments_per_unit=1)
        for name in ("Open job", "Paused job", "Done job")
    }
    jobs["Other"] = launch(title="Not joined")
    browser.sign_in(jobs["Open job"])
    for name in ("Open job", "Paused job", "Done job", "Done job"):
        browser.submit(jobs[name], says="good")
    jobs["Paused job"].pause()

    html = browser.get("/label/").text

    first, *others = lines(html)
    assert first.startswith("Open job ")
    assert first.endswith("Go on : Open job")
    assert "1 page left" in first
    assert "Not joined" not in html
    assert sorted(others) == [
        "Done job Finished not paid · 0 pages left not paid 5 rows 0 – $0.00 Done",
        f"Paused job {PAUSED} not paid · 0 pages left not paid 5 rows 0 – $0.00 {AGAIN}",
    ]
    assert "1 job has work for you." in html
    assert "1–3 of 3" in html
    assert browser.get(re.findall(r'btn primary" href="([^"]*)', html)[0].replace("&amp;", "&"))
    assert "Page 2" in browser.html


def test_figures_add_up_over_jobs(
    box: Sandbox, launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    browser = new_browser()
    first, second = launch(20, golds=8, options={"after_gold": 50}), launch()
    browser.sign_in(first)
    browser.submit(first, says="good")
    browser.submit(second, says="good")
    worker = next(first.judgments()).worker_id
    first.get_worker(worker).bonus(50, "For your notes.")

    html = browser.get("/label/").text

    figures = re.sub(r"<[^>]*>", " ", html.partition("stats")[2].partition("</dl>")[0])
    assert " ".join(figures.split()[1:]) == (
        "Earned $0.50 with bonuses of $0.50 Last 24 hours $0.00 2 pages"
        " Accuracy 0 % 0 of 1 test question Judgments 10 in 2 jobs"
    )


def test_a_quiz_and_what_follows_it_have_their_words(
    launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    browser = new_browser()
    job = launch(20, golds=8, options={"front_load": True})
    browser.sign_in(job)
    assert "Take the quiz" in lines(browser.get("/label/").text)[0]

    browser.submit(job, says="good")

    (line,) = lines(browser.get("/label/").text)
    assert "Quiz not passed" in line
    assert line.endswith("Closed")


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        ({"max_judgments_per_worker": 5}, "You have judged all you can"),
        ({"judgments_per_unit": 1, "rows": 10}, "Go on"),
    ],
)
def test_limits_are_told(
    launch: Callable[..., Job],
    new_browser: Callable[[], Any],
    settings: dict[str, Any],
    note: str,
) -> None:
    browser = new_browser()
    job = launch(**settings)
    browser.sign_in(job)
    browser.submit(job, says="good")

    assert note in lines(browser.get("/label/").text)[0]


def test_rows_that_others_work_on_are_nothing_to_do_right_now(
    launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    ada, eve = new_browser(), new_browser()
    job = launch(10, judgments_per_unit=1)
    eve.sign_in(job, "Eve")
    ada.sign_in(job)
    ada.submit(job, says="good")
    ada.get("/label/")

    assert "Nothing to do right now" in lines(ada.html)[0]
    assert "No job has work for you right now." in ada.html


def test_many_jobs_are_on_several_pages(
    launch: Callable[..., Job], new_browser: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = "crowdflower.sandbox.pages.contributor"
    for module in ("my_jobs", "my_jobs_page"):
        monkeypatch.setattr(f"{home}.{module}.JOBS_PER_PAGE", 2)
    browser = new_browser()
    for number in range(3):
        job = launch(5, title=f"Job {number}")
        if not number:
            browser.sign_in(job)
        browser.get(browser.path(job))

    first, second = browser.get("/label/").text, browser.get("/label/?page=2").text

    assert "1–2 of 3" in first
    assert 'href="/label/?page=2">Next' in first
    assert "3–3 of 3" in second
    assert "Previous" in second
    assert "Next" not in second
    assert len(lines(first) + lines(second)) == 3
    for page in ("0", "99", "-1", "x", "9" * 40):
        assert browser.get(f"/label/?page={page}").status_code == 200


def test_the_inbox_has_messages_and_says_which_are_new(
    box: Sandbox, launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    browser = new_browser()
    job = launch()
    browser.sign_in(job)
    browser.submit(job, says="good")
    worker = job.get_worker(next(job.judgments()).worker_id)
    worker.notify("Read <b>again</b>.")
    worker.bonus(50, "For your notes.")

    first = browser.get("/label/").text
    box.clock.advance(hours=3)
    second = browser.get("/label/").text

    assert "2 new" in first
    assert "Read &lt;b&gt;again&lt;/b&gt;. · just now" in first
    assert "Bonus of $0.50" in first
    assert "You received a bonus of $0.50 for “Reviews”. For your notes." in first
    assert "Message about “Reviews”" in first
    assert "new</span>" not in second
    assert "3 hours ago" in second
    assert "Read &lt;b&gt;" not in browser.get(browser.path(job)).text


def test_signing_out_makes_the_cookie_worthless(
    launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    browser = new_browser()
    job = launch()
    browser.sign_in(job)
    stolen = browser.client.get_cookie("crowdflower_contributor", path="/label")

    response = browser.send("/label/", do="sign_out")

    assert "This browser is not known yet" in response.text
    assert "Your name" in browser.get(browser.path(job)).text
    thief = new_browser()
    thief.client.set_cookie("crowdflower_contributor", stolen.value, path="/label")
    assert "This browser is not known yet" in thief.get("/label/").text


@pytest.mark.parametrize("do", ["sign_out", "make_link"])
def test_a_form_of_another_site_does_nothing(
    launch: Callable[..., Job], new_browser: Callable[[], Any], do: str
) -> None:
    browser = new_browser()
    browser.sign_in(launch())
    form = {"do": do, "form_token": browser.form_token}

    assert browser.post("/label/", {**form, "form_token": "x"}).status_code == 403
    assert browser.post("/label/", {"do": do}).status_code == 403
    assert browser.post("/label/", form, Origin="http://evil.example").status_code == 403
    assert "Hello, Ada" in browser.get("/label/").text
    assert browser.post("/label/", {**form, "do": "nothing"}).status_code == 303


def test_the_menu_is_on_every_page_of_a_contributor(
    launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    browser = new_browser()
    job = launch()
    assert "Sign out" not in browser.get(browser.path(job)).text
    browser.sign_in(job, "<b>Ada</b>")

    for path in (browser.path(job), "/label/", f"{browser.path(job)}&skipped=1"):
        html = browser.get(path).text
        assert "You work as &lt;b&gt;Ada&lt;/b&gt; in this browser." in html
        assert "My jobs and earnings" in html
        assert 'value="sign_out"' in html


@pytest.mark.parametrize(
    "path", ["/label/nothing", "/label/me", "/label/1/2", "/label/" + "9" * 30]
)
def test_an_unknown_address_is_a_page(new_browser: Callable[[], Any], path: str) -> None:
    response = new_browser().get(path)

    assert response.status_code == 404
    assert response.content_type == "text/html; charset=utf-8"
    assert "This link does not work" in response.text
