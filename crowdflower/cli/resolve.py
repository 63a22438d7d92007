"""``crowdflower resolve``: what a person found out about an open payment."""

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
@click.option("--note", default="", help="How you know.")
@journal_option
def resolve(
    operation: str, outcome: Literal["applied", "not_applied"], note: str, path: Path
) -> None:
    """Write down whether a payment that `crowdflower pending` lists was made.

    OPERATION is its id. After not_applied its key is free, and the payment may be made again.
    """
    if not path.exists():
        raise click.ClickException(f"there is no journal at {path}")
    try:
        Journal(path).resolve(operation, outcome, note)
    except ApiError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{operation} is {outcome}.")
