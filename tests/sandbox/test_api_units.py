"""Rows through the API: upload, create, change, copy, count."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import Response

    Api = Callable[..., Response]

UNIT_KEYS = """
id data difficulty judgments_count state agreement missed_count gold_pool created_at updated_at
job_id results
"""

CSV = {"Content-Type": "text/csv"}
JSON = {"Content-Type": "application/json"}
ROW = {"review_id": "g", "review_text": "New"}


def count_units(api: Api, job: int) -> int:
    """Return the number of units of a job."""
    ping = api("GET", f"/jobs/{job}/units/ping").json()
    assert set(ping) == ({"done", "count"} if ping["done"] else {"done", "count", "error"})
    number: int = ping["count"]
    return number


@pytest.mark.parametrize(("verb", "path"), [("POST", "/jobs/upload"), ("PUT", "/jobs/upload.json")])
def test_an_upload_creates_a_job_with_channels_and_without_a_title(
    api: Api, verb: str, path: str
) -> None:
    created = api(verb, path, data=b"Review ID,Review Text\nr1,Late\nr2,\n", headers=CSV).json()

    units = api("GET", f"/jobs/{created['id']}/units").json()
    assert created["title"] is None
    assert created["units_count"] == 2
    assert list(units.values()) == [
        {"review_id": "r1", "review_text": "Late"},
        {"review_id": "r2", "review_text": None},
    ]
    assert api("GET", f"/jobs/{created['id']}/channels").json()["enabled_channels"] == [
        "cf_internal"
    ]


@pytest.mark.parametrize("verb", ["POST", "PUT"])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"review_id,review_text\ng,New\nh,Newer\n", "text/csv"),
        (b"review_id,review_text\ng,New\nh,Newer\n", "text/csv; charset=utf-8"),
        (b'{"review_id": "g", "review_text": "New"}\n{"review_id": "h", "review_text": "Newer"}',
         "application/json"),
        (b'{"review_id": "g", "review_text": "New"} {"review_id": "h", "review_text": "Newer"}',
         "text/json"),
    ],
)  # fmt: skip
def test_a_file_is_appended_to_a_job(api: Api, job: int, verb: str, body: bytes, kind: str) -> None:
    response = api(verb, f"/jobs/{job}/upload", data=body, headers={"Content-Type": kind})

    assert response.json()["units_count"] == count_units(api, job) == 8
    assert list(api("GET", f"/jobs/{job}/units").json().values())[6] == ROW


def test_an_upload_may_be_a_stream(api: Api, job: int) -> None:
    def body() -> Iterator[bytes]:
        for number in range(5000):
            yield json.dumps({"review_id": str(number), "review_text": "ü"}).encode() + b"\n"

    response = api("PUT", f"/jobs/{job}/upload", data=body(), headers=JSON)

    assert response.json()["units_count"] == 5006


@pytest.mark.parametrize(
    ("body", "kind", "status", "message"),
    [
        (b'[{"review_id": "g"}]', "application/json", 422, "newline-separated JSON"),
        (b'{"review_id": "g", "review_text": "x"}\n{"review_id": }', "application/json", 422,
         "Unable to parse row 2."),
        (b"review_id,review_text\ng,x\nh\n", "text/csv", 422, "Unable to parse row 3."),
        (b"review_id,review_text\ng,x\n\xff,x\n", "text/csv", 422,
         "Unable to parse row 3. Please be sure your file is UTF-8 encoded."),
        (b"Review ID,review_id\n", "text/csv", 422, "are both named 'review_id'"),
        (b"review_id,review_text,stars\ng,x,5\n", "text/csv", 422, "adds stars"),
        (b"PK\x03\x04", "application/vnd.ms-excel", 415, "text/csv"),
        (b"review_id,review_text\ng,x\n", "", 415, "without Content-Type"),
        (b"review_id=g", "application/x-www-form-urlencoded", 415, "the sandbox cannot read"),
    ],
)  # fmt: skip
def test_a_refused_file_stores_nothing(
    api: Api, job: int, body: bytes, kind: str, status: int, message: str
) -> None:
    headers = {"Content-Type": kind} if kind else {}

    appended = api("PUT", f"/jobs/{job}/upload", data=body, headers=headers)
    created = api("POST", "/jobs/upload", data=body, headers=headers)

    assert appended.status_code == status
    assert message in appended.json()["error"]["message"]
    assert count_units(api, job) == 6
    if "adds" not in message:
        assert created.status_code == status
        assert len(api("GET", "/jobs").json()) == 1


def test_new_columns_need_force(api: Api, job: int) -> None:
    body = b"review_id,review_text,stars\ng,x,5\n"

    api("PUT", f"/jobs/{job}/upload?force=true", data=body, headers=CSV)

    rows = list(api("GET", f"/jobs/{job}/units").json().values())
    assert rows[6] == {"review_id": "g", "review_text": "x", "stars": "5"}
    assert "stars" not in rows[0]


@pytest.mark.parametrize("kind", ["application/json", "text/json"])
def test_an_empty_json_file_has_no_rows(api: Api, job: int, kind: str) -> None:
    response = api("PUT", f"/jobs/{job}/upload", data=b"", headers={"Content-Type": kind})

    assert response.status_code == 200
    assert response.json()["units_count"] == 6


def test_units_are_paged_in_the_order_of_upload(api: Api, job: int, units: list[int]) -> None:
    pages = [
        api("GET", f"/jobs/{job}/units", params={"page": page, "limit": 4}).json()
        for page in (0, 1, 2, 3)
    ]

    assert [list(map(int, page)) for page in pages] == [units[:4], units[:4], units[4:], []]
    assert pages[3] == {}


def test_a_page_has_a_thousand_units_at_most(api: Api, job: int) -> None:
    body = b"review_id,review_text\n" + b"x,y\n" * 1500
    api("PUT", f"/jobs/{job}/upload", data=body, headers=CSV)

    sizes = [len(api("GET", f"/jobs/{job}/units?limit=5000&page={page}").json()) for page in (1, 2)]

    assert sizes == [1000, 506]


@pytest.mark.parametrize(
    "settings",
    [
        {"json": {"unit": {"data": None}}},
        {"json": {"unit": {"data": []}}},
        {"json": {"unit": {"data": "null"}}},
        {"data": {"unit[data]": "null"}},
        {"data": {"unit[data]": ""}},
        {"data": "unit[data]", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    ],
)
def test_a_unit_may_have_no_data(api: Api, job: int, settings: dict[str, Any]) -> None:
    created = api("POST", f"/jobs/{job}/units", **settings)

    assert (created.status_code, created.json()["data"]) == (200, {})


@pytest.mark.parametrize("unit", [None, [], "", "null", {}])
def test_a_unit_that_is_nothing_lacks_its_data(api: Api, job: int, unit: Any) -> None:
    response = api("POST", f"/jobs/{job}/units", json={"unit": unit})

    assert response.status_code == 400
    assert "missing required parameters" in response.json()["error"]["message"]


def test_the_state_deleted_deletes_a_unit_with_a_warning(
    api: Api, job: int, units: list[int]
) -> None:
    """A state that today's helper of the service sends."""
    path = f"/jobs/{job}/units/{units[0]}"
    before = api("GET", path).json()

    response = api("PUT", path, json={"unit": {"state": "deleted"}})

    assert response.status_code == 200
    assert response.json() == {**before, "state": "deleted"}
    assert "deleted" in response.headers["X-Sandbox-Warning"]
    assert api("GET", path).status_code == 404
    assert list(map(int, api("GET", f"/jobs/{job}/units").json())) == units[1:]
    assert count_units(api, job) == 5
    assert api("PUT", path, data={"unit[state]": "deleted"}).status_code == 404


