"""Published forms, and the programs that send them, from the request to the report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from raw_requests import send

from crowdflower.sandbox.errors import Invalid

if TYPE_CHECKING:
    from crowdflower.job import Job
    from tests.scenarios.conftest import Box

HEADERS = """
Host: $host
User-Agent: python-requests/2.9.1
Accept: application/json
Content-Type: application/json
Authorization: Token token=$key
""".strip()

STUDY = """
<div><a class="clicked" href="{{link}}" target="_blank">Open the study</a></div>
<cml:text label="Your code" name="your_code" default="Code here"
  validates="required ss-required regex" data-validates-regex="{{code}}"
  data-validates-regex-flags="i" data-validates-regex-message="That is not the code of this study"/>
"""

WORDS = """
{% assign words = verbs | split: "#" %}
<cml:select label="Who" name="who" validates="required">
  <cml:option label="who"/><cml:option label="what"/>
</cml:select>
<cml:select label="Whom" name="whom">
  <cml:option label=""/><cml:option label="someone"/><cml:option label="something"/>
</cml:select>
<cml:select label="Verb" name="verb" validates="required">
  {% for word in words %}<cml:option label="{{word}}"/>{% endfor %}
</cml:select>
"""


def send_form(box: Box, rows: list[dict[str, str]], cml: str) -> Job:
    """Upload rows and save a form, with the requests of the program."""
    lines = "\n".join(json.dumps(row) for row in rows)
    made = send(box, f"POST /v1/jobs/upload.json HTTP/1.1\n{HEADERS}\n\n$lines", lines=lines).json()
    about = {"title": "A published form", "instructions": "Do it.", "judgments_per_unit": 1}
    body = json.dumps({"job": {**about, "cml": cml}})
    path = f"/v1/jobs/{made['id']}.json"
    saved = send(box, f"PUT {path} HTTP/1.1\n{HEADERS}\n\n$body", body=body).json()
    assert "errors" not in saved, saved
    return box.client.get_job(made["id"])


def refusal(box: Box, worker: Any, page: Any, answer: dict[str, str]) -> dict[str, str]:
    """Submit a page that is refused, and return the messages of its first row."""
    with pytest.raises(Invalid) as caught:
        box.submit(worker, page, answer)
    return dict(caught.value.fields[page.units[0].id])


def test_a_survey_elsewhere_gives_a_code_that_each_row_checks(box: Box) -> None:
    """Source: six independent forms of 2012 to 2018 have the pattern in an attribute."""
    rows = [
        {"link": f"https://example.org/{number}", "code": f"AB{number}7"} for number in range(5)
    ]
    job = send_form(box, rows, STUDY)
    job.launch(5, channels=["cf_internal"])
    worker = box.contributor("cf_internal")
    page = box.take(job, worker)
    words = {"your_code": "That is not the code of this study"}

    assert refusal(box, worker, page, {"your_code": "nonsense"}) == words
    of_another_row = {"your_code": page.units[1].data["code"]}
    assert refusal(box, worker, page, of_another_row) == words
    box.submit(worker, page, lambda unit: {"your_code": unit.data["code"].lower()})

    report = list(box.client.get_report(job, "full"))
    assert [row["your_code"] for row in report] == [row["code"].lower() for row in report]


def test_a_generated_form_has_a_blank_first_option_that_is_no_answer(box: Box) -> None:
    """Source: a question-writing task, whose forms are generated from lists with a blank."""
    job = send_form(box, [{"verbs": "gave#was given#give"} for _ in range(5)], WORDS)
    job.launch(5, channels=["cf_internal"])

    box.finish(job, box.contributor("cf_internal"), {"who": "what", "whom": "", "verb": "give"})

    report = list(box.client.get_report(job, "full"))
    assert [(row["who"], row["whom"], row["verb"]) for row in report] == [("what", "", "give")] * 5


def test_rows_and_labels_bring_markup_of_their_own(box: Box) -> None:
    """Source: four tools wrap the entity of a sentence in ``<span>`` or ``<b>``; the vendor's own
    example has markup in a label.
    """
    text = 'We met in <span class="hit"><b>Paris</b></span> &amp; left<script>steal()</script>'
    cml = """
    <h2>{{text}}</h2>
    <cml:radios label="Is this a &lt;b&gt;town&lt;/b&gt;?" name="town" validates="required">
      <cml:radio label="yes"/><cml:radio label="no"/>
    </cml:radios>
    """
    job = send_form(box, [{"text": text} for _ in range(5)], cml)
    job.launch(5, channels=["cf_internal"])
    url = f"{box.url}/label/{job.id}?{urlencode({'secret': job['secret']})}"

    box.session.post(url, data={"name": "Ada"}, timeout=60)
    html = box.session.get(url, timeout=60).text

    assert "<b>Paris</b>" in html
    assert "<b>town</b>" in html
    assert "steal()" not in html
