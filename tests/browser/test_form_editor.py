"""The form editor of the desk in a real browser: live preview, problems while one types, chips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

PASSWORD = "correct horse"
FORM = '<p style="color: #a00000">{{ review }}</p><cml:text label="Why?" validates="required"/>'
BLOCKED = ("Content Security Policy", "Refused", "sandboxed")


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5, desk=PASSWORD) as box:
        yield box


@pytest.fixture
def editor(box: Sandbox, origin: str, new_browser: Callable[..., Page]) -> Page:
    """The editor of a job with two rows."""
    client = box.client()
    job = client.upload_job([{"review": "It boils."}, {"review": "It leaks."}])
    client.update_job(job.id, {"title": "Reviews", "instructions": "Read.", "cml": FORM})
    page = new_browser()
    page.goto(f"{origin}/desk/sign-in")
    page.fill("#pw", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{origin}/desk/")
    page.goto(f"{origin}/desk/jobs/{job.id}/form")
    return page


def test_the_preview_follows_what_is_typed(editor: Page, problems: list[str]) -> None:
    frame = editor.frame_locator("iframe[name=preview]")
    frame.locator("text=It boils.").wait_for()
    colour = "getComputedStyle(document.querySelector('.written p')).color"
    shown = next(each for each in editor.frames if each.name == "preview")
    assert shown.evaluate(colour) == "rgb(160, 0, 0)"  # its style was loaded
    assert shown.evaluate("window.origin") == "null"

    entries = editor.evaluate("history.length")
    editor.fill("#row", "2")
    editor.press("#row", "Tab")
    frame.locator("text=It leaks.").wait_for()
    editor.fill("#code", FORM.replace("Why?", "Why not?"))
    frame.locator("text=Why not?").wait_for()
    assert editor.evaluate("history.length") == entries  # Back leaves the page

    assert [each for each in problems if any(word in each for word in BLOCKED)] == []


def test_problems_appear_while_one_types_and_lead_to_their_line(editor: Page) -> None:
    editor.fill("#code", f"{FORM}\n<cml:txt/>")

    link = editor.locator("#problems a", has_text="Line 2")
    link.click()

    selected = (
        "(box => box.value.slice(box.selectionStart, box.selectionEnd))(document.activeElement)"
    )
    assert editor.evaluate(selected) == "<cml:txt/>"
    assert editor.locator(".code pre b.bad").inner_text() == "2"


def test_a_column_is_inserted_by_its_chip(editor: Page) -> None:
    editor.fill("#code", "")

    editor.click("button.chip")

    assert editor.input_value("#code") == "{{ review }}"
