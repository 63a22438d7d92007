"""Where the sandbox keeps what happened: tables, transactions and queries, no rules."""

from crowdflower.sandbox.store import groups, outbox  # tables are known once they were imported
from crowdflower.sandbox.store.database import Database
from crowdflower.sandbox.store.failures import SchemaMismatch, StoreFailure
from crowdflower.sandbox.store.transaction import Limits, Transaction

__all__ = [
    "Database",
    "Limits",
    "SchemaMismatch",
    "StoreFailure",
    "Transaction",
    "groups",
    "outbox",
]
