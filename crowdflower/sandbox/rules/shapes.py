"""Rows as the API shows them: pure, from a row to a JSON object with all its keys."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from crowdflower.sandbox.store import Transaction


def job(row: Row[Any]) -> dict[str, Any]: ...
def judgment(row: Row[Any]) -> dict[str, Any]: ...
def order(row: Row[Any]) -> dict[str, Any]: ...
