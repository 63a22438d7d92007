"""``crowdflower account``: the account and its balance."""

from __future__ import annotations

from typing import Any, Final

import click

from crowdflower._types import JSONObject
from crowdflower.cli.options import Command, output_options, with_client
from crowdflower.cli.output import Column, Output, field
from crowdflower.cli.values import format_dollars, format_time
from crowdflower.client import Client

SECRETS: Final = frozenset({"auth_key", "auth_code"})
"""Fields of an account that older services send, and that are as good as its key."""


def _balance(cents: Any) -> str:
    return format_dollars(cents) if isinstance(cents, int) else str(cents or "")


COLUMNS: Final[list[Column[JSONObject]]] = [
    Column("id", field("id")),
    Column("email", field("email")),
    Column("first_name", field("first_name")),
    Column("last_name", field("last_name")),
    Column("status", field("status")),
    Column("balance", field("balance"), _balance),
    Column("created_at", field("created_at"), format_time, title="created"),
]


@click.command(cls=Command)
@output_options
@with_client
def account(client: Client, output: Output) -> None:
    """Show the account and its balance. In JSON and CSV, the balance is in US cents."""
    output.print_object(
        client.get_account(),
        COLUMNS,
        lambda found: {name: value for name, value in found.items() if name not in SECRETS},
    )
