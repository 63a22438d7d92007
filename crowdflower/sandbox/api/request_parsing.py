"""Parses a request before its account is known: headers, parameters and API key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from crowdflower.sandbox.api import parameters
from crowdflower.sandbox.api.parameters import Parameters
from crowdflower.sandbox.errors import BadRequest, NotFound, Refusal

if TYPE_CHECKING:
    from flask import Request

    from crowdflower._types import JSONObject
    from crowdflower.sandbox.api.routes import Route

MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes of a body that is not an uploaded file; forms hold whole pages of CML."""

SUFFIX: Final = "crowdflower.suffix"
"""Key of the WSGI environment: whether the path ended in ``.json``."""

_PLACEHOLDERS: Final = frozenset(
    [
        *("all_units", "amount", "channel_name", "channels", "check", "convert_units", "debit"),
        *("force", "full", "gold", "key", "manual", "nb_judgments", "on"),
        *("only_new_and_judgable", "persist", "reset", "simple", "state", "tags", "type", "with"),
    ]
)
"""Parameters whose values are names, numbers and switches, and never free text; for ``page`` and
``limit``, see :mod:`crowdflower.sandbox.api.parameters`."""

_IN_BRACES = re.compile(r"\{([^{}]*)\}")
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = frozenset({"application/json", "text/json"})
_MULTIPART: Final = "multipart/form-data"
_AUTHORIZATION = re.compile(r'Token\s+token="?([^"\s,]+)"?', re.IGNORECASE)


class ParsedRequest(NamedTuple):
    """Parameters and API key of a request."""

    parameters: Parameters

    key: str
    """Empty when the request has none."""

    warning: str = ""
    """Why the body, or a part of it, was not read; empty when all of it was."""


def parse(request: Request, route: Route) -> ParsedRequest:
    """Parse a request.

    The key in the header comes first, then the one in the query, then the one in the body.

    :raises Refusal: The request comes from a web page of another site, does not accept JSON, is
        compressed, or cannot be parsed.
    """
    _refuse_other_sites(request)
    _refuse_formats(request, route)
    query = _without_braces(parameters.parse_query(request.query_string))
    body = {} if route.takes_file else _without_braces(_body(request))
    warning = "" if route.takes_file else _body_warning(request)
    values = parameters.merge(query, body)
    values.pop("key", None)
    header = _AUTHORIZATION.match(request.headers.get("Authorization", ""))
    key = header[1] if header else query.get("key") or body.get("key")
    return ParsedRequest(Parameters(values), key if isinstance(key, str) else "", warning)


def _refuse_other_sites(request: Request) -> None:
    """Refuse requests that a web page of another site makes a browser send (CSRF).

    Safe verbs are refused too, since GET changes data on some paths.
    """
    if request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        raise _refusal(403, "The API takes no requests from web pages of other sites.")


def _refuse_formats(request: Request, route: Route) -> None:
    suffixed = request.environ[SUFFIX]
    if suffixed and not route.json_suffix:
        raise NotFound
    accepted = request.headers.get("Accept", "*/*").lower()
    if not suffixed and route.json_suffix and "json" not in accepted and "*" not in accepted:
        raise _refusal(406, "Ask for JSON: end the path in .json or send Accept: application/json.")
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        raise _refusal(
            415, f"Send the body uncompressed; Content-Encoding {encoding:.40} is not supported."
        )


def _body(request: Request) -> JSONObject:
    """Parse the parameters in the body; a body of another type has none."""
    if request.mimetype == _MULTIPART:
        if request.content_length and not request.form and not request.files:
            raise BadRequest("The body is not a multipart form that can be read.")
        pairs = request.form.items(multi=True)
        return parameters.parse_pairs((name, value) for name, value in pairs if name is not None)
    if request.mimetype != _FORM and request.mimetype not in _JSON:
        return {}
    raw = request.stream.read(MAX_BODY + 1)
    if len(raw) > MAX_BODY:
        raise _refusal(413, f"The body is larger than {MAX_BODY} bytes.")
    if request.mimetype == _FORM:
        return parameters.parse_query(raw, "&")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8 at byte {error.start}.") from None
    return parameters.parse_json(text) if text.strip() else {}


def _without_braces(values: JSONObject) -> JSONObject:
    """Remove the braces of the requests guide from the parameters that cannot have any."""
    return {
        name: _without_braces_inside(value) if name in _PLACEHOLDERS else value
        for name, value in values.items()
    }


def _without_braces_inside(value: Any) -> Any:
    if isinstance(value, str):
        found = _IN_BRACES.fullmatch(value)
        return found[1] if found else value
    if isinstance(value, list):
        return [_without_braces_inside(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_braces_inside(item) for name, item in value.items()}
    return value


def _body_warning(request: Request) -> str:
    """Return why a body, or a part of it, was not read; empty when all of it was."""
    if request.mimetype == _MULTIPART:
        names = ", ".join(request.files)
        return f"This endpoint takes no files; not read: {names:.200}." if names else ""
    if request.mimetype in {_FORM, *_JSON} or not request.stream.read(1):
        return ""
    kind = f"Content-Type {request.mimetype:.80}" if request.mimetype else "no Content-Type"
    return f"The body has {kind} and was not read; send {_FORM} or application/json."


def _refusal(status: int, message: str) -> Refusal:
    return Refusal(status, {"error": {"message": message}})
