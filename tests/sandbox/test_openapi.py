"""The OpenAPI description: public, complete, and generated from the table of routes."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests

from crowdflower.sandbox import Sandbox
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
    """Yield every reference in a description."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def test_the_description_needs_no_key_and_contains_nothing_about_this_sandbox(box: Sandbox) -> None:
    box.faults.next(status=503, times=1)
    with session_for(box.app) as session:
        response = session.get(f"{ORIGIN}/_sandbox/openapi.json")

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("application/json")
    assert response.json() == box.openapi()
    assert box.key not in response.text
    assert not box.requests


def test_the_description_is_served_over_a_socket(box: Sandbox) -> None:
    address = box.url.removesuffix("/v1") + "/_sandbox/openapi.json"

    assert requests.get(address, timeout=30).json()["openapi"] == "3.1.0"


def test_every_handler_has_a_route() -> None:
    """Handlers are the public functions that return a result of the API."""
    supported = [route for route in ROUTES if not route.unsupported]
    modules = {sys.modules[route.handler.__module__] for route in supported}

    handlers = {
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and function.__annotations__.get("return") == "Result"
    }

    assert {route.handler for route in supported} == handlers


def test_every_route_describes_its_response_unless_it_is_a_report() -> None:
    silent = {route.handler.__name__ for route in ROUTES if not route.response}

    assert silent == {"regenerate", "download", "refuse"}


def test_each_verb_of_a_path_is_an_operation_with_a_unique_id(box: Sandbox) -> None:
    described = [each for path in box.openapi()["paths"].values() for each in path.values()]
    handlers = {route.handler for route in ROUTES if not route.unsupported}
    names = [each["operationId"] for each in described if "operationId" in each]

    assert len(described) == sum(len(route.verbs.split()) or 4 for route in ROUTES)
    assert len(set(names)) == len(names) > len(handlers)
    assert all(each["summary"].endswith(".") for each in described)


def test_every_reference_is_defined_and_every_definition_is_referenced(box: Sandbox) -> None:
    description = box.openapi()

    referenced = {"/".join(name.split("/")[-2:]) for name in references(description)}

    parts = description["components"]
    defined = {
        f"{kind}/{name}" for kind in ("schemas", "responses", "parameters") for name in parts[kind]
    }
    assert referenced == defined


def test_a_caller_may_change_the_returned_dict(box: Sandbox) -> None:
    box.openapi()["paths"].clear()

    assert box.openapi()["paths"]


def test_schemas_of_resources_require_all_keys_and_allow_no_others() -> None:
    for name in ("Account", "Job", "Unit", "Judgment", "Order", "Worker"):
        schema = SCHEMAS[name]

        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])
