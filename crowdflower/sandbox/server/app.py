"""The WSGI application: routing, and the responses to errors."""

from __future__ import annotations

import errno
import logging
import re
import traceback
from functools import cache, partial
from math import ceil
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn
from urllib.parse import quote

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.routing import BaseConverter, IntegerConverter, Map, Rule

from crowdflower.sandbox import pages
from crowdflower.sandbox.ampcrowd import routes as ampcrowd_routes
from crowdflower.sandbox.api import idempotency, openapi
from crowdflower.sandbox.api.parameters import MAX_COUNT
from crowdflower.sandbox.api.request_parsing import MAX_BODY, SUFFIX
from crowdflower.sandbox.api.routes import ROUTES
from crowdflower.sandbox.control.delays import Delays
from crowdflower.sandbox.control.routes import PREFIX
from crowdflower.sandbox.errors import Invalid, NotFound, Refusal, TooManyRequests, Unsupported
from crowdflower.sandbox.pages import routes as pages_routes
from crowdflower.sandbox.pages.media import media_response
from crowdflower.sandbox.pages.media.media_folder import MediaFolder
from crowdflower.sandbox.server import requests
from crowdflower.sandbox.server.dispatcher import kind_by_verb
from crowdflower.sandbox.server.form_limits import CONTRIBUTORS, LimitedRequest
from crowdflower.sandbox.server.in_process import RAISE_ERRORS
from crowdflower.sandbox.server.requests import JSON, header_value, json_response
from crowdflower.sandbox.server.services import Services, Unimplemented
from crowdflower.sandbox.store import StoreFailure
from crowdflower.sandbox.store.failures import Full

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from crowdflower.sandbox.ampcrowd import AMPCrowdService
    from crowdflower.sandbox.control.delays import DelaySettings
    from crowdflower.sandbox.desk import Desk
    from crowdflower.sandbox.server.dispatcher import Kind
    from crowdflower.sandbox.store import Database

MAX_FILE: Final = 256 * 1024 * 1024
"""Largest uploaded file, in bytes."""

OPENAPI_PATH: Final = f"{PREFIX}/openapi.json"
"""Path of the API's description. It needs no token: it is the same for every sandbox."""

NOT_FOUND: Final = """{"error": {"message":"We couldn't find what you were looking for."}}"""
"""Recorded from the service, including the single space."""

_NOT_FOUND: Final = Response(NOT_FOUND, 404, content_type="application/json; charset=utf-8")
MAX_LANGUAGES: Final = 1000
"""Characters of ``Accept-Language`` that are read; browsers send a hundred."""

_DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_KEY = re.compile(r"((?:key|token)(?:=|%3D|['\"]?:\s*)['\"]?)[^\s&'\",)]+", re.IGNORECASE)

log = logging.getLogger(__name__)


