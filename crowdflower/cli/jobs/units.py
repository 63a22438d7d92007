"""``crowdflower units``: the rows of a job."""

from __future__ import annotations

from itertools import islice
from typing import Final

import click

from crowdflower._types import JSONObject
from crowdflower.cli.options import Command, job_argument, output_options, with_client
from crowdflower.cli.output import Output
from crowdflower.client import Client
from crowdflower.unit import Unit

UNIT_ID: Final = "_unit_id"
"""The column of the id, named as in reports: a row may have a column ``id``."""

READ: Final = ("state", "judgments_count", "agreement")
"""Fields of a unit that only a request of its own shows."""


@click.command(cls=Command)
@job_argument
@click.argument("unit_ids", metavar="[UNIT]...", type=click.IntRange(1), nargs=-1)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many units.")
@output_options
@with_client
def units(
    client: Client, output: Output, job_id: int | str, unit_ids: tuple[int, ...], limit: int | None
) -> None:
    """List the rows of a job with the ids of their units, test questions included.

    With UNIT, an id, show only those units, with state and agreement, and in JSON with their
    results.
    """
    job = client.get_job(job_id)
    found = (job.get_unit(each) for each in unit_ids) if unit_ids else client.get_units(job)
    output.print_records(
        islice(found, limit),
        _with_state if unit_ids else _row,
        lambda unit: unit.json,
        first=[UNIT_ID, *(READ if unit_ids else ())],
        empty=f"Job {job.id} has no units.",
    )


def _row(unit: Unit) -> JSONObject:
    return {UNIT_ID: unit.id, **unit.data}


def _with_state(unit: Unit) -> JSONObject:
    return {UNIT_ID: unit.id, **{name: unit[name] for name in READ}, **unit.data}
