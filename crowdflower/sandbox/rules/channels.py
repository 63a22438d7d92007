"""Where contributors of a job may come from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from crowdflower.sandbox.store import Transaction


def of(tx: Transaction, job: Row[Any]) -> tuple[list[str], list[str]]: ...
def replace(tx: Transaction, job: Row[Any], names: Iterable[str]) -> None: ...
def add(tx: Transaction, job: Row[Any], names: Iterable[str]) -> None: ...
def disable(tx: Transaction, job: Row[Any], name: str) -> None: ...
