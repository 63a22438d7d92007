"""A sandbox whose control interface is enabled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.server.in_process import ORIGIN, session_for

if TYPE_CHECKING:
    import requests

    Control = Callable[..., requests.Response]

TOKEN = "planted-token-91b2"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5, control=TOKEN, balance_cents=700) as box:
        yield box


@pytest.fixture
def control(box: Sandbox) -> Control:
    """A function that calls the control interface: ``control("POST", "clock", advance=90)``."""

    def control(verb: str, name: str, token: str = TOKEN, **arguments: Any) -> requests.Response:
        with session_for(box.app) as session:
            headers = {"Authorization": f"Bearer {token}"}
            url = f"{ORIGIN}/_sandbox/{name}"
            return session.request(verb, url, headers=headers, json=arguments or None)

    return control
