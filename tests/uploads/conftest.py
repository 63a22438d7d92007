"""A client of a sandbox, in process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crowdflower.client import Client


@pytest.fixture
def client() -> Iterator[Client]:
    with Sandbox() as box:
        yield box.client()
