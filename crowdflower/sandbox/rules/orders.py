"""Launching: rows are paid for and released."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from crowdflower.sandbox.store import Transaction


def place(
    tx: Transaction, job: Row[Any], units_count: int, channels: Sequence[str]
) -> Row[Any]: ...
def find(tx: Transaction, job: Row[Any], order_id: int) -> Row[Any]: ...
def estimate(tx: Transaction, job: Row[Any], units_count: int) -> int: ...
