"""Programs that others have written for the service: their requests, byte for byte."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from textwrap import dedent
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
from raw_requests import send

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
    options = {"front_load": 1, "after_gold": 10, "reject_at": 70, "ignore_gold": False}
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


# Requests byte for byte


RUBY = """
Accept: application/json
Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3
User-Agent: Ruby
Connection: close
Host: $host
""".strip()
RUBY_FORM = f"{RUBY}\nContent-Type: application/x-www-form-urlencoded"


def test_the_vendors_ruby_gem_makes_its_calls_with_two_slashes(box: Box) -> None:
    """Source: the gem's ``base.rb``, which joins ``…/v1`` and ``/jobs`` with a slash."""

    def call(line: str, body: str = "", **values: object) -> Any:
        text = f"{line} HTTP/1.1\n{RUBY_FORM}\n\n{body}" if body else f"{line} HTTP/1.1\n{RUBY}"
        return send(box, text, **values).json()

    csv = f"POST /v1//jobs/upload?key=$key HTTP/1.1\n{RUBY}\nContent-Type: text/csv\n\n"
    job = send(box, csv + "text\n" + "".join(f"text {number}\n" for number in range(6))).json()[
        "id"
    ]
    at = f"/v1//jobs/{job}"
    form = "job[title]=Is%20it%20spam%3F&job[instructions]=Read%20it.&job[cml]=" + quote(SPAM)

    blank = call("POST /v1//jobs.json?job[title]=Job_1%3A%20Connection%20Check&key=$key")
    assert blank["title"] == "Job_1: Connection Check"
    assert [each["id"] for each in call("GET /v1//jobs?key=$key")] == [blank["id"], job]
    assert call(f"PUT {at}.json?key=$key", form)["instructions"] == "Read it."
    assert call(f"POST {at}/tags?key=$key", "tags[]=fun&tags[]=new") == {"success": "2 tags added"}
    assert call(f"DELETE {at}/tags?key=$key", "tags[]=fun") == {"success": "1 tags removed"}
    assert call(f"GET {at}/units/ping?key=$key") == {"count": 6, "done": True}
    units = call(f"GET {at}/units?limit=1000&page=1&key=$key")
    data = "unit[data]=%7B%22text%22%3A%22one%20more%22%7D&unit[golden]=false"
    assert call(f"POST {at}/units?key=$key", data)["data"] == {"text": "one more"}
    order = "debit[units_count]=7&channels[channel]=cf_internal"
    assert call(f"POST {at}/orders.json?key=$key", order)["nuggeted_units_count"] == 7
    assert call(f"GET {at}/channels?key=$key")["enabled_channels"] == ["cf_internal"]
    first, *_ = units
    assert call(f"POST {at}/units/{first}/cancel.json?key=$key")["success"]
    assert [call(f"GET {at}/{verb}?key=$key")["success"] for verb in ("pause", "resume", "cancel")]
    assert call(f"GET {at}?key=$key")["state"] == "canceled"


@pytest.mark.parametrize(
    "request_",
    [
        f"PUT /v1//jobs/$job/workers/$worker/reject?key=$key HTTP/1.1\n{RUBY}\nContent-Length: 0",
        """
        PUT /v1/jobs/$job/workers/$worker/reject.json?key=$key HTTP/1.1
        Host: $host
        User-Agent: curl/7.35.0
        Accept: */*
        """,
        """
        PUT /v1/jobs/$job/workers/$worker/reject HTTP/1.1
        Host: $host
        User-Agent: python-requests/2.5.1 CPython/3.4.2
        Accept: application/json
        Content-Type: application/json
        Authorization: Token token=$key

        null
        """,
    ],
)
def test_three_clients_reject_a_contributor_without_a_reason(box: Box, request_: str) -> None:
    """Source: ``Worker.reject`` of the vendor's Ruby gem and of two later clients."""
    job = box.job(make_rows(6, "text"), SPAM, judgments_per_unit=1)
    job.launch(6, channels=["cf_internal"])
    worker = box.contributor("cf_internal")
    box.work(job, worker, {"spam": "spam"})

    answer = send(box, request_, job=job.id, worker=worker.id)

    assert answer.json()["success"]["message"].startswith("Rejecting contributor")
    assert answer.warning == ""
    found = box.api("GET", f"/jobs/{job.id}/workers/{worker.id}.json").json()
    assert found["rejected_at"] is not None


