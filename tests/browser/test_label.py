"""Contributors in a real browser: by keyboard, without JavaScript, on a phone, in both themes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

CML = """
<h2>{{ product }}</h2> <p style="color: #a00000">{{ review }}</p>
<img src="https://pictures.example/a.png" alt="The {{ product }}">
<cml:radios label="The writer finds it" name="verdict" validates="required">
  <cml:radio label="good"/> <cml:radio label="bad"/> <cml:radio label="neither"/>
</cml:radios>
<cml:textarea label="What is bad?" name="why" only-if="verdict:[bad]" validates="required"/>
<cml:checkboxes label="What is it about?" name="about">
  <cml:checkbox label="price"/> <cml:checkbox label="quality"/>
</cml:checkboxes>
<cml:ratings label="How sure is the writer?" name="sure" points="5" validates="required"/>
<cml:select label="Language" name="lang"><cml:option label="English"/></cml:select>
<cml:group label="People" multiple="true" group_name="people" aggregation="true">
  <cml:text label="First name" name="first"/> <cml:text label="Last name" name="last"/>
</cml:group>
<cml:checkbox label="Spam" name="spam"/>
"""
ROWS = [{"product": f"Lamp {number}", "review": f"Review {number}."} for number in range(8)]
pytestmark = [
    pytest.mark.filterwarnings("ignore:the test questions run out"),
    pytest.mark.filterwarnings("ignore:no contributor will lose trust"),
]

ANSWERABLE = "html.js form.work"
"""A page of rows whose script has run: it marks the page, and does the rest in the same task."""

WIDTHS_AND_THEMES = [(width, theme) for width in (320, 768, 1440) for theme in ("light", "dark")]


def launch_job(box: Sandbox, *, golds: int = 0, **settings: Any) -> Job:
    tests = [{**row, "verdict_gold": "bad", "verdict_gold_reason": "It broke."} for row in ROWS]
    rows = [{**row, "verdict_gold": "", "verdict_gold_reason": ""} for row in ROWS]
    job = box.client().upload_job([*tests[:golds], *rows, *rows] if golds else ROWS)
    settings = {
        "title": "Reviews",
        "instructions": "<p>Read <b>well</b>.</p>",
        "cml": CML,
    } | settings
    job.client.update_job(job.id, {"units_per_assignment": 2, **settings})
    if golds:
        job.mark_test_questions("verdict")
    job.launch(len(ROWS), channels=["cf_internal"])
    return job


def answers_of(job: Job) -> list[dict[str, Any]]:
    return [judgment.data for judgment in job.reload().judgments()]


def sign_in(page: Page, url: str, name: str = "Ada") -> None:
    page.goto(url)
    page.fill("#name", name)
    page.keyboard.press("Enter")
    page.wait_for_selector(ANSWERABLE)


def focus_is_in(question: str) -> str:
    return f"document.activeElement.closest('.q')?.dataset.name === '{question}'"


def press_tab_until(page: Page, condition: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(condition):
            return
    pytest.fail(f"after 40 tabs: {condition}")


def test_a_quiz_and_a_page_by_keyboard_alone(
    box: Sandbox,
    address: Callable[[Job], str],
    new_browser: Callable[..., Page],
    problems: list[str],
) -> None:
    job = launch_job(box, golds=5, options={"front_load": True})
    page = new_browser()
    page.goto(address(job))
    press_tab_until(page, "document.activeElement.id === 'name'")
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    page.wait_for_selector(ANSWERABLE)

    for _ in range(2):
        press_tab_until(page, focus_is_in("verdict"))
        page.keyboard.press("2")
        page.keyboard.type("It broke after a day.")
        page.keyboard.press("Tab")
        page.keyboard.press("2")
        page.keyboard.press("j")
        page.keyboard.press("4")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=You passed the quiz")
    press_tab_until(page, "document.activeElement.textContent === 'Start the first page'")
    page.keyboard.press("Enter")
    page.wait_for_selector(ANSWERABLE)
    for _ in range(2):
        press_tab_until(page, focus_is_in("verdict"))
        page.keyboard.press("1")
        page.keyboard.press("j")
        page.keyboard.press("4")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**done=*")

    answers = answers_of(job)
    assert [each["verdict"] for each in answers].count("good") == 2
    quiz = [each for each in answers if each["verdict"] == "bad"]
    assert [(each["why"], each["about"], each["sure"]) for each in quiz] == [
        ("It broke after a day.", ["quality"], "4")
    ] * 2
    assert [problem for problem in problems if "ERR_FAILED" not in problem] == []


def test_enter_with_gaps_goes_to_the_first_one(
    box: Sandbox, address: Callable[[Job], str], new_browser: Callable[..., Page]
) -> None:
    job = launch_job(box)
    page = new_browser()
    sign_in(page, address(job))

    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.locator("#told", has_text="Still missing: 3.").wait_for(state="attached")

    focused = page.evaluate("document.activeElement.closest('.q').dataset.name")
    assert focused == "sure"
    assert answers_of(job) == []


def test_a_question_that_does_not_apply_is_hidden(
    box: Sandbox, address: Callable[[Job], str], new_browser: Callable[..., Page]
) -> None:
    page = new_browser()
    sign_in(page, address(launch_job(box)))
    why = page.locator(".q[data-name=why]").first

    assert not why.is_visible()
    page.locator("input[value=bad]").first.check()
    assert why.is_visible()
    page.locator("input[value=good]").first.check()
    assert not why.is_visible()
    assert "Only if" not in page.inner_text("main")


def test_single_keys_can_be_switched_off_and_stay_off(
    box: Sandbox, address: Callable[[Job], str], new_browser: Callable[..., Page]
) -> None:
    page = new_browser()
    sign_in(page, address(launch_job(box)))

    page.keyboard.press("?")
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("1")

    assert page.locator(".q input:checked").count() == 0
    assert not page.locator("kbd").first.is_visible()


def test_a_draft_survives_a_reload(
    box: Sandbox, address: Callable[[Job], str], new_browser: Callable[..., Page]
) -> None:
    job = launch_job(box)
    page = new_browser()
    sign_in(page, address(job))

    page.locator("input[value=bad]").first.check()
    page.locator("textarea").first.fill("It broke.")
    page.reload()

    assert page.locator("input[value=bad]").first.is_checked()
    assert page.locator("textarea").first.input_value() == "It broke."


def test_everything_works_without_javascript(
    box: Sandbox,
    address: Callable[[Job], str],
    new_browser: Callable[..., Page],
    problems: list[str],
) -> None:
    job = launch_job(box)
    page = new_browser(java_script_enabled=False)
    page.goto(address(job))
    page.fill("#name", "Ada")
    page.click("text=Start")

    assert "Only if “The writer finds it” is “bad”." in page.inner_text("main")
    page.locator("button[name=more]").first.click()
    page.locator("[name$='[first]']").nth(0).fill("Ada")
    page.locator("[name$='[first]']").nth(1).fill("Grace")
    page.locator("button[name=fewer]").first.click()
    page.locator("input[value=good]").first.check()
    page.click(".bar button.primary")
    errors = page.inner_text("section[role=alert]")
    page.locator("input[value=good]").nth(1).check()
    for place in range(2):
        page.locator("input[value='4']").nth(place).check()
    page.click(".bar button.primary")

    assert "Please check 3 answers" in errors
    assert "Your page was submitted." in page.inner_text("main")
    assert sorted(str(each.get("first")) for each in answers_of(job)) == ["None", "['Grace']"]
    assert [each for each in problems if "ERR_FAILED" not in each and "422" not in each] == []


def test_two_contributors_at_once_get_different_rows(
    box: Sandbox, address: Callable[[Job], str], new_browser: Callable[..., Page]
) -> None:
    job = launch_job(box, judgments_per_unit=1)
    ada, bob = new_browser(), new_browser()
    sign_in(ada, address(job))
    sign_in(bob, address(job), "Bob")

    shown = [page.locator(".task h2:not([id])").all_inner_texts() for page in (ada, bob)]

    assert [len(each) for each in shown] == [2, 2]
    assert not {*shown[0]} & {*shown[1]}


@pytest.mark.parametrize(("width", "theme"), WIDTHS_AND_THEMES)
def test_pages_are_accessible_and_fit(
    box: Sandbox,
    address: Callable[[Job], str],
    new_browser: Callable[..., Page],
    problems: list[str],
    width: int,
    theme: str,
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = new_browser(width, color_scheme=theme)

    def check(name: str) -> None:
        page.wait_for_load_state("load")  # or the style may be missing yet
        violations = axe.run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in violations] == [], name
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wider) == 0, name
        assert page.locator("[style]").count() == 0, name

    quiz = launch_job(box, golds=5, options={"front_load": True})
    page.goto(address(quiz))
    check("sign-in")
    page.fill("#name", "x")
    page.evaluate("document.querySelector('#name').value = ''")
    page.evaluate("document.querySelector('form').noValidate = true")
    page.click("text=Start the quiz")
    check("sign-in with an error")
    sign_in(page, address(quiz))
    check("quiz")
    page.evaluate("document.querySelector('form.work').dataset.sure = '1'")
    page.click(".bar button.primary")
    check("errors")
    page.keyboard.press("?")
    check("keys")
    page.keyboard.press("Escape")
    page.click(".bar summary")
    check("menu")
    page.click("button[name=give_up]")
    page.wait_for_url("**skipped=*")
    check("skipped")
    tests = launch_job(box, golds=6, options={"front_load": False}, language="ar")
    page.goto(address(tests))
    for group in ("verdict", "sure"):
        for place in range(2):
            page.locator(f".q[data-name={group}] input").nth(
                place * (3 if group == "verdict" else 5)
            ).check()
    page.click(".bar button.primary")
    page.wait_for_selector("text=Correct answer")
    check("feedback")
    page.goto(address(tests).replace("secret=", "secret=x"))
    check("wrong address")
    assert [each for each in problems if not _is_expected(each)] == []


def _is_expected(problem: str) -> bool:
    """Return whether the console names a blocked picture of another host, or a status."""
    return "ERR_FAILED" in problem or "status of 4" in problem
