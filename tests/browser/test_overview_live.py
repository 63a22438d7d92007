"""The overview of a job in a browser: figures change while one looks, and what is open stays so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from crowdflower.sandbox import Sandbox
from tests.sandbox.desk_browser import PASSWORD
from tests.sandbox.desk_jobs import join, launch_job, work

if TYPE_CHECKING:
    from playwright.sync_api import Page

JUDGMENTS = "#live-figures div:nth-child(2) dt + dd"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5, desk=PASSWORD) as box:
        yield box


def test_figures_follow_the_work_and_an_open_table_stays_open(
    box: Sandbox, origin: str, new_browser: Callable[..., Page], problems: list[str]
) -> None:
    job = launch_job(box.client())
    work(box, job, join(box, "Ada"))
    page = new_browser()
    page.clock.install()
    page.goto(f"{origin}/desk/sign-in?next=/desk/jobs/{job.id}")
    page.fill("input[type=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("#live-figures")
    before = page.inner_text(JUDGMENTS)
    page.click("section[aria-labelledby=progress-h] summary")

    work(box, job, join(box, "Bo"))
    page.clock.run_for(5_000)

    page.wait_for_selector(f"{JUDGMENTS}:not(:text-is('{before}'))")
    assert int(page.inner_text(JUDGMENTS)) > int(before)
    assert page.locator("section[aria-labelledby=progress-h] details").get_attribute("open") == ""
    assert page.locator("section[aria-labelledby=hours-h] details[open]").count() == 0
    assert [each for each in problems if each.startswith("error")] == []


def test_a_menu_that_is_open_is_not_replaced(
    box: Sandbox, origin: str, new_browser: Callable[..., Page]
) -> None:
    job = launch_job(box.client())
    work(box, job, join(box, "Ada"))
    page = new_browser()
    page.clock.install()
    page.goto(f"{origin}/desk/sign-in?next=/desk/jobs/{job.id}")
    page.fill("input[type=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.click("summary:has-text('Set a cap')")
    page.fill("#new-cap", "12.34")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.clock.run_for(6_000)

    assert asked == []
    assert page.input_value("#new-cap") == "12.34"
    page.click("text=Save the cap")
    page.wait_for_selector("text=The cap is $12.34.")
