"""Attributes, options and parameters without effect are refused or warned about, never ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox.store import Limits

if TYPE_CHECKING:
    from requests import Response

    from tests.scenarios.conftest import Box

FINE = '<cml:text label="What is it?" name="what" validates="required"/>'
STRICT = {"limits": Limits(strict=True)}
ODD = [
    ({"colour": "blue"}, "colour"),
    ({"cml": '<cml:text label="What is it?" name="what" validates="required shiny"/>'}, "shiny"),
]
ODDITIES = pytest.mark.parametrize(("attributes", "word"), ODD, ids=[word for _, word in ODD])


def save(box: Box, attributes: dict[str, Any]) -> tuple[Response, dict[str, Any]]:
    """Save a job, and return the response and the JSON of the job before."""
    job = box.job([{"text": "one"}], FINE)
    before: dict[str, Any] = box.api("GET", f"/jobs/{job.id}.json").json()
    return box.api("PUT", f"/jobs/{job.id}.json", json={"job": attributes}), before


@ODDITIES
@pytest.mark.parametrize("settings", [STRICT], ids=["strict"])
def test_a_strict_sandbox_refuses_unknown_attributes(
    box: Box, attributes: dict[str, str], word: str
) -> None:
    answer, before = save(box, attributes)

    assert "error" in answer.json() or "errors" in answer.json()
    assert word in answer.text
    assert box.api("GET", f"/jobs/{before['id']}.json").json() == before


@ODDITIES
def test_a_lenient_sandbox_warns_about_unknown_attributes(
    box: Box, attributes: dict[str, str], word: str
) -> None:
    answer, before = save(box, attributes)

    assert answer.json()["id"] == before["id"]
    assert word in answer.headers["X-Sandbox-Warning"]
    events = [each for each in box.sandbox.events() if each["kind"] == "warning"]
    assert any(word in each["detail"]["warning"] for each in events)
    assert {each["job_id"] for each in events} == {before["id"]}


@pytest.mark.parametrize("settings", [{}, STRICT], ids=["lenient", "strict"])
def test_an_unknown_tag_is_refused_with_its_line_wherever_it_is_saved(box: Box) -> None:
    answer, before = save(box, {"cml": f'{FINE}\n<cml:sparkle label="More" name="more"/>'})

    (error,) = answer.json()["errors"]
    assert "line 2, column 1" in error
    assert "sparkle" in error
    assert box.api("GET", f"/jobs/{before['id']}.json").json() == before


@ODDITIES
@pytest.mark.parametrize("settings", [STRICT], ids=["strict"])
def test_a_strict_sandbox_creates_no_job_from_unknown_attributes(
    box: Box, attributes: dict[str, str], word: str
) -> None:
    answer = box.api("POST", "/jobs.json", json={"job": {"title": "A new job", **attributes}})

    assert "error" in answer.json() or "errors" in answer.json()
    assert word in answer.text
    assert list(box.client.get_jobs()) == []


@pytest.mark.parametrize(
    ("attributes", "word"),
    [
        ({"css": "p { color: red }"}, "css"),
        ({"js": "alert(1)"}, "js"),
        ({"minimum_requirements": {"level": 3}}, "minimum_requirements"),
    ],
)
def test_an_attribute_without_effect_is_warned_about(
    box: Box, attributes: dict[str, Any], word: str
) -> None:
    answer, before = save(box, attributes)

    assert word in answer.headers["X-Sandbox-Warning"]
    assert answer.json()[word] == attributes[word] != before[word]


UNREAD = [
    ("GET", "units.json", {"params": {"pgae": 2}}, "pgae"),
    (
        "POST",
        "units.json",
        {"json": {"unit": {"data": {"a": 1}, "state": "golden"}}},
        "unit[state]",
    ),
    ("PUT", "gold.json", {"data": {"with": "answers"}}, "with"),
    ("GET", "copy.json", {"params": {"all_unit": "true"}}, "all_unit"),
    ("POST", "tags", {"json": {"tags": ["a"], "tag": "b"}}, "tag"),
    ("PUT", "upload.json?forse=true", {"json": {"text": "two"}}, "forse"),
]
UNREADS = pytest.mark.parametrize(("verb", "path", "sent", "name"), UNREAD)


@UNREADS
def test_an_unknown_parameter_is_warned_about(
    box: Box, verb: str, path: str, sent: dict[str, Any], name: str
) -> None:
    job = box.job([{"text": "one"}], FINE)

    answer = box.api(verb, f"/jobs/{job.id}/{path}", **sent)

    assert answer.status_code == 200
    warning = answer.headers["X-Sandbox-Warning"]
    assert warning == f"Ignored, since nothing here reads it: {name}"


@UNREADS
@pytest.mark.parametrize("settings", [STRICT], ids=["strict"])
def test_a_strict_sandbox_refuses_unknown_parameters(
    box: Box, verb: str, path: str, sent: dict[str, Any], name: str
) -> None:
    job = box.job([{"text": "one"}], FINE)
    before = box.api("GET", f"/jobs/{job.id}.json").json()

    answer = box.api(verb, f"/jobs/{job.id}/{path}", **sent)

    assert answer.status_code == 422
    assert name in answer.json()["error"]["message"]
    assert box.api("GET", f"/jobs/{job.id}.json").json() == before
    assert len(list(box.client.get_jobs())) == 1


@pytest.mark.parametrize(
    ("sent", "warning"),
    [
        ({"data": b"job[title]=Mood of tweets"}, "no Content-Type"),
        (
            {"data": b"job[title]=Mood of tweets", "headers": {"Content-Type": "text/plain"}},
            "Content-Type text/plain",
        ),
        ({"files": {"cml": ("form.cml", b"<cml:text/>")}}, "cml"),
    ],
)
def test_an_ignored_body_is_warned_about(box: Box, sent: dict[str, Any], warning: str) -> None:
    answer = box.api("POST", "/jobs.json", **sent)

    assert answer.json()["title"] is None
    assert warning in answer.headers["X-Sandbox-Warning"]
