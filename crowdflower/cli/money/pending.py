"""``crowdflower pending``: list the payments whose outcome is unknown."""

from __future__ import annotations

import click

from crowdflower._types import JSONObject, one_line
from crowdflower.cli.options import Command, output_options, settings_options
from crowdflower.cli.output import Column, Output, field, say
from crowdflower.cli.settings import Settings
from crowdflower.payments.journal import Journal
from crowdflower.payments.records import Operation

FIELDS = (
    "op_id",
    "name",
    "state",
    "sent_at",
    "prepared_at",
    "method",
    "path",
    "body",
    "key",
    "cents",
    "account",
)
"""Fields of a payment that programs get; ``cents`` is what it costs at most."""


@click.command(cls=Command)
@output_options
@settings_options
def pending(output: Output) -> None:
    """List the payments whose outcome is unknown, of all accounts in the journal.

    A program that was killed or got no response leaves such payments. `crowdflower resolve` finds
    out about one, or records what you found in the account.
    """
    path = click.get_current_context().ensure_object(Settings).journal_path
    operations = Journal(path).pending()
    if not operations:
        say(f"No pending payments in {path}.")
    if output.style == "table":
        for operation in operations:
            click.echo(_line(operation))
        return
    columns = [Column[JSONObject](name, field(name)) for name in FIELDS]
    output.print_list(map(_as_json, operations), columns, lambda found: found)


def _as_json(operation: Operation) -> JSONObject:
    values = {name: getattr(operation, name) for name in FIELDS}
    return {
        name: value.isoformat() if name.endswith("_at") and value else value
        for name, value in values.items()
    }


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
