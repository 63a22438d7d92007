"""Test questions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from crowdflower.sandbox.store import Transaction


def convert(tx: Transaction, job: Row[Any]) -> int: ...
def check(
    tx: Transaction, job: Row[Any], field: str, column: str | None = None
) -> dict[str, Any]: ...
def reset(tx: Transaction, job: Row[Any]) -> int: ...