PYTHON = """
Host: $host
User-Agent: python-requests/2.25.1
Accept-Encoding: gzip, deflate
Accept: */*
Connection: keep-alive
Authorization: Token token=$key
""".strip()
PYTHON_JSON = f"{PYTHON}\nContent-Type: application/json"
PYTHON_FORM = f"{PYTHON}\nContent-Type: application/x-www-form-urlencoded"


def test_the_vendors_test_suite_sends_null_where_it_has_no_parameters(box: Box) -> None:
    """Source: the suite's helper, which sends ``json.dumps(payload)`` of ``None``."""
    created = send(box, f"POST /v1/jobs.json HTTP/1.1\n{PYTHON_JSON}\n\nnull").json()
    assert (created["title"], created["state"]) == (None, "unordered")

    job = created["id"]
    paused = send(box, f"PUT /v1/jobs/{job}/pause.json HTTP/1.1\n{PYTHON_JSON}\n\nnull").json()
    assert paused == {"error": "You can't pause a job that hasn't been launched."}
    unit = send(
        box, f'POST /v1/jobs/{job}/units.json HTTP/1.1\n{PYTHON_JSON}\n\n{{"unit":{{"data":null}}}}'
    )
    assert unit.json()["data"] == {}
    missing = send(box, f"PUT /v1/jobs/{job}.json HTTP/1.1\n{PYTHON_JSON}\n\nnull")
    assert missing.status == 400
    assert b"missing required parameters" in missing.content


@pytest.mark.parametrize(
    ("body", "name", "value", "is_warned"),
    [
        ("job[judgments_per_unit]=6", "judgments_per_unit", 6, False),
        ("job[max_judgments_per_unit]=2", "max_judgments_per_unit", 2, True),
        ("job[units_per_assignment]=1", "units_per_assignment", 1, False),
        ("job[min_unit_confidence]=0.5", "min_unit_confidence", 0.5, False),
        ("job[units_remain_finalized]=True", "units_remain_finalized", True, False),
        ("job[options][dynamic_judgment_fields][]=question", "options", ["question"], True),
        ("job[included_countries][]=", "included_countries", [], False),
        ("job[quiz_length]=5", "quiz_length", 5, True),
    ],
)
def test_the_vendors_test_suite_reads_the_settings_that_it_sets(
    box: Box, body: str, name: str, value: Any, is_warned: bool
) -> None:
    """Source: the table of settings in the suite's test of ``PUT /jobs/{id}``."""
    job = send(box, f"POST /v1/jobs.json HTTP/1.1\n{PYTHON_JSON}\n\nnull").json()["id"]

    answer = send(box, f"PUT /v1/jobs/{job}.json HTTP/1.1\n{PYTHON_FORM}\n\n{body}")

    shown = send(box, f"GET /v1/jobs/{job}.json HTTP/1.1\n{PYTHON}").json()[name]
    assert (shown["dynamic_judgment_fields"] if name == "options" else shown) == value
    assert answer.json()[name] == shown
    assert bool(answer.warning) is is_warned


@pytest.mark.parametrize(
    ("page", "is_warned"),
    [("{1}", True), ("", True), ("abc", True), ("0", False), ("-1", False), ("1abc", True)],
)
def test_a_page_is_asked_for_with_the_braces_of_the_requests_guide(
    box: Box, page: str, is_warned: bool
) -> None:
    """Source: the requests guide has ``page={n}``; the other values are from the vendor's suite."""
    job = box.job(make_rows(3, "text"), SPAM)
    curl = "Host: $host\nUser-Agent: curl/7.35.0\nAccept: */*"

    answer = send(box, f"GET /v1/jobs/{job.id}/units.json?key=$key&page={page} HTTP/1.1\n{curl}")

    assert [unit["text"] for unit in answer.json().values()] == ["text 0", "text 1", "text 2"]
    assert bool(answer.warning) is is_warned


NODE = """
accept: application/json
content-type: application/x-www-form-urlencoded
connection: keep-alive
Host: $host
""".strip()


