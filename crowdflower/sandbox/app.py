"""The application: finds who answers a request, opens the transaction, writes the answer."""

from __future__ import annotations

import io
import logging
import re
import traceback
from collections import deque
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast
from urllib.parse import quote

from flask import Flask, Response, current_app, g, request, send_file
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter, IntegerConverter, Map, Rule

from crowdflower.sandbox.adapter import RAISE_ERRORS
from crowdflower.sandbox.api import parameters
from crowdflower.sandbox.api.call import Call, Reply
from crowdflower.sandbox.api.parameters import Parameters
from crowdflower.sandbox.api.routes import ROUTES, Route
from crowdflower.sandbox.refusals import (
    BadRequest,
    Invalid,
    NotFound,
    Refusal,
    Unauthorized,
    Unsupported,
)
from crowdflower.sandbox.reports import Shelf
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.store.columns import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from crowdflower._types import JSONObject
    from crowdflower.sandbox.store import Database

MAX_FILE: Final = 256 * 1024 * 1024
"""Bytes of an uploaded file."""

MAX_PARAMETERS: Final = 16 * 1024 * 1024
"""Bytes of any other body; forms hold whole pages of CML."""

REMEMBERED: Final = 1000
"""Refusals for want of an implementation that are kept."""

NOT_FOUND: Final = """{"error": {"message":"We couldn't find what you were looking for."}}"""
"""Recorded from the service, down to the one blank."""

_JSON: Final = "application/json; charset=utf-8"
_SUFFIX: Final = "crowdflower.suffix"
_FORM: Final = "application/x-www-form-urlencoded"
_JSON_KINDS: Final = frozenset({"application/json", "text/json"})
_MULTIPART: Final = "multipart/form-data"
_HEADER = re.compile(r'Token\s+token="?([^"\s,]+)"?', re.IGNORECASE)
_KEY = re.compile(r"((?:key|token)(?:=|%3D|['\"]?:\s*)['\"]?)[^\s&'\",)]+", re.IGNORECASE)

log = logging.getLogger(__name__)


class Unimplemented(NamedTuple):
    """A request that was refused because the sandbox lacks what it needs."""

    verb: str
    path: str
    feature: str


