"""Fixtures for tests of the sandbox on PostgreSQL, above all of concurrent writes.

The tests run only with ``CROWDFLOWER_TEST_POSTGRESQL``; see ``tests/conftest.py``.
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
def query(schema: str) -> Iterator[Callable[..., list[Any]]]:
    """Query the database directly: ``query("SELECT …")``; each statement is a transaction."""
    with psycopg.connect(schema, autocommit=True) as connection:

        def query(sql: str) -> list[Any]:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

        yield query


@pytest.fixture
def box(schema: str) -> Iterator[Sandbox]:
    """A sandbox on virtual time."""
    with Sandbox(key=KEY, database=schema, clock=Clock(seed=3)) as box:
        yield box


@pytest.fixture
def other(schema: str, box: Sandbox) -> Iterator[Sandbox]:
    """A second sandbox on the same database, as in another process."""
    with Sandbox(key=KEY, database=schema, clock=box.clock) as other:
        yield other


@pytest.fixture
def check_invariants(schema: str) -> Iterator[None]:
    """Check the invariants of the database after the test."""
    yield
    with psycopg.connect(schema) as connection:
        broken = [
            f"{invariant.statement}: {row}"
            for invariant in (*INVARIANTS, NOT_OVERJUDGED)
            for row in connection.execute(invariant.query)
        ]
    assert broken == []
