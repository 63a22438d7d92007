"""The application: which paths there are, who answers them, and what a failure looks like."""

from __future__ import annotations

import errno
import logging
import re
import traceback
from collections import deque
from functools import cache, partial
from math import ceil
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn
from urllib.parse import quote

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter, IntegerConverter, Map, Rule

from crowdflower.sandbox import pages
from crowdflower.sandbox.ampcrowd import routes as ampcrowd_routes
from crowdflower.sandbox.api import idempotency, openapi
from crowdflower.sandbox.api.parameters import MAX_COUNT
from crowdflower.sandbox.api.request_parsing import MAX_BODY, SUFFIX
from crowdflower.sandbox.api.routes import ROUTES
from crowdflower.sandbox.control.delays import Transitions
from crowdflower.sandbox.control.routes import PREFIX
from crowdflower.sandbox.errors import Invalid, NotFound, Refusal, TooMany, Unsupported
from crowdflower.sandbox.reports import ReportCache
from crowdflower.sandbox.server import requests
from crowdflower.sandbox.server.in_process import RAISE_ERRORS
from crowdflower.sandbox.server.request_log import Watch
from crowdflower.sandbox.server.requests import JSON, header, in_json
from crowdflower.sandbox.server.throttle import Guesses
from crowdflower.sandbox.store import StoreFailure
from crowdflower.sandbox.store.failures import Full

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from crowdflower.sandbox.ampcrowd import AMPCrowdService
    from crowdflower.sandbox.control.delays import Lags
    from crowdflower.sandbox.store import Database

MAX_FILE: Final = 256 * 1024 * 1024
"""Bytes of an uploaded file."""

REMEMBERED: Final = 1000
"""Refusals for want of an implementation that are kept."""

DESCRIPTION: Final = f"{PREFIX}/openapi.json"
"""Where the API is described, for everybody: it says nothing about this sandbox in particular."""

NOT_FOUND: Final = """{"error": {"message":"We couldn't find what you were looking for."}}"""
"""Recorded from the service, down to the one blank."""

