"""Who pays: accounts, their keys and their balance."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from crowdflower.sandbox.store import Transaction


def open_account(
    tx: Transaction, *, key: str, email: str = "owner@example.com", balance_cents: int = 0
) -> Row[Any]: ...
def authenticate(tx: Transaction, key: str) -> Row[Any] | None: ...
def balance_cents(tx: Transaction, account: Row[Any]) -> int: ...
def credit(tx: Transaction, account: Row[Any], cents: int, note: str = "") -> None: ...
