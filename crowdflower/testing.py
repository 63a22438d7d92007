"""A pytest plugin: fixtures with a sandbox for tests of code that labels data.

pytest loads it where this package is installed. It imports nothing of the package before a test
asks for a fixture. :doc:`/testing` shows it in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.sandbox import Sandbox
    from crowdflower.sandbox.crowd import Crowd

MARKER: Final = (
    "crowdflower(**settings): settings of the sandbox of this test, such as balance_cents=0,"
    " strict=True or seed=7"
)

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that tests may connect to besides the sandbox."""


class OtherHostRefused(RuntimeError):
    """A test that uses the sandbox tried to reach another machine.

    It is not an :class:`~crowdflower.exceptions.ApiError`, so that no retry and no handler of the
    tested code hides it.
    """


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def crowdflower_sandbox(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sandbox]:
    """A sandbox with an account of its own, which every client of this test reaches.

    The account has no jobs. The marker ``crowdflower`` sets arguments of
    :class:`~crowdflower.sandbox.Sandbox`. ``Client()`` finds it through the environment, in which a
    real key is hidden. Waits of clients move the clock of the sandbox and take no time. Requests to
    other machines are refused.
    """
    try:
        from crowdflower.sandbox import Sandbox  # noqa: PLC0415 - only where it is asked for
    except ImportError as missing:
        pytest.fail(f"the fixture crowdflower_sandbox: {missing}", pytrace=False)
    marker = request.node.get_closest_marker("crowdflower")
    if marker is not None:
        with Sandbox(*marker.args, **marker.kwargs) as box:
            _enter(box, monkeypatch)
            yield box
        return
    box = request.getfixturevalue("_crowdflower_shared_sandbox")
    _clean(box)
    _enter(box, monkeypatch)
    yield box


@pytest.fixture
def crowdflower_client(crowdflower_sandbox: Sandbox) -> Iterator[Client]:
    """A client of the sandbox of this test."""
    with crowdflower_sandbox.client() as client:
        yield client


@pytest.fixture
def crowdflower_crowd(crowdflower_sandbox: Sandbox) -> Crowd:
    """The simulated contributors of this test: none, until it adds some."""
    return crowdflower_sandbox.crowd


@pytest.fixture(scope="session")
def _crowdflower_shared_sandbox() -> Iterator[Sandbox]:
    """A sandbox that is reset for each test, since that is faster than a new one."""
    from crowdflower.sandbox import Sandbox  # noqa: PLC0415 - only where it is asked for

    with Sandbox() as box:
        yield box


def _clean(box: Sandbox) -> None:
    """Undo everything that an earlier test did to a sandbox."""
    from crowdflower.sandbox.webhooks.delivery import HttpReceiver  # noqa: PLC0415

    box.clock.listeners[:] = [box.keep_time]
    for kind in box.transitions:
        box.transitions[kind] = 0
    box.receive_webhooks(HttpReceiver(allow_loopback=True))
    box.reset()


def _enter(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a sandbox the service of this test, for clients that the code creates, too."""
    from requests.adapters import HTTPAdapter  # noqa: PLC0415 - patched for the test

    from crowdflower.client import Client  # noqa: PLC0415
    from crowdflower.sandbox.clock import ClientClock  # noqa: PLC0415
    from crowdflower.sandbox.server.in_process import ORIGIN, SandboxAdapter  # noqa: PLC0415

    monkeypatch.setenv("CROWDFLOWER_API_KEY", box.key)
    monkeypatch.setenv("CROWDFLOWER_API_URL", f"{ORIGIN}/v1")
    monkeypatch.delenv("CROWDFLOWER_JOURNAL", raising=False)
    defaults = Client.__init__.__kwdefaults__
    if box.clock.virtual and defaults is not None:
        monkeypatch.setitem(defaults, "clock", ClientClock(box.clock))
    monkeypatch.setattr(HTTPAdapter, "send", _router(SandboxAdapter(box.app), HTTPAdapter.send))


def _router(sandbox: Any, send: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that sends to the sandbox or to this machine, and refuses other hosts."""
    from crowdflower.sandbox.server.in_process import ORIGIN  # noqa: PLC0415

    def send_inside(adapter: Any, request: Any, *args: Any, **how: Any) -> Any:
        url = urlsplit(request.url)
        if f"{url.scheme}://{url.netloc}" == ORIGIN:
            return sandbox.send(request, *args, **how)
        if url.hostname in LOOPBACK:
            return send(adapter, request, *args, **how)
        raise OtherHostRefused(
            f"this test uses the sandbox of crowdflower, so it cannot reach {url.hostname}"
        )

    return send_inside
