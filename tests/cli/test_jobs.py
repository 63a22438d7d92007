"""``crowdflower jobs`` and ``crowdflower job``."""

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

WRITES = {"POST", "PUT", "DELETE"}


def writes(box: Sandbox) -> list[str]:
    """Return the requests that changed something, but not those that the fixtures sent."""
    return [f"{each.verb} {each.path}" for each in box.requests if each.verb in WRITES]


def test_jobs_are_listed_newest_first(run: Run, client: Client) -> None:
    first = client.create_job({"title": "The first job"})
    second = client.create_job({"title": "The second job"})

    result = run("jobs")

    header, *lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert header.split() == ["id", "state", "units", "judgments", "created", "title"]
    assert [line.split()[0] for line in lines] == [str(second.id), str(first.id)]
    assert lines[1].endswith("  The First Job") or lines[1].endswith("  The first job")


def test_without_jobs_the_output_is_empty_and_a_message_says_so(run: Run, box: Sandbox) -> None:
    assert (run("jobs").stdout, run("jobs").stderr) == ("", "No such jobs.\n")
    assert json.loads(run("jobs", "--json").stdout) == []
    assert run("jobs", "--csv").stdout.startswith("id,state,units_count,")


def test_jobs_in_json_are_those_of_the_api(run: Run, job: Job) -> None:
    result = run("jobs", "--json")

    assert json.loads(result.stdout) == [job.json]


def test_jobs_in_csv_have_the_names_of_the_api(run: Run, job: Job) -> None:
    (row,) = csv.DictReader(io.StringIO(run("jobs", "--csv").stdout))

    assert row["id"] == str(job.id)
    assert row["units_count"] == "15"
    assert row["alias"] == "reviews"


def test_json_and_csv_exclude_each_other(run: Run, box: Sandbox) -> None:
    result = run("jobs", "--json", "--csv")

    assert result.exit_code == 2
    assert "--json and --csv exclude each other" in result.stderr


@pytest.mark.filterwarnings("ignore::UserWarning")  # few test questions
def test_jobs_are_filtered(run: Run, client: Client, job: Job) -> None:
    other = client.create_job({"title": "Another job"})
    job.tags = ["spring"]
    job.launch(10)

    def ids(*filters: str) -> list[int]:
        return [each["id"] for each in json.loads(run("jobs", *filters, "--json").stdout)]

    assert ids("--state", "running") == [job.id]
    assert ids("--tag", "spring") == [job.id]
    assert ids("--until", "2100-01-01") == [other.id, job.id]
    assert ids("--since", "2100-01-01") == []
    assert ids("--limit", "1") == [other.id]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--state", "runing"], "'runing' is not a state; did you mean 'running'?"),
        (["--since", "soon"], "'soon' is not a day such as 2026-07-30"),
        (["--limit", "0"], "0 is not in the range"),
    ],
)
def test_invalid_filters_are_refused(
    run: Run, box: Sandbox, arguments: list[str], complaint: str
) -> None:
    result = run("jobs", *arguments)

    assert result.exit_code == 2
    assert complaint in result.stderr


@pytest.mark.parametrize("words", [["job", "show"], ["job"]])
def test_a_job_is_shown_by_id_and_by_alias(run: Run, job: Job, words: list[str]) -> None:
    by_id, by_alias = run(*words, str(job.id)), run(*words, "reviews")

    lines = dict(line.split("  ", 1) for line in by_id.stdout.splitlines())
    assert by_id.exit_code == 0
    assert by_id.stdout == by_alias.stdout
    assert lines["test questions"].strip() == "5"
    assert lines["pay per page"].strip() == "$0.10"


def test_a_job_in_json_is_that_of_the_api(run: Run, job: Job) -> None:
    assert json.loads(run("job", "show", "reviews", "--json").stdout) == job.json


def test_one_field_of_a_job_is_printed_as_it_is(run: Run, job: Job) -> None:
    assert run("job", "show", "reviews", "cml").stdout == f"{job.cml}\n"


def test_some_fields_of_a_job_are_shown(run: Run, job: Job) -> None:
    result = run("job", "show", "reviews", "state", "units_count", "tags", "--json")

    assert json.loads(result.stdout) == {"state": "unordered", "units_count": 15, "tags": []}


def test_a_misspelled_field_is_refused_without_a_request(run: Run, box: Sandbox) -> None:
    result = run("job", "show", "7", "titel")

    assert result.exit_code == 2
    assert result.stderr == "Error: a job has no field 'titel'; did you mean 'title'?\n"
    assert list(box.requests) == []


def test_a_job_that_does_not_exist_has_an_exit_code(run: Run, box: Sandbox) -> None:
    result = run("job", "show", "7")

    assert result.exit_code == 4
    assert result.stderr.startswith("Error: GET /jobs/7.json: 404 ")
    assert result.stderr.count("\n") == 1


