"""``crowdflower results`` and ``watch``."""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

    from crowdflower.client import Client
    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the job has few test questions


def label(box: Sandbox, job: Job, count: int) -> Job:
    """Order so many units, and have five of them labelled."""
    job.launch(count)
    votes = [
        (unit.data["text"], worker, "yes") for unit in job.units[:10] for worker in ("ann", "bob")
    ]
    box.crowd.replay(votes, field="says", key="text")
    box.crowd.run(job)
    return job.reload()


@pytest.fixture
def answered(box: Sandbox, job: Job) -> Job:
    """The job with five finalized units, and five that are not."""
    return label(box, job, 10)


def in_csv(run: Run, *arguments: str) -> list[dict[str, str]]:
    """Return the rows that the command prints as CSV."""
    result = run("results", "reviews", "--csv", *arguments)
    assert result.exit_code == 0, result.stderr
    return [*csv.DictReader(io.StringIO(result.stdout))]


def test_results_in_csv_have_an_answer_and_its_confidence(run: Run, answered: Job) -> None:
    rows = in_csv(run, "--finalized")

    assert len(rows) == 5
    assert {row["says"] for row in rows} == {"yes"}
    assert {row["says_confidence"] for row in rows} == {"1.0"}
    assert [row["text"] for row in rows] == [f"row {number}" for number in range(5, 10)]
    assert [row["unit_id"] for row in rows] == [
        str(unit.id) for unit in answered.results() if unit.state == "finalized"
    ]


def test_results_in_json_have_types(run: Run, answered: Job) -> None:
    rows = json.loads(run("results", "reviews", "--json").stdout)

    finalized = [row for row in rows if row["state"] == "finalized"]
    assert len(rows) == 15
    assert len(finalized) == 5
    assert finalized[0]["says_confidence"] == 1.0
    assert datetime.fromisoformat(finalized[0]["finalized_at"]).tzinfo is not None


def test_people_see_the_answer_with_its_confidence(run: Run, answered: Job) -> None:
    result = run("results", "reviews", "--finalized")

    header, *lines = result.stdout.splitlines()
    assert header.split() == ["unit_id", "state", "says", "text"]
    assert lines[0].split(maxsplit=2)[2] == "yes (1.00)  row 5"
    assert "The latest result is of 20" in result.stderr


def test_each_result_is_in_one_of_two_runs(run: Run, box: Sandbox, answered: Job) -> None:
    message = run("results", "reviews", "--finalized").stderr
    latest = message.split()[-1].rstrip(".")

    assert in_csv(run, "--since", latest) == []
    assert len(in_csv(run, "--since", "2001-01-01")) == 5


@pytest.mark.parametrize("style", [[], ["--csv"], ["--json"], ["--judgments"]])
def test_no_time_is_named_if_the_limit_left_out_rows(
    run: Run, answered: Job, style: list[str]
) -> None:
    cut = run("results", "reviews", "--since", "2001-01-01", "--limit", "4", *style).stderr
    whole = run("results", "reviews", "--since", "2001-01-01", "--limit", "99", *style).stderr

    assert cut == "--limit left out rows, so there is no time for the next --since.\n"
    assert whole.startswith("The latest result is of 20")


def test_judgments_are_rows_too(run: Run, answered: Job) -> None:
    rows = in_csv(run, "--judgments")

    assert len(rows) == answered.judgments_count
    assert {"judgment_id", "worker_id", "says", "text"} <= rows[0].keys()
    assert run("results", "reviews", "--judgments").stdout.startswith("judgment_id")


@pytest.mark.parametrize("name", ["x.csv", "x.json", "x.jsonl", "x.parquet", "X.CSV"])
@pytest.mark.parametrize("option", [["--finalized"], ["--finalized", "--limit", "2"]])
def test_results_are_written_to_a_file(
    run: Run, answered: Job, tmp_path: Path, name: str, option: list[str]
) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name

    result = run("results", "reviews", "--output", str(path), *option)

    expected = 2 if "--limit" in option else 5
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    last = "--limit left out rows" if "--limit" in option else "The latest result is of 20"
    assert result.stderr.startswith(f"Wrote {expected} rows to {path}.\n{last}")
    assert [row["says"] for row in read(path)] == ["yes"] * expected


def read(path: Path) -> list[dict[str, object]]:
    """Return the rows of a file."""
    if path.suffix == ".parquet":
        from pyarrow import parquet  # noqa: PLC0415 - not installed everywhere

        rows: list[dict[str, object]] = parquet.read_table(path).to_pylist()
        return rows
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        found: list[dict[str, object]] = json.loads(text)
        return found
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return [*csv.DictReader(io.StringIO(text))]


