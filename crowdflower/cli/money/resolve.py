"""``crowdflower resolve``: find or record the outcome of a pending payment."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import click

from crowdflower.cli.exit_codes import CommandError, ExitCode
from crowdflower.cli.options import Command, settings_options
from crowdflower.cli.output import say
from crowdflower.cli.settings import Settings
from crowdflower.cli.values import DURATION
from crowdflower.exceptions import ApiError
from crowdflower.payments.journal import Journal
from crowdflower.payments.records import Applied


@click.command(cls=Command)
@click.argument("operation")
@click.argument("outcome", required=False, type=click.Choice(["applied", "not_applied"]))
@click.option("--note", default="", help="How you found out.")
@click.option(
    "--wait",
    type=DURATION,
    default="2m",
    show_default=True,
    metavar="TIME",
    help="Without OUTCOME, how long to look for the payment.",
)
@settings_options
def resolve(
    operation: str, outcome: Literal["applied", "not_applied"] | None, note: str, wait: timedelta
) -> None:
    """Find out whether a payment of `crowdflower pending` was made, or record that you know.

    OPERATION is its id. Without OUTCOME, the command looks for the payment in the account; it
    pays nothing. With OUTCOME, it records what you found. After not_applied its key can be used
    again to make the payment.
    """
    settings = click.get_current_context().ensure_object(Settings)
    path = settings.journal_path
    if not path.exists():
        raise CommandError(f"there is no journal at {path}; choose its file with --journal")
    if outcome is None:
        _look(settings, operation, wait)
        return
    try:
        Journal(path).resolve(operation, outcome, note)
    except ApiError as error:
        raise CommandError(str(error)) from None
    click.echo(f"Recorded: {operation} is {outcome}.")


def _look(settings: Settings, operation: str, wait: timedelta) -> None:
    """Look for the payment in the account.

    :raises CommandError: The account does not decide it.
    """
    with settings.client() as client:
        finding = client.operations.reconcile(operation, wait.total_seconds())
    if isinstance(finding, Applied):
        click.echo(f"{operation} is applied: it was paid.")
        say(f"{finding.evidence}.")
        return
    raise CommandError(
        f"{operation} is still open: {finding.evidence}. When you know more, record it with"
        f" `crowdflower resolve {operation} applied` or `not_applied`",
        ExitCode.UNKNOWN,
    )
