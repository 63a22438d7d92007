"""A contributor contests a missed test question on the page, and reads the decision."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from crowdflower.sandbox.rules.work import contests
from crowdflower.sandbox.store.contributor_tables import contest

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

pytestmark = pytest.mark.filterwarnings("ignore:the test questions|no contributor will lose")

FORM = re.compile(r'<form method="post" action="([^"]*/contest[^"]*)".*?</form>', re.DOTALL)


@pytest.fixture
def missed(launch: Callable[..., Job], new_browser: Callable[[], Any]) -> tuple[Any, Job]:
    """A browser that shows one missed test question, and the job."""
    browser, job = new_browser(), launch(20, golds=8, options={"after_gold": 50})
    job.client.update_job(job.id, {"gold_per_assignment": 1})
    browser.sign_in(job)
    browser.submit(job, says="good")
    return browser, job


def form_of(html: str) -> tuple[str, dict[str, str]]:
    """Return the address and the hidden fields of the first form to contest a test question."""
    found = FORM.search(html)
    assert found is not None
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found[0]))
    return found[1].replace("&amp;", "&"), fields


def decide(box: Sandbox, *, accepted: bool) -> None:
    """Decide the only contest."""
    with box.app.services.database.transaction() as tx:
        contests.decide(tx, tx.one(select(contest)), accepted)


def test_a_missed_test_question_is_contested_in_one_step(missed: tuple[Any, Job]) -> None:
    browser, _ = missed
    url, fields = form_of(browser.html)

    sent = browser.post(url, {**fields, "contest": "It is <b>good</b>."})
    html = browser.get(sent.headers["Location"]).text

    assert sent.status_code == 303
    assert f"#missed-{fields['unit']}" in sent.headers["Location"]
    assert f'id="missed-{fields["unit"]}"' in html
    assert "It is &lt;b&gt;good&lt;/b&gt;." in html
    assert "Sent: the owner of this job reads it." in html
    assert "I disagree…" not in html
    assert browser.post(url, {**fields, "contest": "It is <b>good</b>."}).status_code == 303
    assert browser.post(url, {**fields, "contest": "Another text."}).status_code == 409


def test_an_accepted_contest_is_told_and_puts_the_accuracy_right(
    box: Sandbox, missed: tuple[Any, Job]
) -> None:
    browser, job = missed
    url, fields = form_of(browser.html)
    back = browser.post(url, {**fields, "contest": "It is good."}).headers["Location"]

    decide(box, accepted=True)

    page = browser.get(back).text
    assert "You were right: your answer counts as correct now." in page
    assert "Accuracy now 100 %" in page
    assert "The owner of “Reviews” agrees with you: “It is good.”" in page
    home = browser.get("/label/").text
    assert "You were right about a test question" in home
    assert "1 of 1 test question" in home
    assert "agrees with you" not in browser.get(browser.path(job)).text, "told once"


def test_a_declined_contest_is_told(box: Sandbox, missed: tuple[Any, Job]) -> None:
    browser, _ = missed
    url, fields = form_of(browser.html)
    back = browser.post(url, {**fields, "contest": "It is good."}).headers["Location"]

    decide(box, accepted=False)

    home = browser.get("/label/").text
    assert "The correct answer of a test question stays" in home
    assert "does not agree: “It is good.”" in home
    assert "1 new" in home
    assert "0 of 1 test question" in home
    assert "The owner of this job does not agree." in browser.get(back).text


def test_the_result_of_a_quiz_explains_what_was_missed(
    launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    browser = new_browser()
    job = launch(20, golds=8, options={"front_load": True})
    browser.sign_in(job)

    html = browser.submit(job, says="good").text

    assert "You did not pass the quiz" in html
    assert "You missed 5 answers in the quiz." in html
    assert len(FORM.findall(html)) == 5
    assert html.count("It broke.") == 5


@pytest.mark.parametrize("text", ["", "x" * 501, "a\x01b"])
def test_a_text_that_cannot_be_taken_is_asked_again(missed: tuple[Any, Job], text: str) -> None:
    browser, _ = missed
    url, fields = form_of(browser.html)

    response = browser.post(url, {**fields, "contest": text})

    assert response.status_code == 422
    assert 'role="alert"' in response.text
    browser.html = response.text
    assert text.replace("\x01", "") in response.text.replace("\x01", "")
    hidden = dict(
        re.findall(r'type="hidden" name="(unit|field|page)" value="([^"]*)"', browser.html)
    )
    assert "Sent: the owner" in browser.send(url, **hidden, contest="It is good.").text


def test_only_ones_own_form_is_taken(
    missed: tuple[Any, Job], new_browser: Callable[[], Any]
) -> None:
    browser, job = missed
    url, fields = form_of(browser.html)
    form = {**fields, "contest": "It is good."}
    eve = new_browser()

    assert eve.post(url, form).status_code == 403
    eve.sign_in(job, "Eve")
    assert eve.post(url, {**form, "form_token": eve.form_token}).status_code == 404
    assert browser.post(url, {**form, "form_token": ""}).status_code == 403
    assert browser.post(url, form, Origin="http://evil.example").status_code == 403
    assert browser.post(url.partition("?")[0], form).status_code == 404
    for unit in ("", "x", "9" * 30, "1"):
        assert browser.post(url, {**form, "unit": unit}).status_code == 404
    assert "I disagree…" in browser.get(f"{browser.path(job)}&done={fields['page']}").text