def test_a_file_is_not_replaced_unless_it_is_said(run: Run, answered: Job, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("mine", encoding="utf-8")

    refused = run("results", "reviews", "-o", str(path))
    kept = path.read_text(encoding="utf-8")
    replaced = run("results", "reviews", "-o", str(path), "--overwrite")

    assert (refused.exit_code, kept) == (1, "mine")
    assert refused.stderr == f"Error: {path} exists; to replace it, add --overwrite\n"
    assert replaced.exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["-o", "labels.xls"],
        ["-o", "labels.csv", "--json"],
        ["--since", "2026-07-30T12:00:00"],
        ["--since", "soon"],
    ],
)
def test_options_that_cannot_be_used_are_refused(
    run: Run, box: Sandbox, arguments: list[str]
) -> None:
    assert run("results", "7", *arguments).exit_code == 2
    assert list(box.requests) == []


def test_cells_of_results_are_safe_for_a_spreadsheet(
    run: Run, client: Client, tmp_path: Path
) -> None:
    job = client.upload_job([{"text": "=1+1"}])
    path = tmp_path / "labels.csv"

    printed = run("results", str(job.id), "--csv", "--spreadsheet-safe")
    run("results", str(job.id), "--spreadsheet-safe", "-o", str(path))

    assert ",'=1+1" in printed.stdout
    assert ",'=1+1" in path.read_text(encoding="utf-8")


def test_a_missing_package_is_named_with_its_extra(
    run: Run, answered: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    result = run("results", "reviews", "-o", str(tmp_path / "labels.parquet"))

    assert result.exit_code == 2
    assert "pip install 'crowdflower-client[arrow]'" in result.stderr
    assert list(tmp_path.glob("*.parquet")) == []


def test_a_job_without_results_says_so(run: Run, client: Client) -> None:
    job = client.create_job({"title": "What does it say?"})
    job.upload([{"text": "a"}])

    assert run("results", str(job.id), "--finalized").stderr == (
        f"Job {job.id} has no such results.\n"
    )


def test_watching_a_finished_job_prints_its_counts(run: Run, box: Sandbox, job: Job) -> None:
    label(box, job, 5)

    for_people = run("watch", "reviews", "--timeout", "0s")
    in_json = json.loads(run("watch", "reviews", "--timeout", "0s", "--json").stdout)

    lines = dict(line.rsplit(maxsplit=1) for line in for_people.stdout.splitlines())
    assert for_people.exit_code == 0
    assert (lines["ordered"], lines["finalized"]) == ("5", "5")
    assert (in_json["ordered"], in_json["finalized"]) == (5, 5)


def test_what_was_paid_and_the_cost_with_the_fee_have_two_names(
    run: Run, box: Sandbox, job: Job
) -> None:
    label(box, job, 5)

    shown = run("job", "show", "reviews").stdout
    watched = run("watch", "reviews", "--timeout", "0s").stdout

    paid = cents(shown, "paid to contributors")
    assert paid > 0
    assert cents(watched, "cost with fee") == round(1.2 * paid)


def cents(printed: str, name: str) -> int:
    """Return the amount in a line that the command printed."""
    lines = dict(line.rsplit(maxsplit=1) for line in printed.splitlines())
    return round(100 * float(lines[name].removeprefix("$")))


def test_the_time_to_watch_is_limited(run: Run, answered: Job) -> None:
    result = run("watch", "reviews", "--timeout", "0s")

    assert result.exit_code == 6
    assert "5 of 10 units" in result.stderr
    assert run("watch", "reviews", "--timeout", "0s", "--until", "50%").exit_code == 0
    assert run("watch", "reviews", "--timeout", "0s", "--until", "5").exit_code == 0


def test_a_job_that_costs_too_much_is_paused(run: Run, answered: Job) -> None:
    result = run("watch", "reviews", "--max-cost", "0.10", "--timeout", "0s")

    assert result.exit_code == 7
    assert answered.reload().state == "paused"


def test_a_job_that_was_not_launched_cannot_be_watched(run: Run, job: Job) -> None:
    assert run("watch", "reviews", "--timeout", "0s").exit_code == 1


@pytest.mark.parametrize("option", [["--timeout", "soon"], ["--until", "120%"], ["--until", "0"]])
def test_what_cannot_be_waited_for_is_refused(run: Run, box: Sandbox, option: list[str]) -> None:
    assert run("watch", "7", *option).exit_code == 2
    assert list(box.requests) == []