def test_a_node_client_begins_its_names_with_a_bracket(box: Box) -> None:
    """Source: the client's ``crowdflowerUrlEncode``, which puts every level into brackets."""
    body = "[job][title]=Is%20it%20spam%3F&[job][options][front_load]=true&key=$key"
    created = send(box, f"POST /v1/jobs? HTTP/1.1\n{NODE}\n\n{body}").json()
    assert (created["title"], created["options"]["front_load"]) == ("Is it spam?", True)

    countries = "[job][included_countries][0][code]=FI&[job][included_countries][1][code]=SE"
    changed = f"{countries}&[job][max_judgments_per_worker]=null&key=$key"
    answer = send(box, f"PUT /v1/jobs/{created['id']}? HTTP/1.1\n{NODE}\n\n{changed}").json()
    assert [each["code"] for each in answer["included_countries"]] == ["FI", "SE"]
    assert answer["max_judgments_per_worker"] is None

    unit = f"[unit][job_id]={created['id']}&[unit][data][text]=Win%20a%20prize&key=$key"
    path = f"/v1/jobs/{created['id']}/units?"
    assert send(box, f"POST {path} HTTP/1.1\n{NODE}\n\n{unit}").json()["data"] == {
        "text": "Win a prize"
    }


def test_another_node_client_sends_all_settings_in_the_query(box: Box) -> None:
    """Source: the client's ``createJob``, whose default of ``time_per_page`` is 0."""
    query = (
        "job%5Btitle%5D=Default%20Title&job%5Binstructions%5D=Default%20Instructions"
        "&job%5Bcml%5D=%20&job%5Bcss%5D=body%20%7B%20color%3A%20%23101010%3B%20%7D&job%5Bjs%5D=%20"
        "&job%5Bsupport_email%5D=%20&job%5Bpayment_cents%5D=1&job%5Bunits_per_assignment%5D=1"
        "&job%5Bjudgments_per_unit%5D=1&job%5Btime_per_page%5D=0&key=$key"
    )

    created = send(box, f"POST /v1/jobs.json?{query} HTTP/1.1\nHost: $host\nContent-Length: 0")

    assert created.json()["title"] == "Default Title"
    assert created.json()["payment_cents"] == 1


def test_a_java_client_sets_the_channels_of_2011(box: Box) -> None:
    """Source: the example of the Jobs document of 2011; the client's list of channels."""
    job = box.client.create_job({"title": "Is it spam?"})
    body = "channels[]=amt&channels[]=sama&channels[]=gambit&channels[]=mob&channels[]=iphone"
    java = "User-Agent: Java/1.6.0_65\nHost: $host\nAccept: application/json"
    form = "Content-Type: application/x-www-form-urlencoded"

    answer = send(
        box, f"PUT /v1/jobs/{job.id}/channels?key=$key HTTP/1.1\n{java}\n{form}\n\n{body}"
    )

    assert answer.json()["enabled_channels"] == ["amt", "gambit", "iphone", "mob", "sama"]


def test_three_rows_are_launched_as_in_two_readmes(box: Box) -> None:
    """Source: the READMEs of two clients, in PHP and R."""
    job = box.job(make_rows(3, "text"), SPAM, judgments_per_unit=1)
    body = "debit[units_count]=3&channels[0]=cf_internal"
    php = "User-Agent: PHP\nHost: $host\nAccept: application/json"
    form = "Content-Type: application/x-www-form-urlencoded"

    answer = send(box, f"POST /v1/jobs/{job.id}/orders?key=$key HTTP/1.1\n{php}\n{form}\n\n{body}")

    assert answer.json()["nuggeted_units_count"] == 3
    assert "at least 5 units" in answer.warning
    assert job.reload().state == "running"


def test_the_crowd_works_on_what_an_r_client_launches_to_the_internal_channel(box: Box) -> None:
    """Source: the defaults of the client's ``launch_job``."""
    job = box.job(make_rows(6, "text"), SPAM, judgments_per_unit=2)
    body = '{"debit":{"units_count":100},"channels":["cf_internal"]}'
    httr = """
    Host: $host
    User-Agent: libcurl/7.47.0 r-curl/2.3 httr/1.2.1
    Accept-Encoding: gzip, deflate
    Accept: application/json, text/xml, application/xml, */*
    Content-Type: application/json
    """

    path = f"/v1/jobs/{job.id}/orders.json?key=$key"
    send(box, f"POST {path} HTTP/1.1\n{dedent(httr).strip()}\n\n{body}").json()
    box.sandbox.crowd.add(3, profile="perfect", truth={"spam": "truth"})
    summary = box.sandbox.crowd.run(job)

    assert (summary.ended, summary.judgments) == ("finished", 12)
    assert {row["_channel"] for row in box.client.get_report(job, "full")} == {"cf_internal"}


