"""``crowdflower upload``: append the rows of a file to a job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click

from crowdflower.cli.dry_run import DryRunClient
from crowdflower.cli.exit_codes import CommandError, ExitCode
from crowdflower.cli.jobs.row_file import read_rows
from crowdflower.cli.money.confirmation import confirm
from crowdflower.cli.options import (
    Command,
    dry_run_option,
    job_argument,
    with_client,
    yes_option,
)
from crowdflower.cli.output import say, write
from crowdflower.cli.values import count, format_dollars
from crowdflower.client import Client
from crowdflower.job import Job
from crowdflower.rows.upload_keys import key_in

STANDARD_INPUT: Final = Path("-")


@click.command(cls=Command)
@job_argument
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
)
@click.option(
    "--key",
    metavar="COLUMN",
    help="The column that identifies a row: rows that the job has are not sent again.",
)
@click.option(
    "--type",
    "type_",
    metavar="TYPE",
    help="csv, json (an object a line), parquet or another extension; by default that of FILE.",
)
@click.option("--force", is_flag=True, help="Accept other columns than those of the first upload.")
@click.option(
    "--live", is_flag=True, help="With --key: upload although the job is launched or canceled."
)
@click.option(
    "--resume",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PLAN",
    help="With --key: keep the plan of the upload in this file rather than in the journal.",
)
@yes_option
@dry_run_option
@with_client
def upload(
    client: Client,
    job_id: int | str,
    file: Path,
    key: str | None,
    type_: str | None,
    force: bool,
    live: bool,
    resume: Path | None,
    yes: bool,
) -> None:
    """Append the rows of FILE to a job: CSV, JSON lines or Parquet; - is standard input.

    With --key, each row arrives exactly once: after a lost response or a kill, run the same command
    again. Without it, running the command again appends the rows again. If the job orders its rows
    automatically, this costs money, and a terminal asks first.
    """
    if key is None and (live or resume is not None):
        raise click.UsageError("--live and --resume need --key, the column that identifies a row")
    if file == STANDARD_INPUT and type_ is None:
        raise click.UsageError("standard input has no name to tell its format; add --type csv")
    job = client.get_job(job_id)
    if isinstance(client, DryRunClient) and key is not None:
        _preview(job, file, type_, key)
        return
    if job.auto_order and not isinstance(client, DryRunClient):
        _confirm_order(job, file, type_, yes=yes)
    source: Any = sys.stdin.buffer if file == STANDARD_INPUT else file
    if key is None:
        job.upload_file(source, type_, force, progress=True)
        say(f"Uploaded {file} to job {job.id}.")
        return
    done = job.upload_file(source, type_, force, key=key, live=live, resume=resume, progress=True)
    there = f"; it had {count(done.found, 'row')} of them before" if done.found else ""
    say(f"Job {job.id} has the {count(done.rows, 'row')} of {file}{there}.")


def _confirm_order(job: Job, file: Path, type_: str | None, *, yes: bool) -> None:
    """Ask before rows are uploaded to a job that orders them automatically."""
    rows = None if file == STANDARD_INPUT else sum(1 for _ in read_rows(file, type_))
    cost = "an unknown number of rows"
    if rows:
        estimate = job.estimate(rows)
        expected, limit = map(format_dollars, (estimate.expected_cents, estimate.at_most_cents))
        cost = f"{count(rows, 'row')}, about {expected}, {limit} at most"
    say(f"Job {job.id} orders its rows automatically: {cost}.")
    confirm(f"Upload to job {job.id}?", yes=yes)


def _preview(job: Job, file: Path, type_: str | None, key: str) -> None:
    """Say how many rows an upload with a key would send."""
    if file == STANDARD_INPUT:
        raise click.UsageError("a dry run with --key reads FILE, which cannot be standard input")
    keys = [key_in(row, key) for row in read_rows(file, type_)]
    missing = [number for number, found in enumerate(keys, 1) if not found]
    if missing:
        raise CommandError(f"row {missing[0]} of {file} has no {key!r}", ExitCode.USAGE)
    there = {found.strip() for found, _ in job.unit_ids(key)} if job.units_count else set()
    new = sum(found not in there for found in keys)
    write(f"PUT {job.client.transport.base_url}/jobs/{job.id}/upload.json\n")
    write(f"{count(new, 'row')} of {len(keys):,}; the job has the others\n")
    say("Dry run: this was not sent.")
