"""The client's methods for rows, judgments and orders."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from responses import matchers

from crowdflower.exceptions import (
    ApplicationError,
    InvalidInput,
    MalformedResponse,
    OutcomeUnknown,
    PaymentRequired,
    ValidationError,
)
from crowdflower.job import Job
from crowdflower.judgment import Judgment, JudgmentAggregate
from crowdflower.order import Order
from crowdflower.unit import Unit, UnitPromise

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import SentRequest
    from responses import RequestsMock

    from crowdflower.client import Client

API = "https://api.appen.com/v1"


# Uploading rows


def test_rows_are_uploaded_to_a_new_job_as_json_lines(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.post(f"{API}/jobs/upload.json", json={"id": 8, "title": None, "units_count": 2})

    job = client.upload_job([{"text": "Grüße"}, {"text": "Hi"}])

    assert (job.id, job.units_count, job.client) == (8, 2, client)
    assert sent[0].line == "POST /jobs/upload.json"
    assert sent[0].headers["Content-Type"] == "application/json"
    assert sent[0].body.decode() == '{"text":"Grüße"}\n{"text":"Hi"}\n'


def test_rows_can_be_uploaded_to_an_existing_job(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.put(f"{API}/jobs/7/upload.json", json={"id": 7})

    job = client.upload_job([{"text": "hi"}], 7, True)

    assert job.id == 7
    assert sent[0].line == "PUT /jobs/7/upload.json?force=true"


def test_rows_of_any_iterable_are_consumed_once(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.put(f"{API}/jobs/7/upload.json", json={"id": 7})
    consumed = []

    def rows() -> Iterator[dict[str, int]]:
        for number in range(2500):
            consumed.append(number)
            yield {"n": number}

    client.upload_job(rows(), job_id=7)

    assert consumed == list(range(2500))
    assert sent[0].body.count(b"\n") == 2500
    assert sent[0].headers["Content-Length"] == str(len(sent[0].body))


@pytest.mark.parametrize("bad", [["a"], {"a": float("inf")}, {1: "a"}, {"a": b"b"}])
def test_rows_with_a_bad_one_are_not_sent(
    client: Client, sent: list[SentRequest], bad: Any
) -> None:
    with pytest.raises(InvalidInput) as caught:
        client.upload_job([{"a": "fine"}, {"a": "fine"}, bad])

    assert caught.value.row == 3
    assert sent == []


@pytest.mark.parametrize("rows", [[], iter(()), ({"a": 1} for _ in ())])
def test_an_upload_of_no_rows_is_refused(client: Client, rows: Any) -> None:
    with pytest.raises(InvalidInput, match="no rows"):
        client.upload_job(rows, 7)


def test_the_job_is_read_after_an_upload_answered_with_a_message(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.put(f"{API}/jobs/7/upload.json", json={"success": "Your file is being processed."})
    api.get(f"{API}/jobs/7.json", json={"id": 7, "units_count": 2})

    job = client.upload_job([{"text": "hi"}], 7)

    assert (job.id, job.units_count) == (7, 2)


@pytest.mark.parametrize("key", [None, "text"])
def test_uploaded_rows_are_not_an_error_if_the_job_cannot_be_read(
    api: RequestsMock, client: Client, key: str | None
) -> None:
    draft = {"id": 7, "title": "Reviews", "state": "unordered", "units_count": 0}
    if key:
        api.get(f"{API}/jobs/7.json", json=draft)
        api.get(f"{API}/jobs/7/units/ping.json", json={"done": True, "count": 0})
        api.get(f"{API}/jobs/7/units.json?page=1", json={"1": {"text": "hi"}})
        api.get(f"{API}/jobs/7/units.json?page=2", json={})
    api.put(f"{API}/jobs/7/upload.json", json={"success": "Your file is being processed."})
    api.get(f"{API}/jobs/7.json", status=404)
    job = Job(client, **draft)

    with pytest.warns(UserWarning, match="uploaded, but the job cannot be read again: .*404"):
        job.upload([{"text": "hi"}], key=key)

    assert job.title == "Reviews"


def test_an_upload_response_without_job_or_message_is_malformed(
    api: RequestsMock, client: Client
) -> None:
    api.post(f"{API}/jobs/upload.json", json={"success": "Your file is being processed."})
    api.put(f"{API}/jobs/7/upload.json", json=[{"id": 7}])

    for job_id in (None, 7):
        with pytest.raises(MalformedResponse):
            client.upload_job([{"text": "hi"}], job_id)


def test_mismatched_columns_are_reported_by_the_service(api: RequestsMock, client: Client) -> None:
    said = "You created column headers that duplicate the original uploaded column headers"
    api.put(f"{API}/jobs/7/upload.json", status=422, json={"error": said})

    with pytest.raises(ValidationError, match=said):
        client.upload_job([{"text": "hi"}], 7)


# Uploading files


CSV = "text,stars\nGrüße,5\n"


def test_a_file_is_sent_with_the_type_of_its_name(
    api: RequestsMock, client: Client, sent: list[SentRequest], tmp_path: Path
) -> None:
    api.post(f"{API}/jobs/upload.json", json={"id": 8})
    path = tmp_path / "rows.csv"
    path.write_text(CSV, encoding="utf-8")

    job = client.upload_job_file(path)

    assert job.id == 8
    assert sent[0].line == "POST /jobs/upload.json"
    assert sent[0].headers["Content-Type"] == "text/csv"
    assert sent[0].body.decode() == CSV


def test_a_file_can_be_uploaded_to_an_existing_job(
    api: RequestsMock, client: Client, sent: list[SentRequest], tmp_path: Path
) -> None:
    api.put(f"{API}/jobs/7/upload.json", json={"id": 7})
    path = tmp_path / "rows.tmp"
    path.write_text(CSV, encoding="utf-8")

    client.upload_job_file(str(path), "csv", 7, True)

    assert sent[0].line == "PUT /jobs/7/upload.json?force=true"
    assert sent[0].headers["Content-Type"] == "text/csv"


@pytest.mark.parametrize("file", [io.BytesIO(CSV.encode()), io.StringIO(CSV)])
def test_an_open_file_is_sent_as_utf8(
    api: RequestsMock, client: Client, sent: list[SentRequest], file: Any
) -> None:
    api.put(f"{API}/jobs/7/upload.json", json={"id": 7})

    client.upload_job_file(file, type_="text/csv", job_id=7)

    assert sent[0].body.decode() == CSV


def test_an_unknown_file_type_is_a_value_error(client: Client, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="type_"):
        client.upload_job_file(tmp_path / "rows")


# Units


UNIT = {
    "id": 698757970,
    "job_id": 7,
    "data": {"review_text": "Arrived late"},
    "state": "finalized",
    "agreement": 0.6421,
    "results": {"judgments": [], "sentiment": {"agg": "negative", "confidence": 0.6421}},
}


@pytest.mark.parametrize("given", [7, Job(id=7)], ids=["id", "job"])
def test_a_unit_is_fetched(
    api: RequestsMock, client: Client, sent: list[SentRequest], given: Any
) -> None:
    api.get(f"{API}/jobs/7/units/698757970.json", json=UNIT)

    unit = client.get_unit(given, 698757970)

    assert type(unit) is Unit
    assert sent[0].line == "GET /jobs/7/units/698757970.json"
    assert (unit.id, unit.state, unit.job.id, unit.client) == (698757970, "finalized", 7, client)


@pytest.mark.parametrize("answer", [[], [UNIT], "error", 7, {}, {"state": "new"}])
def test_a_response_that_is_not_a_unit_is_malformed(
    api: RequestsMock, client: Client, answer: object
) -> None:
    api.get(f"{API}/jobs/7/units/1.json", json=answer)

    with pytest.raises(MalformedResponse):
        client.get_unit(7, 1)


def respond_pages(api: RequestsMock, path: str, *pages: object) -> None:
    for number, page in enumerate(pages, 1):
        match = [matchers.query_param_matcher({"page": number}, strict_match=False)]
        api.get(f"{API}/{path}", json=page, match=match)


def test_units_are_listed_with_their_data_in_server_order(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    first = {"30": {"text": "c"}, "4": {"text": "a"}}
    respond_pages(api, "jobs/7/units.json", first, {"5": {"text": "b"}}, {})

    units = list(client.get_units(7))

    assert [(unit.id, unit.data["text"]) for unit in units] == [(30, "c"), (4, "a"), (5, "b")]
    assert all(type(unit) is UnitPromise for unit in units)
    assert [request.line for request in sent] == [
        "GET /jobs/7/units.json?page=1",
        "GET /jobs/7/units.json?page=2",
        "GET /jobs/7/units.json?page=3",
    ]


@pytest.mark.parametrize(
    "page", [[UNIT], "later", {"notice": {"message": "Later."}}, {"seven": {}}, {"7": "text"}]
)
def test_a_page_that_is_not_a_page_of_units_is_malformed(
    api: RequestsMock, client: Client, page: object
) -> None:
    respond_pages(api, "jobs/7/units.json", page)

    with pytest.raises(MalformedResponse):
        list(client.get_units(7))


def test_a_unit_is_created_from_json_without_a_request(
    client: Client, sent: list[SentRequest]
) -> None:
    unit = client.unit_from_json(UNIT)

    assert type(unit) is Unit
    assert (unit.id, unit.job.id, unit.client) == (698757970, 7, client)
    assert unit.get_aggregate("sentiment") == "negative"
    assert sent == []


@pytest.mark.parametrize(
    ("data", "said"),
    [('{"id": 1}', r"not a str; decode it with json\.loads\(\)"), ([], "not a list$")],
)
def test_unit_from_json_refuses_other_values_than_objects(
    client: Client, data: Any, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        client.unit_from_json(data)


def test_a_unit_is_canceled(api: RequestsMock, client: Client, sent: list[SentRequest]) -> None:
    api.post(f"{API}/jobs/7/units/1/cancel.json", json={"success": "Unit 1 has been canceled"})

    client.cancel_unit(7, 1)

    assert sent[0].line == "POST /jobs/7/units/1/cancel.json"
    assert sent[0].headers["Content-Length"] == "0"


def test_a_unit_of_another_job_cannot_be_canceled(api: RequestsMock, client: Client) -> None:
    said = "Job 7 does not contain Unit 1"
    api.post(f"{API}/jobs/7/units/1/cancel.json", json={"error": said})

    with pytest.raises(ApplicationError, match=said):
        client.cancel_unit(7, 1)


# Judgments


ENTRY = {
    "_ids": [1, 2],
    "_agreement": 0.64,
    "_state": "finalized",
    "_updated_at": "2015-06-25T10:59:00+00:00",
    "sentiment": {"agg": "negative", "res": ["negative", "negative"]},
}


def test_judgments_are_listed_unit_by_unit(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    respond_pages(api, "jobs/7/judgments.json", {"30": ENTRY}, {"4": ENTRY}, {})

    aggregates = list(client.get_judgmentaggregates(7))

    assert all(type(aggregate) is JudgmentAggregate for aggregate in aggregates)
    assert [aggregate.unit_id for aggregate in aggregates] == [30, 4]
    assert [aggregate.ids for aggregate in aggregates] == [[1, 2], [1, 2]]
    assert [request.line for request in sent] == [
        "GET /jobs/7/judgments.json?page=1",
        "GET /jobs/7/judgments.json?page=2",
        "GET /jobs/7/judgments.json?page=3",
    ]


@pytest.mark.parametrize("page", [[ENTRY], "later", {"notice": "Later."}, {"7": [ENTRY]}])
def test_a_page_that_is_not_a_page_of_judgments_is_malformed(
    api: RequestsMock, client: Client, page: object
) -> None:
    respond_pages(api, "jobs/7/judgments.json", page)

    with pytest.raises(MalformedResponse):
        list(client.get_judgmentaggregates(7))


def test_a_judgment_is_fetched(api: RequestsMock, client: Client, sent: list[SentRequest]) -> None:
    answer = {"id": 1605619374, "worker_id": 31883685, "data": {"sentiment": "negative"}}
    api.get(f"{API}/jobs/7/judgments/1605619374.json", json=answer)

    judgment = client.get_judgment(7, 1605619374)

    assert type(judgment) is Judgment
    assert sent[0].line == "GET /jobs/7/judgments/1605619374.json"
    assert judgment.data == {"sentiment": "negative"}


@pytest.mark.parametrize("answer", [[], "error", {}, {"data": {}}])
def test_a_response_that_is_not_a_judgment_is_malformed(
    api: RequestsMock, client: Client, answer: object
) -> None:
    api.get(f"{API}/jobs/7/judgments/1.json", json=answer)

    with pytest.raises(MalformedResponse):
        client.get_judgment(7, 1)


# Orders


ORDER = {
    "id": 88123,
    "type": "Debit",
    "meta": {"credit_balance": 4210},
    "job_id": 7,
    "amount_in_cents": 126,
    "nuggeted_units_count": 4,
}


@pytest.mark.usefixtures("payment_reads")
def test_an_order_releases_units_to_channels(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.post(f"{API}/jobs/7/orders.json", json=ORDER)

    order = client.debit_order(7, 100, ["on_demand", "cf_internal"])

    assert type(order) is Order
    assert (order.id, order.amount_in_cents, order["meta"]) == (
        88123,
        126,
        {"credit_balance": 4210},
    )
    assert sent[-1].line == "POST /jobs/7/orders.json"
    assert sorted(sent[-1].form) == [
        ("channels[]", "cf_internal"),
        ("channels[]", "on_demand"),
        ("debit[units_count]", "100"),
    ]


@pytest.mark.usefixtures("payment_reads")
def test_an_order_answered_with_its_own_location_was_placed(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    said = {"success": {"message": "Your job is now collecting judgments!"}}
    headers = {"Location": f"{API}/jobs/7/orders/88123"}
    api.post(f"{API}/jobs/7/orders.json", status=302, json=said, headers=headers)

    order = client.debit_order(7, 5, ["on_demand"])

    assert (order.id, order.job_id) == (88123, 7)
    assert [each.line[:4] for each in sent] == ["GET ", "GET ", "POST"]


@pytest.mark.usefixtures("payment_reads")
def test_an_order_answered_with_another_location_is_outcome_unknown(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    headers = {"Location": "https://make.appen.com/login?next=/jobs/7/orders/1"}
    api.post(f"{API}/jobs/7/orders.json", status=302, headers=headers)

    with pytest.raises(OutcomeUnknown, match="before you order again") as caught:
        client.debit_order(7, 5, ["on_demand"])

    assert caught.value.evidence == "a redirect (status 302) that names no order of the job"
    assert [each.line[:4] for each in sent] == ["GET ", "GET ", "POST"]


@pytest.mark.usefixtures("payment_reads")
@pytest.mark.parametrize(
    ("status", "location"),
    [
        (302, "/v1/jobs/8/orders/99"),  # an order of another job
        (302, "/v1/jobs/8/jobs/7/orders/99"),
        (302, "/other/jobs/7/orders/99"),
        (302, "/v1/jobs/7/orders/0"),
        (302, "/v1/jobs/7/orders/99?error=no_funds"),
        (302, "/v1/jobs/7/orders/98, /v1/jobs/7/orders/99"),  # two headers
        (302, "/v1/jobs/7/orders/99/units/1"),
        (303, "https://api.appen.com.example/v1/jobs/7/orders/99"),
        (301, "/v1/jobs/7/orders/99"),  # 301, 307 and 308: send it again, there
        (307, "/v1/jobs/7/orders/99"),
        (308, "/v1/jobs/7/orders/99"),
    ],
)
def test_a_redirect_that_names_no_order_of_the_job_is_outcome_unknown(
    api: RequestsMock, client: Client, status: int, location: str
) -> None:
    api.post(f"{API}/jobs/7/orders.json", status=status, headers={"Location": location})

    with pytest.raises(OutcomeUnknown) as caught:
        client.debit_order(7, 5, ["on_demand"])

    assert caught.value.evidence == f"a redirect (status {status}) that names no order of the job"


@pytest.mark.usefixtures("payment_reads")
@pytest.mark.parametrize(
    ("status", "location"),
    [
        (302, "/v1/jobs/7/orders/99"),
        (303, "https://api.appen.com:443/v1/jobs/7/orders/99.json"),
    ],
)
def test_a_redirect_to_an_order_of_the_job_is_that_order(
    api: RequestsMock, client: Client, status: int, location: str
) -> None:
    api.post(f"{API}/jobs/7/orders.json", status=status, headers={"Location": location})

    order = client.debit_order(7, 5, ["on_demand"])

    assert (order.id, order.job_id) == (99, 7)


@pytest.mark.usefixtures("payment_reads")
@pytest.mark.parametrize(
    "body", ['[{"error": "x"}]', "error: insufficient funds", '{"error":{"mess']
)
def test_a_redirect_with_another_body_is_outcome_unknown(
    api: RequestsMock, client: Client, body: str
) -> None:
    headers = {"Location": "/v1/jobs/7/orders/99"}
    api.post(f"{API}/jobs/7/orders.json", status=302, headers=headers, body=body)

    with pytest.raises(OutcomeUnknown, match="may have been placed"):
        client.debit_order(7, 5, ["on_demand"])


@pytest.mark.usefixtures("payment_reads")
@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>You are being redirected.</html>",
        '{"success": {"message": "Your job is now collecting judgments!"}}',
    ],
)
def test_a_redirect_with_the_usual_body_is_the_order(
    api: RequestsMock, client: Client, body: str
) -> None:
    """The last is the response in the service's documentation of 2011."""
    headers = {"Location": "/v1/jobs/7/orders/99"}
    api.post(f"{API}/jobs/7/orders.json", status=302, headers=headers, body=body)

    assert client.debit_order(7, 5, ["on_demand"]).id == 99


