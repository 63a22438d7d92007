"""The contributors of a job on the desk, in a browser with the page's script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from crowdflower.sandbox import Sandbox
from tests.sandbox.desk_browser import PASSWORD
from tests.sandbox.desk_jobs import join, launch_job, work

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5, desk=PASSWORD) as box:
        yield box


def test_everyone_is_chosen_at_once_and_a_double_click_pays_once(
    box: Sandbox, origin: str, new_browser: Callable[..., Page], problems: list[str]
) -> None:
    job = launch_job(box.client())
    people = [join(box, name) for name in ("Ada", "Bo")]
    for each in people:
        work(box, job, each)
    page = new_browser()
    page.goto(f"{origin}/desk/sign-in?next=/desk/jobs/{job.id}/people")
    page.fill("input[type=password]", PASSWORD)
    page.keyboard.press("Enter")

    page.check("[data-all=who]")
    assert page.inner_text("[data-chosen]") == "Chosen: 2"
    page.click("summary:has-text('Bonus')")
    page.fill("#cents", "5")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Press the button of what is to be done.")
    assert page.locator("input[name=who]:checked").count() == 2, "they stay chosen"
    page.click("summary:has-text('Bonus')")
    assert page.input_value("#cents") == "5"
    page.dblclick("text=Pay the bonus")
    page.wait_for_selector("text=$0.05 bonus")

    assert page.locator("text=$0.05 bonus").count() == len(people)
    assert page.locator("text=$0.10 bonus").count() == 0
    assert [each for each in problems if each.startswith("error") and "422" not in each] == []
