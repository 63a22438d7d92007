"""Answers that come after the time of their page come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox


@pytest.fixture
def late(
    box: Sandbox, launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> tuple[Any, Job]:
    """A browser whose answers came too late, and the job."""
    browser, job = new_browser(), launch(5, judgments_per_unit=1)
    browser.sign_in(job)
    fields = browser.fields(job, says="bad", why="It <b>broke</b>.")
    box.clock.advance(minutes=31)
    posted = browser.post(browser.path(job), fields)
    assert posted.status_code == 303
    browser.get(posted.headers["Location"])
    return browser, job


def test_late_answers_come_back(late: tuple[Any, Job]) -> None:
    browser, job = late

    assert "A page is kept for 30 minutes" in browser.html
    assert "5 of 5 rows are still free" in browser.html
    assert "Bad · It &lt;b&gt;broke&lt;/b&gt;." in browser.html
    html = browser.send(browser.path(job), again="yes").text

    assert html.count("checked") == 5
    assert html.count("It &lt;b&gt;broke&lt;/b&gt;.</textarea>") == 5
    assert 'data-given="1"' in html
    assert [*job.judgments()] == []
    assert browser.get(browser.path(job)).text.count("checked") == 5
    browser.submit(job, says="bad", why="It broke.")
    assert [judgment.data["says"] for judgment in job.judgments()] == ["bad"] * 5
    assert "The time for this page is over" not in browser.get(browser.path(job)).text


def test_no_page_is_handed_out_before_the_contributor_decided(late: tuple[Any, Job]) -> None:
    browser, job = late

    again = browser.get(browser.path(job))

    assert again.status_code == 200
    assert "Take these rows again" in again.text


def test_late_answers_can_be_forgotten(late: tuple[Any, Job]) -> None:
    browser, job = late

    html = browser.send(browser.path(job), drop="yes").text

    assert "checked" not in html
    assert "Row 1" in html


def test_rows_that_others_took_are_not_given_back(
    late: tuple[Any, Job], new_browser: Callable[[], Any]
) -> None:
    ada, job = late
    eve = new_browser()
    eve.sign_in(job, "Eve")

    html = ada.get(ada.path(job)).text
    assert "0 of 5 rows are still free" in html
    assert html.count("Taken by others") == 5
    assert "Take these rows again" not in html
    assert "There is nothing left" in ada.send(ada.path(job), drop="yes").text

    eve.submit(job, says="good")
    assert [judgment.data["says"] for judgment in job.judgments()] == ["good"] * 5


def test_rows_that_are_gone_meanwhile_are_told(
    late: tuple[Any, Job], new_browser: Callable[[], Any]
) -> None:
    ada, job = late
    new_browser().sign_in(job, "Eve")

    assert "0 of 5 rows are still free" in ada.send(ada.path(job), again="yes").text


def test_a_page_that_is_open_comes_first(
    box: Sandbox, launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    browser, job = new_browser(), launch(10, judgments_per_unit=1)
    browser.sign_in(job)
    fields = browser.fields(job, says="bad")
    box.clock.advance(minutes=31)
    unit_id = next(name[1:].partition("[")[0] for name in fields if name.startswith("u"))
    job.client.cancel_unit(job.id, int(unit_id))
    assert {*browser.fields(job, says="good")} != {*fields}

    late = browser.get(browser.post(browser.path(job), fields).headers["Location"]).text
    assert "You have another page of this job open" in late
    assert "Take these rows again" not in late
    browser.submit(job, says="good")

    assert "Kept for you" in browser.html
    assert "Your answers are handed in. Thank you!" in browser.html


@pytest.mark.parametrize("button", [{"more_time": "yes"}, {"more": "u1[why]"}])
def test_other_buttons_of_a_late_page_keep_the_answers_too(
    box: Sandbox, launch: Callable[..., Job], new_browser: Callable[[], Any], button: dict[str, str]
) -> None:
    browser, job = new_browser(), launch(5)
    browser.sign_in(job)
    fields = browser.fields(job, says="bad")
    box.clock.advance(minutes=31)

    response = browser.post(browser.path(job), {**fields, **button})

    assert response.status_code == 303
    assert "5 of 5 rows are still free" in browser.get(response.headers["Location"]).text


def test_a_row_without_answers_is_listed(
    box: Sandbox, launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    browser, job = new_browser(), launch(5)
    browser.sign_in(job)
    fields = browser.fields(job)
    box.clock.advance(minutes=31)

    html = browser.get(browser.post(browser.path(job), fields).headers["Location"]).text

    assert html.count("none yet") == 5


def test_nobody_else_can_store_or_resolve_late_answers(
    box: Sandbox, launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    ada, eve, job = new_browser(), new_browser(), launch(5)
    ada.sign_in(job)
    fields = ada.fields(job, says="bad")
    box.clock.advance(minutes=31)
    eve.sign_in(job, "Eve")

    assert eve.post(eve.path(job), fields).status_code == 404
    assert ada.post(ada.path(job), {**fields, "token": "forged"}).status_code == 409
    ada.post(ada.path(job), fields)
    for button in ("again", "drop"):
        assert ada.post(ada.path(job), {button: "yes"}).status_code == 403
    assert "Kept for you" in ada.get(ada.path(job)).text


def test_a_contributor_who_may_not_go_on_is_told_why(late: tuple[Any, Job]) -> None:
    browser, job = late
    job.pause()

    kept = browser.get(f"{browser.path(job)}&late=1").text
    why = browser.get(browser.path(job)).text

    assert "Your answers are kept for a day." in kept
    assert "This job is paused" in why


def test_skipping_the_rows_forgets_their_answers(late: tuple[Any, Job]) -> None:
    browser, job = late
    browser.send(browser.path(job), again="yes")

    fields = browser.fields(job) | {"give_up": "yes"}
    browser.post(browser.path(job), fields)

    assert "checked" not in browser.get(browser.path(job)).text
