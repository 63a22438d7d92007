"""The API described for programs: OpenAPI 3.1, made from the table of routes.

Paths, verbs and what differs come from :data:`~crowdflower.sandbox.api.routes.ROUTES`, words from
the docstrings of its functions, parameters and shapes from
:data:`~crowdflower.sandbox.api.operations.OPERATIONS`.

Source: OpenAPI Initiative, `OpenAPI Specification 3.1 <https://spec.openapis.org/oas/v3.1.1.html>`_.
"""

from __future__ import annotations

import json
import re
from functools import cache
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.api import idempotency, reports
from crowdflower.sandbox.api.operations import OPERATIONS, Operation
from crowdflower.sandbox.api.routes import ROUTES
from crowdflower.sandbox.api.schemas import OBJECT, SCHEMAS, TEXT, Schema, ref, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crowdflower.sandbox.api.routes import Route

EVERY_VERB: Final = "GET PUT POST DELETE"
"""Of a route that answers to all."""

_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_PART = re.compile(r"<(?:(\w+):)?(\w+)>")
_ALWAYS: Final = {
    "400": "The request cannot be read, or lacks a parameter.",
    "401": "The API key is missing or not valid.",
    "403": "A page of another site sent it.",
    "404": "It is unknown, deleted, or somebody else's.",
    "406": "The request does not accept JSON, and there is nothing else.",
    "413": "It is larger than the limit.",
    "415": "It is of a type that is not read.",
    "422": "A value is not allowed; nothing was done.",
    "429": "Too many wrong keys came from the same address.",
}
"""Statuses that any endpoint may answer with, and why."""


def description() -> dict[str, Any]:
    """Describe the API.

    :returns: An OpenAPI document, the caller's own.

    >>> list(description()["paths"]["/v1/jobs"])
    ['get', 'post']
    """
    found: dict[str, Any] = json.loads(text())
    return found


@cache
def text() -> str:
    """Write the description as JSON."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        path = _PART.sub(r"{\2}", f"/{route.version}{route.path}")
        for verb in (route.verbs or EVERY_VERB).split():
            paths.setdefault(path, {})[verb.lower()] = _operation(route, verb)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "CrowdFlower sandbox",
            "version": "v1",
            "description": (
                "The API of CrowdFlower, on your own machine. Paths may end in .json but for"
                " channels and .csv, and parameters stand in the query, in a form with bracketed"
                " names, or in JSON, whatever the verb; here stands one of the ways."
            ),
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"key": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "responses": {
                status: {"description": why, "content": {_JSON: {"schema": ref("Error")}}}
                for status, why in _ALWAYS.items()
            },
            "parameters": {"Repeatable": _REPEATABLE},
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "Token token=KEY",
                },
                "key": {"type": "apiKey", "in": "query", "name": "key"},
            },
        },
    }
    return json.dumps(document)


_REPEATABLE: Final = {
    "name": idempotency.HEADER,
    "in": "header",
    "description": "The same request under the same key happens once.",
    "schema": {"type": "string", "pattern": f"^[!-~]{{1,{idempotency.LONGEST}}}$"},
}


def _operation(route: Route, verb: str) -> dict[str, Any]:
    place = f"{route.answer.__module__.rpartition('.')[2]}.{route.answer.__name__}"
    if route.missing:
        why = f"{route.missing.capitalize()}: not available in the sandbox."
        return {
            "summary": why,
            "parameters": list(_of_path(route)),
            "responses": _refusals({"501": why}),
        }
    operation = OPERATIONS[route.answer]
    summary, _, more = cleandoc(route.answer.__doc__ or "").partition("\n\n")
    differs = f"Differs from the service: {route.differs}." if route.differs else ""
    in_body = not route.takes_file and verb != "GET"
    described: dict[str, Any] = {
        "operationId": f"{place}.{verb.lower()}.{route.path.rpartition('/')[2]}",
        "tags": [place.partition(".")[0]],
        "summary": summary,
        "description": "\n\n".join(each for each in (more, differs) if each),
        "parameters": [
            *_of_path(route),
            *(() if in_body else _of_query(operation)),
            *([{"$ref": "#/components/parameters/Repeatable"}] if route.writes else ()),
        ],
        "responses": _responses(operation, route),
    }
    if route.takes_file:
        described["requestBody"] = {"required": True, "content": _FILES}
    elif in_body and operation.asks:
        described["requestBody"] = _body(operation)
    return described


def _of_path(route: Route) -> Iterable[dict[str, Any]]:
    for kind, name in _PART.findall(route.path):
        schema: Schema = whole(1, 10**18 - 1) if kind == "int" else TEXT
        if not kind:
            schema = {"type": "string", "pattern": r"^[^/.]+$", "description": "Number or alias"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _of_query(operation: Operation) -> Iterable[dict[str, Any]]:
    for name, schema in operation.asks.items():
        deep = {"style": "deepObject", "explode": True} if "properties" in schema else {}
        required = name in operation.requires
        yield {"name": name, "in": "query", "required": required, "schema": schema, **deep}


def _body(operation: Operation) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": dict(operation.asks),
        "required": list(operation.requires),
    }
    nested = {name: {"style": "deepObject", "explode": True} for name in operation.asks}
    return {
        "required": bool(operation.requires),
        "content": {_JSON: {"schema": schema}, _FORM: {"schema": schema, "encoding": nested}},
    }


_FILES: Final = {
    "text/csv": {"schema": {"type": "string", "description": "A header, and a line for each row"}},
    _JSON: {"schema": {**OBJECT, "description": "JSON Lines: an object for each row"}},
}


def _responses(operation: Operation, route: Route) -> dict[str, Any]:
    extra = {}
    if operation.costs:
        extra["402"] = "The account holds less than it costs."
    if operation.clashes:
        extra["409"] = "The state of the job or of the row does not allow it."
    if operation.lacks:
        extra["501"] = "The service can do this; the sandbox cannot."
    return {**_success(operation, route), **_refusals(extra)}


def _success(operation: Operation, route: Route) -> dict[str, Any]:
    if route.answer is reports.regenerate:
        return {"200": {"description": "OK", "content": {"text/plain": {"schema": TEXT}}}}
    if route.answer is reports.download:
        location = {"description": "Where the archive is", "required": True, "schema": TEXT}
        return {
            "202": {
                "description": "It is being generated.",
                "content": {_JSON: {"schema": ref("Notice")}},
            },
            "302": {"description": "It is ready.", "headers": {"Location": location}},
        }
    schema = operation.gives or {}
    if operation.declines:
        schema = {"anyOf": [schema, ref("Declined")]}
    return {"200": {"description": "Done, or shown.", "content": {_JSON: {"schema": schema}}}}


def _refusals(extra: dict[str, str]) -> dict[str, Any]:
    return {
        **{status: {"$ref": f"#/components/responses/{status}"} for status in _ALWAYS},
        **{
            status: {"description": why, "content": {_JSON: {"schema": ref("Error")}}}
            for status, why in extra.items()
        },
    }
