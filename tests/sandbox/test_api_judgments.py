"""Judgments through the API; workers, test questions and refused uploads of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox.rules.work import workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from crowdflower.sandbox.store import Database

    Api = Callable[..., Response]


@pytest.fixture
def worker(database: Database) -> int:
    with database.transaction() as tx:
        return int(workers.join(tx, channel="cf_internal", country="FI").id)


@pytest.fixture
def running(api: Api, job: int) -> int:
    order = {"debit": {"units_count": 6}, "channels": ["cf_internal"]}
    api("POST", f"/jobs/{job}/orders", json=order)
    return job


def test_a_judgment_is_created_changed_and_deleted(
    api: Api, running: int, units: list[int], worker: int
) -> None:
    asked = {"unit_id": units[0], "worker_id": worker, "data": {"sentiment": "neutral"}}

    made = api("POST", f"/jobs/{running}/judgments", json={"judgment": asked}).json()
    path = f"/jobs/{running}/judgments/{made['id']}"
    changed = api("PUT", path, data={"judgment[tainted]": "true", "judgment[reviewed]": "true"})
    shown = api("GET", path).json()
    gone = api("DELETE", path)

    assert made["data"]["sentiment"] == "neutral"
    assert (made["unit_id"], made["worker_id"], made["tainted"]) == (units[0], worker, False)
    assert (shown["tainted"], shown["reviewed"], shown["rejected"]) == (True, True, None)
    assert changed.json() == shown
    assert str(made["id"]) in gone.json()["message"]["success"]
    assert api("GET", path).json()["rejected"] is True
    assert api("GET", f"/jobs/{running}/units/{units[0]}/judgments").json() == []


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 400),
        ({"judgment": {"data": {"sentiment": "neutral"}}}, 400),
        ({"judgment": {"unit_id": 1, "worker_id": 1}}, 404),
        ({"judgment": {"unit_id": "one", "worker_id": 1}}, 422),
    ],
)
def test_an_invalid_judgment_is_refused(
    api: Api, running: int, asked: dict[str, Any], status: int
) -> None:
    assert api("POST", f"/jobs/{running}/judgments", json=asked).status_code == status
    assert api("GET", f"/jobs/{running}").json()["judgments_count"] == 0


def test_an_invalid_answer_is_refused_with_errors_by_field(
    api: Api, running: int, units: list[int], worker: int
) -> None:
    asked = {"unit_id": units[0], "worker_id": worker, "data": {"sentiment": "splendid"}}

    answer = api("POST", f"/jobs/{running}/judgments", json={"judgment": asked})

    assert answer.status_code == 422
    assert set(answer.json()["error"]["fields"][str(units[0])]) == {"sentiment"}


def test_a_job_that_is_not_running_takes_no_judgment(
    api: Api, job: int, units: list[int], worker: int
) -> None:
    asked = {"unit_id": units[0], "worker_id": worker, "data": {"sentiment": "neutral"}}

    answer = api("POST", f"/jobs/{job}/judgments", json={"judgment": asked})

    assert answer.status_code == 409
    assert answer.json()["error"]["message"] == "This job is not running."


def test_an_update_of_a_judgment_without_changes_is_a_bad_request(api: Api, judged: int) -> None:
    path = f"/jobs/{judged}/judgments/1605624100"

    assert api("PUT", path, json={"judgment": {"trust": 1}}).status_code == 400
    assert api("PUT", path).status_code == 400
    assert api("PUT", f"/jobs/{judged}/judgments/1", json={"judgment": {"tainted": True}}).ok is (
        False
    )


def test_the_workers_of_a_job_are_listed(api: Api, judged: int) -> None:
    listed = api("GET", f"/jobs/{judged}/workers").json()

    one = api("GET", f"/jobs/{judged}/workers/31883685").json()
    assert [each["worker_id"] for each in listed] == [19596413, 30222698, 31883685, 40010001]
    assert one == listed[2]
    assert (one["trust_overall"], one["country"], one["last_ip"]) == (
        0.9444,
        "FIN",
        "198.51.100.7",
    )
    assert api("GET", f"/jobs/{judged}/workers/7").status_code == 404


def test_a_contributor_is_notified_with_the_parameters_of_2011(api: Api, judged: int) -> None:
    path = f"/jobs/{judged}/workers/31883685/notifications"

    answer = api("POST", path, data={"notification[message]": "Thank you"})

    assert answer.json() == {"success": {"message": "Contributor was successfully notified."}}
    assert api("POST", path, data={"message": "Thank you"}).status_code == 400


@pytest.mark.parametrize("path", ["test_questions", "gold"])
def test_test_questions_are_listed_with_their_answers(api: Api, judged: int, path: str) -> None:
    (question,) = api("GET", f"/jobs/{judged}/{path}").json()

    assert question["id"] == 4
    assert (question["state"], question["judgments_count"], question["missed_count"]) == (
        "golden",
        2,
        1,
    )
    assert question["answers"] == {
        "sentiment": {"accepted": ["negative"], "reason": "It is strongly negative."}
    }
    assert "results" not in question


def test_the_reason_of_a_refused_upload_is_kept_until_the_next_upload(
    api: Api, job: int, units: list[int]
) -> None:
    def upload(text: bytes) -> int:
        headers = {"Content-Type": "text/csv"}
        return api("PUT", f"/jobs/{job}/upload", data=text, headers=headers).status_code

    begin = api("GET", f"/jobs/{job}/units/ping").json()
    refused = upload(b"review_id,review_text\nr1,fine\nr2,\xff\n")
    failed = api("GET", f"/jobs/{job}/units/ping").json()
    taken = upload(b"review_id,review_text\nr1,fine\n")

    assert (refused, taken) == (422, 200)
    assert begin == {"done": True, "count": 6}
    assert failed == {
        "done": False,
        "count": 6,
        "error": "Unable to parse row 3. Please be sure your file is UTF-8 encoded.",
    }
    assert api("GET", f"/jobs/{job}/units/ping").json() == {"done": True, "count": 7}


@pytest.mark.parametrize("name", ["judgments_per_unit", "payment_cents", "min_unit_confidence"])
@pytest.mark.parametrize("number", ["1e999999", "-1e999999", "1e99999999999"])
def test_a_huge_number_is_refused_at_once(api: Api, job: int, name: str, number: str) -> None:
    before = api("GET", f"/jobs/{job}").json()

    answer = api("PUT", f"/jobs/{job}", data={f"job[{name}]": number})

    assert answer.status_code == 422
    assert "is too large" in answer.json()["error"]["message"]
    assert api("GET", f"/jobs/{job}").json() == before
