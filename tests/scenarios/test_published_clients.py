"""The calls of published programs that others have written for the service."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from crowdflower.job import Job
    from tests.scenarios.conftest import Box

SPAM = """
<p>{{text}}</p>
<cml:radios label="Is it spam?" name="spam" validates="required" gold="true">
  <cml:radio label="spam"/>
  <cml:radio label="ham"/>
</cml:radios>
"""
PEOPLE = {"perfect": 0.2, "normal": 0.6, "random spammer": 0.2}


def make_rows(number: int, prefix: str) -> list[dict[str, str]]:
    return [
        {"text": f"{prefix} {place}", "truth": ("spam", "ham", "ham")[place % 3]}
        for place in range(number)
    ]


def create_spam_filter(box: Box) -> Job:
    golds = [{**row, "spam_gold": row["truth"]} for row in make_rows(50, "known")]
    rows = [{**row, "spam_gold": None} for row in make_rows(200, "unknown")]
    options = {"front_load": 1, "after_gold": 10, "reject_at": 70}
    attributes = {"units_per_assignment": 10, "judgments_per_unit": 2, "options": options}
    job = box.job(golds + rows, SPAM, **attributes)
    answer = box.api("PUT", f"/jobs/{job.id}/gold.json", params={"check": "spam"})
    assert answer.json() == {"affected": 50, "populated": ["ham", "spam"]}
    return job.reload()


def test_a_spam_filter_is_labelled_by_contributors_who_passed_the_quiz(box: Box) -> None:
    job = create_spam_filter(box)
    box.sandbox.crowd.add(30, mix=PEOPLE, truth={"spam": "truth"})

    job.launch(200)
    summary = box.sandbox.crowd.run(job)

    assert summary.ended == "finished"
    assert job.ping()["needed_judgments"] == 0
    assert job.reload().golds_count == 50
    rows = box.client.get_report(job, "full")
    answers = [row for row in rows if row["_golden"] == "false" and row["_tainted"] == "false"]
    table = Counter((row["truth"], row["spam"]) for row in answers)
    assert set(Counter(row["_unit_id"] for row in answers).values()) == {2}
    assert sum(table.values()) == 400
    assert table["spam", "spam"] + table["ham", "ham"] > 320
    trusts = {row["_worker_id"]: float(row["_trust"]) for row in rows}
    assert trusts == gold_accuracy(rows)


def gold_accuracy(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the fraction of correct test questions of each contributor, from a report."""
    seen = Counter(row["_worker_id"] for row in rows if row["_golden"] == "true")
    missed = Counter(row["_worker_id"] for row in rows if row["_missed"] == "true")
    return {worker: round(1 - missed[worker] / seen[worker], 4) for worker in seen}


def test_a_client_in_r_orders_a_hundred_of_five_rows_and_reads_until_nothing_comes(
    box: Box,
) -> None:
    rows = "\n".join(json.dumps(row) for row in make_rows(5, "text"))
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    made = box.api("POST", "/jobs/upload.json", data=rows, headers=headers).json()
    at = f"/jobs/{made['id']}"
    about = {"title": "Is it spam?", "instructions": "Read it.", "cml": SPAM}
    box.api("PUT", f"{at}.json", json={"job": about})

    order = {"channels": "cf_internal", "debit": {"units_count": 100}}
    placed = box.api("POST", f"{at}/orders.json", json=order).json()
    job = box.client.get_job(made["id"])
    box.sandbox.crowd.add(3, profile="perfect", truth={"spam": "truth"}, channel="cf_internal")
    box.sandbox.crowd.run(job)

    assert placed["nuggeted_units_count"] == 5
    assert box.api("POST", f"{at}/regenerate", params={"type": "full"}).content == b"OK"
    pages = [
        box.api("GET", f"{at}/judgments.json", params={"page": page, "limit": 100}).json()
        for page in (1, 2)
    ]
    assert [len(page) for page in pages] == [5, 0]
    assert all(unit["spam"]["agg"] == unit["truth"] for unit in pages[0].values())
    deleted = box.api("DELETE", f"{at}.json").json()
    assert deleted["message"]["success"]


def test_results_are_paged_by_a_hundred_units(box: Box) -> None:
    job = box.job(make_rows(230, "text"), SPAM, judgments_per_unit=1)
    job.launch(230, channels=["cf_internal"])
    box.finish(job, box.contributor("cf_internal"), {"spam": "ham"})

    sizes, page = [], 1
    while found := box.api("GET", f"/jobs/{job.id}/judgments.json", params={"page": page}).json():
        sizes.append(len(found))
        page += 1

    assert sizes == [100, 100, 30]


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_client_in_python_sends_lists_and_reads_a_report_line_by_line(
    box: Box, verb: str
) -> None:
    job = box.job(make_rows(6, "text"), SPAM, judgments_per_unit=1)
    at = f"/jobs/{job.id}"

    box.api("PUT", f"{at}/channels", data={"channels[]": ["cf_internal", "neodev"]})
    enabled = box.api("GET", f"{at}/channels").json()["enabled_channels"]
    order = {"debit[units_count]": 6, "channels[]": ["cf_internal"]}
    placed = box.api("POST", f"{at}/orders.json", data=order).json()
    box.finish(job, box.contributor("cf_internal"), {"spam": "ham"})
    units = json_report(box, at)
    copied = box.api(verb, f"{at}/copy.json").json()

    assert enabled == ["cf_internal", "neodev"]
    assert placed["nuggeted_units_count"] == 6
    assert [unit["data"]["text"] for unit in units] == [f"text {place}" for place in range(6)]
    assert {unit["results"]["spam"]["agg"] for unit in units} == {"ham"}
    assert all(len(unit["results"]["judgments"]) == 1 for unit in units)
    assert (copied["copied_from"], copied["state"]) == (job.id, "unordered")
    assert "errors" not in copied
    assert "error" not in copied


def json_report(box: Box, at: str) -> list[dict[str, Any]]:
    asked = {"type": "json"}
    answer = box.api("GET", f"{at}.csv", params=asked, allow_redirects=True)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        (name,) = archive.namelist()
        return [json.loads(line) for line in archive.read(name).decode().split("\n") if line]
