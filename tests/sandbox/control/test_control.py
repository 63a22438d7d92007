"""The control interface: faults, clock, delays and credit, in Python and over HTTP."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from crowdflower.exceptions import ApiError, OutcomeUnknown
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.clock import START
from crowdflower.sandbox.control.delays import Delay
from crowdflower.sandbox.server.in_process import ORIGIN, session_for
from crowdflower.sandbox.store.transaction import MIN_KEPT_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    Control = Callable[..., requests.Response]


@pytest.fixture
def jobs(box: Sandbox) -> Callable[..., requests.Response]:
    """A function that sends a request to the list of jobs, without retries."""

    def jobs(verb: str = "GET", **settings: Any) -> requests.Response:
        with session_for(box.app) as session:
            headers = {"Authorization": f"Token token={box.key}"}
            return session.request(verb, f"{ORIGIN}/v1/jobs.json", headers=headers, **settings)

    return jobs


def count_jobs(box: Sandbox) -> int:
    return len(list(box.client().get_jobs()))


def test_a_status_is_injected_the_given_number_of_times(box: Sandbox, jobs: Any) -> None:
    box.faults.next(status=429, times=2, headers={"Retry-After": "7"})

    responses = [jobs() for _ in range(3)]

    assert [each.status_code for each in responses] == [429, 429, 200]
    assert responses[0].headers["Retry-After"] == "7"
    assert responses[0].json() == {"error": {"message": "Injected fault: status 429"}}


@pytest.mark.parametrize("done", [False, True])
def test_a_connection_is_dropped_before_or_after_the_request(box: Sandbox, done: bool) -> None:
    box.faults.next(drop=True, verb="POST", done=done)

    with pytest.raises(OutcomeUnknown):
        box.client().create_job({"title": "A first job"})

    assert count_jobs(box) == done
    assert [(each.verb, each.status, each.fault) for each in box.requests][:1] == [
        ("POST", None, True)
    ]


def test_a_status_may_hide_a_success(box: Sandbox, jobs: Any) -> None:
    box.faults.next(status=502, done=True)

    response = jobs("POST", json={"job": {"title": "A first job"}})

    assert response.status_code == 502
    assert count_jobs(box) == 1


def test_a_retry_after_a_lost_response_takes_effect_once_with_an_idempotency_key(
    box: Sandbox, jobs: Any
) -> None:
    box.faults.next(drop=True, verb="POST", done=True)
    arguments = {"json": {"job": {"title": "A first job"}}}

    with session_for(box.app) as session:
        headers = {"Authorization": f"Token token={box.key}", "Idempotency-Key": "one"}
        with pytest.raises(requests.ConnectionError):
            session.post(f"{ORIGIN}/v1/jobs.json", headers=headers, **arguments)
        response = session.post(f"{ORIGIN}/v1/jobs.json", headers=headers, **arguments)

    assert response.headers["Idempotent-Replayed"] == "true"
    assert [each["id"] for each in jobs().json()] == [response.json()["id"]]


def test_a_response_is_truncated(box: Sandbox, jobs: Any) -> None:
    box.client().create_job({"title": "A first job"})
    complete = jobs().content
    box.faults.next(garble=True)

    truncated = jobs()

    assert complete.startswith(truncated.content)
    assert int(truncated.headers["Content-Length"]) == len(truncated.content) == len(complete) // 2
    with pytest.raises(json.JSONDecodeError):
        json.loads(truncated.content)


def test_in_process_a_delay_takes_no_time(box: Sandbox, jobs: Any) -> None:
    box.faults.next(delay=60, times=2)
    start = time.monotonic()

    with pytest.raises(requests.ReadTimeout):
        jobs(timeout=(3, 59))

    assert jobs(timeout=61).status_code == 200
    assert time.monotonic() - start < 59


def test_a_fault_affects_only_matching_requests(box: Sandbox, jobs: Any) -> None:
    box.faults.next(status=500, path="/jobs/*/orders")
    box.faults.next(status=501, path="/jobs", verb="POST")
    box.faults.next(status=502, path="/v1/jobs", verb="POST")

    responses = [jobs("POST").status_code for _ in range(2)]

    assert responses == [501, 502]
    assert jobs().status_code == 200
    assert [fault.status for fault, _ in box.faults.pending()] == [500]


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"status": 99},
        {"status": 500, "times": 0},
        {"delay": -1},
        {"delay": 10**6},
        {"status": 500, "drop": True},
        {"status": 429, "headers": {"Retry-After": 5}},
        {"status": 429, "headers": {"Retry-After": "5\r\nSet-Cookie: a=b"}},
        {"status": 429, "headers": {"Retry-After": "5 €"}},
        {"status": 429, "headers": {"Retry After": "5"}},
        {"delay": 1, "headers": {"Retry-After": "5"}},
    ],
)
def test_an_invalid_fault_is_refused(box: Sandbox, control: Control, fault: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the messages differ
        box.faults.next(**fault)

    assert control("POST", "faults", **fault).status_code == 400
    assert box.faults.pending() == ()


def test_over_a_socket_a_connection_is_dropped_and_a_delay_takes_time(box: Sandbox) -> None:
    box.faults.next(drop=True)
    box.faults.next(delay=0.05)
    headers = {"Authorization": f"Token token={box.key}"}

    with pytest.raises(requests.ConnectionError):
        requests.get(f"{box.url}/jobs", headers=headers, timeout=60)
    start = time.monotonic()
    response = requests.get(f"{box.url}/jobs", headers=headers, timeout=60)

    assert response.status_code == 200
    assert time.monotonic() - start >= 0.05


def test_requests_are_recorded_without_their_keys(box: Sandbox) -> None:
    with session_for(box.app) as session:
        session.get(f"{ORIGIN}/v1/jobs", params={"key": box.key, "page": "2"})
        session.post(f"{ORIGIN}/v1/jobs", data={"key": box.key, "job[title]": "A first job"})
        session.get(f"{ORIGIN}/v1/jobs", params={"key": "wrong"})

    records = box.requests
    assert [(each.verb, each.path, each.parameters, each.status) for each in records] == [
        ("GET", "/v1/jobs", {"page": "2"}, 200),
        ("POST", "/v1/jobs", {"job": {"title": "A first job"}}, 200),
        ("GET", "/v1/jobs", {}, 401),
    ]
    assert box.key not in repr(records)
    box.forget_requests()
    assert box.requests == ()


def test_a_reset_removes_all_faults(box: Sandbox) -> None:
    box.faults.next(status=500)

    box.reset()

    assert count_jobs(box) == 0
    assert [each.status for each in box.requests] == [200]


def test_the_ledger_adds_up_to_the_balance(box: Sandbox, control: Control) -> None:
    box.client().call("account")

    lines = control("GET", "ledger").json()

    assert lines == box.ledger()
    assert sum(line["amount_mc"] for line in lines) == 700_000


def test_only_the_latest_events_are_stored(box: Sandbox, control: Control) -> None:
    with box.database.transaction() as tx:
        for number in range(2 * MIN_KEPT_EVENTS + 5):
            tx.record("tested", number=number)

    events = box.events()

    assert MIN_KEPT_EVENTS <= len(events) < 2 * MIN_KEPT_EVENTS
    assert events[-1]["detail"] == {"number": 2 * MIN_KEPT_EVENTS + 4}
    assert control("GET", "events").json() == events


def test_the_clock_is_read_and_moved_over_http(box: Sandbox, control: Control) -> None:
    start = control("GET", "clock").json()
    advanced = control("POST", "clock", advance=90).json()
    moved = control("POST", "clock", set="2015-06-25T00:00:00Z").json()

    assert start == {"now": "2015-06-24T12:24:11+00:00", "seconds": START, "virtual": True}
    assert advanced["seconds"] == START + 90
    assert moved["now"] == "2015-06-25T00:00:00+00:00"
    assert box.clock.now() == moved["seconds"]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"advance": -1},
        {"advance": "1"},
        {"advance": True},
        {"advance": 1e18},
        {"set": 0},
        {"set": "yesterday"},
        {"set": "2100-01-01T00:00:01Z"},
    ],
)
def test_an_invalid_time_is_refused(
    box: Sandbox, control: Control, arguments: dict[str, Any]
) -> None:
    assert control("POST", "clock", **arguments).status_code == 400
    assert box.clock.now() == START


def test_faults_are_added_listed_and_cleared_over_http(control: Control, jobs: Any) -> None:
    control("POST", "faults", status=503, times=3, path="/jobs*")
    refused = jobs()
    (fault,) = control("GET", "faults").json()
    cleared = control("DELETE", "faults")

    assert (fault["status"], fault["path"], fault["times"]) == (503, "/jobs*", 2)
    assert refused.status_code == 503
    assert cleared.json() == {"success": True}
    assert control("GET", "faults").json() == []


@pytest.mark.parametrize(
    "arguments", [{"status": "500"}, {"state": 500}, {"times": True, "drop": True}]
)
def test_a_fault_with_invalid_json_is_refused(control: Control, arguments: dict[str, Any]) -> None:
    response = control("POST", "faults", **arguments)

    assert response.status_code == 400
    assert response.json()["error"]["message"]


def test_seed_requests_and_reset_work_over_http(box: Sandbox, control: Control) -> None:
    box.client().create_job({"title": "A first job"})
    with pytest.raises(ApiError):
        box.client().call("users/teams")

    assert control("GET", "seed").json() == {"seed": 5}
    assert control("POST", "seed", seed=8).json() == {"seed": 8}
    assert box.clock.seed == 8
    assert [each["path"] for each in control("GET", "requests").json()] == [
        "/v1/jobs.json",
        "/v1/users/teams",
    ]
    assert control("GET", "unimplemented").json() == [
        {"verb": "GET", "path": "/v1/users/teams", "feature": "teams"}
    ]
    assert control("POST", "webhooks/deliver").json() == []
    assert control("POST", "reset").json() == {"success": True}
    assert count_jobs(box) == 0


@pytest.mark.parametrize(
    ("verb", "name", "token", "status"),
    [
        ("GET", "clock", "", 401),
        ("GET", "clock", "planted-token-91b", 401),
        ("GET", "nothing", "planted-token-91b2", 404),
        ("PUT", "reset", "planted-token-91b2", 404),
        ("POST", "transitions", "planted-token-91b2", 400),
    ],
)
def test_wrong_tokens_and_unknown_routes_are_refused(
    control: Control, verb: str, name: str, token: str, status: int
) -> None:
    assert control(verb, name, token=token).status_code == status


def test_delays_are_read_and_set_over_http(box: Sandbox, control: Control) -> None:
    before = control("GET", "transitions").json()
    after = control("POST", "transitions", report=2, order={"polls": 1, "seconds": 30}).json()

    assert before == {key: {"polls": 0, "seconds": 0} for key in box.transitions}
    assert after == {
        **before,
        "report": {"polls": 2, "seconds": 0},
        "order": {"polls": 1, "seconds": 30},
    }
    assert box.transitions["order"] == Delay(1, 30)


@pytest.mark.parametrize(
    "arguments",
    [
        {"report": -1},
        {"report": 0.5},
        {"order": {"polls": True}},
        {"nothing": 1},
        {"order": {"s": 1}},
    ],
)
def test_an_invalid_delay_changes_no_other(
    box: Sandbox, control: Control, arguments: dict[str, Any]
) -> None:
    response = control("POST", "transitions", upload=1, **arguments)

    assert response.status_code == 400
    assert box.transitions["upload"] == Delay()


def test_a_body_that_is_too_long_is_refused(control: Control) -> None:
    response = control("POST", "workers", number=1, channel="x" * 2**20)

    assert response.status_code == 413
    assert response.json()["error"]["message"] == "The body is longer than 1048576 bytes."


def test_by_default_the_control_interface_is_off() -> None:
    with Sandbox() as box, session_for(box.app) as session:
        response = session.post(f"{ORIGIN}/_sandbox/reset", headers={"Authorization": "Bearer "})

        assert box.control_token is None
        assert response.status_code == 404


def test_the_account_is_credited(box: Sandbox, control: Control) -> None:
    response = control("POST", "credit", cents=300, note="For the spring")

    assert response.json() == {"balance": 1000}
    assert box.client().get_account()["balance"] == 1000
    kinds = [(line["kind"], line["amount_mc"], line["note"]) for line in box.ledger()]
    assert kinds[1:] == [("credit", 300_000, "For the spring")]


@pytest.mark.parametrize(
    "arguments",
    [
        {"note": "nothing"},
        {"cents": 0},
        {"cents": -5},
        {"cents": 1.5},
        {"cents": True},
        {"cents": 10**18},
        {"cents": 5, "dollars": 1},
    ],
)
def test_an_invalid_amount_is_refused(
    box: Sandbox, control: Control, arguments: dict[str, Any]
) -> None:
    assert control("POST", "credit", **arguments).status_code == 400
    assert len(box.ledger()) == 1
