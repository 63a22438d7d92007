"""Reports: polling, download from the storage, unpacking."""

from __future__ import annotations

import io
import json
import zipfile
from inspect import signature
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
from crowdflower.quality import DEFAULT_METHOD
from crowdflower.rows.report_download import retry_after
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from conftest import Clock, SentRequest
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


def zip_archive(text: str, name: str = "job_712034.json") -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr(name, text)
    return archive.getvalue()


JSON_ARCHIVE = zip_archive("".join(f"{json.dumps(unit)}\n" for unit in UNITS))


def respond_building(api: RequestsMock, times: int = 1, **headers: str) -> None:
    for _ in range(times):
        api.get(REPORT, status=202, json=NOTICE, headers=headers)


def respond_ready(api: RequestsMock, body: bytes = JSON_ARCHIVE) -> None:
    api.get(REPORT, status=302, headers={"Location": STORAGE})
    api.get(STORAGE, body=body, content_type="application/zip")


def test_a_report_is_polled_until_it_is_ready_and_then_unpacked(
    api: RequestsMock, client: Client, clock: Clock, sent: list[SentRequest]
) -> None:
    respond_building(api, times=2)
    respond_ready(api)

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


def test_the_storage_gets_neither_key_nor_cookie(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    respond_ready(api)

    client.get_report(712034)

    assert "Authorization" in sent[0].headers
    assert "Authorization" not in sent[1].headers


def test_a_ready_report_is_not_polled(api: RequestsMock, client: Client, clock: Clock) -> None:
    api.get(REPORT, body=JSON_ARCHIVE, content_type="application/zip")

    units = client.get_report(712034)

    assert len(units) == 2
    assert clock.slept == []


@pytest.mark.parametrize("type_", ["full", "aggregated", "source", "gold_report", "workset"])
def test_the_other_report_types_are_tables(
    api: RequestsMock, client: Client, sent: list[SentRequest], type_: Any
) -> None:
    respond_ready(api, zip_archive('_unit_id,topics\n698757970,"price\ndelivery"\n', "f712034.csv"))

    rows = client.get_report(712034, type_)

    assert sent[0].line == f"GET /jobs/712034.csv?type={type_}"
    assert rows == [{"_unit_id": "698757970", "topics": "price\ndelivery"}]


def test_the_units_of_a_results_report_have_their_job(api: RequestsMock, job: Job) -> None:
    respond_ready(api)

    units = job.get_results_report()

    assert [unit.job for unit in units] == [job, job]


def test_results_are_streamed_unit_by_unit(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    respond_ready(api)

    results = job.results()
    before = len(sent)
    first = list(islice(results, 1))

    assert before == 0
    assert [unit.id for unit in first] == [698757970]


def respond_with_units(api: RequestsMock, *units: dict[str, Any]) -> None:
    """Serve a ready report with these units."""
    text = "".join(f"{json.dumps(unit)}\n" for unit in units)
    api.get(REPORT, body=zip_archive(text), content_type="application/zip")


JUDGED = {"worker_id": 5, "data": {"sentiment": "good"}}


def test_a_judgment_without_tainted_or_missed_counts(api: RequestsMock, job: Job) -> None:
    silent = [{"id": 2}, {"id": 3, "results": None}, {"id": 4, "results": {"judgments": None}}]
    skipped = {"worker_id": 6, "data": None}
    respond_with_units(api, {"id": 1, "results": {"judgments": [JUDGED, skipped]}}, *silent)

    assert list(job.votes("sentiment")) == [(1, 5, "good")]
    assert [judgment.worker_id for judgment in job.judgments()] == [5, 6]


LOOP = '{% for i in ids %}<cml:text label="Why?" name="why_{{ i }}"/>{% endfor %}'

CHOICES = """
<cml:checkboxes label="Topics" name="topics" only-if="sentiment:[bad]">
  <cml:checkbox label="price"/><cml:checkbox label="delivery"/>
</cml:checkboxes>
<cml:radios label="Sentiment" name="sentiment">
  <cml:radio label="good"/><cml:radio label="bad"/>
</cml:radios>
<cml:checkbox label="Spam" name="spam" value="yes"/>
<cml:text label="Why?" name="why"/>
"""


def judgments(*answers: dict[str, Any]) -> dict[str, Any]:
    """One unit with these answers, each by another contributor."""
    found = [{"worker_id": number, "data": each} for number, each in enumerate(answers, 1)]
    return {"id": 1, "results": {"judgments": found}}


def test_of_several_answers_a_vote_is_a_list_which_may_be_empty(
    api: RequestsMock, client: Client
) -> None:
    chosen = {"sentiment": "bad", "topics": ["price", ""], "spam": "yes", "why": ""}
    none = {"sentiment": "bad", "why": "So."}
    not_shown = {"sentiment": "good"}
    respond_with_units(api, judgments(chosen, none, not_shown))
    job = Job(client, id=712034, cml=CHOICES)

    assert list(job.votes("topics")) == [(1, 1, ["price"]), (1, 2, [])]
    assert list(job.votes("spam")) == [(1, 1, ["yes"]), (1, 2, []), (1, 3, [])]
    assert list(job.votes("why")) == [(1, 2, "So.")]
    assert [label for *_, label in job.votes("sentiment")] == ["bad", "bad", "good"]


LOOP = """
{% for id in ids %}<cml:text label="Item" name="Item {{ id }}"/>{% endfor %}
<cml:text label="Why?" name="why"/>
"""


def test_a_name_that_no_row_can_make_is_refused(api: RequestsMock, client: Client) -> None:
    respond_with_units(api, judgments({"item_a": "x", "why": "So."}))
    fields = {"item_a": "all", "item_b": "all"}
    job = Job(client, id=712034, cml=LOOP, fields=fields)

    with pytest.raises(
        InvalidInput, match="no field 'itme_a'; its fields are: item_a, item_b, why"
    ):
        job.votes("itme_a")
    with pytest.warns(UserWarning, match="no field 'item_z'; .*answered since") as issued:
        assert list(job.votes("item_z")) == []
    assert [each.filename for each in issued] == [__file__]
    assert list(job.votes("item_a")) == [(1, 1, "x")]
    assert list(job.votes("why")) == [(1, 1, "So.")]
    unanswered = Job(client, id=712034, cml=LOOP, fields={"why": "all"})
    assert list(unanswered.votes("item_a")) == [(1, 1, "x")]


MEDIAN = "median number of votes per contributor is 1: too few for"


@pytest.mark.filterwarnings("ignore:the median number of votes per contributor")
def test_several_answers_are_aggregated_option_by_option(api: RequestsMock, client: Client) -> None:
    bad = {"sentiment": "bad"}
    topics = (["price", "delivery"], ["price"], None)
    answers = [bad | ({"topics": each} if each else {}) for each in topics]
    respond_with_units(api, judgments(*answers))
    job = Job(client, id=712034, cml=CHOICES)

    majority = job.aggregate("majority", "topics")
    consensus = job.aggregate(field="topics", known={1: ["delivery"]})
    nobody_chose = job.aggregate(field="topics", known={1: ["quality"]})

    assert majority.labels == {1: ["price"]}
    assert majority.probabilities[1] == pytest.approx({"price": 2 / 3, "delivery": 1 / 3})
    assert consensus.labels == {1: ["delivery"]}
    assert nobody_chose.labels == {1: ["quality"]}


def test_lists_are_recognized_where_the_form_is_not_known(
    api: RequestsMock, client: Client
) -> None:
    respond_with_units(api, judgments({"topics": ["price"]}, {"topics": "price"}))

    outcome = Job(client, id=712034).aggregate("majority", "topics")

    assert outcome.labels == {1: ["price"]}


def test_the_options_of_the_form_are_possible_also_without_votes(
    api: RequestsMock, client: Client
) -> None:
    """By the formula for two labels: three strangers who agree are right with 0.9945."""
    respond_with_units(api, judgments(*[{"sentiment": "good"}] * 3))
    job = Job(client, id=712034, cml=CHOICES)

    with pytest.warns(UserWarning, match=f"{MEDIAN} hierarchical.*so all votes") as issued:
        outcome = job.aggregate(field="sentiment")

    assert [each.filename for each in issued] == [__file__]
    assert outcome.probabilities[1] == pytest.approx({"good": 0.9945, "bad": 0.0055}, abs=5e-5)


@pytest.mark.filterwarnings("ignore:the median number of votes per contributor")
def test_an_option_without_a_value_is_no_label(api: RequestsMock, client: Client) -> None:
    respond_with_units(api, judgments({"size": "large"}, {"size": ""}))
    choose = '<cml:option label="-- choose --" value=""/>'
    options = '<cml:option label="large"/><cml:option label="small"/>'
    cml = f'<cml:select label="Size" name="size">{choose}{options}</cml:select>'

    outcome = Job(client, id=712034, cml=cml).aggregate()

    assert outcome.probabilities[1].keys() == {"large", "small"}


@pytest.mark.parametrize("method", ["one-coin", "dawid-skene"])
def test_a_model_that_needs_many_votes_warns_in_one_place(
    api: RequestsMock, client: Client, method: str
) -> None:
    respond_with_units(api, judgments(*[{"sentiment": "good"}] * 3))
    job = Job(client, id=712034, cml=CHOICES)

    with pytest.warns(UserWarning, match=f"{MEDIAN} {method} .*; use hierarchical") as issued:
        job.aggregate(method, "sentiment")

    assert [each.filename for each in issued] == [__file__]


@pytest.mark.usefixtures("api")
def test_an_unknown_method_is_refused_before_any_request(job: Job) -> None:
    with pytest.raises(ValueError, match="no method 'best'; choose from: hierarchical-dawid-skene"):
        job.aggregate("best", "sentiment")


def test_the_default_method_is_the_documented_one() -> None:
    assert signature(Job.aggregate).parameters["method"].default == DEFAULT_METHOD


@pytest.mark.parametrize("call", ["votes", "aggregate"])
@pytest.mark.parametrize(
    ("fields", "cml", "message"),
    [
        ({"sentiment": "agg", "why": "all"}, None, "'sentimnet'; its fields are: sentiment, why"),
        (None, "<cml:text label='Why?'/>", "'sentimnet'; its fields are: why"),
        ({}, None, "'sentimnet'; its fields are: none"),
    ],
)
@pytest.mark.usefixtures("api")
def test_a_field_that_the_form_lacks_is_refused_before_any_request(
    client: Client, call: str, fields: dict[str, str] | None, cml: str | None, message: str
) -> None:
    job = Job(client, id=7, fields=fields, cml=cml)

    with pytest.raises(InvalidInput, match=f"^the form of job 7 has no field {message}$"):
        getattr(job, call)(field="sentimnet")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"cml": "<cml:text label="},
        {"cml": LOOP, "fields": {"why": "all"}},
    ],
    ids=["unknown", "invalid", "names from the row"],
)
def test_a_field_is_not_checked_where_the_fields_are_not_known(
    api: RequestsMock, client: Client, form: dict[str, Any]
) -> None:
    respond_with_units(api, {"id": 1})

    assert list(Job(client, id=712034, **form).votes("sentiment")) == []


