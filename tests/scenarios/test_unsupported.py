"""Features of the hosted service only: the sandbox answers 501, names them and records them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crowdflower.exceptions import SandboxNotImplemented, ValidationError

if TYPE_CHECKING:
    from tests.scenarios.conftest import Box

ENDPOINTS = {
    "GET /v1/jobs/{job}/max_pay_for_crowd": "pay advice",
    "GET /v1/jobs/{job}/restore": "undeleting a job",
    "PUT /v1/jobs/{job}/archive": "archiving",
    "POST /v1/jobs/{job}/taxonomy": "taxonomies",
    "PUT /v1/jobs/{job}/ontology": "ontologies",
    "GET /v1/jobs/{job}/ontology.csv": "ontologies",
    "PUT /v1/jobs/{job}/judgments/{judgment}/reject": "rejecting a judgment",
    "PUT /v1/jobs/{job}/workers/{worker}/approve": "approving",
    "PUT /v1/jobs/{job}/workers/{worker}/ban": "banning",
    "PUT /v1/jobs/{job}/workers/{worker}/deban": "banning",
    "POST /v1/users/invite": "teams",
    "GET /v2/workflows": "the second version of the API",
    "POST /v2/jobs/{job}/launch": "the second version of the API",
}
"""Every endpoint in the service's documents that the sandbox lacks, with its feature."""

TOOLS = ("shapes", "text_annotation", "video_shapes", "taxonomy", "search", "audio_annotation")
FINE = '<cml:text label="What is it?" name="what" validates="required"/>'


def test_every_endpoint_of_the_service_that_is_missing_names_its_feature(box: Box) -> None:
    job = box.client.create_job({"title": "A job of its own"})
    ids = {"job": job.id, "judgment": 1, "worker": 1}

    for endpoint, feature in ENDPOINTS.items():
        verb, path = endpoint.format(**ids).split()
        headers = {"Authorization": "Token token=scenario-key-2f6c"}
        answer = box.session.request(verb, f"{box.url}{path}", headers=headers, timeout=60)
        error = answer.json()["error"]
        assert answer.status_code == 501, endpoint
        assert (error["code"], error["feature"]) == ("sandbox_not_implemented", feature)
        assert error["message"]
        assert error["see"].startswith("docs/sandbox-limits#")
        assert answer.headers["X-Sandbox-Not-Implemented"] == feature

    written = box.control("GET", "unimplemented")
    assert [each["feature"] for each in written] == list(ENDPOINTS.values())
    assert {each["verb"] for each in written} == {"GET", "PUT", "POST"}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_form_with_a_tool_of_the_hosted_service_is_refused_when_saved(
    box: Box, tool: str
) -> None:
    job = box.job([{"text": "one"}], FINE)

    with pytest.raises(SandboxNotImplemented) as caught:
        box.client.update_job(job.id, {"cml": f'{FINE}<cml:{tool} label="More" name="more"/>'})

    assert f"cml:{tool}" in str(caught.value)
    assert job.reload().cml == FINE
    (written,) = box.control("GET", "unimplemented")
    assert written["feature"] == f"cml:{tool}"
    assert len(box.control("GET", "requests")) == 4, "and it was asked once"


def test_a_file_of_another_content_type_is_refused(box: Box) -> None:
    headers = {"Content-Type": "application/vnd.ms-excel"}

    answer = box.api("POST", "/jobs/upload.json", data=b"PK\x03\x04", headers=headers)

    assert answer.status_code == 415
    assert "application/vnd.ms-excel" in answer.json()["error"]["message"]
    assert list(box.client.get_jobs()) == []


def test_an_aggregation_of_a_tool_is_refused_when_the_job_is_saved(box: Box) -> None:
    job = box.job([{"text": "one"}], FINE)

    with pytest.raises((SandboxNotImplemented, ValidationError), match="bagg"):
        box.client.update_job(job.id, {"cml": FINE.replace("/>", ' aggregation="bagg_0.7"/>')})


def test_an_unknown_path_is_404_rather_than_501(box: Box) -> None:
    answer = box.api("GET", "/jobs/1/horoscope")

    assert answer.status_code == 404
    assert box.control("GET", "unimplemented") == []
