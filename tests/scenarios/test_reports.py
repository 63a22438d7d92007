"""Reports: polled until they are ready, and equal to the stored files byte by byte."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import ReportNotReady

if TYPE_CHECKING:
    from crowdflower.job import Job
    from crowdflower.sandbox.rules.work.handout import PageUnit
    from tests.scenarios.conftest import Box

FILES = Path(__file__).parent / "reports"
NAMES = {
    "full": "f{}.csv",
    "aggregated": "a{}.csv",
    "json": "job_{}.json",
    "gold_report": "job_{}_gold_report.csv",
    "workset": "workset{}.csv",
    "source": "source{}.csv",
}
TABLES = [name for name in NAMES if name != "json"]

CML = """
<p>{{text}}</p>
<cml:radios label="Sentiment?" name="sentiment" validates="required" gold="true">
  <cml:radio label="Gut" value="gut"/>
  <cml:radio label="Schlecht" value="schlecht"/>
</cml:radios>
<cml:checkboxes label="What about?" name="topics" only-if="sentiment:[schlecht]" gold="false">
  <cml:checkbox label="Price" value="price"/>
  <cml:checkbox label="Delivery" value="delivery"/>
</cml:checkboxes>
<cml:ratings label="Stars?" name="stars" points="5" validates="required" gold="false"/>
<cml:text label="In a word?" name="word" aggregation="all" gold="false"/>
"""
ROWS = [
    {"id": 1, "text": "Plain enough", "sentiment": "?", "tags": ["a", "b"]},
    {"id": 2, "text": 'She said "no", twice', "sentiment": "", "tags": []},
    {"id": 3, "text": "Two\nlines", "sentiment": None, "tags": ["c"]},
    {"id": 4, "text": "Größe 38 – 日本語 🙂", "sentiment": "=1+1", "tags": []},
    {"id": 5, "text": ", ;\t'", "sentiment": "x", "tags": []},
]
KNOWN = {"_golden": "TRUE", "sentiment_gold": "gut", "sentiment_gold_reason": 'It says "gut".'}
GOLDS = [
    {"id": 8, "text": "Known: gut", "sentiment": "", "tags": [], **KNOWN},
    {"id": 9, "text": "Known: sehr gut", "sentiment": "", "tags": [], **KNOWN},
]
PEOPLE: list[dict[str, Any]] = [
    {"country": "DEU", "region": "NI", "city": "Göttingen", "ip": "198.51.100.7"},
    {"country": "USA", "region": "NY", "city": "New York", "ip": "203.0.113.9"},
    {"country": "PHL", "channel": "clixsense"},
]
BAD = {
    "sentiment": "schlecht",
    "topics": ["price", "delivery"],
    "stars": "2",
    "word": "teuer, 'tja'",
}
GOOD = {"sentiment": "gut", "stars": "5"}


def judged_job(box: Box) -> Job:
    """Let three contributors answer, of whom one ends up untrusted."""
    options = {"gold_always": "true", "after_gold": 1, "reject_at": 70, "ignore_gold": False}
    job = box.job([*ROWS, *GOLDS], CML, judgments_per_unit=2, options=options)
    job.convert_test_questions()
    job.launch(5, channels=["on_demand", "clixsense"])
    answers = [BAD, GOOD, {**GOOD, "word": "Zwei\nZeilen"}]
    for person, answer in zip(PEOPLE, answers, strict=True):
        worker = box.contributor(**person)
        page = box.take(job, worker)
        box.advance(seconds=90)
        known = {**GOOD, "sentiment": "schlecht" if person["country"] == "USA" else "gut"}
        box.submit(worker, page, partial(choose_answers, known, answer))
        box.advance(seconds=45)
    return job


def choose_answers(
    known: dict[str, Any], otherwise: dict[str, Any], unit: PageUnit
) -> dict[str, Any]:
    return known if unit.data["text"].startswith("Known") else otherwise


def unpack_report(box: Box, job: Job, report: str) -> tuple[str, bytes]:
    asked = {"type": report}
    answer = box.api("GET", f"/jobs/{job.id}.csv", params=asked, allow_redirects=True)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        (name,) = archive.namelist()
        return name, archive.read(name)


def read_stored_report(report: str) -> bytes:
    kind = "jsonl" if report == "json" else "csv"
    return (FILES / f"{report}.{kind}").read_bytes()


@pytest.mark.parametrize("settings", [{"seed": 7}], ids=["with a known clock"])
def test_all_six_reports_match_the_stored_files(box: Box) -> None:
    job = judged_job(box)

    for report, name in NAMES.items():
        assert unpack_report(box, job, report) == (name.format(job.id), read_stored_report(report))


@pytest.mark.parametrize("report", TABLES)
def test_a_report_reads_back_as_what_was_uploaded_and_answered(report: str) -> None:
    text = read_stored_report(report).decode()

    rows = list(csv.DictReader(io.StringIO(text, newline="")))

    assert to_csv(rows) == text
    if report == "source":
        assert [row["text"] for row in rows] == [row["text"] for row in [*ROWS, *GOLDS]]
    if report == "full":
        kept = [row for row in rows if row["_tainted"] == "false" and row["_golden"] == "false"]
        assert {row["topics"] for row in kept} == {"", "price\ndelivery"}
        assert {row["word"] for row in kept} == {BAD["word"], "Zwei\nZeilen"}
        assert {row["_worker_id"] for row in rows if row["_tainted"] == "true"} == {"31883002"}


def to_csv(rows: list[dict[str, str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("report", TABLES)
def test_pandas_reads_the_same_values_from_a_report(report: str) -> None:
    pandas = pytest.importorskip("pandas")
    text = read_stored_report(report).decode()

    frame = pandas.read_csv(io.StringIO(text, newline=""), dtype=str, keep_default_na=False)

    assert frame.to_dict("records") == list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_json_report_has_a_unit_a_line_and_agrees_with_the_tables() -> None:
    units = [json.loads(line) for line in read_stored_report("json").decode().splitlines()]
    rows = csv.DictReader(io.StringIO(read_stored_report("aggregated").decode(), newline=""))

    by_id = {unit["id"]: unit for unit in units}
    for row in rows:
        unit = by_id[int(row["_unit_id"])]
        assert unit["state"].replace("judgable", "in progress") == row["_unit_state"]
        assert unit["results"]["sentiment"]["agg"] == row["sentiment"]
        assert unit["results"]["stars"]["variance"] == float(row["stars:variance"])
    assert [unit["data"]["text"] for unit in units] == [row["text"] for row in [*ROWS, *GOLDS]]


def test_a_report_is_polled_until_it_is_ready(box: Box) -> None:
    job = box.job(ROWS, CML)
    box.control("POST", "transitions", report=2)

    asked = [box.api("GET", f"/jobs/{job.id}.csv?type=source") for _ in range(3)]
    box.api("POST", f"/jobs/{job.id}/regenerate", data={"type": "source"})
    begin = box.waiting.now
    rows = box.client.get_report(job, "source")

    assert [answer.status_code for answer in asked] == [202, 202, 302]
    assert "Try again in 10 seconds" in asked[0].json()["notice"]["message"]
    assert box.waiting.now - begin >= 20
    assert [row["text"] for row in rows] == [row["text"] for row in ROWS]


def test_a_report_that_is_never_ready_raises_its_own_error(box: Box) -> None:
    job = box.job(ROWS, CML)
    box.control("POST", "transitions", report=1000)

    with pytest.raises(ReportNotReady) as caught:
        box.client.get_report(job, "source")

    assert isinstance(caught.value, TimeoutError)
    assert "source report" in str(caught.value)
