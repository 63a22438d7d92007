"""Whether a change was made, decided by what was sent and what is read afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import NotAcceptable, OutcomeUnknown
from crowdflower.http import encoding
from crowdflower.http.endpoints import Visibility, read_fields
from crowdflower.http.retry import Safety
from crowdflower.models.endpoints import ENDPOINTS
from crowdflower.models.job_fields import normalize_attributes

if TYPE_CHECKING:
    from conftest import Clock, SentRequest
    from responses import RequestsMock

    from crowdflower.client import Client
    from crowdflower.job import Job

API = "https://api.appen.com/v1"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def is_made(line: str, asked: Any, shown: Any) -> bool:
    """Return whether a form, or bytes of JSON, counts as made by what is shown."""
    method, path = line.split()
    body = asked if asked is None or isinstance(asked, bytes) else encoding.encode_form(asked)
    change = ENDPOINTS.find(method, path).endpoint.change
    assert change is not None
    sent = read_fields(body, JSON if isinstance(asked, bytes) else FORM)
    return change.compare(sent, shown) is Visibility.MADE


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("PUT jobs/7.json", "jobs/7.json"),
        ("PUT jobs/spring.json", "jobs/spring.json"),
        ("PUT jobs/7/units/3.json", "jobs/7/units/3.json"),
        ("GET jobs/7/pause.json", "jobs/7.json"),
        ("GET jobs/7/cancel", "jobs/7"),
        ("GET jobs/7/resume.json", "jobs/7.json"),
        ("POST jobs/7/units/3/cancel.json", "jobs/7/units/3.json"),
        ("PUT jobs/7/tags", "jobs/7/tags"),
        ("POST jobs/7/tags", "jobs/7/tags"),
        ("DELETE jobs/7/tags", "jobs/7/tags"),
        ("PUT jobs/7/channels", "jobs/7/channels"),
        ("POST jobs/7/channels", "jobs/7/channels"),
        ("POST jobs/7/disable_channel", "jobs/7/channels"),
    ],
)
def test_each_change_is_verified_where_it_can_be_read(line: str, place: str) -> None:
    method, path = line.split()

    endpoint, change_path = ENDPOINTS.find(method, path)

    assert change_path == place
    assert ENDPOINTS.find("GET", place).endpoint.retry.safety is Safety.READ
    assert endpoint.retry.safety in {Safety.IDEMPOTENT, Safety.CHANGE}


@pytest.mark.parametrize(
    "line",
    [
        "GET jobs/7.json",
        "DELETE jobs/7.json",
        "PUT jobs/7/upload.json",
        "PUT jobs/upload.json",
        "PUT jobs/7/workers/5.json",
        "POST jobs/7/orders.json",
        "GET jobs/7/units/split.json",
        "POST jobs/7/workers/5/bonus.json",
    ],
)
def test_a_change_that_does_not_show_is_not_verified(line: str) -> None:
    method, path = line.split()

    assert ENDPOINTS.find(method, path).change_path is None


TITLE = {"job": {"title": "A b", "payment_cents": 12}}
OPTIONS = {"job": {"options": {"front_load": True}, "included_countries": ["FI", "US"]}}


@pytest.mark.parametrize(
    ("line", "asked", "shown", "made"),
    [
        ("PUT jobs/7.json", TITLE, {"title": "A b", "payment_cents": 12, "id": 7}, True),
        ("PUT jobs/7.json", TITLE, {"title": "A B", "payment_cents": "12"}, True),
        ("PUT jobs/7.json", TITLE, {"title": "A b", "payment_cents": 13}, False),
        ("PUT jobs/7.json", TITLE, {"title": "A b"}, False),
        ("PUT jobs/7.json", TITLE, {"title": {"[": 1}, "payment_cents": 12}, False),
        ("PUT jobs/7.json", TITLE, ["A b"], False),
        ("PUT jobs/7.json", TITLE, None, False),
        (
            "PUT jobs/7.json",
            OPTIONS,
            {
                "options": {"front_load": "true", "after_gold": 3},
                "included_countries": [{"code": "US"}, {"code": "FI"}],
            },
            True,
        ),
        (
            "PUT jobs/7.json",
            OPTIONS,
            {"options": {"front_load": "true"}, "included_countries": ["FI", "US", "SE"]},
            False,
        ),
        ("PUT jobs/7.json", {"a": "1"}, {"id": 7, "a": "2"}, False),
        ("PUT jobs/7.json", {}, {"id": 7}, False),
        ("PUT jobs/7.json", None, {"id": 7}, False),
        ("PUT jobs/7.json", b'{"job": {"title": "A"}}', {"title": "A"}, True),
        ("PUT jobs/7.json", b"[1]", {"title": "A"}, False),
        ("PUT jobs/7.json", b"{", {"title": "A"}, False),
        ("PUT jobs/7/units/3.json", b'{"unit": {"data": {"a": 1}}}', {"data": {"a": 1}}, True),
        (
            "PUT jobs/7/units/3.json",
            b'{"unit": {"data": {"a": 1}}}',
            {"data": {"a": 1, "b": 2}},
            False,
        ),
        ("PUT jobs/7/units/3.json", b'{"unit": {"golden": true}}', {"data": {"a": 1}}, False),
        ("PUT jobs/7/units/3.json", b'{"unit": {"state": "new"}}', {"state": "new"}, True),
        ("GET jobs/7/pause.json", None, {"state": "paused"}, True),
        ("GET jobs/7/pause.json", None, {"state": "running"}, False),
        ("GET jobs/7/cancel.json", None, {"state": "canceled"}, True),
        ("GET jobs/7/resume.json", None, {"state": "running"}, True),
        ("GET jobs/7/resume.json", None, [], False),
        ("POST jobs/7/units/3/cancel.json", None, {"state": "canceled"}, True),
        ("PUT jobs/7/tags", {"tags": ["a", "B"]}, [{"name": "b"}, {"name": "A"}], True),
        ("PUT jobs/7/tags", {"tags": "a, b"}, [{"name": "b"}, {"name": "a"}], True),
        ("PUT jobs/7/tags", {"tags": ["a"]}, [{"name": "b"}, {"name": "a"}], False),
        ("PUT jobs/7/tags", {"tags": []}, [], True),
        ("PUT jobs/7/tags", {"a": "1"}, [], False),
        ("PUT jobs/7/tags", {"tags": ["a"]}, {"name": "a"}, False),
        ("POST jobs/7/tags", {"tags": ["a"]}, [{"name": "b"}, {"name": "a"}], True),
        ("POST jobs/7/tags", {"tags": ["a"]}, [{"name": "b"}, 7], False),
        ("DELETE jobs/7/tags", {"tags": ["a"]}, [{"name": "b"}], True),
        ("DELETE jobs/7/tags", {"tags": ["a"]}, [{"name": "a"}], False),
        ("PUT jobs/7/channels", {"channels": ["a"]}, {"enabled_channels": ["a"]}, True),
        ("PUT jobs/7/channels", {"channels": ["a"]}, {"enabled_channels": ["a", "b"]}, False),
        ("PUT jobs/7/channels", {"channels": ["a"]}, {"enabled_channels": None}, False),
        ("POST jobs/7/channels", {"channels": ["a"]}, {"enabled_channels": ["a", "b"]}, True),
        ("POST jobs/7/disable_channel", {"channel_name": "a"}, {"enabled_channels": ["b"]}, True),
        ("POST jobs/7/disable_channel", {"channel_name": "a"}, {"enabled_channels": ["a"]}, False),
    ],
)
def test_a_setting_is_applied_if_it_shows_the_sent_value(
    line: str, asked: Any, shown: Any, made: bool
) -> None:
    assert is_made(line, asked, shown) is made


WATCHED = {"job": normalize_attributes({"confidence_fields": ["a"]})}


@pytest.mark.parametrize(
    ("asked", "shown", "visibility"),
    [
        ({"job": {"title": "A"}}, {"id": 7}, Visibility.NOT_SHOWN),
        ({"job": {"title": "A"}}, {"title": "B"}, Visibility.NOT_MADE),
        ({"job": {"title": "A", "css": "x"}}, {"title": "a"}, Visibility.NOT_SHOWN),
        ({"job": {"title": "A", "css": "x"}}, {"title": "B"}, Visibility.NOT_MADE),
        ({"job": {"options": {"front_load": True}}}, {"options": None}, Visibility.NOT_MADE),
        ({"job": {"options": {"front_load": True}}}, {"options": {}}, Visibility.NOT_SHOWN),
        ({"job": {"css": ""}}, {"css": None}, Visibility.MADE),
        ({"job": {"css": "x"}}, {"css": None}, Visibility.NOT_MADE),
        ({"job": {"css": None}}, {"css": "x"}, Visibility.NOT_MADE),
        ({"job": {"included_countries": []}}, {"included_countries": None}, Visibility.MADE),
        ({"job": {"included_countries": []}}, {"included_countries": []}, Visibility.MADE),
        ({"job": {"included_countries": None}}, {"included_countries": []}, Visibility.MADE),
        ({"job": {"included_countries": []}}, {"included_countries": ["US"]}, Visibility.NOT_MADE),
        (
            {"job": {"included_countries": None}},
            {"included_countries": ["US"]},
            Visibility.NOT_MADE,
        ),
        ({"job": {"options": {"after_gold": None}}}, {"options": {}}, Visibility.NOT_SHOWN),
        (
            {"job": {"options": {"after_gold": None}}},
            {"options": {"after_gold": 3}},
            Visibility.NOT_MADE,
        ),
        (WATCHED, {"confidence_fields": ["a"]}, Visibility.MADE),
        (
            WATCHED,
            {"confidence_fields": None, "options": {"confidence_fields": ["a"]}},
            Visibility.MADE,
        ),
        (WATCHED, {"confidence_fields": ["b"]}, Visibility.NOT_MADE),
        (WATCHED, {"options": {}}, Visibility.NOT_SHOWN),
        ({"job": {"title": "A"}}, None, Visibility.NOT_SHOWN),
    ],
)
def test_an_attribute_that_is_not_shown_is_neither_made_nor_refused(
    asked: Any, shown: Any, visibility: Visibility
) -> None:
    change = ENDPOINTS.find("PUT", "jobs/7.json").endpoint.change

    assert change is not None
    assert change.compare(read_fields(encoding.encode_form(asked), FORM), shown) is visibility


@pytest.mark.parametrize("status", [406, 302])
def test_a_change_answered_with_a_page_that_shows_nowhere_stays_unknown(
    api: RequestsMock, client: Client, status: int
) -> None:
    api.put(f"{API}/jobs/7.json", status=status, headers={"Location": "/"})
    api.get(f"{API}/jobs/7.json", json={"id": 7})

    with pytest.raises(OutcomeUnknown) as caught:
        client.update_job(7, {"title": "A"})

    assert str(status) in str(caught.value)


def test_a_body_that_is_streamed_is_not_compared() -> None:
    assert read_fields(iter([b"job[title]=A"]), FORM) == {}


# Calls with verification


def lines(sent: list[SentRequest]) -> list[str]:
    return [request.line for request in sent]


def test_a_lost_pause_that_shows_is_not_sent_again(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/712034/pause.json", status=502)
    api.get(f"{API}/jobs/712034.json", json={"id": 712034, "state": "paused"})

    job.pause()

    assert job.state == "paused"
    assert lines(sent) == ["GET /jobs/712034/pause.json", "GET /jobs/712034.json"]


def test_a_lost_pause_that_does_not_show_is_sent_again_once(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/712034/pause.json", status=502)
    api.get(f"{API}/jobs/712034/pause.json", json={"id": 712034, "state": "paused"})
    api.get(f"{API}/jobs/712034.json", json={"id": 712034, "state": "running"})

    job.pause()

    pause, look = "GET /jobs/712034/pause.json", "GET /jobs/712034.json"
    assert lines(sent) == [pause, look, pause]


def test_a_change_sent_twice_without_a_response_is_verified_again(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/712034/pause.json", status=502)
    api.get(f"{API}/jobs/712034.json", json={"id": 712034, "state": "running"})
    api.get(f"{API}/jobs/712034.json", json={"id": 712034, "state": "paused"})

    job.pause()

    pause, look = "GET /jobs/712034/pause.json", "GET /jobs/712034.json"
    assert lines(sent) == [pause, look, pause, look]


def test_a_change_that_cannot_be_verified_is_not_sent_again(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/712034/pause.json", status=502)
    api.get(f"{API}/jobs/712034.json", status=502)

    with pytest.raises(OutcomeUnknown):
        job.pause()

    assert lines(sent) == ["GET /jobs/712034/pause.json", *["GET /jobs/712034.json"] * 4]


def test_after_thirty_seconds_a_setting_is_verified_but_not_sent_again(
    api: RequestsMock, client: Client, sent: list[SentRequest], clock: Clock
) -> None:
    def late(_: object) -> tuple[int, dict[str, str], str]:
        clock.now += 31
        return 504, {}, ""

    api.add_callback("PUT", f"{API}/jobs/7.json", late)
    api.get(f"{API}/jobs/7.json", json={"id": 7, "title": "of somebody else"})

    with pytest.raises(OutcomeUnknown):
        client.update_job(7, {"title": "Ours"})

    assert [line for line in lines(sent) if line.startswith("PUT")] == ["PUT /jobs/7.json"]


def test_a_resume_is_verified_and_never_sent_again(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/712034/resume.json", status=502)
    api.get(f"{API}/jobs/712034.json", json={"id": 712034, "state": "paused"})

    with pytest.raises(OutcomeUnknown):
        job.resume()

    assert lines(sent) == ["GET /jobs/712034/resume.json", "GET /jobs/712034.json"]


def test_the_verified_object_is_the_result_of_the_change(api: RequestsMock, client: Client) -> None:
    seen = {"id": 3, "state": "new", "data": {"a": 1}}
    api.put(f"{API}/jobs/7/units/3.json", status=500)
    api.get(f"{API}/jobs/7/units/3.json", json=seen)

    answer = client.call(
        "jobs/7/units/3.json", json.dumps({"unit": {"data": {"a": 1}}}), method="put"
    )

    assert answer == seen


UNIT = '{"unit": {"state": "golden"}}'


@pytest.mark.parametrize("answer", [{"status": 406}, {"status": 302, "headers": {"Location": "/"}}])
@pytest.mark.parametrize(
    ("method", "path", "data", "place", "shown"),
    [
        ("PUT", "jobs/7/units/3.json", UNIT, "jobs/7/units/3.json", {"id": 3, "state": "golden"}),
        ("PUT", "jobs/7/tags", {"tags": ["a"]}, "jobs/7/tags", [{"name": "a"}]),
        ("GET", "jobs/7/pause.json", None, "jobs/7.json", {"id": 7, "state": "paused"}),
    ],
)
def test_a_change_that_shows_after_status_406_succeeds(
    api: RequestsMock,
    client: Client,
    sent: list[SentRequest],
    answer: dict[str, Any],
    method: str,
    path: str,
    data: Any,
    place: str,
    shown: Any,
) -> None:
    api.add(method, f"{API}/{path}", **answer)
    api.get(f"{API}/{place}", json=shown)

    seen = client.call(path, data, method=method)

    assert seen == shown
    assert lines(sent) == [f"{method} /{path}", f"GET /{place}"]


def test_a_change_that_does_not_show_after_status_406_is_refused(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.put(f"{API}/jobs/7/tags", status=406, body="<p>Not acceptable</p>")
    api.get(f"{API}/jobs/7/tags", json=[])

    with pytest.raises(NotAcceptable):
        client.set_job_tags(7, ["a"])

    assert lines(sent) == ["PUT /jobs/7/tags", "GET /jobs/7/tags"]
