"""``crowdflower launch``: order units, which contributors then judge."""

from __future__ import annotations

from typing import Any, Final, Literal

import click

from crowdflower._types import JSONObject
from crowdflower.cli.dry_run import describe_payment
from crowdflower.cli.exit_codes import CommandError, ExitCode
from crowdflower.cli.money.confirmation import confirm, mention_pending
from crowdflower.cli.options import (
    Command,
    job_argument,
    output_options,
    payment_key_option,
    with_client,
    yes_option,
)
from crowdflower.cli.output import Column, Output, say, to_json, write
from crowdflower.cli.values import DOLLARS, count, format_dollars, format_time
from crowdflower.client import Client
from crowdflower.exceptions import warn
from crowdflower.order import Order
from crowdflower.payments.records import DryRun

COLUMNS: Final[list[Column[Order]]] = [
    Column("id", lambda order: order.id, title="order"),
    Column("job_id", lambda order: order.job_id, title="job"),
    Column("nuggeted_units_count", lambda order: order.nuggeted_units_count, title="units"),
    Column("amount_in_cents", lambda order: order.amount_in_cents, format_dollars, title="amount"),
    Column("created_at", lambda order: order.created_at, format_time, title="created"),
]


@click.command(cls=Command)
@job_argument
@click.argument("units_count", metavar="[COUNT]", type=click.IntRange(1), required=False)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="NAME",
    help="Where contributors come from; may be repeated. By default on_demand, or without COUNT"
    " those of the earlier launch.",
)
@payment_key_option
@click.option(
    "--on-duplicate",
    type=click.Choice(["raise", "return"]),
    default="raise",
    show_default=True,
    help="If an order with this --key was placed before: an error, or that order.",
)
@click.option(
    "--max-cost",
    type=DOLLARS,
    metavar="DOLLARS",
    help="Order nothing if it may cost more than this.",
)
@yes_option
@click.option(
    "--dry-run",
    "-n",
    is_flag=True,
    help="Print the request, the cost, the balance and the problems; order nothing.",
)
@output_options
@with_client
def launch(
    client: Client,
    output: Output,
    job_id: int | str,
    units_count: int | None,
    channels: tuple[str, ...],
    key: str | None,
    on_duplicate: Literal["raise", "return"],
    max_cost: int | None,
    yes: bool,
    dry_run: bool,
) -> None:
    """Order COUNT units of a job; by default all that are neither ordered nor test questions.

    The cost is shown first, and a terminal asks; without a terminal, --yes is needed, unless an
    earlier order is returned. The order is printed. If there is nothing to order, nothing is sent,
    and the exit code is 0.
    """
    if on_duplicate == "return" and key is None:
        raise click.UsageError("--on-duplicate return needs --key, your name for this payment")
    how: dict[str, Any] = {"key": key, "on_duplicate": on_duplicate, "max_cost_cents": max_cost}
    if channels:
        how["channels"] = channels
    job = client.get_job(job_id)
    preview = job.launch(units_count, dry_run=True, **how)
    if (
        (preview is None or preview.earlier is not None)
        and on_duplicate == "return"
        and not dry_run
    ):
        how["max_cost_cents"] = 0  # for the earlier order only
        order = job.launch(units_count, **how)
        if order is not None:
            output.print_object(order, COLUMNS, lambda order: order.json)
            return
    if preview is None:
        say(f"Job {job.id} has nothing to order: every unit is ordered, or a test question.")
        if output.style == "json":
            write("null\n")
        return
    if dry_run:
        _print_preview(output, preview)
        return
    _describe_cost(preview, job.id)
    if not yes:
        confirm(f"Launch job {job.id}?", yes=yes)
        how["max_cost_cents"] = _limit(preview, max_cost)
    with mention_pending():
        order = job.launch(units_count, **how)
    if order is None:
        raise CommandError(f"job {job.id} had nothing left to order", ExitCode.FAILED)
    output.print_object(order, COLUMNS, lambda order: order.json)


def _describe_cost(preview: DryRun, job_id: int) -> None:
    """Say what an order costs, and what is wrong with it."""
    if preview.estimate is not None:
        click.echo(str(preview.estimate), err=True)
    if preview.balance_cents is not None:
        say(f"The balance is {format_dollars(preview.balance_cents)}.")
    for problem in preview.problems or ():
        warn(problem)  # the launch may warn of it again, which is then not printed
    if preview.estimate is not None:
        units = count(preview.estimate.units_count, "unit")
        limit = preview.estimate.at_most_cents
        expected = format_dollars(preview.estimate.expected_cents)
        at_most = "without a limit" if limit is None else f"at most {format_dollars(limit)}"
        say(f"{units} of job {job_id}: about {expected}, {at_most}.")


def _limit(preview: DryRun, max_cost: int | None) -> int | None:
    """Return what the order may cost: not more than what the user has agreed to."""
    shown = preview.estimate.at_most_cents if preview.estimate is not None else None
    limits = [limit for limit in (shown, max_cost) if limit is not None]
    return min(limits) if limits else None


def _print_preview(output: Output, preview: DryRun) -> None:
    if output.style == "json":
        write(f"{to_json(_as_json(preview), indent=2)}\n")
    elif preview.earlier is not None:
        write(f"{preview}\n")
    else:
        write("\n".join(describe_payment(preview)) + "\n")
        if preview.estimate is not None:
            write(f"\n{preview.estimate}\n")
        if preview.balance_cents is not None:
            write(f"\nbalance: {format_dollars(preview.balance_cents)}\n")
        for problem in preview.problems or ["none found"]:
            write(f"problem: {problem}\n")
    say("Dry run: this was not sent.")


def _as_json(preview: DryRun) -> JSONObject:
    estimate = preview.estimate
    return {
        "method": preview.method,
        "url": preview.url,
        "body": preview.body,
        "units_count": estimate and estimate.units_count,
        "expected_cents": estimate and estimate.expected_cents,
        "at_most_cents": estimate and estimate.at_most_cents,
        "balance_cents": preview.balance_cents,
        "problems": preview.problems,
        "earlier_order": preview.earlier and preview.earlier.result,
    }
