"""``crowdflower resolve``: record the outcome of a pending payment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from crowdflower.cli.pending import journal_option
from crowdflower.exceptions import ApiError
from crowdflower.payments.journal import Journal


@click.command()
@click.argument("operation")
@click.argument("outcome", type=click.Choice(["applied", "not_applied"]))
@click.option("--note", default="", help="How you found out.")
@journal_option
def resolve(
    operation: str, outcome: Literal["applied", "not_applied"], note: str, path: Path
) -> None:
    """Record whether a payment listed by `crowdflower pending` was made.

    OPERATION is its id. After not_applied its key can be used again to make the payment.
    """
    if not path.exists():
        raise click.ClickException(f"there is no journal at {path}; choose its file with --journal")
    try:
        Journal(path).resolve(operation, outcome, note)
    except ApiError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Recorded: {operation} is {outcome}.")
