"""The requester's whole path in a browser, without the API: from a CSV file to its results."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crowdflower.sandbox import Sandbox
from tests.sandbox.desk_browser import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Page

FILE = "reviews.csv"
ROWS = "sku,review,verdict_gold\n" + "".join(
    f'R-{number},"Fine, says buyer {number}.",{["good", "bad"][number % 2] if number < 8 else ""}\n'
    for number in range(24)
)

DROP = """([name, text]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], name, { type: "text/csv" }));
  document.querySelector(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer }));
}"""
"""Drops a file on the page, as a person does with a mouse."""


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5, desk=PASSWORD) as box:
        yield box


def sign_in(page: Page, origin: str) -> None:
    page.goto(f"{origin}/desk/sign-in")
    page.fill("input[type=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/")


@pytest.mark.parametrize("script", [True, False])
def test_a_job_is_made_from_a_file_and_launched(
    box: Sandbox,
    origin: str,
    new_browser: Callable[..., Page],
    problems: list[str],
    script: bool,
) -> None:
    page = new_browser(java_script_enabled=script)
    sign_in(page, origin)
    page.click("text=Make your first job")

    page.fill("#title", "What does the review say?")
    if script:
        page.evaluate(DROP, [FILE, ROWS])
    else:
        file = {"name": FILE, "mimeType": "text/csv", "buffer": ROWS.encode()}
        page.set_input_files("#file", files=[file])
    page.click("text=Upload and go on")
    page.wait_for_selector(f"text=24 rows read from {FILE}.")
    page.click("text=Go on to the form")
    page.fill("textarea[name=instructions]", "Read the review, then choose.")
    page.click("button[value=save]")
    page.wait_for_url("**/new/settings")
    page.click("button[value=save]")
    page.wait_for_url("**/new/launch")
    number = int(page.url.split("/")[5])
    page.goto(f"{origin}/desk/")
    page.wait_for_selector(".badge:has-text('Draft')")
    page.goto(f"{origin}/desk/jobs/{number}/new/launch")
    page.fill("#units", "12")
    page.keyboard.press("Enter")
    page.click("text=Launch 12 rows")
    page.wait_for_selector("text=The job was launched with 12 rows.")
    assert page.url == f"{origin}/desk/jobs/{number}"

    box.crowd.add(8)
    summary = box.crowd.run(number)

    assert summary.ended == "finished"
    page.goto(f"{origin}/desk/jobs/{number}/reports")
    page.click("button[value=aggregated]")
    page.wait_for_selector("text=The report is ready")
    with page.expect_download() as download:
        page.click("button[form=download][value=aggregated]")
    with Path(download.value.path()).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["_golden"] == "false"]
    assert sorted(row["sku"] for row in rows) == sorted(f"R-{number}" for number in range(8, 20))
    assert {row["verdict"] for row in rows} <= {"good", "bad"}
    assert [each for each in problems if each.startswith("error")] == []


@pytest.mark.parametrize(("width", "theme"), [(320, "dark"), (1440, "light")])
def test_every_step_is_accessible_and_fits(
    origin: str, new_browser: Callable[..., Page], width: int, theme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = new_browser(width, color_scheme=theme)

    def check(name: str) -> None:
        page.wait_for_load_state("load")
        violations = axe.run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in violations] == [], name
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) == 0, name
        assert page.locator("[style]").count() == 0, name

    sign_in(page, origin)
    page.goto(f"{origin}/desk/new")
    check("data")
    page.fill("#title", "What does the review say?")
    page.click("text=Upload and go on")
    page.wait_for_selector("text=Choose a file")
    check("data, refused")
    file = {"name": FILE, "mimeType": "text/csv", "buffer": ROWS.encode()}
    page.set_input_files("#file", files=[file])
    page.click("text=Upload and go on")
    page.wait_for_url("**/columns")
    check("columns")
    page.click("text=Go on to the form")
    page.wait_for_url("**/form")
    check("form")
    page.goto(page.url.replace("/form", "/settings"))
    check("settings")
    page.goto(page.url.replace("/settings", "/launch"))
    check("launch")
