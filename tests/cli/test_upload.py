"""``crowdflower upload``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

    from crowdflower.client import Client
    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox


@pytest.fixture
def draft(client: Client) -> Job:
    """A job without rows."""
    return client.create_job({"title": "What does it say?", "alias": "draft"})


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Three rows."""
    path = tmp_path / "rows.csv"
    path.write_text("sku,text\na,first\nb,second\nc,third\n", encoding="utf-8")
    return path


def uploads(box: Sandbox) -> list[str]:
    """Return the requests that uploaded rows."""
    return [each.path for each in box.requests if "/upload" in each.path]


def test_rows_are_appended(run: Run, draft: Job, rows: Path) -> None:
    result = run("upload", "draft", str(rows))

    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert result.stderr == f"Uploaded {rows} to job {draft.id}.\n"
    assert [unit.data["text"] for unit in draft.units] == ["first", "second", "third"]


def test_rows_with_a_key_arrive_once(run: Run, draft: Job, rows: Path) -> None:
    first = run("upload", "draft", str(rows), "--key", "sku")
    rows.write_text("sku,text\na,first\nb,second\nc,third\nd,new\n", encoding="utf-8")
    second = run("upload", "draft", str(rows), "--key", "sku")

    assert first.stderr == f"Job {draft.id} has the 3 rows of {rows}.\n"
    assert second.stderr == (
        f"Job {draft.id} has the 4 rows of {rows}; it had 3 rows of them before.\n"
    )
    assert [unit.data["sku"] for unit in draft.units] == ["a", "b", "c", "d"]


def test_parquet_is_uploaded_and_checked(run: Run, draft: Job, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path, form = tmp_path / "rows.parquet", tmp_path / "form.cml"
    parquet.write_table(pa.table({"sku": ["a", "b"], "text": ["first", "second"]}), path)
    form.write_text("{{ texts }} <cml:text label='x' validates='required'/>", encoding="utf-8")

    uploaded = run("upload", "draft", str(path), "--key", "sku")
    checked = run("check", str(form), str(path))
    preview = run("upload", "draft", str(path), "--key", "sku", "-n")

    assert uploaded.exit_code == 0, uploaded.stderr
    assert [unit.data["text"] for unit in draft.units] == ["first", "second"]
    assert checked.exit_code == 5
    assert 'No row has a column "texts"' in checked.stdout
    assert preview.stdout.splitlines()[1] == "0 rows of 2; the job has the others"


def test_rows_are_read_from_standard_input(run: Run, draft: Job) -> None:
    without_type = run("upload", "draft", "-", input="text\na\n")
    result = run("upload", "draft", "-", "--type", "json", input='{"text": "a"}\n{"text": "b"}\n')

    assert without_type.exit_code == 2
    assert "add --type csv" in without_type.stderr
    assert result.exit_code == 0, result.stderr
    assert [unit.data["text"] for unit in draft.units] == ["a", "b"]


def test_a_dry_run_shows_the_first_rows(run: Run, box: Sandbox, draft: Job, rows: Path) -> None:
    result = run("upload", "draft", str(rows), "--dry-run")

    assert result.stdout == (
        f"PUT {box.url}/jobs/{draft.id}/upload.json\nsku,text\na,first\nb,second\nc,third\n"
    )
    assert uploads(box) == []


def test_a_dry_run_with_a_key_counts_what_is_new(
    run: Run, box: Sandbox, draft: Job, rows: Path
) -> None:
    draft.upload([{"sku": "b", "text": "second"}])
    box.forget_requests()

    result = run("upload", "draft", str(rows), "--key", "sku", "-n")
    misspelled = run("upload", "draft", str(rows), "--key", "suk", "-n")

    assert result.stdout.splitlines()[1] == "2 rows of 3; the job has the others"
    assert misspelled.exit_code == 2
    assert uploads(box) == []


def test_an_upload_that_orders_costs_money_and_asks(
    run: Run, box: Sandbox, job: Job, tmp_path: Path
) -> None:
    job.auto_order = True
    job.update()
    rows = tmp_path / "more.jsonl"
    rows.write_text('{"text": "a"}\n{"text": "b"}\n', encoding="utf-8")
    box.forget_requests()

    refused = run("upload", "reviews", str(rows))

    assert refused.exit_code == 7
    assert f"Job {job.id} orders its rows automatically: 2 rows, about $" in refused.stderr
    assert uploads(box) == []
    assert run("upload", "reviews", str(rows), "--yes").exit_code == 0


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"", "no header"),
        (b"text\n", "nothing below it"),
        (b"sku;text\n1;Gut\n", "save it with commas"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(
    run: Run, box: Sandbox, draft: Job, rows: Path, content: bytes, problem: str
) -> None:
    rows.write_bytes(content)

    result = run("upload", "draft", str(rows))

    assert result.exit_code == 2
    assert problem in result.stderr
    assert result.stderr.count("\n") == 1


def test_options_that_need_a_key_are_refused(run: Run, box: Sandbox, rows: Path) -> None:
    assert run("upload", "7", str(rows), "--live").exit_code == 2
    assert run("upload", "7", "nowhere.csv").exit_code == 2
    assert list(box.requests) == []
