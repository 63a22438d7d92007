"""Who is kept out of a job made at the desk, and that everyone is told so truly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.desk.test_new_job import columns, ready, reviews, start
from tests.sandbox.desk_browser import readable

if TYPE_CHECKING:
    from crowdflower.client import Client
    from tests.sandbox.desk_browser import Browser

ENOUGH = reviews(40, golds=12)
"""Twelve test questions; with five rows on a page, eight are needed."""


def options(client: Client, job: int) -> dict[str, Any]:
    return dict(client.jobs[job]()["options"])


def launch_page(desk: Browser, job: int) -> str:
    return desk.text(f"/desk/jobs/{job}/new/launch")


def offer(desk: Browser, client: Client, job: int) -> str:
    """Return the page that somebody sees who opens the link of a job for the first time."""
    return readable(desk.get(f"/label/{job}", secret=client.get_job(job).secret).text)


def test_a_job_with_enough_test_questions_begins_with_a_quiz(desk: Browser, client: Client) -> None:
    job = ready(desk, client, ENOUGH)

    assert options(client, job) | {"front_load": True, "after_gold": 4} == options(client, job)
    page = desk.get(f"/desk/jobs/{job}/new/settings").text
    assert 'id="front_load" name="front_load" value="true" checked' in page
    checks = launch_page(desk, job)
    assert "Everyone begins with a quiz of 5 test questions, and needs 70 %." in checks
    assert "Each page has 1 test question more: whoever falls under 70 % gets no further" in checks
    assert "Nobody is screened" not in checks


def test_a_job_of_the_api_has_its_own_defaults(client: Client) -> None:
    job = client.create_job({"title": "A job of the API"}).id

    assert options(client, job) | {"front_load": False, "after_gold": 10} == options(client, job)


def test_a_quiz_that_is_switched_off_stays_off(desk: Browser, client: Client) -> None:
    job = ready(desk, client, ENOUGH)
    desk.post(f"/desk/jobs/{job}/new/settings", do="save", front_load="false", after_gold="6")

    columns(desk, job)

    assert options(client, job) | {"front_load": False, "after_gold": 6} == options(client, job)
    page = desk.get(f"/desk/jobs/{job}/new/launch").text
    assert f'href="/desk/jobs/{job}/new/settings#front_load"' in page
    assert "Nobody is screened before the work" in page
    assert "whoever is under 70 % after page 6 or a later one gets no further" in readable(page)


def test_the_quiz_is_switched_off_with_the_last_test_question(
    desk: Browser, client: Client
) -> None:
    job = start(desk, ENOUGH)
    columns(desk, job)
    assert options(client, job)["front_load"] is True

    columns(desk, job, **{"role-2": "kept"})

    assert client.get_job(job).golds_count == 0
    assert options(client, job)["front_load"] is False
    assert "No test questions: nobody is screened" in launch_page(desk, job)


def test_few_test_questions_make_no_quiz(desk: Browser, client: Client) -> None:
    job = ready(desk, client, reviews(12, golds=3))

    assert options(client, job)["front_load"] is False


@pytest.mark.parametrize(
    ("settings", "check"),
    [
        ({"after_gold": "50"}, "checked after 50 test questions, and the job has 12: nobody loses"),
        ({"gold_per_assignment": "0"}, "Pages of work have no test question"),
    ],
)
def test_the_check_says_when_nobody_is_removed(
    desk: Browser, client: Client, settings: dict[str, str], check: str
) -> None:
    job = ready(desk, client, ENOUGH)
    desk.post(f"/desk/jobs/{job}/new/settings", do="save", **settings)

    assert check in launch_page(desk, job)
    desk.post(f"/desk/jobs/{job}/new/launch", do="launch", units="28")
    assert "you get no more pages of this job" not in offer(desk, client, job)


@pytest.mark.parametrize(
    ("settings", "said", "not_said"),
    [
        (
            {},
            [
                "Start the quiz",
                "If your accuracy falls under 70 %, you get no more pages",
                "Some rows are test questions; you see afterwards",
            ],
            ["or a later one"],
        ),
        (
            {"front_load": "false", "after_gold": "6", "hide_correct_answers": "true"},
            [
                "If your accuracy is under 70 % after page 6 or a later one, you get no more",
                "Some rows are test questions.",
                "Accuracy needed",
            ],
            ["A quiz first", "you see afterwards"],
        ),
        (
            {"front_load": "false", "gold_per_assignment": "0"},
            ["Page after page"],
            ["test questions", "Accuracy needed", "A quiz first"],
        ),
    ],
)
def test_a_newcomer_reads_how_they_are_screened(
    desk: Browser, client: Client, settings: dict[str, str], said: list[str], not_said: list[str]
) -> None:
    job = ready(desk, client, ENOUGH)
    desk.post(f"/desk/jobs/{job}/new/settings", do="save", **settings)
    desk.post(f"/desk/jobs/{job}/new/launch", do="launch", units="28")

    page = offer(desk, client, job)

    assert [text for text in said if text not in page] == []
    assert [text for text in not_said if text in page] == []


def test_a_newcomer_to_a_job_without_test_questions_reads_of_none(
    desk: Browser, client: Client
) -> None:
    job = ready(desk, client, "text\none\ntwo\nthree\nfour\nfive\n")
    cml = '<p>{{ text }}</p><cml:text label="Why?" validates="required"/>'
    desk.post(f"/desk/jobs/{job}/new/form", do="save", cml=cml, instructions="Read.")
    desk.post(f"/desk/jobs/{job}/new/launch", do="launch", units="5")

    page = offer(desk, client, job)

    assert "Page after page" in page
    assert "quiz" not in page
    assert "ccuracy" not in page
