"""``crowdflower gold``: the test questions of a job."""

from __future__ import annotations

import click

from crowdflower._types import JSONObject
from crowdflower.cli.dry_run import DryRunClient
from crowdflower.cli.jobs.units import UNIT_ID
from crowdflower.cli.money.confirmation import confirm
from crowdflower.cli.options import (
    Command,
    dry_run_option,
    job_argument,
    output_options,
    with_client,
    yes_option,
)
from crowdflower.cli.output import Output, say
from crowdflower.cli.suggestions import DefaultGroup
from crowdflower.cli.values import count
from crowdflower.client import Client
from crowdflower.job import Job

COUNTS = ("state", "judgments_count", "missed_count")
"""Fields of a test question that are shown; the service may send others."""


@click.group(cls=DefaultGroup, default="list", subcommand_metavar="JOB | COMMAND ...")
def gold() -> None:
    """List the test questions of a job, or turn rows into test questions.

    Test questions have known answers; the job tells by them whom to trust. `crowdflower gold JOB`
    lists them.
    """


@gold.command("list", cls=Command)
@job_argument
@output_options
@with_client
def list_questions(client: Client, output: Output, job_id: int | str) -> None:
    """List the test questions of a job, with their answers, and how many missed them."""
    job = client.get_job(job_id)
    output.print_records(
        job.get_test_questions(),
        _record,
        lambda question: question,
        first=[UNIT_ID, *COUNTS],
        empty=f"Job {job.id} has no test questions.",
    )


def _record(question: JSONObject) -> JSONObject:
    """Return the cells of a test question; how the service sends it is not documented."""
    data = question.get("data")
    if not isinstance(data, dict):
        return question
    counts = {name: question.get(name) for name in COUNTS}
    return {UNIT_ID: question.get("id"), **counts, **data}


@gold.command(cls=Command)
@job_argument
@dry_run_option
@with_client
def convert(client: Client, job_id: int | str) -> None:
    """Turn the rows whose column _golden is true into test questions.

    The service does it in the background.
    """
    job = client.get_job(job_id)
    job.convert_test_questions()
    _say_how_many(job)


@gold.command(cls=Command)
@job_argument
@click.argument("field")
@click.option(
    "--with",
    "column",
    metavar="COLUMN",
    help="The column with the right answers; by default FIELD_gold.",
)
@dry_run_option
@with_client
def mark(client: Client, job_id: int | str, field: str, column: str | None) -> None:
    """Turn the rows with a known answer to FIELD, a question of the form, into test questions."""
    job = client.get_job(job_id)
    job.mark_test_questions(field, column)
    _say_how_many(job)


@gold.command(cls=Command)
@job_argument
@yes_option
@dry_run_option
@with_client
def reset(client: Client, job_id: int | str, yes: bool) -> None:
    """Turn all test questions back into ordinary rows. A terminal asks first."""
    job = client.get_job(job_id)
    if not isinstance(client, DryRunClient):
        questions = count(job.golds_count or 0, "test question")
        confirm(f"Turn {questions} of job {job.id} into rows?", yes=yes, costs=False)
    job.reset_test_questions()
    _say_how_many(job)


@gold.command("fire-webhooks", cls=Command)
@job_argument
@dry_run_option
@with_client
def fire_webhooks(client: Client, job_id: int | str) -> None:
    """Have the service send a unit_complete webhook for every test question."""
    job = client.get_job(job_id)
    job.fire_test_question_webhooks()
    say(f"Job {job.id}: the service sends a webhook for every test question.")


def _say_how_many(job: Job) -> None:
    say(f"Job {job.id} has {count(job.reload().golds_count or 0, 'test question')} now.")
