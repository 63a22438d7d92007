"""Builds the table of endpoints and their methods from the methods' docstrings."""  # noqa: INP001 - conf.py imports it

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from crowdflower import Client, Job, JudgmentAggregate, Unit, Worker

NOUNS = (Client, Job, Unit, JudgmentAggregate, Worker)

WITHOUT_A_METHOD = {
    "GET /jobs/{id}/ontology": "belongs to annotation tools, not to labeling with forms",
    "PUT /jobs/{id}/ontology": "belongs to annotation tools, not to labeling with forms",
    "GET /jobs/{id}/ontology.csv": "belongs to annotation tools, not to labeling with forms",
    "PUT /jobs/{id}/ontology.csv": "belongs to annotation tools, not to labeling with forms",
    "POST /jobs/{id}.csv": "listed in the service's OpenAPI file; its own example is a GET",
    "GET /jobs/{id}/max_pay_for_crowd": "its response is not documented",
    "PUT /jobs/{id}/taxonomy": "belongs to annotation tools, not to labeling with forms",
    "DELETE /jobs/{id}/taxonomy": "belongs to annotation tools, not to labeling with forms",
    "GET /jobs/{id}/gold": "an example of the service, for GET /jobs/{id}/test_questions",
    "GET /jobs/{id}/workers": "not documented; no known client has received a response",
    "GET /jobs/{id}/workers/{id}": "not documented; no known client has received a response",
    "PUT /jobs/{id}/workers/{id}/flag": "from 2014; today PUT /jobs/{id}/workers/{id}",
    "PUT /jobs/{id}/workers/{id}/deflag": "from 2014; today PUT /jobs/{id}/workers/{id}",
    "POST /jobs/{id}/workers/{id}/notifications": "the older name of …/notify",
    "POST /jobs/{id}/judgments": "creating judgments never worked with an API key",
    "PUT /jobs/{id}/judgments/{id}": "only for the service's own staff",
    "DELETE /jobs/{id}/judgments/{id}": "only for the service's own staff",
    "PUT /jobs/{id}/judgments/{id}/reject": "only for the service's own staff",
    "GET /users/teams": "teams are managed on the service's web pages",
    "POST /users/switch_api_team/{id}": "teams are managed on the service's web pages",
}
"""Endpoints that only ``client.jobs[...]`` reaches, with the reason why they have no method."""


def endpoint(verb: str, path: str) -> str:
    """Return the normalized name of an endpoint: every id is written ``{id}``.

    >>> endpoint("GET", "/jobs/{job_id}/units/{unit_id}.json")
    'GET /jobs/{id}/units/{id}'
    """
    return f"{verb} {re.sub(r'{[^}]*}', '{id}', path.removesuffix('.json'))}"


def methods() -> dict[str, list[str]]:
    """Return the methods that call each endpoint, such as ``Job.pause``."""
    table: dict[str, list[str]] = {}
    for name, text in _docstrings():
        for verb, path in re.findall(r"``(GET|POST|PUT|DELETE) (/[^`\s]+)``", text):
            table.setdefault(endpoint(verb, path), []).append(name)
    return table


def lines() -> Iterator[str]:
    """Yield the table as reStructuredText."""
    yield from (".. list-table::", "   :header-rows: 1", "", "   * - Endpoint", "     - Method")
    for path, names in sorted(methods().items(), key=lambda row: row[0].partition(" ")[::-1]):
        links = ", ".join(f":meth:`{name} <{_definition(name)}>`" for name in sorted(names))
        yield from (f"   * - ``{path}``", f"     - {links}")
    yield from ("", "Available by path only:", "")
    yield from (".. list-table::", "   :header-rows: 1", "", "   * - Endpoint", "     - Reason")
    for path, reason in WITHOUT_A_METHOD.items():
        yield from (f"   * - ``{path}``", f"     - {reason}")


def _docstrings() -> Iterator[tuple[str, str]]:
    for noun in NOUNS:
        for name, member in inspect.getmembers(noun):
            if not name.startswith("_") and member.__doc__:
                yield f"{noun.__name__}.{name}", member.__doc__


def _definition(name: str) -> str:
    """Return the full name of a method, in the class that defines it."""
    noun, method = name.split(".")
    for kind in next(kind for kind in NOUNS if kind.__name__ == noun).__mro__:
        if method in vars(kind):
            return f"{kind.__module__}.{kind.__qualname__}.{method}"
    raise LookupError(name)
