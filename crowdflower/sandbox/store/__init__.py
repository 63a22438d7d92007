"""Where the sandbox keeps what happened: tables, transactions and queries, no rules."""

from crowdflower.sandbox.store import (  # tables are known once they were imported
    ampcrowd_tables,
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
    "outbox",
]
