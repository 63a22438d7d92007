"""``crowdflower workers``: the contributors of a job."""

from __future__ import annotations

from typing import Any, Final

import click

from crowdflower._types import JSONObject
from crowdflower.cli.dry_run import DryRunClient
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
from crowdflower.client import Client

FIRST: Final = (
    "worker_id",
    "judgments_count",
    "missed_count",
    "golds_count",
    "trust_overall",
    "channel",
    "country",
    "flagged_at",
)
"""Columns of the report that people see; programs get all."""

worker_argument: Final = click.argument("worker_id", metavar="WORKER", type=click.IntRange(1))
"""Adds the argument WORKER: the id of a contributor."""


@click.group(cls=DefaultGroup, default="list", subcommand_metavar="JOB | COMMAND ...")
def workers() -> None:
    """List the contributors of a job, or flag, reject or notify one.

    `crowdflower workers JOB` lists them.
    """


@workers.command("list", cls=Command)
@job_argument
@output_options
@with_client
def list_workers(client: Client, output: Output, job_id: int | str) -> None:
    """List the contributors who have judged rows of a job, from the report workset."""
    job = client.get_job(job_id)
    is_table = output.style == "table"
    output.print_records(
        client.get_report(job, "workset"),
        _for_people if is_table else _same,
        _same,
        first=FIRST if is_table else (),
        empty=f"Job {job.id} has no contributors yet.",
    )


def _for_people(row: JSONObject) -> JSONObject:
    return {name: row[name] for name in FIRST if name in row}


def _same(row: JSONObject) -> JSONObject:
    return row


@workers.command(cls=Command)
@job_argument
@worker_argument
@click.argument("reason")
@click.option("--persist", is_flag=True, help="Flag in all jobs of the account.")
@dry_run_option
@with_client
def flag(client: Client, job_id: int | str, worker_id: int, reason: str, persist: bool) -> None:
    """Give a contributor no more rows of a job; existing judgments stay.

    REASON is stored with the flag.
    """
    client.get_job(job_id).get_worker(worker_id).flag(reason, persist)
    say(f"Flagged contributor {worker_id}.")


@workers.command(cls=Command)
@job_argument
@worker_argument
@click.argument("reason")
@dry_run_option
@with_client
def deflag(client: Client, job_id: int | str, worker_id: int, reason: str) -> None:
    """Remove a flag. REASON is stored with the removal."""
    client.get_job(job_id).get_worker(worker_id).deflag(reason)
    say(f"Contributor {worker_id} is not flagged any more.")


@workers.command(cls=Command)
@job_argument
@worker_argument
@click.argument("reason", required=False)
@yes_option
@dry_run_option
@with_client
def reject(
    client: Client, job_id: int | str, worker_id: int, reason: str | None, yes: bool
) -> None:
    """Discard all judgments of a contributor in a job, and collect them again.

    This cannot be undone. A terminal asks first.
    """
    job = client.get_job(job_id)
    if not isinstance(client, DryRunClient):
        confirm(f"Discard the judgments of contributor {worker_id}?", yes=yes, costs=False)
    arguments: Any = [] if reason is None else [reason]
    job.get_worker(worker_id).reject(*arguments)
    say(f"Rejected contributor {worker_id}.")


@workers.command(cls=Command)
@job_argument
@worker_argument
@click.argument("message")
@dry_run_option
@with_client
def notify(client: Client, job_id: int | str, worker_id: int, message: str) -> None:
    """Send a contributor a message."""
    client.get_job(job_id).get_worker(worker_id).notify(message)
    say(f"Sent the message to contributor {worker_id}.")
