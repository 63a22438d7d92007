"""Which endpoint of the service the sandbox has: read out of the sandbox's own table of routes."""  # noqa: INP001 - conf.py finds it by its place

from __future__ import annotations

import re
from collections.abc import Iterator

from crowdflower.sandbox.api.routes import ROUTES, Route


def shown(route: Route) -> str:
    """Name an endpoint as people write it.

    >>> shown(next(route for route in ROUTES if route.path.endswith("pause")))
    'GET PUT POST /jobs/{job}/pause'
    """
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)
    version = "" if route.version == "v1" else f"/{route.version}"
    return f"{route.verbs} {version}{path}".strip()


def verdict(route: Route) -> tuple[str, str]:
    """Say whether an endpoint is done, and what there is to know about it."""
    if route.unsupported:
        return "not done", f"{route.unsupported}: answers 501"
    return ("differs", route.differs) if route.differs else ("done", "")


def lines() -> Iterator[str]:
    """Yield the table as reStructuredText."""
    yield from (".. list-table::", "   :header-rows: 1", "   :widths: 45 10 45", "")
    yield from ("   * - endpoint", "     - state", "     - how")
    for route in ROUTES:
        state, how = verdict(route)
        yield from (f"   * - ``{shown(route)}``", f"     - {state}", f"     - {how}".rstrip())
