"""The pictures of the documentation, taken from a job that simulated contributors work on.

``CROWDFLOWER_SCREENSHOTS=docs/pictures`` writes them there; otherwise they are only taken.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crowdflower.cli.local import demo_task
from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from crowdflower.job import Job

pytestmark = pytest.mark.filterwarnings("ignore:the test questions run out")

FOLDER = "CROWDFLOWER_SCREENSHOTS"
PNG = b"\x89PNG"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=11, desk=True) as box:
        yield box


@pytest.fixture
def job(box: Sandbox) -> Job:
    """A job that is two thirds done."""
    task = demo_task.example()
    job = box.client().upload_job(task.to_upload())
    settings = {"title": task.question, "instructions": task.instructions, "cml": task.cml}
    job.client.update_job(job.id, {**settings, "payment_cents": 10, "judgments_per_unit": 3})
    job.tags = ["reviews"]
    job.mark_test_questions(task.field)
    job.launch(122, channels=["on_demand", "cf_internal"])
    truth = {task.field: lambda row: row["expert"]}
    box.crowd.add(24, truth=truth)
    box.crowd.run(job, judgments=420)
    return job


@pytest.fixture
def take(tmp_path: Path) -> Callable[[Page, str], None]:
    """Take a picture of what a page shows first."""
    folder = Path(os.environ.get(FOLDER, tmp_path))

    def take(page: Page, name: str) -> None:
        page.wait_for_load_state()
        page.evaluate("scrollTo(0, 0)")
        picture = page.screenshot(path=folder / f"{name}.png")
        assert picture.startswith(PNG)

    return take


def test_pictures_of_the_desk(
    box: Sandbox,
    job: Job,
    origin: str,
    new_browser: Callable[..., Page],
    take: Callable[[Page, str], None],
) -> None:
    page = new_browser(1180)
    page.goto(origin + "/" + box.desk_url().split("/", 3)[3])
    page.click("text=Open the desk")
    take(page, "desk-jobs")
    for name, path in {
        "desk-overview": "",
        "desk-rows": "/rows?sort=agreement",
        "desk-people": "/people",
        "desk-form": "/form",
    }.items():
        page.goto(f"{origin}/desk/jobs/{job.id}{path}")
        page.wait_for_selector("h1")
        take(page, name)


def test_pictures_of_a_contributor(
    job: Job,
    address: Callable[[Job], str],
    new_browser: Callable[..., Page],
    take: Callable[[Page, str], None],
) -> None:
    page = new_browser(1180)
    page.goto(address(job))
    page.fill("#name", "Ada")
    page.keyboard.press("Enter")
    page.wait_for_selector("html.js form.work")
    for key in "121":
        page.keyboard.press(key)
    take(page, "label-page")
    phone = new_browser(390, color_scheme="dark")
    phone.goto(address(job))
    take(phone, "label-phone")
