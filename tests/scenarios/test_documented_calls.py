"""Every curl call of the vendor's three documents, sent byte for byte, and what it must answer.

The documents are the "CrowdFlower API Requests Guide" of the help centre, and the pages "Units" and
"Jobs" of the API documentation. Two of them may describe one call; then the words are those of the
document whose verb is sent. A placeholder such as ``{job_id}`` is filled in twice: with its braces,
as somebody may type it, and without.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import shlex
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

import pytest

from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

GUIDE, UNITS, JOBS = "the requests guide", "the Units document", "the Jobs document"

FORM = """
<p>{{text}}</p>
<cml:radios label="What does it say?" name="says" validates="required">
  <cml:radio label="Good" value="good"/><cml:radio label="Bad" value="bad"/>
</cml:radios>
"""
ROWS = [{"text": f"text {n}", "words": "a b", "truth": None if n else "bad"} for n in range(6)]
FILES = {
    "sample_data.json": "\n".join(map(json.dumps, ROWS)),
    "sample_data.csv": "text,words,truth\ntext 7,a b,\ntext 8,c d,good\n",
}

ACCEPTED = {"success": {"message": "The job will be updated in the background."}}
NO_CHANNELS = (
    "Unit was successfully created, but it could not be ordered because channels have not been set "
    "for this job."
)
NO_GOLD = "We couldn't find any prepopulated gold standard in your dataset."
TOO_MUCH_GOLD = (
    "We didn't mark any rows as gold because marking 6 rows would have affected over 1/3rd of them."
)


class Call(NamedTuple):
    """One curl call, and the status and words that its document promises."""

    document: str
    stage: str
    """State of the job before the call: ``draft``, ``running`` or ``paused``."""

    curl: str
    words: Any
    """A part of the JSON answer, or of its text."""

    status: int = 200
    before: str = ""
    """A call that is sent first, from the same document."""


def guide(stage: str, curl: str, words: Any, status: int = 200, before: str = "") -> Call:
    return Call(GUIDE, stage, curl, words, status, before)


def units(stage: str, curl: str, words: Any, status: int = 200, before: str = "") -> Call:
    return Call(UNITS, stage, curl, words, status, before)


def jobs(stage: str, curl: str, words: Any, status: int = 200, before: str = "") -> Call:
    return Call(JOBS, stage, curl, words, status, before)


JOB = "/v1/jobs/{job_id}"
UNIT = f"{JOB}/units/{{unit_id}}"
WORKER = f"{JOB}/workers/{{worker_id}}"
KEY = "key={api_key}"

CALLS = [
    # Create jobs, with and without rows.
    guide("draft", f"-X POST /v1/jobs.json?{KEY}", {"title": None, "state": "unordered"}),
    guide(
        "draft",
        "-X POST --data-urlencode 'job[title]=Some title' "
        f"--data-urlencode 'job[instructions]=Some & more' /v1/jobs.json?{KEY}",
        {"title": "Some title", "instructions": "Some & more"},
    ),
    guide(
        "draft",
        "-X POST -T sample_data.json -H 'Content-Type: application/json' "
        f"/v1/jobs/upload.json?{KEY}",
        {"units_count": 6},
    ),
    guide(
        "draft",
        f"-X POST -T sample_data.csv -H 'Content-Type: text/csv' /v1/jobs/upload.json?{KEY}",
        {"units_count": 2},
    ),
    guide(
        "draft",
        f"-X POST -T sample_data.csv -H 'Content-Type: text/csv' '{JOB}/upload.json?{KEY}'",
        {"units_count": 8},
    ),
    guide(
        "draft",
        "-X PUT -T sample_data.json -H 'Content-Type: application/json' "
        f"'{JOB}/upload.json?{KEY}&force={{true}}'",
        {"units_count": 12},
    ),
    guide("draft", f"-X GET '{JOB}/units/ping.json?{KEY}'", {"done": True, "count": 6}),
    jobs("draft", f"-X POST -d 'job[title]=Some+title' '/v1/jobs?{KEY}'", {"title": "Some title"}),
    jobs("draft", f"'{JOB}.json?{KEY}'", {"id": "{job_id}", "cml_fields": {"says": "agg"}}),
    jobs(
        "draft",
        f"-X PUT -d 'job[title]=Another+title' '{JOB}.json?{KEY}'",
        {"title": "Another title"},
    ),
    jobs(
        "draft",
        f"-X DELETE '{JOB}.json?{KEY}'",
        {"message": {"success": "Job {job_id} has been deleted."}},
    ),
    # Copies.
    guide("draft", f"-X GET '{JOB}/copy.json?{KEY}'", {"copied_from": "{job_id}"}),
    guide(
        "draft",
        f"-X GET '{JOB}/copy.json?{KEY}&all_units={{true}}'",
        {"message": {"notice": "Job copied. Units will be copied over shortly."}},
    ),
    jobs(
        "draft",
        f"-X POST -d 'gold=true' '{JOB}/copy.json?{KEY}'",
        {"message": {"notice": "Job copied. Test questions will be copied over shortly."}},
    ),
    # Test questions.
    guide("draft", f"-X PUT '{JOB}/gold.json?{KEY}'", ACCEPTED),
    guide("draft", f"-X PUT '{JOB}/gold.json?{KEY}'", ACCEPTED, before="the same"),
    jobs(
        "draft",
        f"-X PUT -d 'check=says&with=truth' '{JOB}/gold.json?{KEY}'",
        {"affected": 1, "populated": ["bad"]},
    ),
    jobs(
        "draft",
        f"-X PUT -d 'check={{says}}&with={{truth}}' '{JOB}/gold.json?{KEY}'",
        {"affected": 1, "populated": ["bad"]},
        before="the same",
    ),
    jobs(
        "draft",
        f"-X PUT -d 'check=says' '{JOB}/gold.json?{KEY}'",
        {"error": {"message": NO_GOLD}},
        400,
    ),
    jobs(
        "draft",
        f"-X PUT -d 'check=says&with=text' '{JOB}/gold.json?{KEY}'",
        {"error": {"message": TOO_MUCH_GOLD}},
        400,
    ),
    jobs(
        "draft",
        f"-X PUT '{JOB}/gold.json?{KEY}&reset=true'",
        {"affected": 1, "populated": []},
        before=f"-X PUT -d 'check=says&with=truth' '{JOB}/gold.json?{KEY}'",
    ),
    jobs(
        "draft",
        f"'{JOB}.json?{KEY}'",
        {"gold": {}, "golds_count": 0},
        before=f"-X PUT -d 'reset=true' '{JOB}/gold.json?{KEY}'",
    ),
    # Channels and tags.
    guide("draft", f"-X GET '{JOB}/channels?{KEY}'", {"enabled_channels": ["cf_internal"]}),
    guide(
        "draft",
        f"-X POST -d 'channels={{on_demand}}' '{JOB}/channels?{KEY}'",
        {"enabled_channels": ["cf_internal", "on_demand"]},
    ),
    guide(
        "draft",
        f"-X POST -d 'channel_name=cf_internal' '{JOB}/disable_channel?{KEY}'",
        {"enabled_channels": []},
    ),
    jobs(
        "draft",
        f"-X PUT -d 'channels[]=amt&channels[]=sama' '{JOB}/channels?{KEY}'",
        {"success": "The job has been updated.", "enabled_channels": ["amt", "sama"]},
    ),
    jobs(
        "draft",
        f"-X PUT -d 'channels[]=gambit&channels[]=mob&channels[]=iphone' '{JOB}/channels?{KEY}'",
        {"enabled_channels": ["gambit", "iphone", "mob"]},
    ),
    jobs(
        "draft",
        f"-X PUT -d 'channels[]=amtt' '{JOB}/channels?{KEY}'",
        {"error": "The channel amtt could not be found.", "enabled_channels": ["cf_internal"]},
    ),
    guide("draft", f"-X GET '{JOB}/tags?{KEY}'", []),
    guide("draft", f"-X POST -d 'tags={{one}}' '{JOB}/tags?{KEY}'", {"success": "1 tags added"}),
    guide("draft", f"-X PUT -d 'tags=one,two,three' '{JOB}/tags?{KEY}'", {"success": "3 tags set"}),
    # Units.
    guide("draft", f"-X GET '{JOB}/units.json?{KEY}&page={{1}}'", '{{"{unit_id}":'),
    guide(
        "draft",
        f"-X POST -d 'unit[data][text]=Good&unit[data][words]=c' '{JOB}/units.json?{KEY}'",
        {"state": "new", "data": {"text": "Good", "words": "c"}},
    ),
    units(
        "draft",
        f"-d 'unit[golden]=true&unit[data][text]=Some+value' '{JOB}/units.json?{KEY}'",
        {"state": "golden", "data": {"text": "Some value"}},
    ),
    units(
        "draft",
        f"-d 'unit[data][text]=new' '{JOB}/units.json?{KEY}'",
        {"state": "new", "message": {"error": NO_CHANNELS}},
        before=f"-X PUT -d 'job[auto_order]=true&channels[]=' '{JOB}.json?{KEY}'",
    ),
    units("draft", f"'{UNIT}.json?{KEY}'", {"id": "{unit_id}", "results": {"judgments": []}}),
    units("draft", f"-X PUT -d 'unit[data][text]=x' '{UNIT}.json?{KEY}'", {"data": {"text": "x"}}),
    units(
        "draft",
        f"-X DELETE '{UNIT}.json?{KEY}'",
        {"message": {"success": "Unit {unit_id} has been deleted."}},
    ),
    guide("draft", f"-X POST '{UNIT}/copy.json?{KEY}'", {"state": "new", "data": ROWS[0]}),
    guide(
        "draft",
        f"-X POST '{UNIT}/cancel.json?{KEY}'",
        {"success": "Unit {unit_id} has been canceled"},
    ),
    guide(
        "ordered",
        f"-X POST '{UNIT}/cancel.json?{KEY}'",
        {"success": "Unit {unit_id} has been canceled"},
    ),
    units(
        "ordered",
        f"-X PUT '{UNIT}/cancel.json?{KEY}'",
        {"success": "Unit {unit_id} has been cancelled."},
    ),
    units(
        "running",
        f"-X PUT '{UNIT}/cancel.json?{KEY}'",
        {"error": {"message": "Unit {unit_id} has judgments and cannot be canceled."}},
        422,
    ),
    units(
        "draft",
        f"-X PUT '{JOB}/units/1038109/cancel.json?{KEY}'",
        {"error": "Job {job_id} does not contain Unit 1038109"},
        404,
    ),
    guide(
        "draft",
        f"-X GET '{JOB}/units/split?{KEY}&on={{words}}&with={{+}}'",
        {"success": "6 units have been split"},
    ),
    units(
        "draft",
        f"-X PUT -d 'on=words&with=+' '{JOB}/units/split?{KEY}'",
        {"success": "6 units have been split"},
    ),
    units("draft", f"'{JOB}/units/ping.json?{KEY}'", {"done": True, "count": 6}),
    # Orders, and what a running job can be told.
    guide(
        "draft",
        "-X POST -d 'channels[0]=on_demand&channels[1]=cf_internal&debit[units_count]={5}' "
        f"'{JOB}/orders.json?{KEY}'",
        {"job_id": "{job_id}", "nuggeted_units_count": 5},
    ),
    guide("running", f"-X GET '{JOB}/pause.json?{KEY}'", {"success": "Your job is being paused."}),
    guide("paused", f"-X GET '{JOB}/resume.json?{KEY}'", {"success": "Your job is being resumed."}),
    guide(
        "running", f"-X GET '{JOB}/cancel.json?{KEY}'", {"success": "Your job is being canceled."}
    ),
    jobs(
        "draft",
        f"'{JOB}/pause.json?{KEY}'",
        {"error": "You can't pause a job that hasn't been launched."},
    ),
    jobs("running", f"'{JOB}/ping.json?{KEY}'", {"golden_judgments": 0, "all_judgments": 6}),
    guide("running", f"-X GET '{JOB}/ping.json?{KEY}'", {"all_units": 6, "tainted_judgments": 0}),
    guide(
        "draft",
        f"-X GET '{JOB}/legend.json?{KEY}'",
        {"says": {"What does it say?": {"good": "Good", "bad": "Bad"}}},
    ),
    # Contributors.
    guide(
        "running",
        f"-X POST --data-urlencode 'amount={{20}}' '{WORKER}/bonus.json?{KEY}'",
        {"success": "Contributor {worker_id} was given a bonus of 20 cents."},
    ),
    guide(
        "running",
        f"-X POST --data-urlencode 'message=Good work, thanks' '{WORKER}/notify.json?{KEY}'",
        {"success": {"message": "Contributor was successfully notified."}},
    ),
    guide(
        "running",
        f"-X PUT --data-urlencode 'flag=Too fast' '{WORKER}.json?{KEY}'",
        {"success": "Contributor {worker_id} has been flagged."},
    ),
    guide(
        "running",
        f"-X PUT --data-urlencode 'unflag=A mistake' '{WORKER}.json?{KEY}'",
        {"success": "Contributor {worker_id} is no longer flagged."},
        before=f"-X PUT --data-urlencode 'flag=Too fast' '{WORKER}.json?{KEY}&persist={{true}}'",
    ),
    guide(
        "running",
        f"-X PUT --data-urlencode 'reject=Random answers' '{WORKER}/reject.json?{KEY}'",
        "Rejecting contributor... this operation can take up to 10 minutes",
    ),
    # Results.
    guide("running", f"-X GET '{JOB}/judgments.json?{KEY}&page={{1}}'", '{{"{unit_id}":'),
    guide("running", f"-X POST '{JOB}/regenerate.json?type={{full}}&{KEY}'", "OK"),
    guide("running", f"-o output.zip '{JOB}.csv?type={{json}}&{KEY}'", "", 302),
]


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=3) as box:
        box.crowd.add(1, profile="perfect")
        yield box


def prepare(box: Sandbox, state: str, *, braces: bool) -> dict[str, str]:
    """Create a job in a state; return the values of the placeholders."""
    client = box.client()
    job = client.upload_job(ROWS)
    job.title, job.instructions, job.cml = "What do you see?", "Look.", FORM
    job.update()
    worker = 0
    if state != "draft":
        job.launch(6, channels=["on_demand"])
    if state in {"running", "paused"}:
        box.crowd.run(job)
        worker = next(iter(job.judgments())).worker_id
    if state == "paused":
        job.pause()
    shape = "{{{}}}" if braces else "{}"
    values = {
        "api_key": box.key,
        "job_id": job.id,
        "unit_id": next(iter(job.units)).id,
        "worker_id": worker,
    }
    return {name: shape.format(value) for name, value in values.items()}


CURL = argparse.ArgumentParser()
CURL.add_argument("-X", dest="verb")
CURL.add_argument("-d", dest="data", action="append", default=[])
CURL.add_argument("--data-urlencode", dest="data_to_encode", action="append", default=[])
CURL.add_argument("-T", dest="file")
CURL.add_argument("-H", dest="headers", action="append", default=[])
CURL.add_argument("-o", dest="output")
CURL.add_argument("url")


def send(box: Sandbox, curl: str, values: dict[str, str]) -> tuple[int, str]:
    """Send what curl sends for these arguments, with the same bytes in path, headers and body."""
    for name, value in values.items():
        curl = curl.replace(f"{{{name}}}", value)
    said = CURL.parse_args(shlex.split(curl))
    headers = {"User-Agent": "curl/7.43.0", "Accept": "*/*"}
    headers |= dict(header.split(": ") for header in said.headers)
    pairs = [pair.split("=", 1) for pair in said.data_to_encode]
    body = "&".join([*said.data, *(f"{name}={quote(text, safe='')}" for name, text in pairs)])
    if body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    if said.file:
        body = FILES[said.file]
    if body:
        headers["Content-Length"] = str(len(body))
    verb = said.verb or ("PUT" if said.file else "POST" if body else "GET")
    address = urlsplit(box.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    with closing(connection):
        connection.putrequest(verb, said.url, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body.encode())
        response = connection.getresponse()
        return response.status, response.read().decode()


def fill_in(words: Any, values: dict[str, str]) -> Any:
    """Fill the placeholders into the expected words; a number becomes one."""
    if isinstance(words, dict):
        return {name: fill_in(value, values) for name, value in words.items()}
    if not isinstance(words, str):
        return words
    bare = {name: value.strip("{}") for name, value in values.items()}
    filled = words.format(**bare)
    return int(filled) if re.fullmatch(r"\{\w+\}", words) else filled


def contains(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(name in found and contains(found[name], each) for name, each in expected.items())
    return bool(found == expected)


@pytest.mark.parametrize("braces", [False, True], ids=["bare", "braces"])
@pytest.mark.parametrize(
    "call", CALLS, ids=[f"{number} {each.document}" for number, each in enumerate(CALLS)]
)
def test_a_call_does_what_its_document_says(box: Sandbox, call: Call, braces: bool) -> None:
    values = prepare(box, call.stage, braces=braces)
    if call.before:
        before = call.curl if call.before == "the same" else call.before
        status, text = send(box, before, values)
        assert status in {200, 202}, text
        if call.words == {"state": "new", "message": {"error": NO_CHANNELS}}:
            disable = f"-d channel_name=cf_internal '{JOB}/disable_channel?{KEY}'"
            send(box, disable, values)

    status, text = send(box, call.curl, values)

    assert status == call.status, text
    expected = fill_in(call.words, values)
    if isinstance(expected, str):
        assert expected in text
    else:
        assert contains(json.loads(text), expected), text


def test_a_canceled_unit_is_not_refunded(box: Sandbox) -> None:
    """The Units document: no refund."""
    values = prepare(box, "ordered", braces=False)
    balance = box.client().get_account()["balance"]

    send(box, f"-X PUT '{UNIT}/cancel.json?{KEY}'", values)

    assert box.client().get_account()["balance"] == balance
    unit = box.client().get_job(int(values["job_id"])).get_unit(int(values["unit_id"]))
    assert unit.state == "canceled"


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("PUT", f"{JOB}.json?{KEY}", "job[title]={Some title}"),
        ("POST", f"{JOB}/units.json?{KEY}", "unit[data][text]={Some title}"),
    ],
)
def test_braces_in_free_text_stay(box: Sandbox, verb: str, path: str, body: str) -> None:
    values = prepare(box, "draft", braces=True)

    _, text = send(box, f"-X {verb} -d '{body}' '{path}'", values)

    assert "{Some title}" in text


def test_an_id_with_text_behind_it_is_no_id(box: Sandbox) -> None:
    values = prepare(box, "draft", braces=False)
    for path in (f"{JOB}x.json", f"{JOB}}}.json", f"{UNIT}x.json", f"{JOB}/units/{{{{1}}}}.json"):
        assert send(box, f"'{path}?{KEY}'", values)[0] == 404
