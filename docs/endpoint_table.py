"""Which method sends what: read out of the docstrings, each of which names its verb and path."""  # noqa: INP001 - conf.py finds it by its place

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from crowdflower import Client, Job, JudgmentAggregate, Unit, Worker

NOUNS = (Client, Job, Unit, JudgmentAggregate, Worker)

WITHOUT_A_METHOD = {
    "GET /jobs/{id}/ontology": "annotation tools: not a part of labeling by form",
    "PUT /jobs/{id}/ontology": "annotation tools: not a part of labeling by form",
    "GET /jobs/{id}/ontology.csv": "annotation tools: not a part of labeling by form",
    "PUT /jobs/{id}/ontology.csv": "annotation tools: not a part of labeling by form",
    "POST /jobs/{id}.csv": "the description of the service lists it; its own example is a GET",
    "GET /jobs/{id}/max_pay_for_crowd": "nobody knows what it answers",
    "PUT /jobs/{id}/taxonomy": "annotation tools: not a part of labeling by form",
    "DELETE /jobs/{id}/taxonomy": "annotation tools: not a part of labeling by form",
    "GET /jobs/{id}/gold": "an example of the service lists it, for GET /jobs/{id}/test_questions",
    "GET /jobs/{id}/workers": "not documented; no client that is known has seen an answer",
    "GET /jobs/{id}/workers/{id}": "not documented; no client that is known has seen an answer",
    "PUT /jobs/{id}/workers/{id}/flag": "of 2014; today it is PUT /jobs/{id}/workers/{id}",
    "PUT /jobs/{id}/workers/{id}/deflag": "of 2014; today it is PUT /jobs/{id}/workers/{id}",
    "POST /jobs/{id}/workers/{id}/notifications": "the earlier name of …/notify",
    "POST /jobs/{id}/judgments": "creating judgments never worked from outside",
    "PUT /jobs/{id}/judgments/{id}": "for the service's own staff",
    "DELETE /jobs/{id}/judgments/{id}": "for the service's own staff",
    "PUT /jobs/{id}/judgments/{id}/reject": "for the service's own staff",
    "GET /users/teams": "teams are managed in the service's own pages",
    "POST /users/switch_api_team/{id}": "teams are managed in the service's own pages",
}
"""Endpoints that ``client.jobs[...]`` reaches like all others, and the reason for no more."""


def endpoint(verb: str, path: str) -> str:
    """Name an endpoint in one way, whatever its ids are called.

    >>> endpoint("GET", "/jobs/{job_id}/units/{unit_id}.json")
    'GET /jobs/{id}/units/{id}'
    """
    return f"{verb} {re.sub(r'{[^}]*}', '{id}', path.removesuffix('.json'))}"


def methods() -> dict[str, list[str]]:
    """Return endpoint to the methods that call it, such as ``Job.pause``."""
    table: dict[str, list[str]] = {}
    for name, text in _docstrings():
        for verb, path in re.findall(r"``(GET|POST|PUT|DELETE) (/[^`\s]+)``", text):
            table.setdefault(endpoint(verb, path), []).append(name)
    return table


def lines() -> Iterator[str]:
    """Yield the table as reStructuredText."""
    yield from (".. list-table::", "   :header-rows: 1", "", "   * - endpoint", "     - method")
    for path, names in sorted(methods().items(), key=lambda row: row[0].partition(" ")[::-1]):
        shown = ", ".join(f":meth:`{name} <{_home(name)}>`" for name in sorted(names))
        yield from (f"   * - ``{path}``", f"     - {shown}")
    yield from ("", "Reached by path only:", "")
    yield from (".. list-table::", "   :header-rows: 1", "", "   * - endpoint", "     - why")
    for path, reason in WITHOUT_A_METHOD.items():
        yield from (f"   * - ``{path}``", f"     - {reason}")


def _docstrings() -> Iterator[tuple[str, str]]:
    for noun in NOUNS:
        for name, member in inspect.getmembers(noun):
            if not name.startswith("_") and member.__doc__:
                yield f"{noun.__name__}.{name}", member.__doc__


def _home(name: str) -> str:
    """Return where a method is described: in the class that defines it."""
    noun, method = name.split(".")
    for kind in next(kind for kind in NOUNS if kind.__name__ == noun).__mro__:
        if method in vars(kind):
            return f"{kind.__module__}.{kind.__qualname__}.{method}"
    raise LookupError(name)
