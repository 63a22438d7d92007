"""Idempotency keys: a request that is sent twice under one key takes effect once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from crowdflower.sandbox.api.idempotency import MAX_KEY_LENGTH
from crowdflower.sandbox.store.outbox import kept_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from crowdflower.sandbox.store import Database

    Api = Callable[..., Response]

KEY = {"Idempotency-Key": "6f1c2a"}
ORDER = {"debit": {"units_count": 2}, "channels": ["on_demand"]}


def read_state(api: Api, job: int) -> tuple[Any, ...]:
    """Return what a repeated request could change twice."""
    attributes = api("GET", f"/jobs/{job}").json()
    return (
        len(api("GET", "/jobs").json()),
        attributes["units_count"],
        api("GET", f"/jobs/{job}/ping").json()["needed_judgments"],
        api("GET", "/account").json()["balance"],
    )


@pytest.mark.parametrize(
    ("verb", "path", "settings"),
    [
        ("POST", "/jobs/{job}/orders", {"json": ORDER}),
        ("POST", "/jobs/{job}/units", {"json": {"unit": {"data": {"review_id": "g"}}}}),
        ("POST", "/jobs", {"json": {"job": {"title": "A second job"}}}),
        ("GET", "/jobs/{job}/copy", {}),
        ("PUT", "/jobs/{job}/upload", {"data": b'{"review_id": "g", "review_text": "x"}\n'}),
        ("POST", "/jobs/upload", {"data": b'{"review_id": "g", "review_text": "x"}\n'}),
    ],
)
def test_a_repeated_request_gets_the_same_response_and_takes_effect_once(
    api: Api, job: int, verb: str, path: str, settings: dict[str, Any]
) -> None:
    settings = {"headers": {**KEY, "Content-Type": "application/json"}, **settings}
    before = read_state(api, job)

    first = api(verb, path.format(job=job), **settings)
    after_first = read_state(api, job)
    second = api(verb, f"{path.format(job=job)}.json", **settings)

    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert after_first != before
    assert read_state(api, job) == after_first
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"


def test_a_bonus_is_paid_once(api: Api, judged_job: int) -> None:
    path = f"/jobs/{judged_job}/workers/31883685/bonus"

    responses = [api("POST", path, data={"amount": "100"}, headers=KEY) for _ in range(3)]

    assert {each.text for each in responses} == {responses[0].text}
    assert api("GET", "/account").json()["balance"] == 10_000 - 120


def test_judgments_are_requested_once(api: Api, job: int, units: list[int]) -> None:
    api("POST", f"/jobs/{job}/orders", json=ORDER)
    path = f"/jobs/{job}/units/{units[0]}/request_more_judgments"
    before = api("GET", f"/jobs/{job}/ping").json()["needed_judgments"]

    for _ in range(2):
        assert api("POST", path, data={"nb_judgments": "2"}, headers=KEY).ok

    assert api("GET", f"/jobs/{job}/ping").json()["needed_judgments"] == before + 2


@pytest.mark.parametrize(
    ("path", "settings"),
    [
        ("/jobs/{job}/orders", {"json": ORDER | {"channels": ["cf_internal"]}}),
        ("/jobs/{job}/orders", {"json": ORDER, "params": {"more": "1"}}),
        ("/jobs/{job}/units", {"json": ORDER}),
    ],
)
def test_a_key_belongs_to_one_request(
    api: Api, job: int, path: str, settings: dict[str, Any]
) -> None:
    api("POST", f"/jobs/{job}/orders", json=ORDER, headers=KEY)
    after_first = read_state(api, job)

    response = api("POST", path.format(job=job), headers=KEY, **settings)

    assert response.status_code == 422
    assert "another request" in response.json()["error"]["message"]
    assert read_state(api, job) == after_first


def test_a_file_with_one_other_byte_is_another_request(api: Api, job: int) -> None:
    def upload(text: str) -> Response:
        headers = {**KEY, "Content-Type": "application/json"}
        body = f'{{"review_id": "g", "review_text": "{text}"}}\n' * 20_000
        return api("PUT", f"/jobs/{job}/upload", data=body.encode(), headers=headers)

    responses = [upload("x").status_code, upload("y").status_code, upload("x").status_code]

    assert responses == [200, 422, 200]
    assert api("GET", f"/jobs/{job}").json()["units_count"] == 20_006


def test_the_order_of_parameters_does_not_matter(api: Api, job: int) -> None:
    path = f"/jobs/{job}/orders"

    first = api("POST", path, headers=KEY, data="debit[units_count]=2&channels=on_demand")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = "channels=on_demand&debit[units_count]=2"
    responses = [
        api("POST", path, headers={**KEY, **form}, data=text)
        for text in ("debit[units_count]=2&channels=on_demand", body)
    ]

    assert first.status_code == 400
    assert [each.status_code for each in responses] == [200, 200]
    assert responses[0].text == responses[1].text


def test_a_refused_request_may_succeed_later_under_the_same_key(api: Api, job: int) -> None:
    api("PUT", f"/jobs/{job}", json={"job": {"payment_cents": 5000}})
    refused = api("POST", f"/jobs/{job}/orders", json=ORDER, headers=KEY)
    api("PUT", f"/jobs/{job}", json={"job": {"payment_cents": 5}})

    response = api("POST", f"/jobs/{job}/orders", json=ORDER, headers=KEY)

    assert (refused.status_code, response.status_code) == (402, 200)


def test_a_day_later_the_same_request_takes_effect_again(
    api: Api, database: Database, job: int
) -> None:
    create = {"json": {"job": {"title": "A second job"}}, "headers": KEY}

    first = api("POST", "/jobs", **create).json()["id"]
    database.clock.advance(hours=24, seconds=-1)
    repeated = api("POST", "/jobs", **create).json()["id"]
    database.clock.advance(seconds=1)
    new = api("POST", "/jobs", **create)

    assert repeated == first
    assert new.json()["id"] > first
    assert "Idempotent-Replayed" not in new.headers


def test_expired_responses_are_deleted(api: Api, database: Database, job: int) -> None:
    def keys() -> list[str]:
        with database.snapshot() as tx:
            return [row.key for row in tx.all(select(kept_answer.c.key))]

    for key in ("first", "second"):
        api("POST", "/jobs", json={"job": {"title": key}}, headers={"Idempotency-Key": key})
        database.clock.advance(hours=13)
    before = keys()
    api("POST", "/jobs", json={"job": {"title": "third"}}, headers={"Idempotency-Key": "third"})

    assert sorted(before) == ["first", "second"]
    assert sorted(keys()) == ["second", "third"]


def test_ten_concurrent_requests_take_effect_once(api: Api, job: int) -> None:
    responses: list[str] = []

    def order() -> None:
        responses.append(api("POST", f"/jobs/{job}/orders", json=ORDER, headers=KEY).text)

    threads = [threading.Thread(target=order) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(responses) == 10
    assert len(set(responses)) == 1
    assert api("GET", f"/jobs/{job}/ping").json()["ordered_units"] == 2


@pytest.mark.parametrize("key", ["x" * (MAX_KEY_LENGTH + 1), "a\tb"])
def test_an_invalid_key_is_refused(api: Api, job: int, key: str) -> None:
    response = api("POST", f"/jobs/{job}/orders", json=ORDER, headers={"Idempotency-Key": key})

    assert response.status_code == 400
    assert api("GET", f"/jobs/{job}").json()["state"] == "unordered"


def test_every_response_announces_idempotency(api: Api, job: int) -> None:
    for response in (api("GET", "/jobs"), api("GET", "/jobs/7"), api("GET", "/jobs", key=None)):
        assert response.headers["X-CrowdFlower-Idempotency"] == "1"