@pytest.mark.parametrize(
    "settings",
    [
        {"json": {"unit": {"data": ROW}}},
        {"data": {"unit[data][review_id]": "g", "unit[data][review_text]": "New"}},
        {"params": {"unit[data]": json.dumps(ROW)}},
        {"params": {"unit[data][review_id]": "g", "unit[data][review_text]": "New"}},
    ],
)
def test_a_unit_is_created(api: Api, job: int, settings: dict[str, Any]) -> None:
    response = api("POST", f"/jobs/{job}/units", **settings)

    created = response.json()
    assert response.status_code == 200
    assert list(created) == UNIT_KEYS.split()
    assert (created["state"], created["data"], created["results"]) == (
        "new",
        ROW,
        {"judgments": []},
    )
    assert count_units(api, job) == 7
    assert api("GET", f"/jobs/{job}/units/{created['id']}").json() == created


def test_a_unit_that_could_not_be_ordered_has_a_message(api: Api, job: int) -> None:
    """The first unit already, as the Units document says; its limit of four is for orders."""
    api("POST", f"/jobs/{job}/disable_channel", data={"channel_name": "cf_internal"})
    first = api("GET", f"/jobs/{job}/copy").json()["id"]
    for number in (job, first):
        api("PUT", f"/jobs/{number}", json={"job": {"auto_order": True}})

    golden = {"unit": {"data": ROW, "golden": True}}
    asked = api("POST", f"/jobs/{job}/units", json=golden).json()
    created = api("POST", f"/jobs/{first}/units", json={"unit": {"data": ROW}}).json()

    text = (
        "Unit was successfully created, but it could not be ordered because channels have not"
        " been set for this job."
    )
    assert list(created) == [*UNIT_KEYS.split(), "message"]
    assert created["message"] == {"error": text}
    assert (created["state"], count_units(api, first)) == ("new", 1)
    assert "message" not in asked, "a test question is never ordered"


