"""``crowdflower units``, ``gold`` and ``check``."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

    from crowdflower.client import Client
    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox


def test_the_rows_of_a_job_are_listed(run: Run, job: Job) -> None:
    table = run("units", "reviews", "--limit", "3").stdout.splitlines()
    in_json = json.loads(run("units", "reviews", "--json").stdout)
    in_csv = [*csv.DictReader(io.StringIO(run("units", "reviews", "--csv").stdout))]

    assert table[0].split()[:3] == ["_unit_id", "text", "_golden"]
    assert len(table) == 4
    assert in_json == [unit.json for unit in job.units]
    assert [row["text"] for row in in_csv] == [unit.data["text"] for unit in job.units]
    assert in_csv[0]["_unit_id"] == str(job.units[0].id)


def test_columns_that_only_later_rows_have_are_in_the_csv(run: Run, client: Client) -> None:
    job = client.upload_job([{"a": 1}])
    job.upload([{"b": ["x", "y"]}], force=True)

    rows = [*csv.DictReader(io.StringIO(run("units", str(job.id), "--csv").stdout))]

    assert [(row["a"], row["b"]) for row in rows] == [("1", ""), ("", "x\ny")]


def test_units_are_shown_with_their_state_and_results(run: Run, job: Job) -> None:
    first, last = job.units[0].id, job.units[-1].id

    table = run("units", "reviews", str(first), str(last)).stdout.splitlines()
    in_json = json.loads(run("units", "reviews", str(first), "--json").stdout)

    assert [line.split()[:2] for line in table[1:]] == [[str(first), "golden"], [str(last), "new"]]
    assert in_json[0]["results"] == {"judgments": []}


def test_test_questions_are_listed(run: Run, job: Job) -> None:
    table = run("gold", "reviews")
    in_json = json.loads(run("gold", "list", "reviews", "--json").stdout)
    options_first = run("gold", "--json", "reviews")

    assert table.stdout.splitlines()[0].startswith("_unit_id ")
    assert len(table.stdout.splitlines()) == 6
    assert in_json == job.get_test_questions()
    assert json.loads(options_first.stdout) == in_json


def test_rows_become_test_questions_and_rows_again(run: Run, client: Client, job: Job) -> None:
    reset = run("gold", "reset", "reviews")
    converted = run("gold", "convert", "reviews")

    assert reset.stderr == f"Job {job.id} has 0 test questions now.\n"
    assert converted.stderr == f"Job {job.id} has 5 test questions now.\n"


def test_rows_with_a_known_answer_become_test_questions(run: Run, client: Client) -> None:
    draft = client.upload_job({"text": "Fine!", "mood": "up" if n < 3 else None} for n in range(10))

    result = run("gold", "mark", str(draft.id), "feeling", "--with", "mood")

    assert result.stderr == f"Job {draft.id} has 3 test questions now.\n"


def test_webhooks_of_test_questions_are_sent(run: Run, box: Sandbox, job: Job) -> None:
    job.webhook_uri = "https://example.com/crowd"
    job.update()

    result = run("gold", "fire-webhooks", "reviews")

    received: list[object] = []
    box.receive_webhooks(received.append)
    box.deliver_webhooks()
    assert result.exit_code == 0
    assert len(received) == 5


@pytest.mark.parametrize(
    "words", [["convert"], ["mark", "says"], ["reset"], ["fire-webhooks"]], ids=" ".join
)
def test_test_questions_have_a_dry_run(run: Run, box: Sandbox, job: Job, words: list[str]) -> None:
    box.forget_requests()

    result = run("gold", words[0], "reviews", *words[1:], "--dry-run")

    assert (result.exit_code, result.stderr) == (0, "Dry run: this was not sent.\n")
    assert {each.path for each in box.requests} == {"/v1/jobs/reviews.json"}


@pytest.fixture
def form(tmp_path: Path, form_text: str) -> Path:
    """A form without mistakes."""
    path = tmp_path / "form.cml"
    path.write_text(form_text, encoding="utf-8")
    return path


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Rows that fit the form."""
    path = tmp_path / "rows.csv"
    path.write_text("Text,_golden,says_gold\nfirst,,\nsecond,TRUE,yes\n", encoding="utf-8")
    return path


def test_a_form_and_rows_that_fit_have_no_problems(run: Run, form: Path, rows: Path) -> None:
    result = run("check", str(form), str(rows))

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{form}, 1 question, 2 rows: no problems.\n"


def test_a_form_is_checked_alone(run: Run, form: Path) -> None:
    assert run("check", str(form)).stderr == f"{form}, 1 question: no problems.\n"


@pytest.mark.parametrize(
    ("replaced", "problem"),
    [
        (("cml:radios", "cml:radio"), ":2:1: "),
        (("{{ text }}", "{{ txt }}"), ':1:7: No row has a column "txt", which the form prints'),
        ((' validates="required"', ""), ': no question has validates="required"'),
    ],
)
def test_problems_of_the_form_are_found(
    run: Run, form: Path, form_text: str, rows: Path, replaced: tuple[str, str], problem: str
) -> None:
    form.write_text(form_text.replace(*replaced), encoding="utf-8")

    result = run("check", str(form), str(rows))

    assert result.exit_code == 5
    assert f"{form}{problem}" in result.stdout


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("text\na\n\n", ""),
        (
            "text,x\na,1\n,2\n",
            ': the column "text", which the form prints, is empty in 1 row, first',
        ),
        ("text,says\na,1\n", ': the column "says" has the name of a question'),
        ("text,_golden,says_gold\na,true,maybe\n", ": row 1: no option of \"says\" is 'maybe'"),
        ("text,_golden\na,true\n", ": row 1: a test question without an answer"),
        ("text,_golden,says_gold\na,true,YES\n", ""),
        ("text,x\na,1\nb\n", ": row 2: row 2, line 3, has 1 cells, and the header 2"),
        ("text;x\na;1\n", ": the CSV is separated by semicolons, and the API reads commas"),
        ("text\n", ": no rows to upload: the CSV has a header and nothing below it"),
    ],
)
def test_problems_of_the_rows_are_found(
    run: Run, form: Path, rows: Path, content: str, problem: str
) -> None:
    rows.write_text(content, encoding="utf-8")

    result = run("check", str(form), str(rows))

    assert result.exit_code == (5 if problem else 0)
    assert f"{rows}{problem}" in result.stdout or not problem


def test_rows_in_json_lines_are_checked(run: Run, form: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        '{"text": "a", "_golden": true, "says_gold": ["no", "perhaps"]}\n{"text": null}\n',
        encoding="utf-8",
    )

    result = run("check", str(form), str(rows), "--json")

    (problem,) = json.loads(result.stdout)
    assert result.exit_code == 5
    assert problem["file"] == str(rows)
    assert "is empty in 1 row, first in row 2" in problem["message"]


def test_a_check_needs_no_account(run: Run, form: Path) -> None:
    assert run("check", str(form)).exit_code == 0
    assert run("check", "nowhere.cml").exit_code == 2
