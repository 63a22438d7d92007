"""``crowdflower estimate``: what an order of units will cost."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import click

from crowdflower._types import JSONObject
from crowdflower.cli.exit_codes import CommandError
from crowdflower.cli.options import Command, job_argument, output_options, with_client
from crowdflower.cli.output import Output, print_csv, say, to_json, write
from crowdflower.cli.values import format_dollars
from crowdflower.client import Client
from crowdflower.job import Job
from crowdflower.payments import pricing
from crowdflower.payments.estimate import Cost, Estimate


@click.command(cls=Command)
@job_argument
@click.argument("units_count", metavar="[COUNT]", type=click.IntRange(1), required=False)
@click.option(
    "--fee-percent",
    type=float,
    default=pricing.FEE_PERCENT,
    show_default=True,
    help="The service's fee on what contributors are paid.",
)
@click.option(
    "--replaced",
    type=float,
    metavar="SHARE",
    help="How many judgments are replaced at most, as a share. By default 0.8 with test questions.",
)
@click.option(
    "--quiz-pages",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="How many quiz pages are paid at most.",
)
@output_options
@with_client
def estimate(
    client: Client, output: Output, job_id: int | str, units_count: int | None, **assumed: Any
) -> None:
    """Estimate the cost of ordering COUNT units; by default all that are not ordered yet.

    In JSON and CSV, amounts are in US cents.
    """
    job = client.get_job(job_id)
    found = job.estimate(units_count or count_unordered(job), **assumed)
    balance = client.get_account().get("balance")
    if output.style == "json":
        write(f"{to_json(_as_json(found, balance), indent=2)}\n")
    elif output.style == "csv":
        print_csv(["part", "expected_cents", "at_most_cents"], _rows(found))
    else:
        click.echo(str(found))
        say(f"The balance is {format_dollars(balance)}.")


def count_unordered(job: Job) -> int:
    """Return how many units are neither ordered nor test questions.

    :raises CommandError: No units are left.
    """
    preview = job.launch(dry_run=True)
    if preview is None:
        raise CommandError(
            f"job {job.id} has nothing to order: every unit is ordered, or a test question;"
            " for the cost of more units, give their COUNT"
        )
    return int(dict(parse_qsl(preview.body))["debit[units_count]"])


def _as_json(found: Estimate, balance: Any) -> JSONObject:
    return {
        "units_count": found.units_count,
        "expected_cents": found.expected_cents,
        "at_most_cents": found.at_most_cents,
        "replaced": found.replaced,
        "fee_percent": found.fee_percent,
        "expected": _parts(found.expected),
        "at_most": None if found.at_most is None else _parts(found.at_most),
        "balance_cents": balance,
    }


def _parts(cost: Cost) -> dict[str, int]:
    return {f"{name.replace(' ', '_')}_cents": cents for name, cents in cost.parts}


def _rows(found: Estimate) -> list[list[Any]]:
    at_most = dict(found.at_most.parts) if found.at_most else {}
    return [
        *([name, cents, at_most.get(name)] for name, cents in found.expected.parts),
        ["total", found.expected_cents, found.at_most_cents],
    ]
