"""A hostile server, a client with a fake clock, and a log of all its output."""

from __future__ import annotations

import logging
import os
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

sys.path.insert(0, str(Path(__file__).parent))

from catalogue import KEY
from fast_clock import FastClock
from leaks import Log, shows_the_key
from server import Server

from crowdflower.client import Client


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "row(*names): the rows of the matrix that a test proves")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("row"):
            item.user_properties += [("row", name) for name in mark.args]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.lower().endswith("_proxy") or name.startswith("CROWDFLOWER_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """The certificate of a server, signed by the test authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusted(
    authority: trustme.CA,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Clients trust the test authority."""
    path = tmp_path_factory.getbasetemp() / f"authority-{os.getpid()}.pem"
    if not path.exists():
        authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def secure(tls: ssl.SSLContext, trusted: None) -> Iterator[Server]:
    with Server(tls=tls) as server:
        yield server


@pytest.fixture
def other() -> Iterator[Server]:
    """A second server, under another host name and port."""
    with Server(host="localhost") as server:
        yield server
        for request in server.log:
            assert not shows_the_key(request.raw.decode("latin-1")), "the other host got the key"


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
def connect(clock: FastClock) -> Iterator[Callable[..., Client]]:
    """Create clients of a server, which are closed at the end.

    Timeouts are long enough for a busy machine; tests of a silent server set shorter ones.
    """
    clients = []

    def build(url: str, *, timeout: tuple[float, float] = (10, 20), **more: object) -> Client:
        client = Client(KEY, url, timeout=timeout, **{"lookahead": 1, **more})
        client._clock = clock
        clients.append(client)
        return client

    yield build
    for client in clients:
        client.close()


@pytest.fixture
def client(server: Server, connect: Callable[..., Client]) -> Client:
    return connect(server.url)


@pytest.fixture(autouse=True)
def log() -> Iterator[Log]:
    """All log output; a test fails if it contains the key."""
    handler = Log()
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)
    assert not [line for line in handler.lines if shows_the_key(line)]
