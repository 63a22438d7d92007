"""Uploads of files: all rows or none, in their order."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from crowdflower.exceptions import InvalidInput, UploadIncomplete, ValidationError

if TYPE_CHECKING:
    from pathlib import Path

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


# Files that are refused whole

BIG_HEADER = ",".join(["id", *(f"column_{number}" for number in range(5_001))])
REFUSED = {
    "the same header twice": (b"id,text,Text\n1,a,b\n", "are both named 'text'"),
    "a header without letters": (b"id,!?\n1,a\n", "gives no column name"),
    "too many columns": (f"{BIG_HEADER}\n{'1,' * 5_001}1\n".encode(), "names 5002 columns"),
}


@pytest.mark.parametrize("key", [None, "id"])
@pytest.mark.parametrize("kind", REFUSED)
def test_a_file_that_is_refused_whole_says_that_nothing_was_stored(
    box: Box, tmp_path: Path, kind: str, key: str | None
) -> None:
    content, problem = REFUSED[kind]
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    job = box.client.create_job({"title": "For a file"})

    with pytest.raises(ValidationError, match=f"{problem}.*; nothing was stored$") as caught:
        job.upload_file(path, **({"key": key} if key else {}))

    assert "resume" not in str(caught.value)
    assert job.reload().units_count == 0


@pytest.mark.parametrize("key", [None, "id"])
@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("rows.csv", b"id,text\n1,b\xe4d\n", "row 1 is not UTF-8"),
        ("rows.csv", b"id,text\r\n\r\n", "no rows to upload: the CSV has a header"),
        ("rows.json", b"\xef\xbb\xbf \n", "no rows to upload: the file is empty"),
    ],
    ids=["encoding", "header only", "empty"],
)
def test_a_file_that_cannot_be_stored_is_not_sent(
    box: Box, tmp_path: Path, name: str, content: bytes, problem: str, key: str | None
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    job = box.client.create_job({"title": "For a file"})

    with pytest.raises(InvalidInput, match=problem):
        job.upload_file(path, **({"key": key} if key else {}))

    assert job.reload().units_count == 0


@pytest.mark.parametrize("key", [None, "id"])
@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"], ids=repr)
def test_a_csv_with_any_line_ends_is_stored(
    box: Box, tmp_path: Path, end: str, key: str | None
) -> None:
    path = tmp_path / "mac.csv"
    lines = ["\ufeffid,text", '1,"two', 'lines"', "2,bye", ""]
    path.write_bytes(end.join(lines).encode())
    job = box.client.create_job({"title": "From a spreadsheet"})

    job.upload_file(path, **({"key": key} if key else {}))

    assert [unit.data for unit in job.reload().units] == [
        {"id": "1", "text": f"two{end}lines"},
        {"id": "2", "text": "bye"},
    ]


def test_a_column_that_no_unit_has_is_named(box: Box) -> None:
    job = box.client.upload_job([{"sku": "A-1", "text": "Fine."}])

    with pytest.raises(InvalidInput, match=r"has no column 'sky'.*: sku, text; did you mean 'sku'"):
        list(job.unit_ids("sky"))


def test_a_refused_chunk_names_the_row_of_the_whole_upload(box: Box) -> None:
    """The service counts the rows of a request; this upload takes two requests."""
    job = box.client.create_job({"title": "For rows"})
    long = "9" * 400  # JSON, and a number that the sandbox does not store
    rows = ({"id": number, "a": int(long) if number == 5_999 else 1} for number in range(6_000))

    with pytest.raises(UploadIncomplete, match=r"row 1000.*row 6000 of all the rows") as caught:
        job.upload(rows, key="id")

    assert caught.value.row == 6_000
    assert ".." not in str(caught.value)
    assert job.reload().units_count == 5_000
