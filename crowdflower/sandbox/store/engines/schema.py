"""Making the tables where there are none, and telling whether those that are there are ours."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, insert, inspect, select
from sqlalchemy.schema import CreateIndex, CreateTable

from crowdflower.sandbox.store.tables import VERSION, metadata, schema_info

NOT_A_SANDBOX: Final = "no sandbox"
"""What a database of somebody else holds."""


def create(connection: Connection) -> None:
    """Make the tables."""
    for table in metadata.sorted_tables:
        connection.execute(CreateTable(table))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(CreateIndex(index))
    connection.execute(insert(schema_info), {"version": VERSION})


def is_empty(connection: Connection) -> bool:
    """Tell whether there is no table at all."""
    return not inspect(connection).get_table_names()


def schema_mismatch(connection: Connection) -> str | None:
    """Say what is there instead of our tables; ``None`` if they are ours, of this version."""
    if schema_info.name not in inspect(connection).get_table_names():
        return NOT_A_SANDBOX
    version = connection.execute(select(schema_info.c.version)).scalar()
    return None if version == VERSION else f"version {version} of the tables"
