"""What is true of PostgreSQL alone, or only worth a look where many write at the same time.

All of it runs where ``CROWDFLOWER_TEST_POSTGRESQL`` says so; see ``tests/conftest.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "sandbox"))  # the oracle is there

from oracle import INVARIANTS, NOT_OVERJUDGED

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.clock import Clock

KEY = "planted-key-7f3a90c1"


@pytest.fixture
def ask(schema: str) -> Iterator[Callable[..., list[Any]]]:
    """Ask the database itself: ``ask("SELECT …")``; each statement is a transaction."""
    with psycopg.connect(schema, autocommit=True) as connection:

        def asked(sql: str) -> list[Any]:
            found = connection.execute(sql)
            return found.fetchall() if found.description else []

        yield asked


@pytest.fixture
def box(schema: str) -> Iterator[Sandbox]:
    """A sandbox whose time stands still."""
    with Sandbox(key=KEY, database=schema, clock=Clock(seed=3)) as box:
        yield box


@pytest.fixture
def other(schema: str, box: Sandbox) -> Iterator[Sandbox]:
    """Another one on the same database, as another process has one."""
    with Sandbox(key=KEY, database=schema, clock=box.clock) as other:
        yield other


@pytest.fixture
def unbroken(schema: str) -> Iterator[None]:
    """In the end, see that everything holds that has to hold always."""
    yield
    with psycopg.connect(schema) as connection:
        broken = [
            f"{invariant.statement}: {row}"
            for invariant in (*INVARIANTS, NOT_OVERJUDGED)
            for row in connection.execute(invariant.query)
        ]
    assert broken == []
