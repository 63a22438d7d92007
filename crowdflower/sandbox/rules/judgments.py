"""What contributors answered."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from crowdflower.sandbox.store import Transaction


def page(tx: Transaction, job: Row[Any], page: int = 1, limit: int = 100) -> dict[int, Any]: ...
def find(tx: Transaction, job: Row[Any], judgment_id: int) -> Row[Any]: ...
def of_unit(tx: Transaction, job: Row[Any], unit: Row[Any]) -> list[Row[Any]]: ...
