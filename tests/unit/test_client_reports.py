"""How a report is had: ask, wait, ask again, fetch from wherever it lies."""

from __future__ import annotations

import io
import json
import zipfile
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
import requests

from crowdflower.exceptions import (
    ApplicationError,
    AuthenticationError,
    ConnectionLost,
    InvalidInput,
    MalformedResponse,
    ReportCorrupt,
    ReportEmpty,
    ReportNotReady,
    TruncatedResponse,
    UnexpectedContentType,
    UnexpectedRedirect,
)
from crowdflower.job import Job
from crowdflower.rows.report_download import retry_after
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from conftest import Clock, Sent
    from responses import RequestsMock

    from crowdflower.client import Client

REPORT = "https://api.appen.com/v1/jobs/712034.csv"
STORAGE = "https://storage.example.com/712034.zip?signature=a%2Bb"
NOTICE = {"notice": {"message": "Your CSV is being generated.  Try again in 10 seconds."}}
UNITS = [
    {
        "id": 698757970,
        "job_id": 712034,
        "state": "finalized",
        "data": {"review_text": "Arrived late and cost too much"},
        "results": {"judgments": [], "sentiment": {"agg": "negative", "confidence": 0.6421}},
    },
    {"id": 698757973, "job_id": 712034, "state": "golden", "results": {"judgments": []}},
]


def packed(text: str, name: str = "job_712034.json") -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr(name, text)
    return archive.getvalue()


JSON_ARCHIVE = packed("".join(f"{json.dumps(unit)}\n" for unit in UNITS))


def building(api: RequestsMock, times: int = 1, **headers: str) -> None:
    for _ in range(times):
        api.get(REPORT, status=202, json=NOTICE, headers=headers)


def ready(api: RequestsMock, body: bytes = JSON_ARCHIVE) -> None:
    api.get(REPORT, status=302, headers={"Location": STORAGE})
    api.get(STORAGE, body=body, content_type="application/zip")


def test_a_report_is_asked_for_until_it_is_there_and_then_unpacked(
    api: RequestsMock, client: Client, clock: Clock, sent: list[Sent]
) -> None:
    building(api, times=2)
    ready(api)

    units = client.get_report(712034)

    assert [request.line for request in sent] == [
        "GET /jobs/712034.csv?type=json",
        "GET /jobs/712034.csv?type=json",
        "GET /jobs/712034.csv?type=json",
        "GET /712034.zip?signature=a+b",
    ]
    assert clock.slept == [10, 10]
    assert [type(unit) for unit in units] == [Unit, Unit]
    assert [unit.id for unit in units] == [698757970, 698757973]
    assert units[0].get_aggregate("sentiment") == "negative"


def test_the_storage_is_told_neither_key_nor_cookie(
    api: RequestsMock, client: Client, sent: list[Sent]
) -> None:
    ready(api)

    client.get_report(712034)

    assert "Authorization" in sent[0].headers
    assert "Authorization" not in sent[1].headers


def test_a_report_that_is_ready_needs_no_waiting(
    api: RequestsMock, client: Client, clock: Clock
) -> None:
    api.get(REPORT, body=JSON_ARCHIVE, content_type="application/zip")

    units = client.get_report(712034)

    assert len(units) == 2
    assert clock.slept == []


@pytest.mark.parametrize("type_", ["full", "aggregated", "source", "gold_report", "workset"])
def test_the_other_reports_are_tables(
    api: RequestsMock, client: Client, sent: list[Sent], type_: Any
) -> None:
    ready(api, packed('_unit_id,topics\n698757970,"price\ndelivery"\n', "f712034.csv"))

    rows = client.get_report(712034, type_)

    assert sent[0].line == f"GET /jobs/712034.csv?type={type_}"
    assert rows == [{"_unit_id": "698757970", "topics": "price\ndelivery"}]


def test_a_job_leads_to_its_report_and_its_units_lead_back(api: RequestsMock, job: Job) -> None:
    ready(api)

    units = job.get_results_report()

    assert [unit.job for unit in units] == [job, job]


