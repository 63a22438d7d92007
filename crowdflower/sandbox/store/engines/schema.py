"""Creates the tables, checks that existing tables are the sandbox's, and migrates them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Column, Connection, Index, Table, insert, inspect, select, text, update
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from crowdflower.sandbox.store import contributor_tables, tables
from crowdflower.sandbox.store.fast import agreements
from crowdflower.sandbox.store.fast.driver import Driver
from crowdflower.sandbox.store.tables import VERSION, metadata, schema_info

NOT_A_SANDBOX: Final = "tables of something else"
"""The mismatch of a database that another program made."""


def create(connection: Connection) -> None:
    """Create the tables."""
    for table in metadata.sorted_tables:
        _create_table(connection, table)
    connection.execute(insert(schema_info), {"version": VERSION})


def _create_table(connection: Connection, table: Table) -> None:
    connection.execute(CreateTable(table))
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        connection.execute(CreateIndex(index))


def _add_column(connection: Connection, column: Column[Any]) -> None:
    definition = CreateColumn(column).compile(connection)
    connection.execute(text(f"ALTER TABLE {column.table.name} ADD COLUMN {definition}"))


def _index(table: Table, name: str) -> Index:
    return next(index for index in table.indexes if index.name == name)


def is_empty(connection: Connection) -> bool:
    """Return whether the database has no tables."""
    return not inspect(connection).get_table_names()


def schema_mismatch(connection: Connection) -> str | None:
    """Return what the database holds instead of this version's tables; ``None`` if it has them."""
    if schema_info.name not in inspect(connection).get_table_names():
        return NOT_A_SANDBOX
    version = _version(connection)
    return None if 1 <= version <= VERSION else f"version {version} of the tables"


def is_outdated(connection: Connection) -> bool:
    """Return whether the tables are of an earlier version."""
    return _version(connection) < VERSION


def migrate(connection: Connection, driver: Driver) -> None:
    """Bring tables of an earlier version up to date, within the caller's transaction."""
    for version in range(_version(connection), VERSION):
        _MIGRATIONS[version](connection, driver)
    connection.execute(update(schema_info).values(version=VERSION))


def _version(connection: Connection) -> int:
    return connection.execute(select(schema_info.c.version)).scalar() or 0


def _to_version_2(connection: Connection, _driver: Driver) -> None:
    _create_table(connection, tables.upload)


def _to_version_3(connection: Connection, driver: Driver) -> None:
    for table in (
        contributor_tables.contest,
        contributor_tables.draft,
        contributor_tables.sign_in_link,
        contributor_tables.device,
    ):
        _create_table(connection, table)
    for column in (
        tables.job.c.cap_mc,
        tables.job.c.pause_reason,
        tables.unit.c.agreement,
        tables.message.c.bonus_id,
    ):
        _add_column(connection, column)
    for row in list(connection.execute(select(tables.job.c.id, tables.job.c.fields))):
        agreements.write_all(driver, row.id, row.fields or {})
    for table, name in (
        (tables.unit, "unit_by_agreement"),
        (tables.worker_job, "worker_job_by_worker"),
        (tables.message, "message_by_worker"),
    ):
        connection.execute(CreateIndex(_index(table, name)))


_MIGRATIONS: Final[Mapping[int, Callable[[Connection, Driver], None]]] = {
    1: _to_version_2,
    2: _to_version_3,
}
"""A version to the step that leads from it to the next one."""
