"""The pages of contributors in a browser: content, submission, refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from werkzeug.test import encode_multipart

from crowdflower.exceptions import ApiError, ServiceWarning
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.forms.sanitizer import is_safe_url
from crowdflower.sandbox.pages.assets import asset_url

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from crowdflower.job import Job

CML = """
<p class="shown">{{ review }}</p> <a href={{ link }}>source</a>
<cml:radios label="What does it say?" name="says" validates="required">
  <cml:radio label="Good" value="good"/>
  <cml:radio label="Bad" value="bad"/>
</cml:radios>
<cml:text label="What is bad?" name="why" only-if="says:[bad]" validates="required"/>
<cml:group multiple="true" group_name="people" aggregation="true">
  <cml:text label="First name" name="first"/> <cml:text label="Last name" name="last"/>
</cml:group>
<cml:hidden name="browser" validates="user_agent"/>
"""

ROWS = [{"review": f"Review {number}", "link": "https://example.com/"} for number in range(5)]

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "x onmouseover=alert(1)",
    "javascript:alert(1)",
    "<svg onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    '<form action="https://evil.example"><input name="token">',
    '<base href="https://evil.example/">',
    '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
    "\ufdd00\ufdd1 here",
    "<b onmouseover=alert(1) onclick='alert(1)'>x",
    "<a href=' &#106;avascript:alert(1)'>x</a><img src='jav\tascript:alert(1)'>",
    "<svg><a xlink:href='javascript:alert(1)'><animate onbegin=alert(1) attributeName=x></svg>",
    "<p style='background:url(javascript:alert(1));position:fixed;inset:0'>x",
    "<style>@import 'https://evil.example'</style><link rel=stylesheet href=//evil.example>",
    "<b><i><table><tr><td><details><ul><li>open",
    "<textarea><title><plaintext><xmp><noscript>",
    "</section></form></main></body></html><form>",
    "<video poster='javascript:alert(1)' onerror=alert(1)><source src='data:text/html,x'></video>",
    "<input name=token value=forged><button name=give_up value=yes>x</button>",
    "<cml:text name='password' label='Your password'/></cml:radios>",
    "'\"`= /><img src=x onerror=alert(1)//",
    "<math><mtext><script>alert(1)</script></mtext></math><object data=x></object>",
]

PLACES = {
    "review": "{{ x }}",
    "attribute": '<p title="{{ x }}">y</p>',
    "unquoted": "<p title={{ x }}>y</p>",
    "link": '<a href="{{ x }}">y</a><img src={{ x }}>',
    "style": '<p style="color: {{ x }}">y</p>',
    "comment": "<!-- {{ x }} -->",
    "label": '<cml:text name="l" label="{{ x }}" instructions="{{ x }}" default="{{ x }}"/>',
    "option": '<cml:radios name="o"><cml:radio label="{{ x }}"/></cml:radios>',
    "select": '<cml:select name="s"><cml:option label="{{ x }}"/></cml:select>',
    "child": '<cml:text name="c"><cml:instructions>{{ x }}</cml:instructions></cml:text>',
    "group": '<cml:group multiple="true"><h3>{{ x }}</h3><cml:text name="g"/></cml:group>',
    "captured": '{% capture y %}{{ x }}{% endcapture %}<b title="{{ y }}">{{ y }}</b>',
    "filtered": "{{ x | append: '<br>' }}{{ x | upcase }}{{ x | truncate: 20 }}",
    "escaped": '{{ x | escape }}<cml:text name="e" label="{{ x | escape }}"/>',
}
"""Where a form may print a value of a row."""


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5) as box:
        yield box


def launch_job(box: Sandbox, rows: list[dict[str, Any]], cml: str = CML, **settings: Any) -> Job:
    """Launch a job with all of its rows on one page."""
    job = box.client().upload_job(rows)
    settings = {"title": "What do reviews say?", "instructions": "Read.", "cml": cml} | settings
    job.client.update_job(job.id, {"units_per_assignment": len(rows), **settings})
    if any("says_gold" in row for row in rows):
        job.mark_test_questions("says")
    job.launch(sum(not row.get("says_gold") for row in rows), channels=["cf_internal"])
    return job


class Person:
    """A contributor with a browser."""

    def __init__(self, box: Sandbox, job: Job, name: str | None = "Ada") -> None:
        self.browser: FlaskClient = box.app.test_client()
        path = urlsplit(box.work_url(job))
        self.url = f"{path.path}?{path.query}"
        if name is not None:
            self.browser.post(self.url, data={"name": name})

    def load(self) -> str:
        """Load the page."""
        return self.browser.get(self.url).text

    def fields(self, **answers: str | list[str]) -> dict[str, str | list[str]]:
        """Return a submission with the same answers for every row."""
        html = self.load()
        hidden = dict(re.findall(r'name="(assignment|token)" value="([^"]*)"', html))
        units = dict.fromkeys(re.findall(r'name="u(\d+)\[says\]', html))
        return hidden | {
            f"u{unit}[{name}]": value for unit in units for name, value in answers.items()
        }

    def submit(self, fields: dict[str, str | list[str]], **headers: str) -> Any:
        """Submit the page, and follow the redirect."""
        return self.browser.post(self.url, data=fields, headers=headers, follow_redirects=True)


def judgments(job: Job) -> list[Any]:
    """Return all judgments of a job."""
    return list(job.judgments())


def test_a_new_visitor_enters_a_name_and_is_recognized_later(box: Sandbox) -> None:
    person = Person(box, launch_job(box, ROWS), name=None)

    form = person.load()
    registered = person.browser.post(person.url, data={"name": "  Ada   Lovelace "})

    assert "Your name" in form
    assert registered.status_code == 303
    cookie = registered.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/label" in cookie
    assert "Review 1" in person.load()


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x00b"])
def test_an_invalid_name_is_refused(box: Sandbox, name: str) -> None:
    person = Person(box, launch_job(box, ROWS), name=None)

    response = person.browser.post(person.url, data={"name": name})

    assert response.status_code == 422
    assert "Please enter your name, with at most 100 characters." in response.text


def test_a_url_with_an_unescaped_secret_works() -> None:
    with Sandbox(seed=0) as box:
        job = launch_job(box, ROWS)

        response = box.app.test_client().get(f"/label/{job.id}?secret={job.secret}")

    assert "+" in job.secret
    assert "Your name" in response.text


@pytest.mark.parametrize(
    "path", ["/label/{}?secret=guessed", "/label/{}", "/label/7?secret=guessed"]
)
def test_without_the_secret_every_job_is_not_found(box: Sandbox, path: str) -> None:
    job = launch_job(box, ROWS)
    browser = box.app.test_client()

    read = browser.get(path.format(job.id))
    posted = browser.post(path.format(job.id), data={"name": "Eve"})

    assert read.status_code == posted.status_code == 404
    assert read.text == posted.text
    assert "ask the person who sent it to you" in read.text
    assert "Set-Cookie" not in posted.headers


def test_submitted_answers_become_judgments(box: Sandbox) -> None:
    job = launch_job(box, ROWS)
    person = Person(box, job)

    response = person.submit(
        person.fields(says="good", first="Ada", last="Lovelace", browser="forged"),
        **{"User-Agent": "A browser"},
    )

    assert "Your page was submitted." in response.text
    assert "There is nothing left in this job for you" in response.text
    stored = judgments(job)
    assert len(stored) == len(ROWS)
    assert {each.data["says"] for each in stored} == {"good"}
    assert stored[0].started_at <= stored[0].created_at


def test_a_question_with_liquid_in_its_name_has_one_name_on_every_page(box: Sandbox) -> None:
    rows = [{"chunk_00": f'"{number}" [x]'} for number in range(5)]
    form = '<cml:text label="{{chunk_00}}?" name="answer_{{chunk_00}}" validates="required"/>'
    job = launch_job(box, rows, form)
    person = Person(box, job)
    names = re.findall(r'name="(u\d+\[.*?\])"', person.load())

    person.submit(person.fields() | dict.fromkeys(names, "yes"))

    assert [name.partition("[")[2] for name in names] == ["answer_chunk_00]"] * 5
    assert [each.data for each in judgments(job)] == [{"answer_chunk_00": "yes"}] * 5


def test_errors_are_listed_and_answers_are_kept(box: Sandbox) -> None:
    job = launch_job(box, ROWS)
    person = Person(box, job)
    fields = person.fields(says="bad", first="Ada", last="Lovelace")

    response = person.browser.post(person.url, data=fields)

    assert response.status_code == 422
    assert "Please check 5 answers" in response.text
    anchors = re.findall(
        r'<a href="#(u\d+-why)" dir="auto">Row \d, What is bad\?</a>', response.text
    )
    assert len(anchors) == len(ROWS)
    assert all(f'id="{anchor}"' in response.text for anchor in anchors)
    assert len(re.findall(r'value="bad" checked', response.text)) == len(ROWS)
    assert response.text.count('value="Lovelace"') == len(ROWS)
    assert judgments(job) == []


def test_the_code_of_a_row_is_checked_with_the_message_of_the_form(box: Sandbox) -> None:
    # A study elsewhere, whose code is in the row: six independent forms of 2012 to 2018 do this.
    cml = """<cml:text label="Code" name="says" data-validates-regex="^{{ code }}$"
     validates="required regex" data-validates-regex-message="Not the code."
     default="Code here"/>"""
    codes = ["AB07", "a+b", "x&y<z", "1", '"2"']
    job = launch_job(box, [{"code": re.escape(code)} for code in codes], cml)
    person = Person(box, job)

    placeholder = person.load()
    wrong = person.browser.post(person.url, data=person.fields(says="AB07"))
    untouched = person.browser.post(person.url, data=person.fields(says="Code here"))
    fields = {
        f"u{unit.id}[says]": code for unit, code in zip(job.units, codes, strict=True)
    } | person.fields()
    right = person.submit(fields)

    assert placeholder.count('placeholder="Code here"') == len(codes)
    assert wrong.status_code == untouched.status_code == 422
    assert wrong.text.count("Not the code.</li>") == len(codes) - 1
    assert untouched.text.count("Please answer this question.</li>") == len(codes)
    assert "Your page was submitted." in right.text
    assert sorted(each.data["says"] for each in judgments(job)) == sorted(codes)


def test_a_row_whose_pattern_cannot_be_checked_is_refused_at_launch(box: Sandbox) -> None:
    cml = '<cml:text name="says" validates="required regex" data-validates-regex="{{ code }}"/>'

    for code, reason in (("(a", "is not a valid"), ("(?=a)b", "a lookahead, a lookbehind")):
        with pytest.raises(ApiError, match=reason):
            launch_job(box, [{"code": code} for _ in range(5)], cml)


def test_a_blank_option_of_a_list_is_shown_once_and_is_no_answer(box: Sandbox) -> None:
    cml = """<cml:select name="says" label="Word"><cml:option label="- none -" value=""/>
     <cml:option label="a"/></cml:select><cml:text name="why" validates="required"/>"""
    job = launch_job(box, ROWS, cml)
    person = Person(box, job)

    html = person.load()
    person.submit(person.fields(says="", why="x"))

    assert html.count('<option value="">- none -</option>') == len(ROWS)
    assert html.count("<option") == 2 * len(ROWS)
    assert [each.data for each in judgments(job)] == [{"why": "x"}] * len(ROWS)


def test_an_answer_that_does_not_apply_is_dropped(box: Sandbox) -> None:
    job = launch_job(box, ROWS)
    person = Person(box, job)

    person.submit(person.fields(says="good", why="it is not"))

    assert all("why" not in each.data for each in judgments(job))


def test_a_page_that_is_submitted_twice_is_stored_once(box: Sandbox) -> None:
    job = launch_job(box, ROWS)
    person = Person(box, job)
    fields = person.fields(says="good")

    first, second = person.submit(fields), person.submit(fields)

    assert first.text == second.text
    assert len(judgments(job)) == len(ROWS)


def test_an_expired_page_is_refused(box: Sandbox) -> None:
    job = launch_job(box, ROWS)
    person = Person(box, job)
    fields = person.fields(says="good")

    box.clock.advance(minutes=31)
    response = person.submit(fields)

    assert response.status_code == 410
    assert "The time for this page is over" in response.text
    assert "Take these rows again" in response.text
    assert judgments(job) == []


def test_the_page_of_another_contributor_is_refused(box: Sandbox) -> None:
    job = launch_job(box, ROWS)
    ada, eve = Person(box, job), Person(box, job, "Eve")
    stolen = ada.fields(says="bad", why="stolen")

    response = eve.browser.post(eve.url, data=stolen)
    without_cookie = box.app.test_client().post(eve.url, data=stolen)

    assert response.status_code == 404
    assert without_cookie.status_code == 403
    assert judgments(job) == []


def test_a_forged_token_is_refused(box: Sandbox) -> None:
    job = launch_job(box, ROWS)
    person = Person(box, job)

    response = person.browser.post(
        person.url, data=person.fields(says="good") | {"token": "é" * 32}
    )

    assert response.status_code == 409
    assert judgments(job) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_submission_from_another_site_is_refused(box: Sandbox, headers: dict[str, str]) -> None:
    job = launch_job(box, ROWS)
    person = Person(box, job)
    fields = person.fields(says="good")

    response = person.browser.post(person.url, data=fields, headers=headers)

    assert response.status_code == 403
    assert judgments(job) == []


def test_a_page_that_is_given_up_becomes_available_to_others(box: Sandbox) -> None:
    job = launch_job(box, ROWS, judgments_per_unit=1)
    ada, bob = Person(box, job), Person(box, job, "Bob")
    ada.load()

    waiting = bob.load()
    given_up = ada.submit(ada.fields() | {"give_up": "yes"})

    assert "There is nothing left in this job for you" in waiting
    assert "You skipped this page" in given_up.text
    assert "Next page" in given_up.text
    assert "Review 1" in bob.load()


def test_only_the_page_of_the_form_is_given_up(box: Sandbox) -> None:
    job = launch_job(box, ROWS, units_per_assignment=2)
    person = Person(box, job)
    old = person.fields(says="good")
    person.submit(old)
    new = person.fields(says="good")

    stale = person.submit(old | {"give_up": "yes"})
    submitted = person.submit(new)
    without_page = person.browser.post(person.url, data={"give_up": "yes"})

    assert stale.status_code == 409
    assert "This page is no longer open" in stale.text
    assert "Your page was submitted" in submitted.text
    assert without_page.status_code == 404
    assert len(judgments(job)) == 4


def test_a_reload_after_giving_up_keeps_the_next_page(box: Sandbox) -> None:
    job = launch_job(box, ROWS, units_per_assignment=2)
    person = Person(box, job)
    response = person.browser.post(person.url, data=person.fields() | {"give_up": "yes"})
    new = person.fields(says="good")

    reloaded = person.browser.get(response.headers["Location"])
    submitted = person.submit(new)

    assert response.status_code == 303
    assert "You skipped this page" in reloaded.text
    assert "Your page was submitted" in submitted.text


def test_a_page_that_cannot_be_shown_can_be_given_up(box: Sandbox) -> None:
    options = '{% for each in sizes %}<cml:radio label="{{ each }}"/>{% endfor %}'
    cml = f'<cml:radios label="Size?" name="says" validates="required">{options}</cml:radios>'
    job = launch_job(box, [{"sizes": ["S", "M"]} for _ in range(5)], cml=cml)
    person = Person(box, job)
    unit = job.get_unit(next(iter(job.units)).id)
    unit.data = {"sizes": []}
    unit.update()

    invalid_page = person.browser.get(person.url)
    (assignment,) = re.findall(r'name="assignment" value="(\d+)"', invalid_page.text)
    given_up = person.submit({"assignment": assignment, "give_up": "yes"})

    assert invalid_page.status_code == 422
    assert "has no options" in invalid_page.text
    assert "You skipped this page" in given_up.text


def test_adding_a_line_adds_one_to_each_question_of_the_group(box: Sandbox) -> None:
    person = Person(box, launch_job(box, ROWS))
    fields = person.fields(says="good", first="Ada", last="Lovelace")
    unit = next(name for name in fields if name.endswith("[first]"))[1 : -len("[first]")]

    html = person.submit(fields | {"more": f"u{unit}[first]"}).text

    assert html.count(f'name="u{unit}[first]"') == 2
    assert html.count(f'name="u{unit}[last]"') == 2
    assert html.count('name="u') == len(re.findall(r'name="u\d+\[\w+\]"', html))
    assert html.count('value="good" checked') == len(ROWS)


def test_an_entry_can_be_removed(box: Sandbox) -> None:
    person = Person(box, launch_job(box, ROWS))
    fields = person.fields(says="good", first=["Ada", "Grace", ""], last=["L", "Hopper", "K"])
    unit = next(name for name in fields if name.endswith("[first]"))[1 : -len("[first]")]

    html = person.submit(fields | {"fewer": f"0-u{unit}[first]"}).text

    row = html[html.index(f'name="u{unit}[says]"') :].partition("</section>")[0]
    assert re.findall(r'name="u\d+\[(first|last)\]"[^>]* value="(\w*)"', row) == [
        *(("first", "Grace"), ("last", "Hopper"), ("first", ""), ("last", "K"))
    ]
    assert html.count('value="Ada"') == len(ROWS) - 1


def test_blank_entries_are_dropped(box: Sandbox) -> None:
    job = launch_job(box, ROWS)
    person = Person(box, job)

    person.submit(person.fields(says="good", first=["", "Ada", ""], last=["", "", ""]))

    assert [each.data["first"] for each in judgments(job)] == [["Ada"]] * len(ROWS)


def test_a_page_gets_more_time_once(box: Sandbox) -> None:
    job = launch_job(box, ROWS)
    person = Person(box, job)
    fields = person.fields(says="bad", why="Because.")

    box.clock.advance(minutes=29)
    more = person.browser.post(person.url, data=fields | {"more_time": "yes"})
    again = person.browser.post(person.url, data=fields | {"more_time": "yes"})
    box.clock.advance(minutes=30)
    submitted = person.submit(fields)

    assert more.status_code == 200
    assert "31 minutes left" in more.text
    assert more.text.count('value="Because."') == len(ROWS)
    assert "More time" not in more.text.partition("<dialog")[0].partition('class="bar"')[2]
    assert again.status_code == 409
    assert "a page gets it once" in again.text
    assert "Your page was submitted." in submitted.text
    assert len(judgments(job)) == len(ROWS)


def test_a_paused_job_gives_no_more_time(box: Sandbox) -> None:
    job = launch_job(box, ROWS)
    person = Person(box, job)
    fields = person.fields(says="good")
    job.pause()

    refused = person.browser.post(person.url, data=fields | {"more_time": "yes"})

    assert refused.status_code == 409
    assert "This job is paused" in refused.text


@pytest.mark.parametrize(
    ("says", "title"), [("bad", "You passed the quiz"), ("good", "You did not pass the quiz")]
)
def test_the_result_of_a_quiz_is_told_before_the_next_page(
    box: Sandbox, says: str, title: str
) -> None:
    golds = [{**row, "says_gold": "bad"} for row in ROWS * 2]
    rows = [{**row, "says_gold": ""} for row in ROWS * 4]
    job = launch_job(box, golds + rows, units_per_assignment=5, options={"front_load": True})
    newcomer = Person(box, job, name=None).load()
    person = Person(box, job)

    quiz = person.load()
    result = person.submit(person.fields(says=says, why="Because it is."))

    assert "You pass with 70 % right, and you can take it once." in newcomer
    assert "Start the quiz" in newcomer
    assert "<title>Quiz · What do reviews say?</title>" in quiz
    assert f"<h1>{title}</h1>" in result.text
    assert ("Start the first page" in result.text) == (says == "bad")
    assert ("Row 1 " in person.load()) == (says == "bad")


def test_a_missed_test_question_is_explained_after_the_page(
    box: Sandbox,
) -> None:
    golds = [
        {**row, "says_gold": "bad", "says_gold_reason": "They say ‘never again’."} for row in ROWS
    ]
    rows = [{**row, "says_gold": "", "says_gold_reason": ""} for row in ROWS * 4]
    options = {"front_load": False, "gold_always": True}
    job = launch_job(box, golds + rows, units_per_assignment=2, options=options)
    person = Person(box, job)

    before = person.load()
    response = person.submit(person.fields(says="good"))

    assert "never again" not in before
    assert "_gold" not in before
    assert "You missed 1 answer to a test question on it." in response.text
    feedback = response.text.partition('id="receipt"')[2].partition("</dl>")[0]
    assert re.findall(r">([^<>]+)</(?:dt|dd|strong)>", feedback) == [
        *("Question", "What does it say?", "Your answer", "Good"),
        *("Correct answer", "Bad", "Why", "They say ‘never again’."),
    ]
    assert re.search(
        r"<p class=\"says\" dir=\"auto\">“(Review \d|https://example.com/)”", response.text
    )


def test_a_message_is_shown_once(box: Sandbox) -> None:
    job = launch_job(box, [*ROWS, *ROWS], units_per_assignment=5)
    person = Person(box, job)
    person.submit(person.fields(says="good"))
    job.get_worker(judgments(job)[0].worker_id).notify("Well <b>done</b>!")

    first, second = person.load(), person.load()

    assert "Well &lt;b&gt;done&lt;/b&gt;!" in first
    assert "Well" not in second


@pytest.mark.filterwarnings("ignore:.* (is removed from the page|has no matching)")
@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("place", ["review", "link", "title", "instructions", "cml"])
def test_markup_of_requesters_cannot_run_scripts(box: Sandbox, payload: str, place: str) -> None:
    rows = [{**row, **({place: payload} if place in row else {})} for row in ROWS]
    markup = {"title": payload, "instructions": payload, "cml": payload + CML}
    settings = {place: markup[place]} if place in markup else {}
    job = launch_job(box, rows, **settings)
    person = Person(box, job)

    html = person.load()

    tags = re.findall(r"<([a-z]+)([^>]*)>", without_icons(html))
    assert [rest for tag, rest in tags if tag == "script"] == [
        f' src="{asset_url("desk.js")}" defer'
    ]
    assert not {"svg", "iframe", "base"} & {tag for tag, _ in tags}
    assert not [rest for _, rest in tags if re.search(r"\son\w+\s*=", re.sub('"[^"]*"', "", rest))]
    assert not re.search(r'(?:href|src)="\s*javascript', unescape(html), re.IGNORECASE)
    assert html.count("<form") == 2, "the page of rows, and signing out"
    assert html.count("<meta") == 3
    assert sum('name="token"' in rest for tag, rest in tags if tag == "input") == 1
    assert html.count("<legend") == len(ROWS)


def without_icons(html: str) -> str:
    """Return a page without its title and our own icons; a requester's markup has no classes."""
    frame = r'<title>.*?</title>|<svg class="ico[^"]*".*?</svg>|<span class="brand">.*?</span>'
    return re.sub(frame, "", html, flags=re.DOTALL)


