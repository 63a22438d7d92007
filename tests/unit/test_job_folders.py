"""A job of today's service as a folder, where responses are other ones than the sandbox's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower import InvalidInput, Job, OutcomeUnknown

if TYPE_CHECKING:
    from responses import RequestsMock

    from crowdflower.client import Client
    from tests.unit.conftest import SentRequest

API = "https://api.appen.com/v1"
JOB = {
    "id": 7,
    "title": "Mood Of Reviews",
    "instructions": "<p>Read.</p>",
    "cml": '<cml:text label="Mood" validates="required"/>',
    "css": None,
    "js": None,
    "alias": "mood",
    "payment_cents": 35,
    "options": {"after_gold": "10", "server_side_validation_enabled": True},
    "created_at": "2020-06-24T12:44:51+00:00",
    "golds_count": 2,
    "units_count": 3,
    "state": "unordered",
    "secret": "q0Zx+Ew1",
}
UNITS = {
    "11": {"text": "a", "mood_gold": ["good"], "mood_gold_reason": [""]},
    "12": {"text": "b"},
    "13": {"text": "c", "_golden": "TRUE"},
}


def serve_job(api: RequestsMock, **changes: Any) -> None:
    """Answer the reads of a job."""
    api.get(f"{API}/jobs/7.json", json={**JOB, **changes})
    channels = {"available_channels": ["a", "b"], "enabled_channels": ["a"]}
    api.get(f"{API}/jobs/7/channels", json=channels)
    api.get(f"{API}/jobs/7/tags", json=[{"name": "spring"}])


def serve_units(api: RequestsMock) -> None:
    """Answer with rows, and one by one with those that look like test questions."""
    api.get(f"{API}/jobs/7/units.json", json=UNITS)
    api.get(f"{API}/jobs/7/units.json", json={})
    for unit_id, state in (("11", "hidden_gold"), ("13", "golden")):
        unit = {"id": int(unit_id), "data": UNITS[unit_id], "state": state, "gold_pool": None}
        api.get(f"{API}/jobs/7/units/{unit_id}.json", json=unit)


@pytest.mark.parametrize(
    "listed",
    [
        {"status": 404},
        {"json": [{"_unit_id": 11}, {"_unit_id": 13}]},
        {"json": [{"id": 11, "data": {}, "state": "golden"}]},
    ],
    ids=["absent", "another shape", "too few"],
)
def test_test_questions_are_found_where_the_list_of_them_is_of_no_use(
    api: RequestsMock, client: Client, tmp_path: Path, listed: dict[str, Any]
) -> None:
    serve_job(api)
    api.get(f"{API}/jobs/7/test_questions", **listed)
    serve_units(api)

    Job(client, id=7).save_files(tmp_path)

    assert json.loads((tmp_path / "test_questions.json").read_bytes()) == [
        {"data": UNITS["11"], "state": "hidden_gold"},
        {"data": UNITS["13"]},
    ]


def test_test_questions_that_cannot_be_found_are_warned_of(
    api: RequestsMock, client: Client, tmp_path: Path
) -> None:
    serve_job(api, golds_count=3)
    api.get(f"{API}/jobs/7/test_questions", status=404)
    serve_units(api)

    with pytest.warns(UserWarning, match="job 7 has 3 test questions, and 2 of them were found"):
        Job(client, id=7).save_files(tmp_path)


def test_a_title_that_the_service_capitalizes_is_no_difference_after_the_push(
    api: RequestsMock, client: Client, tmp_path: Path, sent: list[SentRequest]
) -> None:
    serve_job(api, golds_count=0)
    job = Job(client, id=7)
    job.save_files(tmp_path)
    settings = tmp_path / "job.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("Mood Of Reviews", "Mood of all reviews"), encoding="utf-8")
    shown = {**JOB, "golds_count": 0, "title": "Mood Of All Reviews"}
    api.get(f"{API}/jobs/7.json", json={**JOB, "golds_count": 0})
    api.put(f"{API}/jobs/7.json", json=shown)
    api.get(f"{API}/jobs/7.json", json=shown)

    with pytest.warns(UserWarning, match="the service shows another value of title"):
        client.push_files(tmp_path)

    put = next(each for each in sent if each.line.startswith("PUT"))
    assert put.body == b"job%5Btitle%5D=Mood+of+all+reviews"
    assert not client.compare_files(tmp_path)
    assert job.save_files(tmp_path) == []
    assert "Mood of all reviews" in settings.read_text(encoding="utf-8")


def test_the_secret_of_the_job_and_the_key_are_in_no_file(
    api: RequestsMock, client: Client, tmp_path: Path
) -> None:
    serve_job(api, golds_count=0)

    Job(client, id=7).save_files(tmp_path)

    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"q0Zx" not in content
    assert b"s3cret" not in content
    assert b"crowd_costs" not in content


def test_a_creation_whose_answer_was_lost_is_not_repeated(
    api: RequestsMock, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "job.toml").write_text("title = 'Mood of reviews'", encoding="utf-8")
    (tmp_path / "form.cml").write_text(str(JOB["cml"]), encoding="utf-8")
    (tmp_path / "instructions.html").write_text("Read.", encoding="utf-8")
    api.post(f"{API}/jobs.json", body=ConnectionError("reset"))

    with pytest.raises(OutcomeUnknown):
        client.push_files(tmp_path, create=True)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{", r"\.crowdflower\.json: it cannot be read; restore it from version control"),
        ('{"version": 1, "jobs": {"https://api.appen.com/v1": {}}}', "it cannot be read"),
        ('{"version": 2, "jobs": {}}', "it has version 2, which a newer version of the library"),
    ],
)
def test_a_record_that_cannot_be_used_is_an_error(
    client: Client, tmp_path: Path, record: str, message: str
) -> None:
    (tmp_path / "job.toml").write_text("title = 'Mood'", encoding="utf-8")
    (tmp_path / ".crowdflower.json").write_text(record, encoding="utf-8")

    with pytest.raises(InvalidInput, match=message):
        client.compare_files(tmp_path)
