"""A sandbox with AMPCrowd's API, and a function that calls it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.server.in_process import ORIGIN, session_for

if TYPE_CHECKING:
    from ampcrowd_calls import Call


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5, ampcrowd=True) as box:
        yield box


@pytest.fixture
def call(box: Sandbox) -> Iterator[Call]:
    """Call the API."""
    with session_for(box.app) as session:
        yield lambda verb, path, **settings: session.request(verb, f"{ORIGIN}{path}", **settings)
