"""Rows that are uploaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Row

from crowdflower.sandbox.store import Transaction


def column_name(header: str) -> str: ...
def append(
    tx: Transaction, job: Row[Any], rows: Iterable[Mapping[str, Any]], *, force: bool = False
) -> int: ...
def create_from(
    tx: Transaction, account: Row[Any], rows: Iterable[Mapping[str, Any]]
) -> Row[Any]: ...
def progress(tx: Transaction, job: Row[Any]) -> dict[str, Any]: ...
