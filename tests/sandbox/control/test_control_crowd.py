"""The control interface: a simulated crowd, and webhooks, over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    Control = Callable[..., requests.Response]

FORM = '<cml:text label="What is it like?" name="like" validates="required"/>'


@pytest.fixture
def job(box: Sandbox) -> int:
    """A running job with webhooks."""
    rows = [{"text": f"row {number}", "right": "good"} for number in range(5)]
    job = box.client().upload_job(rows)
    attributes = {
        "title": "Reviews",
        "instructions": "Read them.",
        "cml": FORM,
        "judgments_per_unit": 1,
        "payment_cents": 1,
        "webhook_uri": "http://127.0.0.1:9/hook",
    }
    box.client().update_job(job.id, attributes)
    job.launch(5, channels=["cf_internal"])
    return job.id


def test_a_crowd_is_added_and_works_over_http(box: Sandbox, control: Control, job: int) -> None:
    workers = control(
        *("POST", "workers"),
        number=2,
        profile="perfect",
        truth={"like": "right"},
        channel="cf_internal",
        countries=["FIN"],
    ).json()
    summary = control("POST", "simulate", job=job).json()

    assert workers == control("GET", "workers").json()
    assert [(each["profile"], each["country"], each["simulated"]) for each in workers] == [
        ("perfect", "FIN", True)
    ] * 2
    assert (summary["ended"], summary["state"], summary["judgments"]) == ("finished", "finished", 5)
    assert {each.data["like"] for each in box.client().get_job(job).judgments()} == {"good"}


def test_a_run_stops_at_its_limit(control: Control, job: int) -> None:
    control("POST", "workers", number=1, channel="cf_internal", texts={"like": ["fine"]})

    summary = control("POST", "simulate", job=job, pages=1, interactive=True).json()

    assert (summary["ended"], summary["pages"], summary["closed"]) == ("pages", 1, {})


def test_recorded_answers_are_replayed_over_http(box: Sandbox, control: Control, job: int) -> None:
    votes = [[f"row {number}", "ann", "so so"] for number in range(5)]

    workers = control(
        "POST", "workers", votes=votes, field="like", key="text", channel="cf_internal"
    ).json()
    control("POST", "simulate", job=job)

    assert [each["external_id"] for each in workers] == ["ann"]
    assert {each.data["like"] for each in box.client().get_job(job).judgments()} == {"so so"}


def test_contributors_are_removed_over_http(box: Sandbox, control: Control) -> None:
    first, *_ = control("POST", "workers", number=3).json()

    assert control("DELETE", "workers", ids=[first["id"]]).json() == {"removed": 1}
    assert [each.number for each in box.crowd.contributors] == [2, 3]
    refused = control("DELETE", "workers", ids=[first["id"]])
    assert refused.status_code == 400
    assert "is not the id of a contributor" in refused.json()["error"]["message"]
    assert control("DELETE", "workers").json() == {"removed": 2}
    assert box.crowd.contributors == []


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("workers", {}, "number must be sent."),
        ("workers", {"number": 0}, "must be 1 or more"),
        ("workers", {"number": 1, "profile": "nobody"}, "Unknown profile 'nobody'"),
        ("workers", {"number": 1, "countries": [5]}, "countries must be a list of strings"),
        ("workers", {"number": 1, "truth": {"like": 5}}, "truth.like must be the name of a column"),
        ("workers", {"number": 1, "texts": {"like": "a"}}, "texts.like must be a list of strings"),
        ("workers", {"votes": [[[1], 2, "x"]], "field": "f", "key": "k"}, "A vote must be"),
        ("workers", {"votes": []}, "field and key must be sent."),
        ("simulate", {}, "job must be sent."),
        ("simulate", {"job": 5}, "The crowd is empty"),
        ("simulate", {"job": True}, "job has the wrong type: bool"),
        ("workers", {"number": 2, "mix": {"normal": 1e308, "expert": 1e308}}, "overflow"),
    ],
)
def test_an_invalid_crowd_is_refused(
    control: Control, name: str, arguments: dict[str, Any], message: str
) -> None:
    response = control("POST", name, **arguments)

    assert response.status_code == 400
    assert message in response.json()["error"]["message"]
    assert control("GET", "workers").json() == []


@pytest.mark.usefixtures("job")
def test_a_truth_about_a_question_that_no_form_has_is_refused(control: Control) -> None:
    response = control("POST", "workers", number=1, truth={"lik": "right"})

    assert response.status_code == 400
    assert 'did you mean "like"?' in response.json()["error"]["message"]


def test_a_missing_job_is_an_error(control: Control) -> None:
    control("POST", "workers", number=1)

    response = control("POST", "simulate", job=7)

    assert response.status_code == 400
    assert response.json()["error"]["message"] == "There is no job 7 in this sandbox."


def test_notifications_are_listed_delivered_and_dropped_over_http(
    box: Sandbox, control: Control, job: int
) -> None:
    box.receive_webhooks(lambda _: None)
    control("POST", "workers", number=1, channel="cf_internal")
    control("POST", "simulate", job=job, pages=1)
    pending = control("GET", "webhooks").json()
    delivered = control("POST", "webhooks/deliver").json()
    box.client().call(f"jobs/{job}/golds/fire_webhooks")
    box.client().upload_job([{"text": "late", "right": "good"}], job)
    dropped = control("DELETE", "webhooks").json()

    assert [each["signal"] for each in delivered] == [each["signal"] for each in pending]
    assert {each["state"] for each in pending} == {"pending"}
    assert json.loads(pending[0]["payload"])["id"]
    assert dropped == {"dropped": 1}
    assert [each["state"] for each in control("GET", "webhooks").json()] == [
        *["sent"] * len(delivered),
        "dropped",
    ]
    assert control("POST", "webhooks/deliver").json() == []
