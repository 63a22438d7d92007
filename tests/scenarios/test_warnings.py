"""Attributes, options and parameters without effect are refused or warned about, never ignored."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import DuplicateOperation, ServiceWarning, ValidationError

if TYPE_CHECKING:
    from requests import Response

    from tests.scenarios.conftest import Box

FINE = '<cml:text label="What is it?" name="what" validates="required"/>'
STRICT = {"strict": True}
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

    assert answer.status_code == 422
    assert word in answer.json()["error"]["message"]
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

    assert answer.status_code == 422
    assert word in answer.json()["error"]["message"]
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


# In Python


ROWS = [{"text": f"row {number}"} for number in range(3)]


@ODDITIES
def test_a_warning_of_the_sandbox_is_a_warning_of_python_at_the_line_of_the_caller(
    box: Box, attributes: dict[str, str], word: str
) -> None:
    job = box.job([{"text": "one"}], FINE)

    for name, value in attributes.items():
        job[name] = value

    with pytest.warns(ServiceWarning, match=word) as caught:
        job.update()

    assert [each.filename for each in caught] == [__file__]


def test_each_warning_of_a_response_is_one_of_its_own_with_all_characters(box: Box) -> None:
    job = box.job([{"text": "one"}], FINE)

    with pytest.warns(ServiceWarning) as caught:
        box.client.update_job(job.id, {"js": "x", "css": "y", "options": {"größe": 1}})

    found = [str(each.message) for each in caught]
    assert [text.partition(" ")[0] for text in found] == ["css", "js", "options.größe"]


def test_a_warning_is_shown_once_a_place(box: Box) -> None:
    job = box.job([{"text": "one"}], FINE)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            box.client.update_job(job.id, {"css": "p { color: red }"})
        box.client.update_job(job.id, {"css": "p { color: red }"})

    assert len(caught) == 2


def test_a_launch_whose_warning_is_an_exception_is_recorded_in_the_journal(box: Box) -> None:
    job = box.job(ROWS, FINE)

    with pytest.raises(ServiceWarning, match="at least 5 units"):
        job.launch(3, key="once")

    assert box.client.operations.pending() == []
    assert job.reload().state == "running"
    with pytest.raises(DuplicateOperation):
        job.launch(3, key="once")


@pytest.mark.parametrize("settings", [STRICT], ids=["strict"])
def test_a_strict_sandbox_refuses_a_launch_that_it_would_warn_about(box: Box) -> None:
    job = box.job(ROWS, FINE)
    before = box.balance

    with pytest.raises(ValidationError, match="at least 5 units"):
        job.launch(3)

    assert job.reload().state == "unordered"
    assert {unit.state for unit in job.units} == {"new"}
    assert box.balance == before
    assert box.sandbox.events() == []


@pytest.mark.parametrize("settings", [STRICT], ids=["strict"])
def test_a_strict_sandbox_does_what_needs_no_warning(box: Box) -> None:
    job = box.job([*ROWS, *ROWS], FINE)

    job.launch(6)

    assert job.state == "running"
