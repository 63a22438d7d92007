"""Every page of the requester's desk in a browser: accessible, fitting, without foreign scripts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.desk.routes import PAGES
from tests.hostile_job import make_hostile_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from crowdflower.job import Job

pytestmark = pytest.mark.filterwarnings("ignore")  # of the client, about the strange job

PASSWORD = "correct horse"
CHATTER = re.compile("verbose: |404 ")
"""What the browser says about password forms, and about a page of the table that has no row."""


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5, desk=PASSWORD) as box:
        yield box


@pytest.fixture
def job(box: Sandbox) -> Job:
    return make_hostile_job(box)


def paths(job: Job) -> list[str]:
    """Return the path of every page, for this job and its first judged row."""
    known = {"number": str(job.id), "unit": str(next(iter(job.judgments())).unit_id)}
    return [
        re.sub("<int:([a-z]+)>", lambda name: known.get(name[1], "1"), page.path) for page in PAGES
    ]


def sign_in(page: Page, origin: str) -> None:
    page.goto(f"{origin}/desk/sign-in")
    page.fill("#pw", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{origin}/desk/")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_accessible_and_fits(
    origin: str,
    job: Job,
    new_browser: Callable[..., Page],
    problems: list[str],
    theme: str,
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found: dict[str, Any] = {}
    for width in (320, 768, 1440):
        page = new_browser(width, color_scheme=theme)
        sign_in(page, origin)
        for path in paths(job):
            response = page.goto(f"{origin}{path}")
            assert response is not None
            if "text/html" not in (response.headers.get("content-type") or ""):
                continue
            page.wait_for_load_state()
            wrong = [
                each["id"]
                for each in axe.run(page, options={"preload": False}).response["violations"]
            ]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong.append("scrolls sideways")
            if page.evaluate("window.hacked === 1"):
                wrong.append("ran a foreign script")
            if wrong:
                found[f"{path} at {width}"] = wrong
        page.context.close()

    assert found == {}
    assert [each for each in problems if not CHATTER.search(each)] == []


def test_the_desk_works_without_javascript(
    origin: str, job: Job, new_browser: Callable[..., Page]
) -> None:
    page = new_browser(java_script_enabled=False)
    sign_in(page, origin)

    page.click(f'a[href="/desk/jobs/{job.id}"]')
    page.click("text=Pause")

    assert job.reload().state == "paused"
    page.click("text=Account")
    page.click("text=Sign out")
    page.goto(f"{origin}/desk/")
    assert page.url.startswith(f"{origin}/desk/sign-in")