class Application(Flask):
    """The API of one sandbox, as a WSGI application.

    :param services: The database and all else that requests share.
    :param ampcrowd: The AMPCrowd API, if it is served too.
    """

    def __init__(self, services: Services, *, ampcrowd: AMPCrowdService | None = None) -> None:
        super().__init__(__name__, static_folder=None)
        self.request_class = LimitedRequest
        self.services = services
        self.control: WSGIApplication | None = None
        """Serves ``/_sandbox/``, if that is enabled."""
        self.extensions[pages_routes.DATABASE] = services.database
        self.extensions[ampcrowd_routes.EXTENSION] = ampcrowd
        self._use(_routing(ampcrowd=ampcrowd is not None, desk=False))
        self.config["MAX_CONTENT_LENGTH"] = MAX_FILE
        self.config["MAX_FORM_MEMORY_SIZE"] = MAX_BODY
        self.config["MAX_FORM_PARTS"] = MAX_COUNT

    def serve_desk(self, desk: Desk) -> None:
        """Serve the requester's desk too."""
        self.extensions[pages_routes.DESK] = desk
        has_ampcrowd = self.extensions[ampcrowd_routes.EXTENSION] is not None
        self._use(_routing(ampcrowd=has_ampcrowd, desk=True))

    def _use(self, routing: _Routing) -> None:
        self.url_map = routing.url_map
        self._kinds = routing.kinds
        service_views = routing.service_views.items()
        bound = {name: partial(view, self.services) for name, view in service_views}
        self.view_functions = {**routing.views, **bound}

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to a request, or inject a fault."""
        if environ["PATH_INFO"] == OPENAPI_PATH:
            description = Response(openapi.text(), content_type=JSON)
            return description(environ, start_response)
        if environ["PATH_INFO"].startswith(f"{PREFIX}/"):
            return (self.control or _NOT_FOUND)(environ, start_response)
        return self.services.request_log.run(self._respond, environ, start_response)

    def _respond(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to a request; routing ignores ``.json`` and a slash at the end of its path."""
        path = environ["PATH_INFO"].rstrip("/")
        environ["PATH_INFO"] = path.removesuffix(".json")
        environ[SUFFIX] = path.endswith(".json")
        if accepted := environ.get("HTTP_ACCEPT_LANGUAGE"):  # parsing a megabyte takes seconds
            environ["HTTP_ACCEPT_LANGUAGE"] = accepted[:MAX_LANGUAGES]
        return super().wsgi_app(environ, start_response)

    def kind_of(self, verb: str, path: str) -> Kind:
        """Return whether a request may write, or brings a file; by its route, or else its verb."""
        routed = re.sub("/+", "/", path).rstrip("/").removesuffix(".json")
        try:
            endpoint, _ = self.url_map.bind("").match(routed, verb)
        except HTTPException:
            endpoint = ""
        return self._kinds.get(endpoint) or kind_by_verb(verb, path)

    def handle_user_exception(self, e: Exception) -> Response:
        """Turn an expected error into its response; raise any other."""
        if isinstance(e, Refusal):
            return self._refusal(e)
        if isinstance(e, RequestEntityTooLarge) and request.path.startswith(CONTRIBUTORS):
            return pages_routes.too_large()
        if isinstance(e, HTTPException):
            return _protocol_error(e)
        if isinstance(e, StoreFailure):
            return _store_failure(e)
        if isinstance(e, OSError) and e.errno in _DISK_FULL:
            full = Full("There is no room left on the disk. Nothing was done; free some space.")
            return _store_failure(full)
        if isinstance(e, OverflowError):
            # An integer may have 300 digits in JSON, and 19 in a column of the database.
            return self._refusal(Invalid("A number is too large to be stored."))
        raise e

    def handle_exception(self, e: Exception) -> Response:
        """Raise an unexpected error in process; otherwise log it and respond with 500."""
        if request.environ.get(RAISE_ERRORS):
            raise e
        number = self.services.database.clock.token(64)
        text = "".join(traceback.format_exception(e))
        log.error("%s: unexpected error %s\n%s", request.method, number, _mask_key(text))
        message = f"The sandbox has a bug; see error {number} in its log."
        return json_response({"error": {"message": message, "id": number}}, 500)

    def process_response(self, response: Response) -> Response:
        """Announce in a header that the API supports idempotency keys."""
        if request.path.startswith("/v1/"):
            response.headers[idempotency.SUPPORT_HEADER[0]] = idempotency.SUPPORT_HEADER[1]
        return super().process_response(response)

    def _refusal(self, refusal: Refusal) -> Response:
        if isinstance(refusal, NotFound):
            return Response(NOT_FOUND, 404, content_type=JSON)
        response = json_response(refusal.body, refusal.status)
        if isinstance(refusal, Unsupported):
            entry = Unimplemented(request.method, request.path, refusal.feature)
            self.services.unimplemented.append(entry)
            response.headers["X-Sandbox-Not-Implemented"] = header_value(refusal.feature)
        if isinstance(refusal, TooManyRequests):
            response.headers["Retry-After"] = str(ceil(refusal.seconds))
        return response


def create_app(
    database: Database,
    delays: DelaySettings | None = None,
    ampcrowd: AMPCrowdService | None = None,
    *,
    files: str | Path | None = None,
) -> Application:
    """Create the application of a sandbox.

    :param delays: How long effects stay hidden, by kind.
    :param ampcrowd: The AMPCrowd API, if it is served too.
    :param files: Folder of pictures, sounds and films for contributors.
    :raises ValueError: The folder does not exist.

    >>> from crowdflower.sandbox.store import Database
    >>> create_app(Database()).test_client().get("/v1/jobs").status
    '401 UNAUTHORIZED'
    """
    services = Services.create(database, Delays(delays, database.clock.now))
    app = Application(services, ampcrowd=ampcrowd)
    app.extensions[media_response.FOLDER] = None if files is None else MediaFolder(files)
    return app


