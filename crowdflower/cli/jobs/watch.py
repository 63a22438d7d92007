"""``crowdflower watch``: wait until a job is finished."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Final, Literal

import click

from crowdflower.cli.options import Command, job_argument, output_options, with_client
from crowdflower.cli.output import Column, Output
from crowdflower.cli.values import DOLLARS, DURATION, ValueType, format_dollars
from crowdflower.client import Client
from crowdflower.models.waiting.counts import Counts

FINISHED: Final = "finished"

Until = Literal["finished"] | float


class UntilType(ValueType):
    """What is waited for: ``finished``, a number of units, or a percentage of those ordered.

    >>> UntilType().convert("50%", None, None), UntilType().convert("200", None, None)
    (0.5, 200)
    """

    name = "until"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Until:
        """Return what :meth:`Job.wait <crowdflower.job.Job.wait>` takes."""
        if value == FINISHED:
            return FINISHED
        is_share = value.endswith("%")
        try:
            number = float(value.removesuffix("%")) / 100 if is_share else int(value)
        except ValueError:
            number = 0
        if number <= 0 or (is_share and number > 1):
            self.fail(f"{value!r} is not finished, a number of units or a percentage", param, ctx)
        return number


COLUMNS: Final[list[Column[Counts]]] = [
    Column("state", lambda counts: counts.state),
    Column("ordered", lambda counts: counts.ordered),
    Column("finalized", lambda counts: counts.finalized),
    Column("not_ordered", lambda counts: counts.not_ordered, title="not ordered"),
    Column("judgments", lambda counts: counts.judgments),
    Column("needed_judgments", lambda counts: counts.needed_judgments, title="needed judgments"),
    Column("cost_cents", lambda counts: counts.cost_cents, format_dollars, title="cost with fee"),
    Column("seconds", lambda counts: counts.seconds, in_table=False),
]


@click.command(cls=Command)
@job_argument
@click.option(
    "--until",
    type=UntilType(),
    default=FINISHED,
    show_default=True,
    metavar="WHAT",
    help="finished, or so many finalized units, such as 200, or 50% of those ordered.",
)
@click.option(
    "--timeout", type=DURATION, metavar="TIME", help="Give up after this time, such as 6h."
)
@click.option(
    "--stall-after",
    type=DURATION,
    metavar="TIME",
    help="Give up after this time without a judgment.",
)
@click.option(
    "--max-cost",
    type=DOLLARS,
    metavar="DOLLARS",
    help="Pause the job, and give up, once it has cost more than this.",
)
@click.option("--poll", type=DURATION, metavar="TIME", help="Time between two looks.")
@output_options
@with_client
def watch(
    client: Client,
    output: Output,
    job_id: int | str,
    until: Until,
    timeout: timedelta | None,
    stall_after: timedelta | None,
    max_cost: int | None,
    poll: timedelta | None,
) -> None:
    """Wait until a job is finished, and print its counts.

    A bar shows the progress in a terminal; warnings say why nothing moves. If the time is up, the
    exit code is 6, and the job goes on.
    """
    counts = client.get_job(job_id).wait(
        until,
        timeout=timeout,
        progress=True,
        stall_after=stall_after,
        max_cost_cents=max_cost,
        poll=poll,
    )
    output.print_object(counts, COLUMNS, asdict)
