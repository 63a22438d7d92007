"""The life of a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from crowdflower.sandbox.store import Transaction


def create(tx: Transaction, account: Row[Any], attributes: Mapping[str, Any]) -> Row[Any]: ...
def find(tx: Transaction, account: Row[Any], reference: str) -> Row[Any]: ...
def again(tx: Transaction, job: Row[Any]) -> Row[Any]: ...
def listing(
    tx: Transaction,
    account: Row[Any],
    *,
    page: int = 1,
    state: str | None = None,
    tags: Sequence[str] = (),
    created_from: float | None = None,
    created_to: float | None = None,
) -> list[Row[Any]]: ...
def update(tx: Transaction, job: Row[Any], attributes: Mapping[str, Any]) -> Row[Any]: ...
def delete(tx: Transaction, job: Row[Any]) -> None: ...
def copy(
    tx: Transaction,
    job: Row[Any],
    *,
    all_units: bool = False,
    gold: bool = False,
    only_new_and_judgable: bool = False,
) -> Row[Any]: ...
def pause(tx: Transaction, job: Row[Any]) -> Row[Any]: ...
def resume(tx: Transaction, job: Row[Any]) -> Row[Any]: ...
def cancel(tx: Transaction, job: Row[Any]) -> Row[Any]: ...
def ping(tx: Transaction, job: Row[Any]) -> dict[str, Any]: ...
def legend(tx: Transaction, job: Row[Any]) -> dict[str, dict[str, dict[str, str]]]: ...
