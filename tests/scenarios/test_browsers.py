"""Contributors answer in browsers: two windows, mistakes, too late, twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import requests

from crowdflower.sandbox.server.in_process import session_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crowdflower.job import Job
    from tests.scenarios.conftest import Box

TIMEOUT = 60
CML = """
<p>{{name}}</p>
<cml:radios label="Is there a site?" name="found" validates="required">
  <cml:radio label="yes"/>
  <cml:radio label="no"/>
</cml:radios>
<cml:text label="Where?" name="site" validates="required url" only-if="found:[yes]"/>
<cml:text label="Why not?" name="why" only-if="found:[no]"/>
"""
YES = {"found": "yes", "site": "https://example.com/shop"}


class Browser:
    """A contributor's browser at the page of a job, with its own cookies."""

    def __init__(self, session: requests.Session, url: str, name: str) -> None:
        self.session, self.url = session, url
        self.session.post(url, data={"name": name}, timeout=TIMEOUT)

    def load(self) -> str:
        """Load the page."""
        return self.session.get(self.url, timeout=TIMEOUT).text

    def units(self) -> list[int]:
        """List the rows of the page, in their order."""
        found = re.findall(r'name="u(\d+)\[found\]"', self.load())
        return [int(unit) for unit in dict.fromkeys(found)]

    def fill_in(self, answer: dict[str, str]) -> dict[str, str]:
        """Return a submission with the same answers for every row."""
        html = self.load()
        form = dict(re.findall(r'name="(assignment|token)" value="([^"]*)"', html))
        for unit in self.units():
            form |= {f"u{unit}[{name}]": value for name, value in answer.items()}
        return form

    def submit(self, form: dict[str, str]) -> requests.Response:
        """Submit a page, and follow the redirect."""
        return self.session.post(self.url, data=form, timeout=TIMEOUT)


@pytest.fixture
def open_browser(box: Box) -> Iterator[Callable[[Job, str], Browser]]:
    """Open a browser at a job's page: ``open_browser(job, "Ada")``."""
    sessions: list[requests.Session] = []

    def open_page(job: Job, name: str) -> Browser:
        in_process = box.url.startswith("https")
        sessions.append(session_for(box.sandbox.app) if in_process else requests.Session())
        secret = urlencode({"secret": job["secret"]})
        return Browser(sessions[-1], f"{box.url}/label/{job.id}?{secret}", name)

    yield open_page
    for session in sessions:
        session.close()


def launch_job(box: Box, rows: int = 5, **attributes: Any) -> Job:
    data = [{"name": f"Shop {place}"} for place in range(rows)]
    job = box.job(data, CML, judgments_per_unit=1, **attributes)
    job.launch(rows, channels=["cf_internal"])
    return job


def stored_answers(job: Job) -> list[dict[str, Any]]:
    return [judgment.data for judgment in job.reload().judgments()]


def test_submitted_pages_have_their_start_and_end_times(
    box: Box, open_browser: Callable[[Job, str], Browser]
) -> None:
    job = launch_job(box, 10)
    ada = open_browser(job, "Ada")

    for _ in range(2):
        form = ada.fill_in(YES)
        box.advance(seconds=90)
        assert "Your page was submitted." in ada.submit(form).text

    assert stored_answers(job) == [YES] * 10
    assert all(judgment.started_at < judgment.created_at for judgment in job.judgments())
    assert (job.state, job.ping()["needed_judgments"]) == ("finished", 0)
    assert "This job is not running" in ada.load()


def test_two_browser_windows_of_one_contributor_show_one_page(
    box: Box, open_browser: Callable[[Job, str], Browser]
) -> None:
    job = launch_job(box, 5, units_per_assignment=4)
    ada, bob, eve = (open_browser(job, name) for name in ("Ada", "Bob", "Eve"))

    first, again = ada.units(), ada.units()
    other = bob.units()

    assert first == again
    assert (len(first), len(other)) == (4, 1)
    assert not {*first} & {*other}
    assert "There is nothing left in this job for you at the moment." in eve.load()


def test_errors_are_shown_with_the_answers_and_hidden_answers_dropped(
    box: Box, open_browser: Callable[[Job, str], Browser]
) -> None:
    job = launch_job(box)
    ada = open_browser(job, "Ada")
    form = ada.fill_in(YES)
    first, second, *_ = ada.units()
    wrong = form | {f"u{second}[site]": "no address"}
    del wrong[f"u{first}[found]"]

    refused = ada.submit(wrong)
    assert refused.status_code == 422
    assert f'href="#u{first}-found"' in refused.text
    assert f'href="#u{second}-site"' in refused.text
    assert 'value="no address"' in refused.text
    assert stored_answers(job) == []

    ada.submit(form | {f"u{unit}[why]": "Posted, and not asked." for unit in (first, second)})
    assert stored_answers(job) == [YES] * 5


def test_an_expired_page_is_refused_and_its_rows_go_to_another_contributor(
    box: Box, open_browser: Callable[[Job, str], Browser]
) -> None:
    job = launch_job(box)
    ada, bob = open_browser(job, "Ada"), open_browser(job, "Bob")
    form, hers = ada.fill_in(YES), ada.units()

    box.advance(minutes=31)
    his = bob.units()
    late = ada.submit(form)
    bob.submit(bob.fill_in({"found": "no"}))

    assert late.status_code == 410
    assert "The time for this page is over" in late.text
    assert {*his} == {*hers}
    assert {answer["found"] for answer in stored_answers(job)} == {"no"}


def test_late_answers_come_back_and_are_submitted(
    box: Box, open_browser: Callable[[Job, str], Browser]
) -> None:
    job = launch_job(box)
    ada = open_browser(job, "Ada")
    form = ada.fill_in(YES)
    box.advance(minutes=31)

    late = ada.submit(form).text
    (token, *_) = re.findall(r'name="form_token" value="([^"]*)"', late)
    again = ada.submit({"again": "yes", "form_token": token}).text
    home = ada.session.get(f"{box.url}/label/", timeout=TIMEOUT).text
    ada.submit(ada.fill_in(YES))

    assert "5 of 5 rows are still free" in late
    assert again.count(" checked") == 5
    assert again.count('value="https://example.com/shop"') == 5
    assert "1 job has work for you." in home
    assert stored_answers(job) == [YES] * 5


def test_a_page_that_is_submitted_twice_is_stored_once(
    box: Box, open_browser: Callable[[Job, str], Browser]
) -> None:
    job = launch_job(box, 10)
    ada = open_browser(job, "Ada")
    form = ada.fill_in(YES)

    first, second = ada.submit(form), ada.submit(form)

    assert first.text == second.text
    assert "Your page was submitted." in first.text
    assert stored_answers(job) == [YES] * 5