def test_a_job_is_created_and_its_id_printed(run: Run, client: Client, tmp_path: Path) -> None:
    form = tmp_path / "form.cml"
    form.write_text("<cml:text label='Wer?'/> ä\n", encoding="utf-8")

    result = run(
        "job",
        "create",
        "--title=What does it say?",
        f"--cml={form}",
        "instructions=Read it.",
        "payment_cents=12",
        "options.front_load=true",
        "included_countries=FI,US",
        "max_judgments_per_worker=none",
        "tags=spring,reviews",
        "channels=cf_internal",
    )

    assert result.exit_code == 0, result.stderr
    job = client.get_job(int(result.stdout))
    assert job.cml == "<cml:text label='Wer?'/> ä\n"
    assert job.payment_cents == 12
    assert job.options["front_load"] is True
    assert [country["code"] for country in job.included_countries] == ["FI", "US"]
    assert sorted(job.tags) == ["reviews", "spring"]
    assert job.channels == ["cf_internal"]


def test_a_created_job_in_json(run: Run, client: Client) -> None:
    result = run("job", "create", "title=What does it say?", "--json")

    made = json.loads(result.stdout)
    assert client.get_job(made["id"]).title == made["title"]


@pytest.mark.parametrize(
    ("assignment", "complaint"),
    [
        ("paymnt_cents=12", "a job has no attribute 'paymnt_cents'; did you mean 'payment_cents'?"),
        ("units_count=12", "units_count cannot be set: it is read-only"),
        ("payment_cents=0.12", "payment_cents must be a whole number, not '0.12'"),
        ("auto_order=maybe", "auto_order must be true or false, not 'maybe'"),
        ("min_unit_confidence=high", "min_unit_confidence must be a number, not 'high'"),
        ("options=[1]", "options must be a JSON object such as {\"a\": 1}, not '[1]'"),
        ("title", "'title' is not an attribute: write NAME=VALUE"),
        ("cml=@nowhere.cml", "cml cannot be read from nowhere.cml: No such file or directory"),
    ],
)
@pytest.mark.parametrize("words", [["create"], ["update", "7"]])
def test_invalid_attributes_are_refused_without_a_request(
    run: Run, box: Sandbox, words: list[str], assignment: str, complaint: str
) -> None:
    result = run("job", *words, assignment)

    assert result.exit_code == 2
    assert result.stderr == f"Error: {complaint}\n"
    assert list(box.requests) == []


def test_an_attribute_given_twice_is_refused(run: Run, box: Sandbox) -> None:
    result = run("job", "create", "title=One title", "--title", "Another")

    assert result.exit_code == 2
    assert "title is given twice" in result.stderr


def test_a_job_is_updated_and_the_change_shown(run: Run, client: Client, job: Job) -> None:
    result = run(
        "job", "update", "reviews", "payment-cents=12", "options.reject_at=80", "tags=spring"
    )

    changed = client.get_job(job.id)
    assert result.exit_code == 0, result.stderr
    assert (changed.payment_cents, changed.options["reject_at"]) == (12, 80)
    assert changed.options["mail_to"] == job.options["mail_to"]
    assert "payment_cents: 10 -> 12\n" in result.stderr
    assert "tags: spring\n" in result.stderr
    assert result.stdout == ""


def test_an_incomplete_job_is_not_updated(run: Run, client: Client) -> None:
    draft = client.create_job({"title": "What does it say?"})

    result = run("job", "update", str(draft.id), "payment_cents=12")

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: set instructions and cml first")


def test_a_refused_update_has_an_exit_code(run: Run, job: Job) -> None:
    result = run("job", "update", "reviews", "included_countries=QQ")

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "request_line"),
    [
        (["create", "title=What does it say?"], "POST {}/jobs.json"),
        (["update", "reviews", "payment_cents=12"], "PUT {}/jobs/{id}.json"),
        (["update", "reviews", "tags=a"], "PUT {}/jobs/{id}/tags"),
        (["copy", "reviews", "--all-units"], "GET {}/jobs/{id}/copy.json?all_units=true"),
        (["delete", "reviews"], "DELETE {}/jobs/{id}.json"),
    ],
)
def test_a_dry_run_prints_the_request_and_does_not_send_it(
    run: Run, box: Sandbox, job: Job, words: list[str], request_line: str
) -> None:
    box.forget_requests()

    result = run("job", *words, "--dry-run")

    assert result.exit_code == 0, result.stderr
    expected = request_line.replace("{}", box.url).replace("{id}", str(job.id))
    assert result.stdout.splitlines()[0] == expected
    assert result.stderr == "Dry run: this was not sent.\n"
    assert {each.path for each in box.requests} <= {"/v1/jobs/reviews.json"}


def test_a_job_is_copied(run: Run, client: Client, job: Job) -> None:
    result = run("job", "copy", "reviews", "--all-units")

    copied = client.get_job(int(result.stdout))
    assert copied.copied_from == job.id
    assert copied.units_count == 15


def test_a_job_is_deleted(run: Run, client: Client, job: Job) -> None:
    result = run("job", "delete", "reviews")

    assert (result.exit_code, result.stderr) == (0, f"Deleted job {job.id}.\n")
    assert list(client.get_jobs()) == []


def test_a_misspelled_command_of_a_job_is_refused(run: Run, box: Sandbox) -> None:
    result = run("job", "updat", "7", "payment_cents=12")

    assert result.exit_code == 2
    assert "No such command 'updat'; did you mean 'update'?" in result.stderr
