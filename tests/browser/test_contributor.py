"""A contributor beyond one page, in a real browser: home, devices, late answers, objections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

CML = """
<p>{{ review }}</p>
<img src="https://pictures.example/lamp.png" alt="A lamp">
<img src="https://pictures.example/chair.png">
<cml:radios label="The writer finds it" name="verdict" validates="required">
  <cml:radio label="good"/> <cml:radio label="bad"/>
</cml:radios>
<cml:textarea label="Why?" name="why"/>
"""
ANSWERABLE = "html.js form.work"
"""A page of rows whose script has run."""

pytestmark = pytest.mark.filterwarnings("ignore:the test questions|no contributor will lose")


def launch_job(box: Sandbox, *, golds: int = 0, **settings: Any) -> Job:
    known = {"verdict_gold": "bad", "verdict_gold_reason": "It broke."}
    rows = [{"review": f"Review {number}.", **dict.fromkeys(known, "")} for number in range(16)]
    tests = [{"review": f"Test {number}.", **known} for number in range(golds)]
    job = box.client().upload_job([*rows, *tests] if golds else rows)
    settings = {"title": "Reviews", "instructions": "Read.", "cml": CML} | settings
    job.client.update_job(job.id, {"units_per_assignment": 2, **settings})
    if golds:
        job.mark_test_questions("verdict")
    job.launch(len(rows), channels=["cf_internal"])
    return job


def sign_in(page: Page, url: str) -> None:
    page.goto(url)
    page.fill("#name", "Ada")
    page.keyboard.press("Enter")
    page.wait_for_selector(ANSWERABLE)


def answer(page: Page, value: str = "good") -> None:
    """Answer both rows of a page, and submit it."""
    for place in range(2):
        page.locator(f"input[value={value}]").nth(place).check()
    page.click(".bar button.primary")


def test_late_answers_come_back(
    box: Sandbox, address: Callable[[Job], str], new_browser: Callable[..., Page]
) -> None:
    job = launch_job(box)
    page = new_browser()
    sign_in(page, address(job))

    page.locator("textarea").first.fill("It broke.")
    box.clock.advance(minutes=31)
    answer(page, "bad")
    page.wait_for_selector("text=Take these rows again")
    kept = page.inner_text("main")
    page.click("text=Take these rows again")
    page.wait_for_selector(ANSWERABLE)

    assert "2 of 2 rows are still free" in kept
    assert page.locator("input[value=bad]:checked").count() == 2
    assert sorted(page.locator("textarea").nth(place).input_value() for place in (0, 1)) == [
        "",
        "It broke.",
    ]
    assert page.inner_text("[data-count]") == "2 of 2 answered"
    page.click(".bar button.primary")
    page.wait_for_url("**done=*")
    assert [judgment.data["verdict"] for judgment in job.reload().judgments()] == ["bad"] * 2


def test_two_devices_are_one_contributor(
    box: Sandbox,
    origin: str,
    address: Callable[[Job], str],
    new_browser: Callable[..., Page],
    problems: list[str],
) -> None:
    job = launch_job(box)
    laptop, phone = new_browser(), new_browser(width=320)
    sign_in(laptop, address(job))
    answer(laptop)
    laptop.wait_for_url("**done=*")

    laptop.goto(f"{origin}/label/")
    laptop.click("#device summary")
    laptop.click("text=Make a link")
    link = laptop.inner_text("#device code")
    phone.goto(link)
    phone.click("text=Go on as Ada >> nth=-1")
    phone.click("a:has-text('Go on')")
    phone.wait_for_selector(ANSWERABLE)
    assert "Page 2" in phone.inner_text("main")
    answer(phone)
    phone.wait_for_url("**done=*")

    laptop.goto(f"{origin}/label/")
    assert "2 pages" in laptop.inner_text("dl.stats")
    assert len({judgment.worker_id for judgment in job.reload().judgments()}) == 1
    assert [problem for problem in problems if "ERR_FAILED" not in problem] == []


def test_a_test_question_is_contested_by_keyboard(
    box: Sandbox, address: Callable[[Job], str], new_browser: Callable[..., Page]
) -> None:
    page = new_browser()
    sign_in(page, address(launch_job(box, golds=6, gold_per_assignment=1)))
    answer(page)
    page.wait_for_selector("summary:has-text('I disagree')")

    page.focus("summary:has-text('I disagree')")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("1 of them is good.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Sent: the owner of this job reads it.")

    assert "1 of them is good." in page.inner_text("section.alert")
    assert page.locator("input[type=radio]:checked").count() == 0, "the 1 was typed"


def test_a_broken_picture_shows_its_text_and_address(
    box: Sandbox, address: Callable[[Job], str], new_browser: Callable[..., Page]
) -> None:
    page = new_browser(width=320)
    sign_in(page, address(launch_job(box)))

    content = "getComputedStyle(document.querySelector('.task img'), '::after').content"
    assert page.evaluate(content).strip('" ') == "https://pictures.example/lamp.png"
    assert page.locator("a.zoom").nth(0).get_by_role("img").get_attribute("alt") == "A lamp"
    assert page.get_by_role("link", name="chair.png").count() == 2


@pytest.mark.parametrize(
    ("width", "theme"),
    [(320, "light"), (320, "dark"), (768, "dark"), (1440, "light")],
)
def test_pages_of_a_contributor_are_accessible_and_fit(
    box: Sandbox,
    origin: str,
    address: Callable[[Job], str],
    new_browser: Callable[..., Page],
    problems: list[str],
    width: int,
    theme: str,
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

    page.goto(f"{origin}/label/")
    check("not known")
    job = launch_job(box, golds=6, gold_per_assignment=1, options={"after_gold": 50})
    sign_in(page, address(job))
    answer(page)
    page.click("summary:has-text('I disagree')")
    check("objection")
    page.click("header summary")
    check("menu")
    job.get_worker(next(job.judgments()).worker_id).notify("word " * 40 + "w" * 200)
    page.goto(f"{origin}/label/")
    check("home")
    page.click("#device summary")
    page.click("text=Make a link")
    page.wait_for_selector("#device code")
    check("link")
    page.goto(page.inner_text("#device code"))
    check("device")
    page.goto(address(job))
    page.wait_for_selector(ANSWERABLE)
    box.clock.advance(minutes=31)
    answer(page)
    page.wait_for_selector("text=Take these rows again")
    check("late")
    unexpected = [each for each in problems if "ERR_FAILED" not in each and "410" not in each]
    assert unexpected == []
