"""The description of the API: for everybody, of every endpoint, and with nothing beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.api.operations import OPERATIONS
from crowdflower.sandbox.api.routes import ROUTES
from crowdflower.sandbox.api.schemas import SCHEMAS
from crowdflower.sandbox.server.in_process import ORIGIN, session_for

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


def references(part: Any) -> Iterator[str]:
    """Yield every name that a description points to."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def test_anybody_may_read_it_and_nobody_is_told_of_this_sandbox(box: Sandbox) -> None:
    box.faults.next(status=503, times=1)
    with session_for(box.app) as session:
        answer = session.get(f"{ORIGIN}/_sandbox/openapi.json")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json() == box.openapi()
    assert box.key not in answer.text
    assert not box.requests


def test_it_is_there_over_a_socket(box: Sandbox) -> None:
    address = box.url.removesuffix("/v1") + "/_sandbox/openapi.json"

    assert requests.get(address, timeout=30).json()["openapi"] == "3.1.0"


def test_every_route_is_described_and_so_is_every_function() -> None:
    assert {route.answer for route in ROUTES if not route.missing} == set(OPERATIONS)


def test_each_path_and_verb_is_one_operation_of_its_own_name(box: Sandbox) -> None:
    described = [each for path in box.openapi()["paths"].values() for each in path.values()]
    names = [each["operationId"] for each in described if "operationId" in each]

    assert len(described) == sum(len(route.verbs.split()) or 4 for route in ROUTES)
    assert len(set(names)) == len(names) > len(OPERATIONS)
    assert all(each["summary"].endswith(".") for each in described)


def test_what_it_points_to_is_there_and_nothing_is_there_for_nobody(box: Sandbox) -> None:
    description = box.openapi()

    named = {"/".join(name.split("/")[-2:]) for name in references(description)}

    parts = description["components"]
    there = {
        f"{kind}/{name}" for kind in ("schemas", "responses", "parameters") for name in parts[kind]
    }
    assert named == there


def test_a_caller_may_change_what_it_got(box: Sandbox) -> None:
    box.openapi()["paths"].clear()

    assert box.openapi()["paths"]


def test_every_shape_says_all_of_its_keys() -> None:
    for name in ("Account", "Job", "Unit", "Judgment", "Order", "Worker"):
        shape = SCHEMAS[name]

        assert shape["additionalProperties"] is False
        assert shape["required"] == list(shape["properties"])
