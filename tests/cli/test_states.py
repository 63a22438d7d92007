"""A job from its estimate to its reports, states, contributors and bonuses."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from crowdflower.payments.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

    from crowdflower.client import Client
    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the job has few test questions


@pytest.fixture
def running(box: Sandbox, job: Job) -> Job:
    """The job with judgments of three contributors, and units left."""
    job.launch(10)
    box.crowd.add(3)
    box.crowd.run(job, pages=4)
    return job.reload()


def test_the_cost_of_all_units_that_are_left_is_estimated(run: Run, job: Job) -> None:
    result = run("estimate", "reviews")

    assert result.stdout == f"{job.estimate(10)}\n"
    assert result.stderr == "The balance is $1,000.00.\n"


def test_an_estimate_for_programs_is_in_cents(run: Run, job: Job) -> None:
    in_json = json.loads(run("estimate", "reviews", "4", "--json").stdout)
    in_csv = [*csv.DictReader(io.StringIO(run("estimate", "reviews", "4", "--csv").stdout))]

    estimate = job.estimate(4)
    assert in_json["expected_cents"] == estimate.expected_cents
    assert in_json["balance_cents"] == 100_000
    assert in_csv[-1]["part"] == "total"
    assert in_csv[-1]["at_most_cents"] == str(estimate.at_most_cents)


def test_nothing_left_to_order_is_an_error(run: Run, running: Job) -> None:
    result = run("estimate", "reviews")

    assert result.exit_code == 1
    assert "has nothing to order: every unit is ordered, or a test question" in result.stderr


def test_a_job_is_paused_resumed_and_canceled(run: Run, running: Job) -> None:
    messages = [run(verb, "reviews").stderr for verb in ("pause", "resume", "cancel")]

    assert messages == [
        f"Job {running.id} is {state}.\n" for state in ("paused", "running", "canceled")
    ]


def test_a_job_that_was_not_launched_cannot_be_paused(run: Run, job: Job) -> None:
    result = run("pause", "reviews")

    assert result.exit_code == 1
    assert "You can't pause a job that hasn't been launched." in result.stderr


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_states_have_a_dry_run(run: Run, box: Sandbox, running: Job, verb: str) -> None:
    result = run(verb, "reviews", "-n")

    assert result.stdout == f"GET {box.url}/jobs/{running.id}/{verb}.json\n"
    assert running.reload().state == "running"


def test_a_report_is_printed_as_it_comes(
    run: Run, client: Client, running: Job, tmp_path: Path
) -> None:
    full = run("report", "reviews")
    units = run("report", "reviews", "json")
    file = client.download_report(running, "full", tmp_path / "full.csv")

    assert full.stdout == file.read_text(encoding="utf-8")
    assert [json.loads(line)["id"] for line in units.stdout.splitlines()]


def test_a_report_in_json_is_one_document(run: Run, client: Client, running: Job) -> None:
    aggregated = json.loads(run("report", "reviews", "aggregated", "--json").stdout)
    units = json.loads(run("report", "reviews", "json", "--json").stdout)

    assert aggregated == client.get_report(running, "aggregated")
    assert [each["id"] for each in units] == [unit.id for unit in running.results()]


def test_a_report_is_written_to_a_file_that_is_not_replaced(
    run: Run, running: Job, tmp_path: Path
) -> None:
    file = tmp_path / "full.csv"

    first = run("report", "reviews", "full", "--output", str(file))
    content = file.read_text(encoding="utf-8")
    second = run("report", "reviews", "full", "-o", str(file))
    third = run("report", "reviews", "full", "-o", str(file), "--overwrite")

    assert (first.exit_code, first.stderr) == (0, f"Wrote {file}.\n")
    assert content.startswith("_unit_id,")
    assert (second.exit_code, second.stdout) == (1, "")
    assert second.stderr == f"Error: {file} exists; to replace it, add --overwrite\n"
    assert third.exit_code == 0


def test_a_report_is_safe_for_a_spreadsheet(run: Run, client: Client) -> None:
    job = client.upload_job([{"text": "=1+1"}])

    result = run("report", str(job.id), "source", "--spreadsheet-safe")

    assert ",'=1+1" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["json", "--csv"],
        ["json", "--spreadsheet-safe"],
        ["full", "--csv", "--json"],
        ["full", "--json", "-o", "x.csv"],
        ["ful"],
    ],
)
def test_options_of_a_report_that_do_not_fit_are_refused(
    run: Run, box: Sandbox, arguments: list[str]
) -> None:
    assert run("report", "7", *arguments).exit_code == 2
    assert list(box.requests) == []


def test_contributors_are_listed(run: Run, client: Client, running: Job) -> None:
    table = run("workers", "reviews").stdout.splitlines()
    in_json = json.loads(run("workers", "reviews", "--json").stdout)
    in_csv = [*csv.DictReader(io.StringIO(run("workers", "reviews", "--csv").stdout))]

    assert table[0].split()[:2] == ["worker_id", "judgments_count"]
    assert in_json == in_csv == client.get_report(running, "workset")
    assert [line.split()[0] for line in table[1:]] == [row["worker_id"] for row in in_json]


def test_contributors_are_flagged_and_rejected(run: Run, client: Client, running: Job) -> None:
    worker = client.get_report(running, "workset")[0]["worker_id"]

    results = [
        run("workers", "notify", "reviews", worker, "Please read the instructions again."),
        run("workers", "flag", "reviews", worker, "Too fast"),
        run("workers", "deflag", "reviews", worker, "A mistake"),
        run("workers", "reject", "reviews", worker, "A program"),
    ]

    assert [each.exit_code for each in results] == [0] * 4, [each.stderr for each in results]
    assert client.get_report(running, "workset")[0]["rejected_at"]


def test_a_bonus_without_a_terminal_needs_yes(run: Run, running: Job, client: Client) -> None:
    worker = client.get_report(running, "workset")[0]["worker_id"]
    balance = client.get_account()["balance"]
    words = ["bonus", "reviews", worker, "0.50", "--reason", "Careful work, thank you"]

    refused = run(*words)

    assert refused.exit_code == 7
    assert "A bonus of $0.50 to contributor" in refused.stderr
    assert "it costs at most $0.60" in refused.stderr
    assert refused.stderr.endswith(
        f"If you mean it: crowdflower bonus reviews {worker} 0.50 --reason"
        " 'Careful work, thank you' --yes\n"
    )
    assert client.get_account()["balance"] == balance


def test_a_bonus_is_paid_once_for_a_key(
    run: Run, running: Job, client: Client, tmp_path: Path
) -> None:
    worker = client.get_report(running, "workset")[0]["worker_id"]
    words = ["bonus", "reviews", worker, "0.50", "--key", "spring: 1", "--yes"]

    first = run(*words)
    balance = client.get_account()["balance"]
    second = run(*words)

    journal = Journal(tmp_path / "state" / "crowdflower" / "journal.db")
    assert (first.exit_code, second.exit_code) == (0, 1), first.stderr + second.stderr
    assert first.stderr.endswith(f"Paid $0.50 to contributor {worker}.\n")
    assert "was started before: it was paid" in second.stderr
    assert client.get_account()["balance"] == balance
    assert journal.pending() == []


def test_a_dry_run_of_a_bonus_prints_the_request(run: Run, box: Sandbox, running: Job) -> None:
    result = run("bonus", "reviews", "5", "1.50", "--dry-run")

    assert result.stdout == f"POST {box.url}/jobs/{running.id}/workers/5/bonus.json\namount=150\n"
    assert result.stderr.startswith("Dry run: this was not sent: a bonus of $1.50")


@pytest.mark.parametrize("amount", ["0", "0.001", "much", "20.01", "-1"])
def test_amounts_out_of_range_are_refused(run: Run, box: Sandbox, amount: str) -> None:
    result = run("bonus", "--yes", "--", "reviews", "5", amount)

    assert result.exit_code == 2
    assert list(box.requests) == []
