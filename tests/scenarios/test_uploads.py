"""Uploads of files: all rows or none, in their order."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from crowdflower.exceptions import ValidationError

if TYPE_CHECKING:
    from tests.scenarios.conftest import Box

MANY = 20_000


def test_a_json_array_of_rows_is_refused_with_the_expected_format(box: Box) -> None:
    rows = json.dumps([{"text": "one"}, {"text": "two"}])
    headers = {"Content-Type": "application/json"}

    of_its_own = box.api("POST", "/jobs/upload.json", data=rows, headers=headers)
    job = box.client.create_job({"title": "For a list"})
    more = box.api("PUT", f"/jobs/{job.id}/upload.json", data=rows, headers=headers)

    for answer in (of_its_own, more):
        assert answer.status_code == 422
        assert "newline-separated JSON: one object per line" in answer.json()["error"]["message"]
    assert [each.id for each in box.client.get_jobs()] == [job.id]
    assert job.reload().units_count == 0


def test_a_second_file_with_another_column_needs_force(box: Box) -> None:
    job = box.client.upload_job([{"text": "one"}, {"text": "two"}])
    wider = [{"text": "three", "source": "web"}]

    with pytest.raises(ValidationError, match="adds source"):
        job.upload(wider)
    assert len(job.reload().units) == 2
    job.upload(wider, force=True)

    assert [unit.data for unit in job.reload().units] == [
        {"text": "one"},
        {"text": "two"},
        {"text": "three", "source": "web"},
    ]
    assert job.units_count == 3


def test_many_units_keep_the_order_of_their_file(box: Box) -> None:
    rows = ({"number": number, "text": f"Zeile {number}, „quer“"} for number in range(MANY))

    job = box.client.upload_job(rows)

    assert job.units_count == MANY
    assert job.upload_progress() == {"done": True, "count": MANY}
    pages = list(box.client.jobs[job.id].units.pages(limit=1000))
    assert [len(page) for page in pages] == [1000] * (MANY // 1000)
    numbers = [row["number"] for row in chain.from_iterable(page.values() for page in pages)]
    assert numbers == list(range(MANY))
    past = box.api("GET", f"/jobs/{job.id}/units.json", params={"page": MANY // 1000 + 1})
    assert past.json() == {}