TRUSTED = {"id": 20, "worker_id": 5, "data": {"sentiment": "good"}, "tainted": False}
TAINTED = {"id": 10, "worker_id": 6, "data": {"sentiment": "bad"}, "tainted": True}


def respond_with_a_removed_contributor(api: RequestsMock) -> None:
    """Serve a report as the service's: with trusted judgments, and counts of all."""
    of_two = {"judgments": [TRUSTED], "sentiment": {"agg": "good", "confidence": 1.0}}
    of_one = {"judgments": [TRUSTED]}
    respond_with_units(
        api,
        {"id": 1, "judgments_count": 2, "results": of_two},
        {"id": 2, "judgments_count": 1, "results": of_one},
    )


def test_results_have_the_judgments_that_the_report_leaves_out(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    respond_with_a_removed_contributor(api)
    path = f"{REPORT.removesuffix('.csv')}/units/1/judgments.json"
    api.get(path, json=[TAINTED, TRUSTED])

    units = list(job.results())

    assert [unit.results["judgments"] for unit in units] == [[TAINTED, TRUSTED], [TRUSTED]]
    assert [unit.judgments_count for unit in units] == [2, 1]
    assert units[0].get_aggregate("sentiment") == "good"
    assert [request.line.partition(" ")[2] for request in sent] == [
        "/jobs/712034.csv?type=json",
        "/jobs/712034/units/1/judgments.json",
    ]


def test_trusted_results_and_votes_need_one_request(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    respond_with_a_removed_contributor(api)

    (first, _) = job.results(untrusted=False)
    votes = list(job.votes("sentiment"))

    assert first.results["judgments"] == [TRUSTED]
    assert votes == [(1, 5, "good"), (2, 5, "good")]
    assert len(sent) == 2


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
def test_results_of_unknown_shape_give_no_votes(api: RequestsMock, job: Job, results: Any) -> None:
    respond_with_units(api, {"id": 1, "results": results})

    with pytest.raises(MalformedResponse, match="unit 1"):
        job.aggregate("majority", "sentiment")


@pytest.mark.parametrize("count", ["3", [3], None, {}])
def test_a_count_that_is_not_a_number_is_ignored(
    api: RequestsMock, client: Client, count: Any
) -> None:
    respond_with_units(api, {"id": 1, "judgments_count": count}, {"id": 2, "judgments_count": 3})
    job = Job(client, id=712034, judgments_count=count)

    assert [unit.id for unit in job.results()] == [1, 2]


def test_an_unknown_report_type_is_not_requested(client: Client) -> None:
    with pytest.raises(InvalidInput, match="full, aggregated, json"):
        client.get_report(712034, "excel")  # type: ignore[call-overload]


# Waiting


@pytest.mark.parametrize(
    ("headers", "wait"), [({"Retry-After": "3"}, 3), ({"Retry-After": "soon"}, 10), ({}, 10)]
)
def test_the_delay_of_polling_is_set_by_the_service(
    api: RequestsMock, client: Client, clock: Clock, headers: dict[str, str], wait: float
) -> None:
    respond_building(api, **headers)
    respond_ready(api)

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
def test_the_delay_is_read_from_the_header_or_the_text_and_is_never_zero(
    body: bytes, header: str | None, wait: float
) -> None:
    assert retry_after(body, header) == wait


def test_polling_a_report_times_out_after_half_an_hour(
    api: RequestsMock, client: Client, clock: Clock
) -> None:
    respond_building(api)
    began = clock.now

    with pytest.raises(ReportNotReady, match="30 minutes") as caught:
        client.get_report(712034)

    assert isinstance(caught.value, TimeoutError)
    assert clock.now - began == 1800


def test_a_delay_beyond_the_timeout_is_not_started(
    api: RequestsMock, client: Client, clock: Clock
) -> None:
    respond_building(api, **{"Retry-After": "86400"})

    with pytest.raises(ReportNotReady):
        client.get_report(712034)

    assert clock.slept == []


# Invalid reports


def test_an_incomplete_archive_is_fetched_again(
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
def test_an_incomplete_archive_is_fetched_at_most_five_times(
    api: RequestsMock,
    client: Client,
    sent: list[SentRequest],
    content_type: str,
    error: type[Exception],
) -> None:
    api.get(REPORT, body="<html>Please sign in</html>", content_type=content_type)

    with pytest.raises(error, match=content_type):
        client.get_report(712034)

    assert len(sent) == 5


def test_an_archive_without_files_is_empty(api: RequestsMock, client: Client) -> None:
    archive = io.BytesIO()
    zipfile.ZipFile(archive, "w").close()
    respond_ready(api, archive.getvalue())

    with pytest.raises(ReportEmpty):
        client.get_report(712034)


def test_a_damaged_archive_is_corrupt(api: RequestsMock, client: Client) -> None:
    middle = len(JSON_ARCHIVE) // 3
    respond_ready(api, JSON_ARCHIVE[:middle] + b"\0\0\0\0" + JSON_ARCHIVE[middle + 4 :])

    with pytest.raises(ReportCorrupt):
        client.get_report(712034)


def test_a_refused_report_is_an_error_at_once(
    api: RequestsMock, client: Client, clock: Clock
) -> None:
    api.get(REPORT, json={"error": {"message": "This job has no judgments yet."}})

    with pytest.raises(ApplicationError, match="no judgments yet"):
        client.get_report(712034)

    assert clock.slept == []


def test_a_refusal_while_a_report_is_built_ends_the_polling(
    api: RequestsMock, client: Client
) -> None:
    respond_building(api)
    api.get(REPORT, status=401, json={"error": "Unknown key."})

    with pytest.raises(AuthenticationError, match="Unknown key"):
        client.get_report(712034)


def test_a_report_is_not_fetched_without_encryption(api: RequestsMock, client: Client) -> None:
    api.get(REPORT, status=302, headers={"Location": STORAGE.replace("https", "http")})

    with pytest.raises(UnexpectedRedirect):
        client.get_report(712034)


def test_an_unreachable_storage_is_named_in_the_error(api: RequestsMock, client: Client) -> None:
    api.get(REPORT, status=302, headers={"Location": STORAGE})
    api.get(STORAGE, body=requests.ConnectionError("gone"))

    with pytest.raises(ConnectionLost, match=r"storage\.example\.com"):
        client.get_report(712034)


def test_a_truncated_download_is_an_error(api: RequestsMock, client: Client) -> None:
    api.get(REPORT, body=JSON_ARCHIVE[:100], headers={"Content-Length": "4000"})

    with pytest.raises(TruncatedResponse):
        client.get_report(712034)
