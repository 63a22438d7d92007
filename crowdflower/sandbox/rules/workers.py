"""Contributors, and what a requester may do about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from crowdflower.sandbox.store import Transaction


def join(
    tx: Transaction,
    *,
    channel: str,
    country: str | None = None,
    region: str | None = None,
    city: str | None = None,
    ip: str | None = None,
    external_id: str | None = None,
    display_name: str | None = None,
    level: int = 1,
    simulated: bool = False,
    profile: Mapping[str, Any] | None = None,
) -> Row[Any]: ...
def find(tx: Transaction, worker_id: int) -> Row[Any]: ...
def in_job(tx: Transaction, job: Row[Any], worker_id: int) -> Row[Any]: ...
def listing(tx: Transaction, job: Row[Any]) -> list[Row[Any]]: ...
def bonus(
    tx: Transaction, job: Row[Any], worker_id: int, amount_cents: int, reason: str | None = None
) -> None: ...
def notify(tx: Transaction, job: Row[Any], worker_id: int, text: str) -> None: ...
def flag(
    tx: Transaction,
    job: Row[Any],
    worker_id: int,
    reason: str | None = None,
    *,
    persist: bool = False,
) -> bool: ...
def unflag(tx: Transaction, job: Row[Any], worker_id: int) -> bool: ...
def reject(tx: Transaction, job: Row[Any], worker_id: int, reason: str | None = None) -> bool: ...