def test_a_unit_becomes_a_test_question_and_a_row_again(
    api: Api, job: int, units: list[int]
) -> None:
    path = f"/jobs/{job}/units/{units[0]}"
    gold = {"unit[data][sentiment_gold][]": ["negative"], "unit[data][review_id]": "a"}

    changed = api("PUT", path, data=gold | {"unit[golden]": "true"}).json()

    assert changed["state"] == "golden"
    assert changed["data"]["sentiment_gold"] == ["negative"]
    assert "review_text" not in changed["data"]
    assert api("GET", f"/jobs/{job}").json()["golds_count"] == 1
    hidden = api("PUT", path, data={"unit[state]": "hidden_gold"}).json()
    assert hidden["state"] == "hidden_gold"
    new = api("PUT", path, json={"unit": {"state": "new"}}).json()
    assert new["state"] == "new"


def test_a_deleted_unit_is_not_found(api: Api, job: int, units: list[int]) -> None:
    response = api("DELETE", f"/jobs/{job}/units/{units[0]}")

    assert response.json() == {"message": {"success": f"Unit {units[0]} has been deleted."}}
    assert api("GET", f"/jobs/{job}/units/{units[0]}").status_code == 404
    assert count_units(api, job) == 5


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_unit_is_copied_with_changes_and_to_another_job(
    api: Api, job: int, units: list[int], verb: str
) -> None:
    other = api("POST", "/jobs").json()["id"]
    changes = {"unit[job_id]": str(other), "unit[data][review_text]": "Changed"}

    copied = api(verb, f"/jobs/{job}/units/{units[0]}/copy", params=changes).json()

    assert copied["job_id"] == other
    assert copied["data"] == {"review_id": "a", "review_text": "Changed"}
    assert count_units(api, other) == 1
    assert api(verb, f"/jobs/{job}/units/{units[0]}/copy").json()["job_id"] == job
    assert count_units(api, job) == 7