@pytest.mark.parametrize(
    ("headers", "body"),
    [(PYTHON_JSON, '{"unit": {"state": "deleted"}}'), (PYTHON_FORM, "unit[state]=deleted")],
)
def test_todays_helper_deletes_a_unit_by_its_state(box: Box, headers: str, body: str) -> None:
    """Source: the states that the helper documents for ``PUT /jobs/{id}/units/{id}``."""
    job = box.job(make_rows(3, "text"), SPAM)
    first, *others = (unit.id for unit in job.units)

    answer = send(box, f"PUT /v1/jobs/{job.id}/units/{first}.json HTTP/1.1\n{headers}\n\n{body}")

    assert answer.json()["state"] == "deleted"
    assert "DELETE" in answer.warning
    assert [unit.id for unit in job.reload().units] == others


def test_a_script_copies_all_settings_of_a_job_to_another_one(box: Box) -> None:
    """Source: scripts that write the JSON of a job to another one, empty lists included."""
    one = box.job(make_rows(6, "text"), SPAM, judgments_per_unit=5, payment_cents=7)
    other = box.client.create_job({"title": "Something else"})
    settings = json.loads(box.api("GET", f"/jobs/{one.id}.json").content)
    settings |= {"included_countries": [], "excluded_countries": [], "pages_per_assignment": None}

    body = json.dumps({"job": {**settings, "alias": None}})
    answer = send(box, f"PUT /v1/jobs/{other.id}.json HTTP/1.1\n{PYTHON_JSON}\n\n{body}").json()

    own = {"id", "secret", "created_at", "updated_at", "units_count", "pages_per_assignment"}
    assert {name for name in settings if answer[name] != settings[name]} <= own
    assert answer["pages_per_assignment"] == 1
    assert (answer["judgments_per_unit"], answer["payment_cents"]) == (5, 7)


def test_the_script_of_ampcrowd_creates_a_group_without_a_scheme_in_its_url(box: Box) -> None:
    """Source: ``scripts/post.py`` of the original server, with its default arguments."""
    group = {
        "configuration": {
            "task_type": "sa",
            "task_batch_size": 3,
            "num_assignments": 1,
            "callback_url": "www.google.com",
            "amt": {"sandbox": True, "title": "This is a retainer HIT!", "reward": 0.8},
        },
        "group_id": "sa 6f9b1d1e",
        "group_context": {},
        "content": {"t1": "This is tweet No.1", "t2": "This is tweet No.2"},
    }
    request = """
    POST /crowds/internal/tasks/ HTTP/1.1
    Accept-Encoding: identity
    Host: $host
    Content-Type: application/x-www-form-urlencoded
    Connection: close
    User-Agent: Python-urllib/2.7
    """

    body = urlencode({"data": json.dumps(group)})
    answer = send(box, f"{dedent(request).strip()}\n\n{body}")

    assert answer.json() == {"status": "ok"}


def test_a_java_client_resets_the_test_questions_and_reads_the_job(box: Box) -> None:
    """Source: the client's test of ``gold.json?reset=true``, and the answer that it parses."""
    job = create_spam_filter(box)
    java = "User-Agent: Java/1.6.0_65\nHost: $host\nAccept: application/json"

    answer = send(box, f"PUT /v1/jobs/{job.id}/gold.json?reset=true&key=$key HTTP/1.1\n{java}")
    shown = send(box, f"GET /v1/jobs/{job.id}.json?key=$key HTTP/1.1\n{java}").json()

    assert answer.json() == {"affected": 50, "populated": []}
    assert (shown["gold"], shown["golds_count"]) == ({}, 0)


def test_curl_marks_the_same_test_questions_twice(box: Box) -> None:
    """Source: the call of the Jobs document, made again."""
    job = create_spam_filter(box)
    curl = "Host: $host\nUser-Agent: curl/7.35.0\nAccept: */*"
    form = "Content-Type: application/x-www-form-urlencoded"
    text = f"PUT /v1/jobs/{job.id}/gold?key=$key HTTP/1.1\n{curl}\n{form}\n\ncheck=spam"

    answers = [send(box, text).json() for _ in range(2)]

    assert answers == [{"affected": 50, "populated": ["ham", "spam"]}] * 2


def test_the_vendors_test_suite_finds_the_attributes_that_it_looks_for(box: Box) -> None:
    """Source: the attributes of a job that the suite compares; those of the Jobs document."""
    job = send(box, f"POST /v1/jobs.json HTTP/1.1\n{PYTHON_JSON}\n\nnull").json()
    ping = send(box, f"GET /v1/jobs/{job['id']}/ping.json HTTP/1.1\n{PYTHON}").json()

    assert {"fair_pay_enabled", "quiz_length", "cml_fields"} <= job.keys()
    assert "mail_to" in job["options"]
    assert "golden_judgments" in ping
