"""The OpenAPI 3.1 description of the API, generated from the table of routes.

Paths, parameters, schemas and differences from the service come from
:data:`~crowdflower.sandbox.api.routes.ROUTES`; summaries are the docstrings of the handlers.

Source: OpenAPI Initiative, `OpenAPI Specification 3.1 <https://spec.openapis.org/oas/v3.1.1.html>`_.
"""

from __future__ import annotations

import json
import re
from functools import cache
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.api import idempotency, reports
from crowdflower.sandbox.api.routes import ROUTES
from crowdflower.sandbox.api.schemas import ID, OBJECT, SCHEMAS, STRING, Schema, properties, ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from crowdflower.sandbox.api.routes import Route

ALL_VERBS: Final = "GET PUT POST DELETE"
"""What a route without verbs of its own answers to."""

_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_NESTED: Final = {"style": "deepObject", "explode": True}
"""Encoding of a mapping in a query or form: ``job[title]=…``."""

_PATH_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
_COMMON_REFUSALS: Final = {
    "400": "The request cannot be read, or lacks a parameter.",
    "401": "The API key is missing or not valid.",
    "403": "The request comes from a web page of another site.",
    "404": "Nothing of this account has this id, or it was deleted.",
    "406": "The request does not accept JSON, the only format here.",
    "413": "The body is larger than the limit.",
    "415": "The body has a type or encoding that the sandbox does not read.",
    "422": "A value is not allowed; nothing was changed.",
    "429": "Too many wrong keys came from this address.",
}
"""Status to reason, for refusals that any endpoint may answer with."""

_OTHER_REFUSALS: Final = {
    402: "The account holds less than the request costs.",
    409: "The state of the job or of the row does not allow it.",
    501: "The service supports this; the sandbox does not.",
}
"""Status to reason, for refusals that are listed in the table of routes."""


def description() -> dict[str, Any]:
    """Return the description as a new dict.

    >>> list(description()["paths"]["/v1/jobs"])
    ['get', 'post']
    """
    found: dict[str, Any] = json.loads(text())
    return found


@cache
def text() -> str:
    """Return the description as JSON."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        path = _PATH_PARAMETER.sub(r"{\2}", f"/{route.version}{route.path}")
        for verb in (route.verbs or ALL_VERBS).split():
            paths.setdefault(path, {})[verb.lower()] = _operation(route, verb)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "CrowdFlower sandbox",
            "version": "v1",
            "description": (
                "The API of CrowdFlower, on your own machine. Paths may end in .json, except"
                " channels and .csv. Whatever the verb, parameters may be in the query, in a form"
                " with bracketed names, or in JSON; this description shows one of these ways."
            ),
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"key": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "responses": {status: _error(why) for status, why in _COMMON_REFUSALS.items()},
            "parameters": {"IdempotencyKey": _IDEMPOTENCY_KEY},
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


_IDEMPOTENCY_KEY: Final = {
    "name": idempotency.HEADER,
    "in": "header",
    "description": "A request that is sent again under the same key takes effect once.",
    "schema": {"type": "string", "pattern": f"^[!-~]{{1,{idempotency.MAX_KEY_LENGTH}}}$"},
}


_PUBLISHED_NAMES: Final = {
    "list_all": "listing",
    "list_page": "listing",
    "list_judgments": "judgments_of",
}
"""Handlers whose operationIds keep their name of 1.0.0: generated clients call them by it."""


def _operation(route: Route, verb: str) -> dict[str, Any]:
    if route.unsupported:
        why = f"{route.unsupported.capitalize()}: not available in the sandbox."
        return {
            "summary": why,
            "parameters": list(_path_parameters(route)),
            "responses": {**_references(), "501": _error(why)},
        }
    resource = route.handler.__module__.rpartition(".")[2]
    handler = route.handler.__name__
    name = f"{resource}.{_PUBLISHED_NAMES.get(handler, handler)}"
    summary, _, more = cleandoc(route.handler.__doc__ or "").partition("\n\n")
    differs = f"Differs from the service: {route.differs}." if route.differs else ""
    in_body = not route.takes_file and verb != "GET"
    operation: dict[str, Any] = {
        "operationId": f"{name}.{verb.lower()}.{route.path.rpartition('/')[2]}",
        "tags": [resource],
        "summary": summary,
        "description": "\n\n".join(each for each in (more, differs) if each),
        "parameters": [
            *_path_parameters(route),
            *(() if in_body else _query_parameters(route)),
            *([{"$ref": "#/components/parameters/IdempotencyKey"}] if route.writes else ()),
        ],
        "responses": _responses(route),
    }
    if route.takes_file:
        operation["requestBody"] = {"required": True, "content": _FILES}
    elif in_body and (route.required or route.optional):
        operation["requestBody"] = _body(route)
    return operation


def _path_parameters(route: Route) -> Iterable[dict[str, Any]]:
    for kind, name in _PATH_PARAMETER.findall(route.path):
        schema: Schema = ID if kind == "int" else STRING
        if not kind:
            schema = {"type": "string", "pattern": r"^[^/.]+$", "description": "Number or alias"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(route: Route) -> Iterable[dict[str, Any]]:
    for name, schema in {**route.required, **route.optional}.items():
        nested = _NESTED if "properties" in schema else {}
        required = name in route.required
        yield {"name": name, "in": "query", "required": required, "schema": schema, **nested}


def _body(route: Route) -> dict[str, Any]:
    parameters = {**route.required, **route.optional}
    schema = properties(parameters, required=route.required)
    nested = dict.fromkeys(parameters, _NESTED)
    return {
        "required": bool(route.required),
        "content": {_JSON: {"schema": schema}, _FORM: {"schema": schema, "encoding": nested}},
    }


_FILES: Final = {
    "text/csv": {"schema": {"type": "string", "description": "A header, and a line for each row"}},
    _JSON: {"schema": {**OBJECT, "description": "JSON Lines: an object for each row"}},
}


def _responses(route: Route) -> dict[str, Any]:
    refusals = {
        str(status): _error(_OTHER_REFUSALS[status])
        for status in route.refusals
        if status in _OTHER_REFUSALS
    }
    return {**_success(route), **_references(), **refusals}


def _success(route: Route) -> dict[str, Any]:
    if route.handler is reports.regenerate:
        return {"200": {"description": "OK", "content": {"text/plain": {"schema": STRING}}}}
    if route.handler is reports.download:
        location = {"description": "URL of the archive", "required": True, "schema": STRING}
        return {
            "202": {"description": "The report is being generated.", "content": _json("Notice")},
            "302": {"description": "The report is ready.", "headers": {"Location": location}},
        }
    schema = route.response or {}
    if 200 in route.refusals:  # noqa: PLR2004
        schema = {"anyOf": [schema, ref("Declined")]}
    return {"200": {"description": "The result.", "content": {_JSON: {"schema": schema}}}}


def _references() -> Mapping[str, Any]:
    return {status: {"$ref": f"#/components/responses/{status}"} for status in _COMMON_REFUSALS}


def _error(description: str) -> dict[str, Any]:
    return {"description": description, "content": _json("Error")}


def _json(schema: str) -> dict[str, Any]:
    return {_JSON: {"schema": ref(schema)}}
