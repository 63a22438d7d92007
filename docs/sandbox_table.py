"""Builds the table of the sandbox's endpoints, from its own table of routes."""  # noqa: INP001 - conf.py imports it

from __future__ import annotations

import re
from collections.abc import Iterator

from crowdflower.sandbox.api.routes import ROUTES, Route


def endpoint(route: Route) -> str:
    """Return the verbs and the path of a route, as documentation writes them.

    >>> endpoint(next(route for route in ROUTES if route.path.endswith("pause")))
    'GET PUT POST /jobs/{job}/pause'
    """
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)
    version = "" if route.version == "v1" else f"/{route.version}"
    return f"{route.verbs} {version}{path}".strip()


def status(route: Route) -> tuple[str, str]:
    """Return whether an endpoint is done, and how it differs from the service."""
    if route.unsupported:
        return "not done", f"{route.unsupported}: answers 501"
    return ("differs", route.differs) if route.differs else ("done", "")


def lines() -> Iterator[str]:
    """Yield the table as reStructuredText."""
    yield from (".. list-table::", "   :header-rows: 1", "   :widths: 45 10 45", "")
    yield from ("   * - Endpoint", "     - State", "     - Details")
    for route in ROUTES:
        state, how = status(route)
        yield from (f"   * - ``{endpoint(route)}``", f"     - {state}", f"     - {how}".rstrip())