class Controls(HTMLParser):
    """What a browser can submit or run on a page, and what surrounds each question."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.controls: list[str] = []
        self.active: list[str] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in {"form", "input", "select", "textarea", "button", "legend"}:
            self.controls.append("/".join([*self._open, tag, values.get("name") or ""]))
        self.active += [name for name in values if name.startswith("on")]
        urls = [values[name] or "" for name in ("href", "src", "poster") if name in values]
        self.active += [url for url in urls if not is_safe_url(tag, url)]
        style = values.get("style") or ""
        self.active += [style] if re.search(r"url|position|expression|@", style) else []
        if tag in {"script", "svg", "math", "iframe", "object", "base", "style", "link", "meta"}:
            self.active.append(tag)
        if tag in {"main", "form", "section"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"main", "form", "section"}:
            assert self._open.pop() == tag


@pytest.mark.parametrize("place", PLACES)
def test_no_value_of_a_row_can_act_or_change_the_page(box: Sandbox, place: str) -> None:
    cml = PLACES[place] + CML
    values = [*PAYLOADS, "<!-- open", "plain"]
    job = launch_job(box, [{"review": "r", "link": "l", "x": value} for value in values], cml)

    html = without_icons(Person(box, job).load())

    body = Controls(html[html.index("<main ") : html.index("</main>") + len("</main>")])
    assert body.active == []
    *rows, plain = html.rpartition("</form>")[0].split('<section class="task"')[1:]
    controls = [
        [re.sub(r"\bu\d+", "u", each) for each in Controls(f"<section{row}").controls]
        for row in (*rows, plain)
    ]
    assert len(controls) == len(values)
    assert all(each == controls[-1] for each in controls)


def test_markup_of_rows_and_labels_is_shown_and_escaped_text_is_not(box: Sandbox) -> None:
    # The vendor's own example, and four tools, put the word to judge in <b> or <span>.
    cml = """<h2>{{ text }}</h2><p>{{ text | escape }}</p>
    <cml:radios label="Is {{ text }} <i>big</i>?" name="says" instructions="In <u>{{ text }}</u>">
      <cml:radio label="<b>Yes</b>, {{ text }}" value="1"/>
      <cml:radio label="No, {{ text | escape }}" value="2"/>
    </cml:radios>
    <cml:group multiple="true"><h3>{{ text }}</h3>
      <cml:select label="<em>How</em> big?" name="how" validates="required">
        <cml:option label="<b>very</b> &amp; more"/></cml:select></cml:group>"""
    rows = [{"text": '<span class="hit"><b>Paris</b></span> &amp; 1 < 2'} for _ in range(5)]
    job = launch_job(box, rows, cml)
    person = Person(box, job)

    html = person.load()
    failed = person.browser.post(person.url, data=person.fields(says="1")).text

    paris, text = "<span><b>Paris</b></span> &amp; 1 &lt; 2", "&lt;b&gt;Paris&lt;/b&gt;"
    assert f"<h2>{paris}</h2>" in html
    assert f"""<p>&lt;span class="hit"&gt;{text}&lt;/span&gt; &amp;amp; 1 &lt; 2</p>""" in html
    assert f"Is {paris} <i>big</i>?" in html
    assert f"In <u>{paris}</u>" in html
    assert f"<span><b>Yes</b>, {paris}</span><kbd" in html
    no = html[html.index("<span>No, ") + len("<span>") :].partition("</span><kbd")[0]
    assert unescape(no) == f"No, {rows[0]['text']}"
    assert "<b>" not in no
    assert f"<h3>{paris}</h3>" in html
    assert "<em>How</em> big?" in html
    assert ">very &amp; more</option>" in html
    assert re.search(r">Row 1, How big\?</a>: Please answer", failed)


def test_audio_video_and_images_are_on_the_page_and_may_be_loaded(box: Sandbox) -> None:
    cml = """<audio src="{{ clip }}" controls="controls"></audio>
    <video poster="{{ image }}" width="320"><source src={{ clip }} type="video/mp4">
    <track src="{{ clip }}" kind="captions"></video><img src="{{ image }}" alt="A {{ image }}">
    <cml:text name="says" validates="required"/>"""
    clip, image = "https://media.example/a.mp4?b=1&c=2", "https://media.example/a.png"
    job = launch_job(box, [{"clip": clip, "image": image} for _ in range(5)], cml)
    person = Person(box, job)

    response = person.browser.get(person.url)

    clip = clip.replace("&", "&amp;")
    assert f'<audio src="{clip}" controls="">' in response.text
    assert f'<video poster="{image}" width="320" controls="">' in response.text
    assert f'<source src="{clip}" type="video/mp4">' in response.text
    assert f'<track src="{clip}" kind="captions">' in response.text
    assert f'<img src="{image}" alt="A {image}" loading="lazy"></a>' in response.text
    assert f'<a class="zoom" href="{image}" target="_blank"' in response.text
    policy = response.headers["Content-Security-Policy"]
    loopback = "http://127.0.0.1:* http://localhost:*"
    assert f"img-src 'self' https: data: {loopback};" in policy
    assert f"media-src 'self' https: {loopback} data:;" in policy


@pytest.mark.filterwarnings("ignore:.*is not closed before the next tag")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<audio src='{{ clip }}' controls/>", ""),
        ("<video src='{{ clip }}'/>", "</video>"),
        ("<audio>", "</audio>"),
        ("<p><video controls><source src='{{ clip }}'/>", "</p>"),
        ("{{ player }}", ""),
    ],
)
def test_no_question_is_inside_a_player(box: Sandbox, before: str, after: str) -> None:
    cml = f"{before}<cml:text name='says' validates='required'/>{after}"
    clip = "https://media.example/a.mp4"
    row = {"clip": clip, "player": f"<audio src='{clip}'/>"}
    person = Person(box, launch_job(box, [row] * 5, cml))

    html = person.browser.get(person.url).text

    assert html.count("[says]") >= 5
    for player in re.findall(r"<(?:audio|video).*?(?:</(?:audio|video)>|\Z)", html, re.DOTALL):
        assert "[says]" not in player


def test_what_is_removed_gives_a_warning_when_it_is_saved(box: Sandbox) -> None:
    client = box.client()
    job = client.upload_job(ROWS)
    cml = f"<p>\n<iframe src=x></iframe><b onclick=x()>\n<canvas></canvas></b></p>{CML}"
    with pytest.warns(ServiceWarning, match="is removed from the page") as caught:
        client.update_job(job.id, {"cml": cml, "instructions": "Read <form><input></form>"})

    warnings = [str(each.message) for each in caught]
    events = [event["detail"]["warning"] for event in box.events() if event["kind"] == "warning"]
    assert events == warnings

    for text in (
        "The form, line 2, column 1: <iframe> is removed from the page",
        "The form, line 2, column 27: onclick of <b> is removed from the page",
        "The form, line 3, column 1: <canvas> is removed from the page",
        "The instructions, line 1: <form> is removed from the page",
        "The instructions, line 1: <input> is removed from the page",
    ):
        assert any(warning.startswith(text) for warning in warnings), text


def test_every_response_has_the_security_headers(box: Sandbox) -> None:
    job = launch_job(box, ROWS)
    person = Person(box, job)

    responses = [
        person.browser.get(person.url),
        person.browser.post(person.url, data=person.fields()),
        person.browser.get(f"/label/{job.id}?secret=guessed"),
        box.app.test_client().get(person.url),
    ]

    for response in responses:
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert response.content_type == "text/html; charset=utf-8"


def test_the_style_the_script_and_the_icon_are_served(box: Sandbox) -> None:
    browser = box.app.test_client()
    html = Person(box, launch_job(box, ROWS)).load()
    urls = re.findall(r'<(?:link|script)[^>]* (?:href|src)="([^"]*)"', html)

    responses = [browser.get(url) for url in urls]

    assert [each.content_type.partition(";")[0] for each in responses] == [
        *("text/css", "image/svg+xml", "text/javascript")
    ]
    assert all(each.status_code == 200 for each in responses)
    assert all("immutable" in each.headers["Cache-Control"] for each in responses)
    assert len(responses[0].data) < 30_000
    assert len(responses[2].data) < 25_000


def test_styles_of_the_form_are_a_stylesheet_of_their_own(box: Sandbox) -> None:
    cml = (
        '<b style="color: red">a</b><i style="color: red; position: fixed">b</i>'
        f"<u style='background: yellow'>c</u>{CML}"
    )
    browser = box.app.test_client()

    with pytest.warns(ServiceWarning, match="position is removed"):
        job = launch_job(box, ROWS, cml)
    html = Person(box, job).load()
    url = re.findall(r'<link rel="stylesheet" href="(/label/styles.css[^"]*)"', html)[0]
    styles = browser.get(unescape(url)).text
    forged = browser.get("/label/styles.css?s=position:fixed;color:red&s=a}b{color:red").text

    assert browser.get(f"/label/styles.css?s=color:{'+' * 7000}").status_code == 414
    assert "style=" not in html
    assert '<b class="style-0">a</b><i class="style-0">b</i><u class="style-1">c</u>' in html
    assert styles == ".style-0{color: red}\n.style-1{background: yellow}\n"
    assert forged == ".style-0{color: red}\n.style-1{}\n"


def test_a_job_at_its_end_asks_nobody_for_a_name(box: Sandbox) -> None:
    job = launch_job(box, ROWS)
    assert "Your name" in Person(box, job, name=None).load()

    job.cancel()

    ended = Person(box, job, name=None).load()
    assert "This job is at its end: it has no more pages." in ended
    assert "Your name" not in ended


def test_a_part_of_a_page_without_a_name_is_left_out(box: Sandbox) -> None:
    job = launch_job(box, ROWS)
    person = Person(box, job)
    fields = {**person.fields(says="good"), "nameless": "x"}
    body = encode_multipart(fields, boundary="b")[1].replace(b'; name="nameless"', b"")

    person.browser.post(person.url, data=body, content_type="multipart/form-data; boundary=b")

    assert len(judgments(job)) == len(ROWS)


def test_the_address_of_earlier_versions_leads_to_the_page(box: Sandbox) -> None:
    job = launch_job(box, ROWS)
    person = Person(box, job)
    old = person.url.replace("/label/", "/work/")
    cookie = person.browser.get_cookie("crowdflower_contributor", path="/label")
    browser = box.app.test_client()
    browser.set_cookie("crowdflower_contributor", cookie.value, path="/work")

    moved = browser.get(old)
    page = browser.get(old, follow_redirects=True)
    posted = browser.post(old, data=person.fields(says="good"), follow_redirects=True)

    assert (moved.status_code, moved.headers["Location"]) == (308, person.url)
    assert "Review 1" in page.text
    assert "Your page was submitted." in posted.text
    assert len(judgments(job)) == len(ROWS)


def test_the_work_url_of_an_unknown_job_is_an_error(box: Sandbox) -> None:
    with pytest.raises(LookupError, match="There is no job 7"):
        box.work_url(7)