def test_results_are_streamed_a_unit_at_a_time(
    api: RequestsMock, job: Job, sent: list[Sent]
) -> None:
    ready(api)

    results = job.results()
    before = len(sent)
    first = list(islice(results, 1))

    assert before == 0
    assert [unit.id for unit in first] == [698757970]


def ready_with(api: RequestsMock, *units: dict[str, Any]) -> None:
    """Have a report with these units ready."""
    text = "".join(f"{json.dumps(unit)}\n" for unit in units)
    api.get(REPORT, body=packed(text), content_type="application/zip")


JUDGED = {"worker_id": 5, "data": {"sentiment": "good"}}


def test_of_a_judgment_that_says_no_more_the_answer_counts(api: RequestsMock, job: Job) -> None:
    silent = [{"id": 2}, {"id": 3, "results": None}, {"id": 4, "results": {"judgments": None}}]
    skipped = {"worker_id": 6, "data": None}
    ready_with(api, {"id": 1, "results": {"judgments": [JUDGED, skipped]}}, *silent)

    assert list(job.votes("sentiment")) == [(1, 5, "good")]
    assert [judgment.worker_id for judgment in job.judgments()] == [5, 6]


@pytest.mark.parametrize(
    "results",
    [
        [7],
        "none",
        {"judgments": "none"},
        {"judgments": [7]},
        {"judgments": {"1": JUDGED}},
        {"judgments": [{**JUDGED, "data": ["good"]}]},
        {"judgments": [{"data": {"sentiment": "good"}}]},
    ],
)
def test_results_of_another_shape_are_no_votes(api: RequestsMock, job: Job, results: Any) -> None:
    ready_with(api, {"id": 1, "results": results})

    with pytest.raises(MalformedResponse, match="unit 1"):
        job.aggregate("majority", "sentiment")


@pytest.mark.parametrize("count", ["3", [3], None, {}])
def test_a_count_that_is_no_number_is_no_measure_of_a_report(
    api: RequestsMock, client: Client, count: Any
) -> None:
    ready_with(api, {"id": 1, "judgments_count": count}, {"id": 2, "judgments_count": 3})
    job = Job(client, id=712034, judgments_count=count)

    assert [unit.id for unit in job.results()] == [1, 2]


def test_a_report_that_the_service_does_not_have_is_not_asked_for(client: Client) -> None:
    with pytest.raises(InvalidInput, match="full, aggregated, json"):
        client.get_report(712034, "excel")  # type: ignore[call-overload]


# Waiting


@pytest.mark.parametrize(
    ("headers", "wait"), [({"Retry-After": "3"}, 3), ({"Retry-After": "soon"}, 10), ({}, 10)]
)
def test_the_wait_is_as_long_as_the_service_wants(
    api: RequestsMock, client: Client, clock: Clock, headers: dict[str, str], wait: float
) -> None:
    building(api, **headers)
    ready(api)

    client.get_report(712034)

    assert clock.slept == [wait]


@pytest.mark.parametrize(
    ("body", "header", "wait"),
    [
        (b"Try again in 10 seconds.", None, 10),
        (b"Try again in 7 seconds.", None, 7),
        (b"Try again in 7 seconds.", "2", 2),
        (b"Try again in 7 seconds.", " 2 ", 2),
        (b"Try again in 7 seconds.", "-2", 7),
        (b"Try again in 7 seconds.", "\u0663", 7),
        (b"Try again in 7 seconds.", "Wed, 24 Jun 2015 12:50:00 GMT", 7),
        (b"Try again later.", None, 10),
        (b"\xff", "", 10),
        (b"Try again in 0 seconds.", None, 1),
        (b"", "0", 1),
    ],
)
def test_a_wait_is_read_from_the_header_or_the_text_and_is_never_none(
    body: bytes, header: str | None, wait: float
) -> None:
    assert retry_after(body, header) == wait