@pytest.mark.usefixtures("payment_reads")
def test_an_order_of_another_job_is_outcome_unknown(api: RequestsMock, client: Client) -> None:
    api.post(f"{API}/jobs/7/orders.json", json={"id": 9, "job_id": 8})

    with pytest.raises(OutcomeUnknown):
        client.debit_order(7, 5, ["on_demand"])


@pytest.mark.usefixtures("payment_reads")
def test_an_error_in_the_body_of_a_redirect_is_a_refusal(api: RequestsMock, client: Client) -> None:
    api.post(
        f"{API}/jobs/7/orders.json",
        status=302,
        headers={"Location": "/v1/jobs/7/orders/99"},
        json={"error": {"message": "Insufficient funds"}},
    )

    with pytest.raises(ApplicationError, match="Insufficient funds"):
        client.debit_order(7, 5, ["on_demand"])

    assert client.operations.pending() == []


@pytest.mark.usefixtures("payment_reads")
def test_an_order_response_without_a_field_means_it_was_placed(
    api: RequestsMock, client: Client
) -> None:
    api.post(f"{API}/jobs/7/orders.json", json={"credit_balance": 4084})

    order = client.debit_order(7, 5, ["on_demand"])

    assert order.id is None
    assert order["credit_balance"] == 4084


