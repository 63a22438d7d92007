"""Creates the tables, and checks that existing tables are the sandbox's."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, insert, inspect, select
from sqlalchemy.schema import CreateIndex, CreateTable

from crowdflower.sandbox.store.tables import VERSION, metadata, schema_info, upload

NOT_A_SANDBOX: Final = "tables of something else"
"""The mismatch of a database that another program made."""


def create(connection: Connection) -> None:
    """Create the tables."""
    for table in metadata.sorted_tables:
        connection.execute(CreateTable(table))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(CreateIndex(index))
    connection.execute(insert(schema_info), {"version": VERSION})


def add_missing(connection: Connection) -> None:
    """Create the tables that version 1.0.0 did not have."""
    if upload.name not in inspect(connection).get_table_names():
        connection.execute(CreateTable(upload))
        for index in upload.indexes:
            connection.execute(CreateIndex(index))


def is_empty(connection: Connection) -> bool:
    """Return whether the database has no tables."""
    return not inspect(connection).get_table_names()


def schema_mismatch(connection: Connection) -> str | None:
    """Return what the database holds instead of this version's tables; ``None`` if it has them."""
    if schema_info.name not in inspect(connection).get_table_names():
        return NOT_A_SANDBOX
    version = connection.execute(select(schema_info.c.version)).scalar()
    return None if version == VERSION else f"version {version} of the tables"
