"""Calls of the AMPCrowd API: create a group, open a page, submit answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from typing import Any

from requests import Response

Call = Callable[..., Response]
URL = "http://127.0.0.1:1/answers"
MISSING = object()
TWEETS = {"t1": "first", "t2": "second", "t3": "third"}
FIELDS = {"fields": ["price", "location"]}
PAGE = "/crowds/internal/assignments/?worker_id=ann&task_type=sa"


def group(**changes: Any) -> dict[str, Any]:
    """Return the data of a group; ``configuration__x`` sets ``x`` of its configuration."""
    configuration = {
        "task_type": "sa",
        "task_batch_size": 2,
        "num_assignments": 2,
        "callback_url": URL,
        "internal": {},
    }
    data = {
        "configuration": configuration,
        "group_id": "G1",
        "group_context": {},
        "content": TWEETS,
    }
    for name, value in changes.items():
        outer, _, inner = name.partition("__")
        target = configuration if inner else data
        target[inner or outer] = value
        if value is MISSING:
            del target[inner or outer]
    return data


def create(call: Call, crowd: str = "internal", **changes: Any) -> Any:
    """Create a group; return the JSON of the response."""
    data = json.dumps(group(**changes))
    response = call("POST", f"/crowds/{crowd}/tasks/", data={"data": data})
    assert response.status_code == 200, response.text
    return response.json()


def page(
    call: Call, worker: str, query: str = "", crowd: str = "internal"
) -> dict[str, Any] | None:
    """Open the page of a contributor, and return its hidden fields."""
    html = call("GET", f"/crowds/{crowd}/assignments/?worker_id={worker}{query}").text
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html)
    points = [unescape(value) for name, value in hidden if name == "point"]
    return {**dict(hidden), "points": points} if hidden else None


def answer(call: Call, worker: str, value: float = 4.0, crowd: str = "internal") -> Response:
    """Submit a page with the same answer to every question."""
    fields = page(call, worker, crowd=crowd)
    assert fields is not None
    points = fields.pop("points")
    fields["answers"] = json.dumps(dict.fromkeys(points, value))
    return call("POST", f"/crowds/{crowd}/responses/", data=fields)


class Elements(HTMLParser):
    """The tags of a page, with the names of their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _ in attrs]))

    @classmethod
    def of(cls, html: str) -> list[tuple[str, list[str]]]:
        """Return the tags of a page."""
        parser = cls()
        parser.feed(html)
        return parser.found


def fill_in(html: str, value: str, count: int = 9) -> list[tuple[str, str]]:
    """Return a submission that gives the first questions of a page the same answer."""
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html)
    questions = [*dict.fromkeys(re.findall(r'type="radio" name="([^"]*)"', html))]
    return [*hidden, *((name, value) for name in questions[:count])]
