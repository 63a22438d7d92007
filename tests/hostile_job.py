"""A job in which every text that a person can write is an attempt to run a script."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

SCRIPT: Final = (
    """"'><img alt=x src=x onerror="window.hacked=1"><script>window.hacked=1</script>{{7*7}}"""
)
"""Active wherever it is written into a page without escaping."""

IS_ACTIVE: Final = re.compile(r"<script>window|<img alt=x|onerror=\"window|>49<|\"49")
"""What of it is in the source of a page that does not escape it."""

_ESCAPED: Final = SCRIPT.translate({ord(each): f"&#{ord(each)};" for each in "\"'<>{}"})
CML: Final = f"""
<p>{{{{ text }}}}</p>
<cml:radios label="{_ESCAPED}" name="mood" validates="required" instructions="{_ESCAPED}">
  <cml:radio label="{_ESCAPED}" value="good"/> <cml:radio label="bad" value="bad"/>
</cml:radios>
<cml:text label="Why {_ESCAPED}" name="why"/>
"""


def make_hostile_job(box: Sandbox) -> Job:
    """Launch the job, and have a contributor miss, contest, answer and be written to."""
    client = box.client()
    row = {"text": SCRIPT, SCRIPT: SCRIPT, "mood_gold": "", "mood_gold_reason": ""}
    gold = row | {"mood_gold": "good", "mood_gold_reason": SCRIPT}
    job = client.upload_job([*[gold] * 6, *[row] * 12])
    settings = {"title": SCRIPT, "instructions": SCRIPT, "cml": CML, "units_per_assignment": 2}
    client.update_job(job.id, {**settings, "judgments_per_unit": 1, "css": SCRIPT, "js": SCRIPT})
    job.tags = [SCRIPT.replace(",", "")]
    job.mark_test_questions("mood")
    job.launch(12, channels=["cf_internal"])
    url = urlsplit(box.work_url(job))
    work_and_contest(box, f"{url.path}?{url.query}", SCRIPT, SCRIPT)
    job.get_worker(next(iter(job.judgments())).worker_id).notify(SCRIPT)
    return job.reload()


def work_and_contest(box: Sandbox, path: str, name: str, text: str) -> None:
    """Miss a test question on the pages of a job, contest it with a text, and answer with it."""
    browser = box.app.test_client()
    browser.post(path, data={"name": name})
    for mood in ("good", "good", "bad", "good"):
        html = browser.get(path).text
        fields = dict(re.findall(r'name="(assignment|token)" value="([^"]*)"', html))
        for unit in dict.fromkeys(re.findall(r'name="u(\d+)\[mood\]', html)):
            fields |= {f"u{unit}[mood]": mood, f"u{unit}[why]": text}
        html = browser.post(path, data=fields, follow_redirects=True).text
        form = re.search(r'action="([^"]*/contest[^"]*)".*?</form>', html, re.DOTALL)
        if form is not None:
            hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
            browser.post(unescape(form[1]), data={**hidden, "contest": text})
