"""The desk of a sandbox, as a browser that is signed in to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crowdflower.client import Client
from crowdflower.sandbox import Sandbox
from tests.sandbox.desk_browser import PASSWORD, Browser


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=3, desk=PASSWORD) as box:
        yield box


@pytest.fixture
def client(box: Sandbox) -> Client:
    return box.client()


@pytest.fixture
def stranger(box: Sandbox) -> Browser:
    """A browser that is not signed in."""
    return Browser(box)


@pytest.fixture
def desk(box: Sandbox) -> Browser:
    browser = Browser(box)
    assert browser.sign_in().status_code == 303
    return browser