_NOTHING: Final = Response(NOT_FOUND, 404, content_type="application/json; charset=utf-8")
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
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
    :param lags: How long things take until they are seen to be done.
    :param ampcrowd: Serves AMPCrowd's API as well.
    """

    def __init__(
        self,
        database: Database,
        *,
        lags: Lags | None = None,
        ampcrowd: AMPCrowdService | None = None,
    ) -> None:
        super().__init__(__name__, static_folder=None)
        self.database = database
        self.transitions = Transitions(lags, database.clock.now)
        """What is still on its way, as far as anybody can see."""
        self.reports = ReportCache(self.transitions)
        self.unimplemented: deque[Unimplemented] = deque(maxlen=REMEMBERED)
        """What was asked for and is not there, oldest first."""
        self.watch = Watch(database.clock)
        """What came in, and what is to go wrong."""
        self.guesses = Guesses()
        """Keys that were wrong, where they came over a socket."""
        self.control: WSGIApplication | None = None
        """What answers below ``/_sandbox/``, if anything does."""
        self.url_map, self.view_functions = _routing(ampcrowd=ampcrowd is not None)
        self.extensions[ampcrowd_routes.EXTENSION] = ampcrowd
        self.config["MAX_CONTENT_LENGTH"] = MAX_FILE
        self.config["MAX_FORM_MEMORY_SIZE"] = MAX_BODY
        self.config["MAX_FORM_PARTS"] = MAX_COUNT

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or let go wrong what is to go wrong."""
        if environ["PATH_INFO"] == DESCRIPTION:
            described = Response(openapi.text(), content_type=JSON)
            return described(environ, start_response)
        if environ["PATH_INFO"].startswith(f"{PREFIX}/"):
            return (self.control or _NOTHING)(environ, start_response)
        return self.watch.answer(self._well, environ, start_response)

    def _well(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer; ``.json`` and a slash at the end of the path say nothing about where to."""
        path = environ["PATH_INFO"].rstrip("/")
        environ["PATH_INFO"] = path.removesuffix(".json")
        environ[SUFFIX] = path.endswith(".json")
        return super().wsgi_app(environ, start_response)

    def handle_user_exception(self, e: Exception) -> Response:
        """Turn a refusal into the answer that it is; leave anything else to be reported."""
        if isinstance(e, Refusal):
            return self._refused(e)
        if isinstance(e, HTTPException):
            return _protocol_error(e)
        if isinstance(e, StoreFailure):
            return _failed(e)
        if isinstance(e, OSError) and e.errno in _NO_ROOM:
            return _failed(Full("There is no room left on the disk. Nothing was done; make room."))
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
        return in_json({"error": {"message": message, "id": number}}, 500)

    def process_response(self, response: Response) -> Response:
        """Say to every caller of the API that a request may be repeated under a key."""
        if request.path.startswith("/v1/"):
            response.headers[idempotency.SUPPORT_HEADER[0]] = idempotency.SUPPORT_HEADER[1]
        return super().process_response(response)

    def reset(self) -> None:
        """Forget what was asked for and what is to go wrong, and throw the reports away."""
        self.reports.clear()
        self.transitions.clear()
        self.unimplemented.clear()
        self.watch.clear()

    close = reset

    def _refused(self, refusal: Refusal) -> Response:
        if isinstance(refusal, NotFound):
            return Response(NOT_FOUND, 404, content_type=JSON)
        response = in_json(refusal.body, refusal.status)
        if isinstance(refusal, Unsupported):
            entry = Unimplemented(request.method, request.path, refusal.feature)
            self.unimplemented.append(entry)
            response.headers["X-Sandbox-Not-Implemented"] = header(refusal.feature)
        if isinstance(refusal, TooMany):
            response.headers["Retry-After"] = str(ceil(refusal.seconds))
        return response


def create_app(
    database: Database, *, lags: Lags | None = None, ampcrowd: AMPCrowdService | None = None
) -> Application:
    """Make the application for a database; what can be shared between them is made once.

    >>> from crowdflower.sandbox.store import Database
    >>> create_app(Database()).test_client().get("/v1/jobs").status
    '401 UNAUTHORIZED'
    """
    return Application(database, lags=lags, ampcrowd=ampcrowd)


class _Reference(BaseConverter):
    """The number or alias of a job; what follows a dot is a format."""

    regex = r"[^/.]+"


class _Number(IntegerConverter):
    """A number that fits where numbers are kept."""

    regex = r"\d{1,18}"


class _Rule(Rule):
    """A path that is found and never built.

    For building one, two functions are written and compiled, which for all of them took half the
    time in which the first sandbox of a process is made.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: ARG002 - as it is called
        return _never_built


def _never_built(*_: object) -> NoReturn:
    raise NotImplementedError("Paths are written out where they are needed.")


@cache
def _routing(*, ampcrowd: bool) -> tuple[Map, dict[str, Callable[..., Any]]]:
    rules: list[Rule] = []
    views: dict[str, Callable[..., Any]] = {}
    for route in ROUTES:
        endpoint = f"{route.verbs} {route.path}"
        path = f"/{route.version}{route.path}"
        rule = _Rule(path, endpoint=endpoint, methods=route.verbs.split() or None)
        if route.writes and rule.methods:
            rule.methods.discard("HEAD")
        rules.append(rule)
        views[endpoint] = partial(requests.answer, route)
    rules.append(_Rule("/reports/<token>/<path:name>", endpoint="report", methods=["GET"]))
    views["report"] = requests.report
    for path, verbs, view in (*pages.ROUTES, *(ampcrowd_routes.ROUTES if ampcrowd else ())):
        endpoint = f"{' '.join(verbs)} {path}"
        rules.append(_Rule(path, endpoint=endpoint, methods=verbs))
        views[endpoint] = view
    table = Map(
        rules,
        converters={"default": _Reference, "int": _Number},
        strict_slashes=False,
        merge_slashes=False,
    )
    table.update()
    return table, views


def _failed(failure: StoreFailure) -> Response:
    log.error("%s: %s", request.method, failure)
    response = in_json({"error": {"message": str(failure)}}, failure.status)
    if failure.retry_after is not None:
        response.headers["Retry-After"] = str(failure.retry_after)
    return response


def _protocol_error(error: HTTPException) -> Response:
    if isinstance(error, MethodNotAllowed):
        # The service knows paths by their verb: with another one there is nothing to be found.
        response = Response(NOT_FOUND, 404, content_type=JSON)
        if request.method == "OPTIONS":
            response = Response(status=204)
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
        return response
    if error.code == 404:  # noqa: PLR2004
        return Response(NOT_FOUND, 404, content_type=JSON)
    return in_json({"error": {"message": error.description or error.name}}, error.code or 500)


def _scrubbed(text: str) -> str:
    """Take the key out of a text, as it is and as a query would write it."""
    key = g.get("key")
    for form in {key, quote(key, safe="")} if key else ():
        text = text.replace(form, "****")
    return _KEY.sub(r"\1****", text)
