"""Names that jobs are found by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from crowdflower.sandbox.store import Transaction


def of(tx: Transaction, job: Row[Any]) -> list[str]: ...
def add(tx: Transaction, job: Row[Any], names: Iterable[str]) -> int: ...
def replace(tx: Transaction, job: Row[Any], names: Iterable[str]) -> int: ...
def remove(tx: Transaction, job: Row[Any], names: Iterable[str]) -> int: ...
