"""Every text of the contributor's pages comes from the catalogue of its language."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.cml import formats, parse
from crowdflower.cml.field import REQUIRED_MESSAGE
from crowdflower.sandbox.pages import translations
from crowdflower.sandbox.pages.row.error_texts import ERROR_TEXTS, error_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

pytestmark = pytest.mark.filterwarnings("ignore:the test questions|no contributor will lose")

WRITTEN_BY_PEOPLE = re.compile(
    r"(Review|Test) \d+|Reviews|Read\.|Ada|Eve|What does it say\?|Why\?|Good|Bad|It broke\.|Hello!"
    r"|https?://\S+|It is good\.|Enter|Space|Ctrl|Esc|[jk]"
)


class Marked:
    """A catalogue that puts every text in brackets."""

    def gettext(self, text: str) -> str:
        return f"⟦{text}⟧"

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        return f"⟦{singular if number == 1 else plural}⟧"


@pytest.fixture(autouse=True)
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translations, "_catalogue", lambda _: Marked())


def untranslated(html: str) -> list[str]:
    """Return the texts of a page that no catalogue has."""
    html = re.sub(r"<(script|style|svg)\b.*?</\1>|<!--.*?-->", "", html, flags=re.DOTALL)
    texts = re.findall(r">([^<]+)<", html)
    texts += re.findall(r' (?:aria-label|placeholder|title|data-texts|alt)="([^"]*)"', html)
    found = []
    for text in texts:
        rest = unescape(text)
        while "⟦" in rest:  # a text may have another one in it
            rest = re.sub(r"⟦[^⟦⟧]*⟧", "", rest)
        rest = re.sub(r'"\w+":', "", rest) if rest.startswith("{") else rest
        if re.search(r"[A-Za-z]", WRITTEN_BY_PEOPLE.sub("", rest)):
            found.append(" ".join(rest.split()))
    return found


def test_every_text_is_from_the_catalogue(
    box: Sandbox, launch: Callable[..., Job], new_browser: Callable[[], Any]
) -> None:
    browser = new_browser()
    cml = """<p>{{ review }}</p>
<cml:radios label="What does it say?" name="says" validates="required">
  <cml:radio label="Good" value="good"/> <cml:radio label="Bad" value="bad"/>
</cml:radios>
<cml:textarea label="Why?" name="why" only-if="says:[bad]"/>
<cml:group multiple="true" group_name="g" aggregation="true">
  <cml:text label="Why?" name="w"/>
</cml:group>
<cml:select label="Why?" name="s"><cml:option label="Good"/></cml:select>"""
    quiz = launch(20, golds=8, cml=cml, options={"front_load": True})
    work = launch(20, golds=8, cml=cml, options={"after_gold": 50}, gold_per_assignment=1)
    pages = [browser.get("/label/").text, browser.get(browser.path(quiz)).text]
    pages.append(browser.post(browser.path(quiz), {"name": ""}).text)
    browser.sign_in(quiz)
    pages.append(browser.html)
    pages.append(browser.submit(quiz).text)
    pages.append(browser.submit(quiz, says="good").text)
    pages.append(browser.get(browser.path(work)).text)
    pages.append(browser.submit(work, says="good").text)
    pages.append(browser.get(f"{browser.path(work)}&skipped=1").text)
    pages.append(browser.get("/label/me/x").text)
    pages.append(browser.post("/label/", {"link": "x"}).text)
    work.get_worker(next(work.judgments()).worker_id).notify("Hello!")
    pages.append(browser.get("/label/").text)
    pages.append(browser.send("/label/", do="make_link").text)
    link = re.search(r"/label/me/[0-9a-f]{32}", browser.html)
    assert link is not None
    pages.append(browser.get(link[0]).text)
    fields = browser.fields(work, says="bad")
    box.clock.advance(minutes=31)
    pages.append(browser.get(browser.post(browser.path(work), fields).headers["Location"]).text)
    work.pause()
    pages.append(browser.get(browser.path(work)).text)
    pages.append(browser.get(browser.path(work).replace("secret=", "secret=x")).text)

    assert [untranslated(html) for html in pages] == [[]] * len(pages)


def test_every_error_of_an_answer_is_known() -> None:
    cml = Path(formats.__file__).parent
    sources = "".join((cml / name).read_text() for name in ("formats.py", "field.py"))
    written = {*re.findall(r'ValueError\("([A-Z][^"{]*)"\)', sources), REQUIRED_MESSAGE}

    assert len(written) > 15
    assert written <= {*ERROR_TEXTS}


@pytest.mark.parametrize(
    ("validates", "answer"),
    [
        ("required", ""),
        ("integerRange:{min:1,max:5}", "9"),
        ("integerRange:{min:1}", "0"),
        ("integerRange:{max:5}", "9"),
        ("minLength:10", "meh!"),
        ("maxLength:3", "much"),
        ("wordCountMin:3", "one"),
        ("wordCountMax:1", "one two"),
        ("regex:^7$", "8"),
        ("email", "x"),
    ],
)
def test_errors_of_answers_are_translated(validates: str, answer: str) -> None:
    form = parse(f'<cml:text name="q" label="Q" validates="{validates}"/>')
    (error,) = form.check({"q": answer}).errors.values()

    translated = error_text(error)

    assert translated == f"⟦{error}⟧"
    assert error_text("Not <b>seven</b>. 100 %") == "Not <b>seven</b>. 100 %"
