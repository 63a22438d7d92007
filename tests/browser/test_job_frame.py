"""A job's own scripts in a real browser: forms that need them work, and nothing gets out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import FrameLocator, Page, Route

    from crowdflower.job import Job

CML = """
<h2 class="product">{{ product }}</h2>
<cml:radios label="The writer finds it" name="verdict" validates="required">
  <cml:radio label="good"/> <cml:radio label="bad"/>
</cml:radios>
<cml:text label="Note" name="note" class="remark" validates="required"/>
<cml:hidden name="seen" value=""/>
<cml:group label="People" multiple="true" group_name="people" aggregation="true">
  <cml:text label="First name" name="first"/>
</cml:group>"""

HOSTED = """
require(['jquery-noconflict'], function(jQuery) {
  // Ensure MooTools is where it must be
  Window.implement('$', function(el, nc) { return document.id(el, nc, this.document); });
  var $ = window.jQuery;
  $('.cml').each(function() { $('.cml_row > input.remark', this).val('from the script'); });
  $('input.verdict').on('change', function() {
    sessionStorage.setItem('seen', 'chose ' + this.value);
    $(this).closest('.content').find('.seen').val(sessionStorage.getItem('seen'));
  });
});"""
"""As scripts of the hosted service begin, and what they do: find fields, fill hidden ones."""

FRAME = "iframe.job-frame"
COUNT = "[data-count]"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5, job_scripts=True) as box:
        yield box


def launch(box: Sandbox, **settings: Any) -> Job:
    job = box.client().upload_job([{"product": f"Lamp {number}"} for number in range(5)])
    needed = {"title": "Reviews of lamps", "instructions": "Read.", "cml": CML}
    job.client.update_job(job.id, {**needed, "units_per_assignment": 1, **settings})
    job.launch(5, channels=["cf_internal"])
    return job


def sign_in(page: Page, url: str) -> None:
    page.goto(url)
    page.fill("#name", "Ada")
    page.keyboard.press("Enter")
    page.wait_for_selector("form.work")


def open_frame(page: Page, url: str) -> FrameLocator:
    sign_in(page, url)
    page.wait_for_selector(f"{FRAME}:visible")
    return page.frame_locator(FRAME)


def answers_of(job: Job) -> list[dict[str, Any]]:
    return [judgment.data for judgment in job.reload().judgments()]


def test_a_form_of_the_hosted_service_fills_hidden_fields(
    box: Sandbox,
    address: Callable[[Job], str],
    new_browser: Callable[..., Page],
    problems: list[str],
) -> None:
    job = launch(box, js=HOSTED, css=".product { color: rgb(1, 2, 3) } .top { display: none }")
    page = new_browser()
    frame = open_frame(page, address(job))

    page.click(".bar button.primary")
    page.wait_for_selector(f"{COUNT}:has-text('1 of 2')")
    assert page.evaluate("document.activeElement.className") == "job-frame", "led to the gap"
    frame.locator("input[value=bad]").check()
    page.wait_for_selector(f"{COUNT}:has-text('2 of 2')")
    height = page.locator(FRAME).bounding_box()
    color = frame.locator(".product").evaluate("each => getComputedStyle(each).color")
    page.click(".bar button.primary")
    page.wait_for_url("**done=*")

    assert answers_of(job) == [{"verdict": "bad", "note": "from the script", "seen": "chose bad"}]
    assert color == "rgb(1, 2, 3)"
    assert page.locator("header.top").is_visible(), "a job's style ends at its frame"
    assert height is not None
    assert height["height"] > 200
    assert problems == []


def test_keys_entries_and_more_work_in_the_frame(
    box: Sandbox, address: Callable[[Job], str], new_browser: Callable[..., Page]
) -> None:
    job = launch(box, js="$(function() { $('.seen').val('yes'); });")
    page = new_browser()
    frame = open_frame(page, address(job))

    frame.locator("input.verdict").first.focus()
    page.keyboard.press("2")
    frame.locator("input.remark").fill("typed")
    frame.locator("input.first").fill("Ada")
    frame.get_by_role("button", name="Add another").click()
    frame.locator("input.first").nth(1).fill("Grace")
    frame.locator("input.first").nth(1).press("Enter")
    page.wait_for_url("**done=*")

    [answers] = answers_of(job)
    assert (answers["verdict"], answers["note"], answers["seen"]) == ("bad", "typed", "yes")
    assert "Ada" in str(answers)
    assert "Grace" in str(answers)


def test_what_the_server_finds_wrong_is_shown_in_the_frame(
    box: Sandbox, address: Callable[[Job], str], new_browser: Callable[..., Page]
) -> None:
    cml = '<cml:text label="How many?" name="many" class="many" validates="required integer"/>'
    job = launch(box, cml=cml, js="$('.many').attr('title', 'a script')")
    page = new_browser()
    frame = open_frame(page, address(job))
    frame.locator("input.many").fill("some")
    page.click(".bar button.primary")
    page.wait_for_selector(".alert.bad")
    page.wait_for_selector(f"{FRAME}:visible")

    error = frame.locator(".err").inner_text()
    page.click('.alert a[href^="#u"]')

    assert "whole number" in error
    assert frame.locator("input.many").input_value() == "some"
    frame.locator("input.many:focus").wait_for()


def test_a_script_in_the_form_runs_and_one_from_elsewhere_does_not(
    box: Sandbox, address: Callable[[Job], str], new_browser: Callable[..., Page]
) -> None:
    script = (
        "<script>require(['jquery'], function($) { $('.seen').val('{{ product }}'); })</script>"
    )
    cml = f'{CML}{script}<script src="/frame_library.js?elsewhere"></script>'
    job = launch(box, cml=cml)
    page = new_browser()

    frame = open_frame(page, address(job))

    assert frame.locator(".seen").input_value().startswith("Lamp ")
    loaded = [each for each in box.requests if each.path == "/frame_library.js"]
    assert loaded
    assert not any("elsewhere" in each.parameters for each in loaded)


def test_a_value_of_a_row_runs_no_script(
    box: Sandbox, address: Callable[[Job], str], new_browser: Callable[..., Page]
) -> None:
    value = "<script>document.title='bad'</script><img src=x onerror=\"document.title='bad'\">"
    job = box.client().upload_job([{"product": value, "link": "javascript:alert(1)"}] * 5)
    cml = f'{CML}<a id="link" href="{{{{ link }}}}">a</a>'
    needed = {"title": "Reviews of lamps", "instructions": "Read.", "cml": cml, "js": HOSTED}
    job.client.update_job(job.id, needed)
    job.launch(5, channels=["cf_internal"])
    page = new_browser()

    frame = open_frame(page, address(job))
    frame.locator("#link").first.click()

    assert frame.locator("html").evaluate("() => document.title") == "Reviews of lamps"


def test_without_a_script_of_ours_the_form_works_without_that_of_the_job(
    box: Sandbox, address: Callable[[Job], str], new_browser: Callable[..., Page]
) -> None:
    job = launch(box, js=HOSTED)
    page = new_browser(java_script_enabled=False)
    sign_in(page, address(job))

    page.check("input[value=good]")
    page.fill("input[name*=note]", "by hand")
    page.click(".bar button.primary")

    assert answers_of(job)[0] == {"verdict": "good", "note": "by hand"}


STEPS = {
    "page": "parent.document.title = 'escaped'",
    "cookie": "document.cookie = 'escaped=1; path=/'",
    "storage": "parent.localStorage.setItem('escaped', '1')",
    "window": "window.open('/label/escaped-window')",
    "fetch": "fetch('/label/escaped-fetch', {mode: 'no-cors'})",
    "beacon": "navigator.sendBeacon('/label/escaped-beacon', 'x')",
    "picture": "new Image().src = '/label/escaped-picture'",
    "script": "$('<script>').attr('src', '/label/escaped-script').appendTo('body')",
    "style": "$('<link rel=stylesheet>').attr('href', '/label/escaped-style').appendTo('head')",
    "frame": "$('<iframe>').attr('src', '/label/escaped-frame').appendTo('body')",
    "form": """$('<form>').attr({action: '/label/escaped-form', target: '_blank'})
        .appendTo('body').get(0).submit()""",
}
"""Ways out of the frame; what is sent has its name in the path."""

DEFENDED = pytest.mark.parametrize("defended", [True, False], ids=["defended", "no defence"])


@DEFENDED
def test_a_script_reaches_nothing_outside_its_frame(
    box: Sandbox,
    address: Callable[[Job], str],
    new_browser: Callable[..., Page],
    defended: bool,
) -> None:
    code = "".join(f"try {{ {step} }} catch (error) {{}}\n" for step in STEPS.values())
    done = "setTimeout(function() { document.body.id = 'tried'; }, 500)"
    job = launch(box, js=f"setTimeout(function() {{ {code} {done} }}, 100)")
    page = new_browser()
    if not defended:
        remove_defences(page)

    sign_in(page, address(job))
    page.frame_locator(FRAME).locator("body#tried").wait_for(state="attached")

    if not defended:
        wait_until(page, lambda: escapes(box, page) == set(STEPS))
    assert escapes(box, page) == (set() if defended else set(STEPS))


@DEFENDED
def test_a_script_cannot_lead_the_page_elsewhere(
    box: Sandbox,
    address: Callable[[Job], str],
    new_browser: Callable[..., Page],
    defended: bool,
) -> None:
    done = "setTimeout(function() { document.body.id = 'tried'; }, 500)"
    code = "try { top.location = '/label/escaped-top' } catch (error) {}"
    job = launch(box, js=f"setTimeout(function() {{ {code}; {done} }}, 100)")
    page = new_browser()
    if not defended:
        remove_defences(page)

    sign_in(page, address(job))

    if defended:
        page.frame_locator(FRAME).locator("body#tried").wait_for(state="attached")
        assert "escaped" not in page.url
    else:
        page.wait_for_url("**/escaped-top")


@DEFENDED
def test_a_script_cannot_take_answers_elsewhere_in_the_address_of_its_frame(
    box: Sandbox,
    origin: str,
    address: Callable[[Job], str],
    new_browser: Callable[..., Page],
    defended: bool,
) -> None:
    elsewhere = origin.replace("127.0.0.1", "localhost")
    job = launch(box, js=f"setTimeout(function() {{ location = '{elsewhere}/?answers' }}, 100)")
    page = new_browser()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    if not defended:
        remove_defences(page)

    sign_in(page, address(job))

    wait_until(page, lambda: any("chrome-error:" in each.url for each in page.frames))
    assert (f"{elsewhere}/?answers" in sent) is not defended


def remove_defences(page: Page) -> None:
    """Remove the policies of both pages, and let the frame do everything."""

    def without_policy(route: Route) -> None:
        response = route.fetch()
        headers = dict(response.headers)
        del headers["content-security-policy"]
        route.fulfill(response=response, headers=headers)

    def with_permissions(route: Route) -> None:
        response = route.fetch()
        allowed = "allow-scripts allow-same-origin allow-forms allow-popups allow-top-navigation"
        route.fulfill(response=response, body=response.text().replace("allow-scripts", allowed))

    page.context.route(re.compile(r"/label/\d+(/frame)?\?"), without_policy)
    page.context.route(re.compile(r"/frame_host\.js"), with_permissions)
    keep_all_names(page)


def keep_all_names(page: Page) -> None:
    """Let a frame have what our script takes away from those of a job: names, frames inside it."""

    def without_guard(route: Route) -> None:
        response = route.fetch()
        kept = response.text().replace("delete ", "void ").replace("remove(", "void (")
        kept = kept.replace("while (inner", "if (inner")
        route.fulfill(response=response, body=kept)

    page.context.route(re.compile(r"/frame_library\.js"), without_guard)


def escapes(box: Sandbox, page: Page) -> set[str]:
    """Return the names of the ways out that worked."""
    found = {
        "page": page.title() == "escaped",
        "cookie": any(each.get("name") == "escaped" for each in page.context.cookies()),
        "storage": page.evaluate("localStorage.getItem('escaped')") is not None,
    }
    paths = [request.path for request in tuple(box.requests)]
    sent = {path.partition("escaped-")[2] for path in paths if "escaped-" in path}
    return {name for name, is_true in found.items() if is_true} | sent


def wait_until(page: Page, is_true: Callable[[], bool]) -> None:
    for _ in range(100):
        if is_true():
            return
        page.wait_for_timeout(50)