@pytest.mark.parametrize("body", ["", "OK", "[]", "<p>Thank you</p>", "7"])
@pytest.mark.usefixtures("payment_reads")
def test_an_order_answered_with_another_object_is_outcome_unknown(
    api: RequestsMock, client: Client, body: str
) -> None:
    api.post(f"{API}/jobs/7/orders.json", body=body)

    with pytest.raises(OutcomeUnknown, match="before you order again") as caught:
        client.debit_order(7, 5, ["on_demand"])

    assert caught.value.evidence == "status 200, and no order"


@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
@pytest.mark.usefixtures("payment_reads")
def test_a_refused_order_is_an_error(api: RequestsMock, client: Client, content_type: str) -> None:
    api.post(
        f"{API}/jobs/7/orders.json",
        body='{"error": {"message": "The job needs at least 5 units."}}',
        content_type=content_type,
    )

    with pytest.raises(ApplicationError, match="at least 5 units"):
        client.debit_order(7, 4, ["on_demand"])


@pytest.mark.usefixtures("payment_reads")
def test_an_order_beyond_the_balance_reports_the_balance(api: RequestsMock, client: Client) -> None:
    said = "You have $20.00 available but this order will cost $50.00."
    api.post(f"{API}/jobs/7/orders.json", status=402, json={"error": {"message": said}})

    with pytest.raises(PaymentRequired) as caught:
        client.debit_order(7, 5000, ["on_demand"])

    assert said in str(caught.value)


@pytest.mark.parametrize("count", [0, -1, 1.0, "5", None, True], ids=repr)
def test_an_invalid_number_of_units_is_refused(client: Client, count: Any) -> None:
    with pytest.raises(InvalidInput, match="units_count"):
        client.debit_order(7, count, ["on_demand"])


def test_an_order_without_channels_is_refused(client: Client) -> None:
    with pytest.raises(InvalidInput, match="channels"):
        client.debit_order(7, 5, [])


def test_an_order_is_fetched(api: RequestsMock, client: Client, sent: list[SentRequest]) -> None:
    api.get(f"{API}/jobs/7/orders/88123.json", json=ORDER)

    order = client.get_order(7, 88123)

    assert sent[0].line == "GET /jobs/7/orders/88123.json"
    assert (order.type, order.nuggeted_units_count, order.job.id) == ("Debit", 4, 7)