class Application(Flask):
    """The API of one sandbox, as a WSGI application.

    :param database: Where its jobs are.
    :param report_polls: How often a report is "being generated" before it can be fetched.
    """

    def __init__(self, database: Database, *, report_polls: int = 0) -> None:
        super().__init__(__name__, static_folder=None)
        self.database = database
        self.reports = Shelf(report_polls)
        self.unimplemented: deque[Unimplemented] = deque(maxlen=REMEMBERED)
        """What was asked for and is not there, oldest first."""
        self.url_map, self.view_functions = _routing()
        self.config["MAX_CONTENT_LENGTH"] = MAX_FILE
        self.config["MAX_FORM_MEMORY_SIZE"] = MAX_PARAMETERS
        self.config["MAX_FORM_PARTS"] = parameters.MAX_COUNT

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer; ``.json`` and a slash at the end of the path say nothing about where to."""
        path = environ["PATH_INFO"].rstrip("/")
        environ["PATH_INFO"] = path.removesuffix(".json")
        environ[_SUFFIX] = path.endswith(".json")
        return super().wsgi_app(environ, start_response)

    def handle_user_exception(self, e: Exception) -> Response:
        """Turn a refusal into the answer that it is; leave anything else to be reported."""
        if isinstance(e, Refusal):
            return self._refused(e)
        if isinstance(e, HTTPException):
            return _protocol_error(e)
        if isinstance(e, OverflowError):
            # A whole number may have 300 digits in JSON, and 19 in a column of the database.
            return self._refused(Invalid("A number is larger than can be kept."))
        raise e

    def handle_exception(self, e: Exception) -> Response:
        """Report what nobody expected: to a caller in this process, or else to the log."""
        if request.environ.get(RAISE_ERRORS):
            raise e
        number = self.database.clock.token(64)
        text = "".join(traceback.format_exception(e))
        log.error("%s: unexpected error %s\n%s", request.method, number, _scrubbed(text))
        message = f"The sandbox has a bug; its log says more under {number}."
        return _json({"error": {"message": message, "id": number}}, 500)

    def reset(self) -> None:
        """Forget what was asked for, and throw the reports away."""
        self.reports.clear()
        self.unimplemented.clear()

    close = reset

    def _refused(self, refusal: Refusal) -> Response:
        if isinstance(refusal, NotFound):
            return Response(NOT_FOUND, 404, content_type=_JSON)
        response = _json(refusal.body, refusal.status)
        if isinstance(refusal, Unsupported):
            entry = Unimplemented(request.method, request.path, refusal.feature)
            self.unimplemented.append(entry)
            response.headers["X-Sandbox-Not-Implemented"] = _header(refusal.feature)
        return response


def create_app(database: Database, *, report_polls: int = 0) -> Application:
    """Make the application for a database; what can be shared between them is made once.

    >>> from crowdflower.sandbox.store import Database
    >>> create_app(Database()).test_client().get("/v1/jobs").status
    '401 UNAUTHORIZED'
    """
    return Application(database, report_polls=report_polls)


class _Reference(BaseConverter):
    """The number or alias of a job; what follows a dot is a format."""

    regex = r"[^/.]+"


class _Number(IntegerConverter):
    """A number that fits where numbers are kept."""

    regex = r"\d{1,18}"


@cache
def _routing() -> tuple[Map, dict[str, Callable[..., Any]]]:
    rules: list[Rule] = []
    views: dict[str, Callable[..., Any]] = {}
    for route in ROUTES:
        endpoint = f"{route.verbs} {route.path}"
        path = f"/{route.version}{route.path}"
        rule = Rule(path, endpoint=endpoint, methods=route.verbs.split() or None)
        if route.writes and rule.methods:
            rule.methods.discard("HEAD")
        rules.append(rule)
        views[endpoint] = partial(_answer, route)
    rules.append(Rule("/reports/<token>/<path:name>", endpoint="report", methods=["GET"]))
    views["report"] = _report
    table = Map(
        rules,
        converters={"default": _Reference, "int": _Number},
        strict_slashes=False,
        merge_slashes=False,
    )
    table.update()
    return table, views


def _answer(route: Route, **path: object) -> Response:
    app = cast(Application, current_app)
    _refuse_browsers()
    _refuse_formats(route)
    query = parameters.from_query(request.query_string)
    body = {} if route.takes_file else _body()
    asked = parameters.merged(query, body)
    asked.pop("key", None)
    g.key = _key(query, body)
    opened = app.database.transaction if route.writes else app.database.snapshot
    with opened() as tx:
        account = accounts.authenticate(tx, g.key) if g.key else None
        if account is None:
            raise Unauthorized
        call = Call(
            tx=tx,
            account=account,
            asked=Parameters(asked),
            content_type=request.mimetype,
            body=io.BufferedReader(cast(io.RawIOBase, request.stream), 256 * 1024),
            reports=app.reports,
            link=lambda below: request.host_url + below,
        )
        answer = route.answer(call, **path)
        warnings = tx.warnings
    if isinstance(answer, Reply):
        response = Response(
            answer.text, answer.status, dict(answer.headers), content_type=answer.kind
        )
    else:
        response = _json(answer)
    for warning in warnings:
        response.headers.add("X-Sandbox-Warning", _header(warning))
    return response


def _report(token: str, name: str) -> Response:
    path = cast(Application, current_app).reports.find(token)
    if path is None:
        raise NotFound
    return send_file(path, "application/zip", as_attachment=True, download_name=name)


def _refuse_browsers() -> None:
    """Refuse what a page from elsewhere makes a browser send: the verb GET has effects here."""
    if request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        message = "The API takes no requests from web pages of other sites."
        raise Refusal(403, {"error": {"message": message}})


def _refuse_formats(route: Route) -> None:
    suffixed = request.environ[_SUFFIX]
    if suffixed and route.bare:
        raise NotFound
    accepted = request.headers.get("Accept", "*/*").lower()
    if not suffixed and not route.bare and "json" not in accepted and "*" not in accepted:
        message = "Ask for JSON: end the path in .json or send Accept: application/json."
        raise Refusal(406, {"error": {"message": message}})
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        message = f"Send the body as it is; Content-Encoding {encoding:.40} is not read."
        raise Refusal(415, {"error": {"message": message}})


def _body() -> JSONObject:
    """Read the parameters in the body; one of no recognised type is passed over."""
    if request.mimetype == _MULTIPART:
        return parameters.from_pairs(request.form.items(multi=True))
    if request.mimetype != _FORM and request.mimetype not in _JSON_KINDS:
        return {}
    raw = request.stream.read(MAX_PARAMETERS + 1)
    if len(raw) > MAX_PARAMETERS:
        message = f"The body is larger than {MAX_PARAMETERS} bytes."
        raise Refusal(413, {"error": {"message": message}})
    if request.mimetype == _FORM:
        return parameters.from_query(raw)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8 at byte {error.start}.") from None
    return parameters.from_json(text) if text.strip() else {}


def _key(query: JSONObject, body: JSONObject) -> str:
    """Find the key in the header, else in the query, else in the body."""
    header = _HEADER.match(request.headers.get("Authorization", ""))
    if header:
        return header[1]
    found = query.get("key") or body.get("key")
    return found if isinstance(found, str) else ""


def _json(value: object, status: int = 200) -> Response:
    return Response(encode(value), status, content_type=_JSON)


def _protocol_error(error: HTTPException) -> Response:
    if isinstance(error, MethodNotAllowed):
        # The service knows paths by their verb: with another one there is nothing to be found.
        response = Response(NOT_FOUND, 404, content_type=_JSON)
        if request.method == "OPTIONS":
            response = Response(status=204)
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
        return response
    if error.code == 404:  # noqa: PLR2004
        return Response(NOT_FOUND, 404, content_type=_JSON)
    return _json({"error": {"message": error.description or error.name}}, error.code or 500)


def _header(text: str) -> str:
    """Write a text as a header may hold it."""
    return " ".join(text.split()).encode("ascii", "backslashreplace").decode("ascii")


def _scrubbed(text: str) -> str:
    """Take the key out of a text, as it is and as a query would write it."""
    key = g.get("key")
    for form in {key, quote(key, safe="")} if key else ():
        text = text.replace(form, "****")
    return _KEY.sub(r"\1****", text)
