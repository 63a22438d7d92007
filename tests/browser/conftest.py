"""A headless Chromium, and a sandbox that it reaches on loopback."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.server.sockets import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from crowdflower.job import Job

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
"""Chromium as root in a container, without requests of its own."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=5) as box:
        yield box


@pytest.fixture
def origin(box: Sandbox) -> Iterator[str]:
    """Serve the sandbox, and yield its address."""
    with Server(box.app, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def address(box: Sandbox, origin: str) -> Callable[[Job], str]:
    """Return the address of a job's page."""

    def address(job: Job) -> str:
        url = urlsplit(box.work_url(job))
        return f"{origin}{url.path}?{url.query}"

    return address


@pytest.fixture
def problems() -> list[str]:
    """What the console of a page says: refused by the policy, or raised by the script."""
    return []


@pytest.fixture
def new_browser(
    chromium: Browser, origin: str, problems: list[str]
) -> Iterator[Callable[..., Page]]:
    """Open a browser without cookies: ``new_browser(width=320, color_scheme="dark")``."""
    contexts: list[BrowserContext] = []

    def open_browser(width: int = 1440, **settings: Any) -> Page:
        # A page that scrolls smoothly moves under a click.
        settings = {"reduced_motion": "reduce", **settings}
        context = chromium.new_context(viewport={"width": width, "height": 900}, **settings)
        contexts.append(context)
        context.set_default_timeout(20_000)
        context.route(lambda url: not url.startswith(origin), lambda route: route.abort())
        page = context.new_page()
        page.on("console", lambda message: problems.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: problems.append(str(error)))
        return page

    yield open_browser
    for context in contexts:
        context.close()
