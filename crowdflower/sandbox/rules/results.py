"""What the judgments of a row come to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from crowdflower.sandbox.store import Transaction


def of_unit(tx: Transaction, job: Row[Any], unit: Row[Any]) -> dict[str, Any]: ...
def shown(
    tx: Transaction, job: Row[Any], unit: Row[Any], *, simple: bool = False
) -> dict[str, Any]: ...
