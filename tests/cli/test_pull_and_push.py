"""``crowdflower pull``, ``crowdflower push`` and ``crowdflower serve --load``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from served import serving

from crowdflower.client import Client

if TYPE_CHECKING:
    from conftest import Run

    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

PAY = "payment_cents = 10"
WRITES = {"POST", "PUT", "DELETE"}

pytestmark = pytest.mark.filterwarnings("ignore::crowdflower.exceptions.ServiceWarning")


@pytest.fixture
def folder(run: Run, job: Job, tmp_path: Path, box: Sandbox) -> Path:
    """The folder of the job, as the command has written it."""
    assert run("pull", "reviews", str(tmp_path / "reviews")).exit_code == 0
    box.forget_requests()
    return tmp_path / "reviews"


def edit(folder: Path, before: str = PAY, after: str = "payment_cents = 12") -> None:
    """Replace a piece of the settings, as an editor does."""
    path = folder / "job.toml"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def writes(box: Sandbox) -> list[str]:
    return [f"{each.verb} {each.path}" for each in box.requests if each.verb in WRITES]


def test_pull_prints_the_files_that_it_wrote(run: Run, job: Job, tmp_path: Path) -> None:
    result = run("pull", str(job.id), str(tmp_path / "a" / "b"), "--rows")

    names = [Path(line).name for line in result.stdout.splitlines()]
    assert names == [
        *("rows.jsonl", "form.cml", "style.css", "script.js", "instructions.html"),
        *("test_questions.json", "job.toml"),
    ]
    assert result.stderr == f"Job {job.id}: wrote 7 files.\n"
    again = run("pull", str(job.id), str(tmp_path / "a" / "b"))
    assert (again.stdout, again.exit_code) == ("", 0)
    assert again.stderr.endswith("is up to date.\n")


def test_pull_says_which_edits_would_be_lost(run: Run, job: Job, folder: Path) -> None:
    edit(folder)
    job.payment_cents = 15
    job.update()

    result = run("pull", "reviews", str(folder))

    assert result.exit_code == 2
    assert "would be lost: payment_cents (payment_cents  15 -> 12)" in result.stderr
    assert run("pull", "reviews", str(folder), "--force").exit_code == 0


def test_pull_of_an_unknown_job_is_not_found(run: Run, box: Sandbox, tmp_path: Path) -> None:
    assert run("pull", "nothing", str(tmp_path / "a")).exit_code == 4
    assert not (tmp_path / "a").exists()


def test_pull_without_toml_kit_names_the_extra(
    run: Run, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tomlkit", None)

    result = run("pull", "reviews", str(tmp_path / "a"))

    assert result.exit_code == 1
    assert "pip install 'crowdflower-client[cli]'" in result.stderr


def test_push_prints_the_difference_and_sends_it(
    run: Run, job: Job, folder: Path, box: Sandbox
) -> None:
    edit(folder)

    result = run("push", str(folder), "--yes")

    assert result.exit_code == 0
    assert "  payment_cents  10 -> 12\n" in result.stdout
    assert result.stderr == f"Job {job.id} has what is in {folder}.\n"
    assert writes(box) == [f"PUT /v1/jobs/{job.id}.json"]
    assert "no differences" in run("push", str(folder)).stdout


@pytest.mark.parametrize("option", ["--check", "--dry-run"])
def test_push_can_only_look(run: Run, folder: Path, box: Sandbox, option: str) -> None:
    edit(folder)

    result = run("push", str(folder), option)

    assert result.exit_code == (5 if option == "--check" else 0)
    assert "  payment_cents  10 -> 12\n" in result.stdout
    assert writes(box) == []


def test_a_check_without_differences_succeeds(run: Run, folder: Path) -> None:
    assert run("push", str(folder), "--check").exit_code == 0


def test_a_check_finds_a_column_that_no_row_has(run: Run, job: Job, folder: Path) -> None:
    job.cml = str(job.cml).replace("{{ text }}", "{{ txet }}")
    job.update()
    run("pull", "reviews", str(folder))

    result = run("push", str(folder), "--check")

    assert result.exit_code == 5
    assert 'form.cml:1:7: No row has a column "txet"' in result.stdout


def test_a_check_in_json(run: Run, job: Job, folder: Path) -> None:
    edit(folder)

    found = json.loads(run("push", str(folder), "--check", "--json").stdout)

    assert found["job"] == job.id
    assert found["settings"] == [{"name": "payment_cents", "before": 10, "after": 12}]


def test_push_asks_at_a_terminal(
    run: Run, folder: Path, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(folder)
    monkeypatch.setattr("crowdflower.cli.money.confirmation._is_attended", lambda: True)

    result = run("push", str(folder), input="n\n")

    assert result.exit_code == 7
    assert "Send this to job " in result.stderr
    assert writes(box) == []
    assert run("push", str(folder), input="y\n").exit_code == 0


def test_push_creates_a_job_only_on_request(run: Run, folder: Path, box: Sandbox) -> None:
    edit(folder, 'alias = "reviews"', 'alias = "again"')
    (folder / ".crowdflower.json").unlink()

    result = run("push", str(folder))

    assert result.exit_code == 4
    assert "this account has no job with the alias 'again'" in result.stderr
    created = run("push", str(folder), "--create")
    assert created.exit_code == 0
    assert created.stdout.startswith("a new job\n")
    assert len(list(box.client().get_jobs())) == 2


def test_push_of_a_mistake_names_its_line(run: Run, folder: Path, box: Sandbox) -> None:
    edit(folder, "payment_cents = 10", "payment_cent = 10")

    result = run("push", str(folder))

    assert result.exit_code == 2
    assert "payment_cent is not a setting of a job; did you mean payment_cents?" in result.stderr
    assert writes(box) == []


def test_a_conflict_is_shown_and_sends_nothing(
    run: Run, job: Job, folder: Path, box: Sandbox
) -> None:
    edit(folder)
    job.payment_cents = 15
    job.update()
    box.forget_requests()

    result = run("push", str(folder), "--yes")

    assert result.exit_code == 2
    assert "changed in the job since the last pull: payment_cents\n" in result.stdout
    assert writes(box) == []
    assert run("push", str(folder), "--yes", "--force").exit_code == 0


def test_serve_starts_with_the_jobs_of_folders(folder: Path, tmp_path: Path) -> None:
    database = str(tmp_path / "crowd.db")
    for _ in range(2):
        with serving("--load", str(folder), "--database", database) as server:
            assert f"Job       700001, from {folder}\n" in server.output
            with Client(server.key, base_url=server.url) as client:
                assert [job.alias for job in client.get_jobs()] == ["reviews"]
                assert client.get_job("reviews").golds_count == 5


def test_serve_needs_an_alias_to_find_the_job_again(run: Run, folder: Path, tmp_path: Path) -> None:
    edit(folder, 'alias = "reviews"', 'alias = ""')
    database = str(tmp_path / "crowd.db")

    result = run("serve", "--port", "0", "--load", str(folder), "--database", database)

    assert result.exit_code == 1
    assert "with --database the job needs an alias" in result.stderr


def test_serve_refuses_a_folder_that_is_not_a_job(run: Run, tmp_path: Path) -> None:
    result = run("serve", "--port", "0", "--load", str(tmp_path))

    assert result.exit_code == 1
    assert "it has no job.toml" in result.stderr