def test_a_report_that_is_never_built_is_given_up_after_half_an_hour(
    api: RequestsMock, client: Client, clock: Clock
) -> None:
    building(api)
    began = clock.now

    with pytest.raises(ReportNotReady, match="30 minutes") as caught:
        client.get_report(712034)

    assert isinstance(caught.value, TimeoutError)
    assert clock.now - began == 1800


def test_a_wait_beyond_the_end_is_not_begun(
    api: RequestsMock, client: Client, clock: Clock
) -> None:
    building(api, **{"Retry-After": "86400"})

    with pytest.raises(ReportNotReady):
        client.get_report(712034)

    assert clock.slept == []


# What is no report


def test_what_is_no_archive_yet_is_fetched_again(
    api: RequestsMock, client: Client, clock: Clock
) -> None:
    api.get(REPORT, body=b"", content_type="application/zip")
    api.get(REPORT, body=JSON_ARCHIVE[:-30], content_type="application/zip")
    api.get(REPORT, body=JSON_ARCHIVE, content_type="application/zip")

    units = client.get_report(712034)

    assert len(units) == 2
    assert clock.slept == [10, 10]


@pytest.mark.parametrize(
    ("content_type", "error"),
    [("application/zip", ReportCorrupt), ("text/html; charset=utf-8", UnexpectedContentType)],
)
def test_what_stays_no_archive_is_given_up_after_five_times(
    api: RequestsMock,
    client: Client,
    sent: list[Sent],
    content_type: str,
    error: type[Exception],
) -> None:
    api.get(REPORT, body="<html>Please sign in</html>", content_type=content_type)

    with pytest.raises(error, match=content_type):
        client.get_report(712034)

    assert len(sent) == 5


def test_an_archive_with_nothing_in_it_is_empty(api: RequestsMock, client: Client) -> None:
    archive = io.BytesIO()
    zipfile.ZipFile(archive, "w").close()
    ready(api, archive.getvalue())

    with pytest.raises(ReportEmpty):
        client.get_report(712034)


def test_a_damaged_archive_is_corrupt(api: RequestsMock, client: Client) -> None:
    middle = len(JSON_ARCHIVE) // 3
    ready(api, JSON_ARCHIVE[:middle] + b"\0\0\0\0" + JSON_ARCHIVE[middle + 4 :])

    with pytest.raises(ReportCorrupt):
        client.get_report(712034)


def test_a_refusal_in_place_of_a_report_is_one_at_once(
    api: RequestsMock, client: Client, clock: Clock
) -> None:
    api.get(REPORT, json={"error": {"message": "This job has no judgments yet."}})

    with pytest.raises(ApplicationError, match="no judgments yet"):
        client.get_report(712034)

    assert clock.slept == []


def test_a_refusal_while_a_report_is_built_ends_the_waiting(
    api: RequestsMock, client: Client
) -> None:
    building(api)
    api.get(REPORT, status=401, json={"error": "Unknown key."})

    with pytest.raises(AuthenticationError, match="Unknown key"):
        client.get_report(712034)


def test_a_report_lies_nowhere_without_encryption(api: RequestsMock, client: Client) -> None:
    api.get(REPORT, status=302, headers={"Location": STORAGE.replace("https", "http")})

    with pytest.raises(UnexpectedRedirect):
        client.get_report(712034)


def test_a_storage_out_of_reach_is_the_one_that_is_named(api: RequestsMock, client: Client) -> None:
    api.get(REPORT, status=302, headers={"Location": STORAGE})
    api.get(STORAGE, body=requests.ConnectionError("gone"))

    with pytest.raises(ConnectionLost, match=r"storage\.example\.com"):
        client.get_report(712034)


def test_a_download_that_breaks_off_is_no_report(api: RequestsMock, client: Client) -> None:
    api.get(REPORT, body=JSON_ARCHIVE[:100], headers={"Content-Length": "4000"})

    with pytest.raises(TruncatedResponse):
        client.get_report(712034)