class _Reference(BaseConverter):
    """The id or alias of a job, without a format such as ``.json``."""

    regex = r"[^/.]+"


class _Number(IntegerConverter):
    """An integer that fits into a column of the database."""

    regex = r"\d{1,18}"


class _Rule(Rule):
    """A rule that matches paths and cannot build them.

    Werkzeug compiles two functions per rule for building paths. For all rules together that took
    half the time of creating the first sandbox of a process.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: ARG002 - inherited signature
        return _cannot_build


def _cannot_build(*_: object) -> NoReturn:
    raise NotImplementedError("This rule only matches paths.")


class _Routing(NamedTuple):
    url_map: Map
    views: dict[str, Callable[..., Any]]
    service_views: dict[str, Callable[..., Any]]
    """Views whose first argument is the :class:`Services` of the application."""
    kinds: dict[str, Kind]


@cache
def _routing(*, ampcrowd: bool, desk: bool) -> _Routing:
    """Build the routing table. All applications of a process share it."""
    rules: list[Rule] = []
    views: dict[str, Callable[..., Any]] = {}
    service_views: dict[str, Callable[..., Any]] = {}
    kinds: dict[str, Kind] = {}
    for route in ROUTES:
        endpoint = f"{route.verbs} {route.path}"
        path = f"/{route.version}{route.path}"
        rule = _Rule(path, endpoint=endpoint, methods=route.verbs.split() or None)
        if route.writes and rule.methods:
            rule.methods.discard("HEAD")
        rules.append(rule)
        service_views[endpoint] = partial(requests.respond, route)
        kinds[endpoint] = "file" if route.takes_file else "write" if route.writes else "read"
    rules.append(_Rule("/reports/<token>/<path:name>", endpoint="report", methods=["GET"]))
    service_views["report"] = requests.send_report
    for path, verbs, _ in pages.ROUTES:
        kinds[f"{' '.join(verbs)} {path}"] = "read" if path in pages.READING else "write"
    for path, verbs, view in (*pages.ROUTES, *(ampcrowd_routes.ROUTES if ampcrowd else ())):
        endpoint = f"{' '.join(verbs)} {path}"
        rules.append(_Rule(path, endpoint=endpoint, methods=verbs))
        views[endpoint] = view
    if desk:
        from crowdflower.sandbox.desk import routes as desk_routes  # noqa: PLC0415 - not always on

        for path, verbs, view in desk_routes.ROUTES:
            endpoint = f"{' '.join(verbs)} {path}"
            if verbs == ["POST"] and path in desk_routes.SLOW_POSTS:
                kinds[endpoint] = "file"
            rules.append(_Rule(path, endpoint=endpoint, methods=verbs))
            views[endpoint] = view
    url_map = Map(
        rules,
        converters={"default": _Reference, "int": _Number},
        strict_slashes=False,
        merge_slashes=False,
    )
    url_map.update()
    return _Routing(url_map, views, service_views, kinds)


def _store_failure(failure: StoreFailure) -> Response:
    log.error("%s: %s", request.method, failure)
    response = json_response({"error": {"message": str(failure)}}, failure.status)
    if failure.retry_after is not None:
        response.headers["Retry-After"] = str(failure.retry_after)
    return response


def _protocol_error(error: HTTPException) -> Response:
    if isinstance(error, MethodNotAllowed):
        # The service responds with 404 to a known path with an unsupported verb.
        response = Response(NOT_FOUND, 404, content_type=JSON)
        if request.method == "OPTIONS":
            response = Response(status=204)
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
        return response
    if error.code == 404:  # noqa: PLR2004
        return Response(NOT_FOUND, 404, content_type=JSON)
    return json_response({"error": {"message": error.description or error.name}}, error.code or 500)


def _mask_key(text: str) -> str:
    """Mask the API key in a log entry, both as it is and URL-encoded."""
    key = g.get("key")
    for form in {key, quote(key, safe="")} if key else ():
        text = text.replace(form, "****")
    return _KEY.sub(r"\1****", text)
