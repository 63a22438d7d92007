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
def running_job(api: Api, job: int) -> int:
    order = {"debit": {"units_count": 6}, "channels": ["cf_internal"]}
    api("POST", f"/jobs/{job}/orders", json=order)
    return job


def test_a_judgment_is_created_changed_and_deleted(
    api: Api, running_job: int, units: list[int], worker: int
) -> None:
    judgment = {"unit_id": units[0], "worker_id": worker, "data": {"sentiment": "neutral"}}

    created = api("POST", f"/jobs/{running_job}/judgments", json={"judgment": judgment}).json()
    path = f"/jobs/{running_job}/judgments/{created['id']}"
    changed = api("PUT", path, data={"judgment[tainted]": "true", "judgment[reviewed]": "true"})
    read_back = api("GET", path).json()
    deleted = api("DELETE", path)

    assert created["data"]["sentiment"] == "neutral"
    assert (created["unit_id"], created["worker_id"], created["tainted"]) == (
        units[0],
        worker,
        False,
    )
    assert (read_back["tainted"], read_back["reviewed"], read_back["rejected"]) == (
        True,
        True,
        None,
    )
    assert changed.json() == read_back
    assert str(created["id"]) in deleted.json()["message"]["success"]
    assert api("GET", path).json()["rejected"] is True
    assert api("GET", f"/jobs/{running_job}/units/{units[0]}/judgments").json() == []


@pytest.mark.parametrize(
    ("judgment", "status"),
    [
        ({}, 400),
        ({"judgment": {"data": {"sentiment": "neutral"}}}, 400),
        ({"judgment": {"unit_id": 1, "worker_id": 1}}, 404),
        ({"judgment": {"unit_id": "one", "worker_id": 1}}, 422),
    ],
)
def test_an_invalid_judgment_is_refused(
    api: Api, running_job: int, judgment: dict[str, Any], status: int
) -> None:
    assert api("POST", f"/jobs/{running_job}/judgments", json=judgment).status_code == status
    assert api("GET", f"/jobs/{running_job}").json()["judgments_count"] == 0


def test_an_invalid_answer_is_refused_with_errors_by_field(
    api: Api, running_job: int, units: list[int], worker: int
) -> None:
    judgment = {"unit_id": units[0], "worker_id": worker, "data": {"sentiment": "splendid"}}

    response = api("POST", f"/jobs/{running_job}/judgments", json={"judgment": judgment})

    assert response.status_code == 422
    assert set(response.json()["error"]["fields"][str(units[0])]) == {"sentiment"}


def test_a_job_that_is_not_running_refuses_judgments(
    api: Api, job: int, units: list[int], worker: int
) -> None:
    judgment = {"unit_id": units[0], "worker_id": worker, "data": {"sentiment": "neutral"}}

    response = api("POST", f"/jobs/{job}/judgments", json={"judgment": judgment})

    assert response.status_code == 409
    assert response.json()["error"]["message"] == "This job is not running."


def test_an_update_of_a_judgment_without_changes_is_a_bad_request(
    api: Api, judged_job: int
) -> None:
    path = f"/jobs/{judged_job}/judgments/1605624100"

    assert api("PUT", path, json={"judgment": {"trust": 1}}).status_code == 400
    assert api("PUT", path).status_code == 400
    assert api(
        "PUT", f"/jobs/{judged_job}/judgments/1", json={"judgment": {"tainted": True}}
    ).ok is (False)


def test_the_workers_of_a_job_are_listed(api: Api, judged_job: int) -> None:
    workers = api("GET", f"/jobs/{judged_job}/workers").json()

    single = api("GET", f"/jobs/{judged_job}/workers/31883685").json()
    assert [each["worker_id"] for each in workers] == [19596413, 30222698, 31883685, 40010001]
    assert single == workers[2]
    assert (single["trust_overall"], single["country"], single["last_ip"]) == (
        0.9444,
        "FIN",
        "198.51.100.7",
    )
    assert api("GET", f"/jobs/{judged_job}/workers/7").status_code == 404


def test_a_contributor_is_notified_with_the_parameters_of_2011(api: Api, judged_job: int) -> None:
    path = f"/jobs/{judged_job}/workers/31883685/notifications"

    response = api("POST", path, data={"notification[message]": "Thank you"})

    assert response.json() == {"success": {"message": "Contributor was successfully notified."}}
    assert api("POST", path, data={"message": "Thank you"}).status_code == 400


@pytest.mark.parametrize("path", ["test_questions", "gold"])
def test_test_questions_are_listed_with_their_answers(api: Api, judged_job: int, path: str) -> None:
    (question,) = api("GET", f"/jobs/{judged_job}/{path}").json()

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


def test_the_reason_of_a_refused_upload_is_reported_until_the_next_upload(
    api: Api, job: int, units: list[int]
) -> None:
    def upload(text: bytes) -> int:
        headers = {"Content-Type": "text/csv"}
        return api("PUT", f"/jobs/{job}/upload", data=text, headers=headers).status_code

    before = api("GET", f"/jobs/{job}/units/ping").json()
    refused = upload(b"review_id,review_text\nr1,fine\nr2,\xff\n")
    failed = api("GET", f"/jobs/{job}/units/ping").json()
    accepted = upload(b"review_id,review_text\nr1,fine\n")

    assert (refused, accepted) == (422, 200)
    assert before == {"done": True, "count": 6}
    assert failed == {
        "done": False,
        "count": 6,
        "error": "Unable to parse row 3. Please be sure your file is UTF-8 encoded.",
    }
    assert api("GET", f"/jobs/{job}/units/ping").json() == {"done": True, "count": 7}


@pytest.mark.parametrize("name", ["judgments_per_unit", "payment_cents", "min_unit_confidence"])
@pytest.mark.parametrize("number", ["9" * 400, "-" + "9" * 5000])
def test_a_huge_number_is_refused_quickly(api: Api, job: int, name: str, number: str) -> None:
    before = api("GET", f"/jobs/{job}").json()

    response = api("PUT", f"/jobs/{job}", data={f"job[{name}]": number})

    assert response.status_code == 422
    assert "is too large" in response.json()["error"]["message"]
    assert api("GET", f"/jobs/{job}").json() == before


@pytest.mark.parametrize("name", ["judgments_per_unit", "payment_cents"])
@pytest.mark.parametrize("number", ["1e2", "1e999999", "-1e999999", "1e99999999999"])
def test_text_with_an_exponent_is_not_a_number(api: Api, job: int, name: str, number: str) -> None:
    before = api("GET", f"/jobs/{job}").json()

    response = api("PUT", f"/jobs/{job}", data={f"job[{name}]": number})

    assert len(response.json()["errors"]) == 1
    assert api("GET", f"/jobs/{job}").json() == before
