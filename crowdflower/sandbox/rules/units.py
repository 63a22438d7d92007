"""The life of a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from crowdflower.sandbox.store import Transaction


def page(tx: Transaction, job: Row[Any], page: int = 1, limit: int = 1000) -> dict[int, Any]: ...
def page_text(tx: Transaction, job: Row[Any], page: int = 1, limit: int = 1000) -> str: ...
def create(
    tx: Transaction, job: Row[Any], data: Mapping[str, Any], *, golden: bool = False
) -> Row[Any]: ...
def find(tx: Transaction, job: Row[Any], unit_id: int) -> Row[Any]: ...
def update(
    tx: Transaction,
    job: Row[Any],
    unit: Row[Any],
    *,
    data: Mapping[str, Any] | None = None,
    state: str | None = None,
    golden: bool | None = None,
) -> Row[Any]: ...
def delete(tx: Transaction, job: Row[Any], unit: Row[Any]) -> None: ...
def copy(
    tx: Transaction,
    job: Row[Any],
    unit: Row[Any],
    *,
    into: Row[Any] | None = None,
    data: Mapping[str, Any] | None = None,
) -> Row[Any]: ...
def cancel(tx: Transaction, job: Row[Any], unit: Row[Any]) -> Row[Any]: ...
def request_more_judgments(
    tx: Transaction, job: Row[Any], unit: Row[Any], count: int
) -> Row[Any]: ...
def split(tx: Transaction, job: Row[Any], columns: Sequence[str], separator: str = " ") -> int: ...
