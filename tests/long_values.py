"""A job in which every text is as long as people may write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tests.hostile_job import work_and_contest

if TYPE_CHECKING:
    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

WORD: Final = "Donaudampfschifffahrtsgesellschaftskapitaen" * 3
"""Without a place to break a line."""

REASON: Final = ("It says so in the second sentence of the review. " * 21)[:1000]
COLUMNS: Final = 40
CML: Final = f"""
<p>{{{{text}}}}</p>
<cml:radios label="How does the writer feel about {WORD}?" name="mood" validates="required">
  <cml:radio label="{WORD}" value="good"/> <cml:radio label="bad {WORD}" value="bad"/>
</cml:radios>
<cml:text label="Why? {REASON[:200]}" name="why"/>
"""


def make_long_job(box: Sandbox) -> Job:
    """Launch the job; two contributors miss, contest and answer."""
    client = box.client()
    row = {f"column_{number}_{WORD[:40]}": f"{number} {WORD}" for number in range(COLUMNS)}
    row |= {"text": f"{REASON} {WORD}", "mood_gold": "", "mood_gold_reason": ""}
    gold = row | {"mood_gold": "good", "mood_gold_reason": REASON}
    job = client.upload_job([*[gold] * 6, *[row | {"text": WORD}] * 12])
    settings = {"title": f"{WORD} {REASON[:80]}", "cml": CML, "units_per_assignment": 2}
    client.update_job(job.id, {**settings, "judgments_per_unit": 2, "instructions": WORD})
    job.tags = [WORD[:100], "reviews"]
    job.mark_test_questions("mood")
    job.launch(12, channels=["cf_internal"])
    client.update_job(job.id, {"webhook_uri": f"http://127.0.0.1:9/{WORD}"})
    url = urlsplit(box.work_url(job))
    for name in (WORD[:100], f"{REASON[:90]} B"):
        work_and_contest(box, f"{url.path}?{url.query}", name, f"{WORD} {REASON[:300]}")
    job.get_worker(next(iter(job.judgments())).worker_id).flag(REASON[:200])
    return job.reload()