@pytest.mark.parametrize(("verb", "words"), [("POST", "canceled"), ("PUT", "cancelled.")])
def test_a_unit_is_canceled(api: Api, job: int, units: list[int], verb: str, words: str) -> None:
    response = api(verb, f"/jobs/{job}/units/{units[0]}/cancel")

    assert response.json() == {"success": f"Unit {units[0]} has been {words}"}
    assert api("GET", f"/jobs/{job}/units/{units[0]}").json()["state"] == "canceled"


def test_a_unit_of_another_job_cannot_be_canceled(api: Api, job: int, units: list[int]) -> None:
    other = api("POST", "/jobs").json()["id"]

    response = api("POST", f"/jobs/{other}/units/{units[0]}/cancel")

    assert response.status_code == 404
    assert response.json() == {"error": f"Job {other} does not contain Unit {units[0]}"}


@pytest.mark.parametrize("verb", ["GET", "PUT"])
def test_a_column_is_split(api: Api, job: int, verb: str) -> None:
    api("PUT", f"/jobs/{job}/upload", data=b"review_id,review_text\n1;2,a b c\n", headers=CSV)

    blank = api(verb, f"/jobs/{job}/units/split?on=review_text")
    other = api(verb, f"/jobs/{job}/units/split?on=review_id&with=;")

    assert (blank.status_code, other.status_code) == (200, 200)
    row = list(api("GET", f"/jobs/{job}/units").json().values())[6]
    assert row == {"review_id": ["1", "2"], "review_text": ["a", "b", "c"]}


def test_gold_is_converted_checked_and_reset(api: Api, job: int) -> None:
    body = b"review_id,review_text,_golden,sentiment_gold\ng,x,TRUE,negative\nh,y,,\n"
    api("PUT", f"/jobs/{job}/upload", data=body, headers=CSV)

    def golds() -> int:
        number: int = api("GET", f"/jobs/{job}").json()["golds_count"]
        return number

    background = {"success": {"message": "The job will be updated in the background."}}
    assert api("PUT", f"/jobs/{job}/gold").json() == background
    assert golds() == 1
    reset = api("PUT", f"/jobs/{job}/gold?reset=true")
    assert reset.json() == {"affected": 1, "populated": []}
    assert golds() == 0
    assert api("GET", f"/jobs/{job}").json()["gold"] == {}
    for _ in range(2):
        check = {"check": "sentiment", "convert_units": "true"}
        checked = api("PUT", f"/jobs/{job}/gold", data=check)
        assert checked.json() == {"affected": 1, "populated": ["negative"]}
        assert golds() == 1


def test_a_check_of_unknown_gold_is_refused(api: Api, job: int) -> None:
    response = api("PUT", f"/jobs/{job}/gold", data={"job[check]": "sentiment"})

    text = "We couldn't find any prepopulated gold standard in your dataset."
    assert response.status_code == 400
    assert response.json() == {"error": {"message": text}}


@pytest.mark.parametrize("spelled", ["[]", "[0]"])
def test_accepted_answers_may_be_a_list_in_any_encoding(api: Api, job: int, spelled: str) -> None:
    form = {
        "unit[data][review_text]": "Never again.",
        f"unit[data][sentiment_gold]{spelled}": "negative",
        "unit[data][sizes][0]": "S",
        "unit[golden]": "true",
    }

    created = api("POST", f"/jobs/{job}/units", data=form).json()

    assert created["state"] == "golden"
    assert created["data"]["sentiment_gold"] == ["negative"]
    assert created["data"]["sizes"] == {"0": "S"}


def test_a_gold_pool_is_set_and_cleared_like_other_attributes(
    api: Api, job: int, units: list[int]
) -> None:
    path = f"/jobs/{job}/units/{units[0]}"
    api("PUT", path, data={"unit[golden]": "true"})

    work = api("PUT", path, json={"unit": {"gold_pool": "work"}})
    both = api("PUT", path, json={"unit": {"gold_pool": None}})

    assert (work.json()["gold_pool"], both.json()["gold_pool"]) == ("work", None)
    assert "X-Sandbox-Warning" not in work.headers
