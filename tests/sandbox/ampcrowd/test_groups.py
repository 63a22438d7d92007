"""Groups: creating them, their jobs, purging them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ampcrowd_calls import FIELDS, MISSING, Call, answer, create, group

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.ampcrowd.payload import parse_group

# Creating


def test_a_good_request_is_answered_ok(call: Call) -> None:
    assert create(call) == {"status": "ok"}


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"configuration": MISSING}, "configuration is missing"),
        ({"group_id": None}, "group_id is missing"),
        ({"group_context": MISSING}, "group_context is missing"),
        ({"content": MISSING}, "content is missing"),
        ({"content": {}}, "content must have at least one point"),
        ({"content": ["first"]}, "content must be an object"),
        ({"configuration__task_type": MISSING}, "configuration.task_type is missing"),
        ({"configuration__task_batch_size": None}, "configuration.task_batch_size is missing"),
        ({"configuration__num_assignments": MISSING}, "configuration.num_assignments is missing"),
        ({"configuration__callback_url": MISSING}, "configuration.callback_url is missing"),
        ({"configuration__task_type": "xx"}, "configuration.task_type must be one of sa, er, ft"),
        ({"configuration__task_batch_size": "2"}, "must be an integer from 1"),
        ({"configuration__num_assignments": 0}, "must be an integer from 1"),
        ({"configuration__callback_url": "file:///etc/passwd"}, "begin with http"),
        ({"configuration__callback_url": ""}, "begin with http"),
        ({"configuration__callback_url": "http://"}, "begin with http"),
        ({"configuration__callback_url": "mailto:me@example.com"}, "user name or password"),
        ({"configuration__callback_url": "javascript:alert(1)"}, "the URL is invalid"),
        ({"configuration__quality_control": "best"}, "one of mv, em"),
        ({"configuration__experimental": {"straggler_routing_policy": "x"}}, "random, oldest"),
        ({"content": {"t1": {}}}, "point t1: a point of type sa must be a string"),
        ({"content": {"t1": "\0"}}, "A string contains the character"),
        ({"group_context": {"instruction": 5}}, "group_context.instruction must be a string"),
        (
            {"configuration__task_type": "er", "content": {"p1": [["5"], ["6"]]}},
            "group_context.fields must be a list of names",
        ),
        (
            {
                "configuration__task_type": "er",
                "group_context": FIELDS,
                "content": {"p1": [["5", "LA"], ["6"]]},
            },
            "point p1: a record must be a list of 2 values",
        ),
        (
            {
                "configuration__task_type": "ft",
                "group_context": FIELDS,
                "content": {"p1": {"record": ["5", "LA"]}},
            },
            "point p1: a point of type ft must have a title and a record",
        ),
    ],
)
def test_an_invalid_group_is_answered_wrong_and_stores_nothing(
    call: Call, changed: dict[str, Any], detail: str
) -> None:
    said = create(call, **changed)

    assert (said["status"], said["reason"]) == ("wrong", "Invalid request data.")
    assert detail in said["detail"]
    assert create(call) == {"status": "ok"}


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("me.example.com/answers", "http://me.example.com/answers"),
        ("me.example.com:9000/answers?for=me", "http://me.example.com:9000/answers?for=me"),
        ("localhost:9000", "http://localhost:9000"),
        ("//me.example.com/answers", "http://me.example.com/answers"),
        ("https://me.example.com/answers", "https://me.example.com/answers"),
    ],
)
def test_a_callback_url_without_a_scheme_is_taken_as_http(url: str, stored: str) -> None:
    """As in the script of the original server that creates groups."""
    data = group(configuration__callback_url=url)

    assert parse_group(json.dumps(data), "internal").callback_url == stored


@pytest.mark.parametrize("form", [{}, {"data": "{"}, {"data": "[]"}, {"data": "[" * 100_000}])
def test_a_payload_that_is_not_a_json_object_is_answered_wrong(
    call: Call, form: dict[str, str]
) -> None:
    said = call("POST", "/crowds/internal/tasks/", data=form).json()

    assert (said["status"], said["reason"]) == ("wrong", "Invalid request data.")


def test_a_group_id_is_unique_within_a_crowd(call: Call) -> None:
    create(call)

    again = create(call)
    elsewhere = create(call, "amt", configuration__amt={"sandbox": True})

    assert again == {"status": "wrong", "reason": "Group id G1 is already in use."}
    assert elsewhere == {"status": "ok"}


def test_a_retainer_pool_is_refused_and_the_group_id_stays_in_use(call: Call) -> None:
    said = create(call, configuration__retainer_pool={"create_pool": True, "pool_id": "p1"})

    assert said == {"status": "wrong", "reason": "Crowd does not support retainer pools."}
    assert create(call)["reason"] == "Group id G1 is already in use."


def test_mechanical_turk_requires_the_sandbox_setting(call: Call) -> None:
    assert create(call, "amt")["detail"] == "configuration.amt.sandbox is missing"


def test_settings_without_effect_cause_a_warning(call: Call) -> None:
    data = group(configuration__amt={"sandbox": True, "reward": 0.03})

    made = call("POST", "/crowds/amt/tasks/", data={"data": json.dumps(data)})

    assert made.headers["X-Sandbox-Warning"].startswith("configuration.amt.reward is stored")


def test_an_unknown_crowd_is_not_found(call: Call) -> None:
    assert call("GET", "/crowds/nobody/purge_tasks/").status_code == 404


# A group is a job


def test_a_group_is_a_job_that_is_listed_only_if_asked_for(box: Sandbox, call: Call) -> None:
    create(call)
    client = box.client()

    hidden = list(client.get_jobs())
    shown = client.call("jobs.json", query={"ampcrowd": True})

    assert hidden == []
    assert [job["title"] for job in shown] == ["Sentiment: G1"]
    assert (shown[0]["state"], shown[0]["judgments_per_unit"]) == ("running", 2)
    assert client.call("account.json")["balance"] == 100_000
    units = client.get_job(shown[0]["id"]).units
    assert [unit.data["_amp_id"] for unit in units] == ["t1", "t2", "t3"]


def test_judgments_of_a_group_get_the_reports_of_every_job(box: Sandbox, call: Call) -> None:
    create(call, configuration__num_assignments=1)
    box.crowd.add(2, profile="perfect", truth={"sentiment": {"4": 1.0}})

    box.crowd.run(box.ampcrowd.job("G1"))

    client = box.client()
    report = client.get_report(client.get_job(box.ampcrowd.job("G1")), "full")
    assert [(row["_amp_id"], row["sentiment"]) for row in report] == [
        *[("t1", "4"), ("t2", "4"), ("t3", "4")]
    ]


def test_a_page_is_one_batch(box: Sandbox, call: Call) -> None:
    create(call, content={f"t{number}": "text" for number in range(7)})
    box.crowd.add(4)

    box.crowd.run(box.ampcrowd.job("G1"))

    with box.database.snapshot() as tx:
        pages = tx.driver.execute(
            "SELECT count(*), count(DISTINCT p.task_id) FROM judgment j"
            " JOIN amp_point p ON p.unit_id = j.unit_id GROUP BY j.assignment_id"
        ).fetchall()
    assert sorted(pages) == [(1, 1)] * 2 + [(2, 1)] * 6


# Pools, purging


def test_pool_endpoints_answer_like_a_server_without_pools(box: Sandbox, call: Call) -> None:
    status = call("GET", "/crowds/internal/assignments/retainer/?task_id=1&worker_id=1")
    finish = call("POST", "/crowds/internal/retainer/finish", data={"pool_id": "p1"})
    ping = call("POST", "/crowds/internal/retainer/ping/")
    understood = call("POST", "/crowds/internal/workers/1/understands_retainer")

    assert status.json() == {"start": False, "pool_status": "finished"}
    assert finish.json() == {"error": "Invalid pool id"}
    assert (ping.status_code, understood.status_code) == (501, 501)
    assert [each.feature for each in box.unimplemented] == ["ampcrowd:retainer"] * 2


def test_a_purge_cancels_the_jobs_of_one_crowd_and_drops_due_results(
    box: Sandbox, call: Call
) -> None:
    create(call, configuration__num_assignments=1)
    create(call, "amt", configuration__amt={"sandbox": False})
    answer(call, "ann")
    assert [each.problem for each in box.ampcrowd.deliver()] == ["the connection was refused"]

    purged = call("GET", "/crowds/internal/purge_tasks/")
    box.clock.advance(hours=1)

    assert purged.json() == {"status": "ok"}
    assert box.ampcrowd.deliver() == []
    client = box.client()
    assert client.get_job(box.ampcrowd.job("G1")).state == "canceled"
    assert client.get_job(box.ampcrowd.job("G1", "amt")).state == "running"
    assert create(call)["reason"] == "Group id G1 is already in use."
