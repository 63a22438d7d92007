"""Tests of PostgreSQL, and of concurrent writers.

They run only with ``CROWDFLOWER_TEST_POSTGRESQL``; see ``tests/conftest.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "sandbox"))  # for the oracle

from oracle import INVARIANTS, NOT_OVERJUDGED

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.clock import Clock

KEY = "planted-key-7f3a90c1"


@pytest.fixture
def ask(schema: str) -> Iterator[Callable[..., list[Any]]]:
    """Query the database directly: ``ask("SELECT …")``; each statement is a transaction."""
    with psycopg.connect(schema, autocommit=True) as connection:

        def ask(sql: str) -> list[Any]:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

        yield ask


@pytest.fixture
def box(schema: str) -> Iterator[Sandbox]:
    """A sandbox on virtual time."""
    with Sandbox(key=KEY, database=schema, clock=Clock(seed=3)) as box:
        yield box


@pytest.fixture
def other(schema: str, box: Sandbox) -> Iterator[Sandbox]:
    """A second sandbox on the same database, like that of another process."""
    with Sandbox(key=KEY, database=schema, clock=box.clock) as other:
        yield other


@pytest.fixture
def unbroken(schema: str) -> Iterator[None]:
    """Check the invariants of the database after the test."""
    yield
    with psycopg.connect(schema) as connection:
        broken = [
            f"{invariant.statement}: {row}"
            for invariant in (*INVARIANTS, NOT_OVERJUDGED)
            for row in connection.execute(invariant.query)
        ]
    assert broken == []
