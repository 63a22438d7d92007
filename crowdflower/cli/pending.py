"""``crowdflower pending``: list the payments whose outcome is unknown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from crowdflower._types import one_line
from crowdflower.exceptions import ApiError
from crowdflower.payments.journal import Journal
from crowdflower.payments.records import Operation


def state_file() -> Path:
    """Return the default path of the journal, in the user's state folder."""
    folder = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(folder) / "crowdflower" / "journal.db"


def journal_option(command: Any) -> Any:
    """Add the option ``--journal`` to a subcommand."""
    return click.option(
        "--journal",
        "path",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="CROWDFLOWER_JOURNAL",
        default=state_file,
        show_default="the user's state folder",
        help="File with the journal of payments; also set by CROWDFLOWER_JOURNAL.",
    )(command)


@click.command()
@journal_option
def pending(path: Path) -> None:
    """List the payments whose outcome is unknown.

    A program that was killed or got no response leaves such payments. Check the account, then
    record what you found with `crowdflower resolve`.
    """
    try:
        operations = Journal(path).pending()
    except ApiError as error:
        raise click.ClickException(str(error)) from None
    for operation in operations:
        click.echo(_line(operation))
    if not operations:
        click.echo(one_line(f"No pending payments in {path}."), err=True)


def _line(operation: Operation) -> str:
    when = operation.sent_at or operation.prepared_at
    parts = [
        operation.op_id,
        f"{operation.state:8}",
        f"{when:%Y-%m-%d %H:%M:%S}Z" if when else "",
        f"{operation.name} /{operation.path}",
        operation.body,
        *([f"key {operation.key}"] if operation.key else []),
        *([f"at most {operation.cents} cents"] if operation.cents is not None else []),
    ]
    return one_line("  ".join(parts))
