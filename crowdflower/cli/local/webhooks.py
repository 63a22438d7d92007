"""``crowdflower webhooks listen``: print the events of jobs as they come."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice

import click

from crowdflower._types import JSONObject, one_line
from crowdflower.cli.dry_run import DryRunClient
from crowdflower.cli.options import Command, dry_run_option, with_client
from crowdflower.cli.output import say, to_json, write
from crowdflower.cli.suggestions import SuggestingGroup
from crowdflower.cli.values import JOB
from crowdflower.client import Client
from crowdflower.job import Job
from crowdflower.webhook import Event, JobEvent, JudgmentEvent, UnitEvent


@click.group(cls=SuggestingGroup, subcommand_metavar="COMMAND ...")
def webhooks() -> None:
    """Receive the notifications of jobs."""


@webhooks.command(cls=Command)
@click.argument("job_ids", metavar="[JOB]...", type=JOB, nargs=-1)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="By default any free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--public-url",
    metavar="URL",
    help="Address by which the service reaches this machine: of a tunnel, or of a reverse proxy.",
)
@click.option("--path", metavar="PATH", help="Path of the address; by default random.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="End after so many events.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a line.")
@dry_run_option
@with_client
def listen(
    client: Client,
    job_ids: tuple[int | str, ...],
    port: int,
    host: str,
    public_url: str | None,
    path: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Print events as lines, until Ctrl-C or --limit.

    With JOB, the webhook_uri of these jobs leads to this command as long as it runs, and then to
    where it led before. Otherwise set it to the address that is printed.
    """
    jobs = [client.get_job(each) for each in job_ids]
    with (
        suppress(KeyboardInterrupt),
        client.webhook_server(port, host, public_url=public_url, path=path) as hooks,
        _redirect(jobs, hooks.url),
    ):
        if isinstance(client, DryRunClient):
            return
        say(f"Listening at {hooks.url}. Ctrl-C ends it.")
        for event in islice(hooks, limit):
            write(f"{to_json(_as_json(event)) if as_json else _line(event)}\n")
            sys.stdout.flush()


@contextmanager
def _redirect(jobs: list[Job], url: str) -> Iterator[None]:
    """Have the jobs notify an address for the block."""
    before: list[tuple[Job, str | None]] = []
    try:
        for job in jobs:
            uri = job.webhook_uri
            _set(job, url)
            before.append((job, uri))
        yield
    finally:
        for job, uri in before:
            _set(job, uri)


def _set(job: Job, url: str | None) -> None:
    job.webhook_uri = url
    job.update()


def _line(event: Event) -> str:
    subjects: list[str] = []
    if isinstance(event, JobEvent):
        subjects = [f"job {event.job.id} {event.job.state or ''}"]
    elif isinstance(event, UnitEvent):
        subjects = [f"unit {unit.id} {unit.state or ''}" for unit in event.units]
    elif isinstance(event, JudgmentEvent):
        subjects = [f"judgment {each.id} of unit {each.unit_id}" for each in event.judgments]
    return one_line(f"{event.signal}  {', '.join(subjects)}".rstrip())


def _as_json(event: Event) -> JSONObject:
    found: JSONObject = {"signal": event.signal}
    if isinstance(event, JobEvent):
        found["job"] = event.job.json
    elif isinstance(event, UnitEvent):
        found["units"] = [unit.json for unit in event.units]
    elif isinstance(event, JudgmentEvent):
        found["judgments"] = [each.json for each in event.judgments]
    return found
