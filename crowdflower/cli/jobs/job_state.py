"""``crowdflower pause``, ``resume`` and ``cancel``."""

from __future__ import annotations

import click

from crowdflower.cli.dry_run import DryRunClient
from crowdflower.cli.money.confirmation import confirm
from crowdflower.cli.options import (
    Command,
    dry_run_option,
    job_argument,
    with_client,
    yes_option,
)
from crowdflower.cli.output import say
from crowdflower.client import Client
from crowdflower.job import Job


@click.command(cls=Command)
@job_argument
@dry_run_option
@with_client
def pause(client: Client, job_id: int | str) -> None:
    """Stop handing out rows; judgments already open may still arrive."""
    job = client.get_job(job_id)
    job.pause()
    _say_state(job)


@click.command(cls=Command)
@job_argument
@dry_run_option
@with_client
def resume(client: Client, job_id: int | str) -> None:
    """Resume a paused job, or a finished one that has rows left."""
    job = client.get_job(job_id)
    job.resume()
    _say_state(job)


@click.command(cls=Command)
@job_argument
@yes_option
@dry_run_option
@with_client
def cancel(client: Client, job_id: int | str, yes: bool) -> None:
    """End a job for good. Ordered judgments that were not collected are refunded.

    A terminal asks first.
    """
    job = client.get_job(job_id)
    if not isinstance(client, DryRunClient):
        confirm(f"End job {job.id}, {job.title!r}, for good?", yes=yes, costs=False)
    job.cancel()
    _say_state(job)


def _say_state(job: Job) -> None:
    say(f"Job {job.id} is {job.state}.")
