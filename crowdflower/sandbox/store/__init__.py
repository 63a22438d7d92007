"""The sandbox's database: tables, transactions and queries, without rules."""

from crowdflower.sandbox.store import (  # registers their tables with the metadata
    ampcrowd_tables,
    contributor_tables,
    outbox,
)
from crowdflower.sandbox.store.database import Database
from crowdflower.sandbox.store.failures import SchemaMismatch, StoreFailure
from crowdflower.sandbox.store.transaction import Limits, Transaction

__all__ = [
    "Database",
    "Limits",
    "SchemaMismatch",
    "StoreFailure",
    "Transaction",
    "ampcrowd_tables",
    "contributor_tables",
    "outbox",
]
