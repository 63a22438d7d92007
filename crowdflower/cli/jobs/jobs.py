"""``crowdflower jobs``: list the jobs of the account."""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from crowdflower.cli.options import Command, output_options, with_client
from crowdflower.cli.output import Column, Output
from crowdflower.cli.values import DAY, ValueType, format_time
from crowdflower.client import Client
from crowdflower.job import Job
from crowdflower.states import JOB_STATES


class StateType(ValueType):
    """A state of a job. The service may have further ones; a misspelled one is refused."""

    name = "state"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the state in lower case."""
        state = value.lower()
        near = get_close_matches(state, JOB_STATES, n=1, cutoff=0.75)
        if near and state not in JOB_STATES:
            self.fail(f"{value!r} is not a state; did you mean {near[0]!r}?", param, ctx)
        return state

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Complete the states that are known."""
        return [CompletionItem(each) for each in JOB_STATES if each.startswith(incomplete)]


def _day(text: object) -> str:
    return format_time(text)[:10]


JOB_COLUMNS: Final[list[Column[Job]]] = [
    Column("id", lambda job: job.id, right=True),
    Column("state", lambda job: job.state),
    Column("units_count", lambda job: job.units_count, title="units", right=True),
    Column("judgments_count", lambda job: job.judgments_count, title="judgments", right=True),
    Column("created_at", lambda job: job.created_at, _day, title="created"),
    Column("alias", lambda job: job.alias, in_table=False),
    Column("golds_count", lambda job: job.golds_count, in_table=False),
    Column("title", lambda job: job.title, flexible=True),
]


@click.command(cls=Command)
@click.option(
    "--state", type=StateType(), help=f"Only jobs in this state: {', '.join(JOB_STATES)}."
)
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TAG",
    help="Only jobs with one of these tags; may be repeated.",
)
@click.option("--since", type=DAY, metavar="DAY", help="Only jobs created on this day or later.")
@click.option("--until", type=DAY, metavar="DAY", help="Only jobs created on this day or earlier.")
@click.option("--team", metavar="ID", help="Only jobs of this team of the account.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many jobs.")
@output_options
@with_client
def jobs(
    client: Client,
    output: Output,
    state: Any,
    tags: tuple[str, ...],
    since: date | None,
    until: date | None,
    team: str | None,
    limit: int | None,
) -> None:
    """List the jobs of the account, newest first."""
    found = client.get_jobs(
        state=state, tags=tags, created_since=since, created_until=until, team_id=team
    )
    output.print_list(
        islice(found, limit), JOB_COLUMNS, lambda job: job.json, empty="No such jobs."
    )
