"""``crowdflower pending``: the payments that a lost answer or a crash left open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from crowdflower.exceptions import ApiError
from crowdflower.payments.journal import Journal
from crowdflower.payments.records import Operation


def state_file() -> Path:
    """Return where the command keeps its journal: in the user's folder for such things."""
    folder = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(folder) / "crowdflower" / "journal.db"


def journal_option(command: Any) -> Any:
    """Give a subcommand the option ``--journal``."""
    return click.option(
        "--journal",
        "path",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="CROWDFLOWER_JOURNAL",
        default=state_file,
        show_default="the user's state folder",
        help="The file in which payments are written down; CROWDFLOWER_JOURNAL names it too.",
    )(command)


@click.command()
@journal_option
def pending(path: Path) -> None:
    """List the payments that may or may not have been made.

    A program that was killed, or that got no answer, leaves them behind. Look into the account,
    then write down what you found with `crowdflower resolve`.
    """
    try:
        found = Journal(path).pending()
    except ApiError as error:
        raise click.ClickException(str(error)) from None
    for operation in found:
        click.echo(_line(operation))
    if not found:
        click.echo(f"No payment is open in {path}.", err=True)


def _line(operation: Operation) -> str:
    when = operation.sent_at or operation.prepared_at
    return "  ".join(
        [
            operation.op_id,
            f"{operation.state:8}",
            f"{when:%Y-%m-%d %H:%M:%S}Z" if when else "",
            f"{operation.name} /{operation.path}",
            operation.body,
            *([f"key {operation.key}"] if operation.key else []),
            *([f"at most {operation.cents} cents"] if operation.cents is not None else []),
        ]
    )
