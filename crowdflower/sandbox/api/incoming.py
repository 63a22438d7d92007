"""A request before anybody knows whose it is: whether it is taken, what it asks, and its key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from crowdflower.sandbox.api import parameters
from crowdflower.sandbox.api.parameters import Parameters
from crowdflower.sandbox.errors import BadRequest, NotFound, Refusal

if TYPE_CHECKING:
    from flask import Request

    from crowdflower._types import JSONObject
    from crowdflower.sandbox.api.routes import Route

MAX_PARAMETERS: Final = 16 * 1024 * 1024
"""Bytes of a body that is no file; forms hold whole pages of CML."""

SUFFIX: Final = "crowdflower.suffix"
"""Key of the environment that says whether the path ended in ``.json``."""

_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = frozenset({"application/json", "text/json"})
_MULTIPART: Final = "multipart/form-data"
_HEADER = re.compile(r'Token\s+token="?([^"\s,]+)"?', re.IGNORECASE)


class Incoming(NamedTuple):
    """What a request asks for, and by which right."""

    asked: Parameters
    key: str
    """Empty when there is none."""

    passed_over: str = ""
    """Why there is a body that was not read."""


def read(request: Request, route: Route) -> Incoming:
    """Read a request as far as it can be read without knowing whose it is.

    The key is the one in the header, else that in the query, else that in the body.

    :raises Refusal: It comes from a web page, wants no JSON, is packed, or cannot be read.
    """
    _refuse_browsers(request)
    _refuse_formats(request, route)
    query = parameters.from_query(request.query_string)
    body = {} if route.takes_file else _body(request)
    passed_over = "" if route.takes_file else _passed_over(request)
    values = parameters.merged(query, body)
    values.pop("key", None)
    header = _HEADER.match(request.headers.get("Authorization", ""))
    key = header[1] if header else query.get("key") or body.get("key")
    return Incoming(Parameters(values), key if isinstance(key, str) else "", passed_over)


def _refuse_browsers(request: Request) -> None:
    """Refuse what a page from elsewhere makes a browser send: the verb GET has effects here."""
    if request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        raise _refusal(403, "The API takes no requests from web pages of other sites.")


def _refuse_formats(request: Request, route: Route) -> None:
    suffixed = request.environ[SUFFIX]
    if suffixed and route.bare:
        raise NotFound
    accepted = request.headers.get("Accept", "*/*").lower()
    if not suffixed and not route.bare and "json" not in accepted and "*" not in accepted:
        raise _refusal(406, "Ask for JSON: end the path in .json or send Accept: application/json.")
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        raise _refusal(415, f"Send the body as it is; Content-Encoding {encoding:.40} is not read.")


def _body(request: Request) -> JSONObject:
    """Read the parameters in the body; one of no recognised type is passed over."""
    if request.mimetype == _MULTIPART:
        if request.content_length and not request.form and not request.files:
            raise BadRequest("The body is no multipart form that can be read.")
        return parameters.from_pairs(request.form.items(multi=True))
    if request.mimetype != _FORM and request.mimetype not in _JSON:
        return {}
    raw = request.stream.read(MAX_PARAMETERS + 1)
    if len(raw) > MAX_PARAMETERS:
        raise _refusal(413, f"The body is larger than {MAX_PARAMETERS} bytes.")
    if request.mimetype == _FORM:
        return parameters.from_query(raw)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8 at byte {error.start}.") from None
    return parameters.from_json(text) if text.strip() else {}


def _passed_over(request: Request) -> str:
    """Say why a body, or a part of it, did nothing; empty when it was read."""
    if request.mimetype == _MULTIPART:
        names = ", ".join(request.files)
        return f"Nothing here takes files, so these were not read: {names:.200}." if names else ""
    if request.mimetype in {_FORM, *_JSON} or not request.stream.read(1):
        return ""
    kind = f"Content-Type {request.mimetype:.80}" if request.mimetype else "no Content-Type"
    return f"The body has {kind} and was not read; send {_FORM} or application/json."


def _refusal(status: int, message: str) -> Refusal:
    return Refusal(status, {"error": {"message": message}})
