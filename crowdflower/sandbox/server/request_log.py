"""WSGI middleware: records requests and injects faults."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.api import parameters
from crowdflower.sandbox.control.faults import Faults
from crowdflower.sandbox.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from crowdflower.sandbox.clock import Clock

PARAMETERS: Final = "crowdflower.parameters"
"""WSGI environ key: the application stores the parameters of a request here once it has read them.
"""

MAX_REQUESTS: Final = 1000
"""How many requests are kept."""

MAX_BODY: Final = 64 * 1024
"""Largest body, in bytes, whose parameters are kept."""

_SLASHES: Final = re.compile("//+")
_IN_BRACES: Final = re.compile(r"(?<=/)\{([^{}/]+)\}(?=[/.]|$)")

SECRETS: Final = frozenset({"key", "token"})
"""Parameters that are never kept."""


@dataclass(frozen=True)
class LoggedRequest:
    """A request to the sandbox, without its API key."""

    at: float
    """When it arrived, in seconds since 1970 UTC."""

    verb: str
    path: str

    parameters: dict[str, Any]
    """Parameters of the query, and of a body of up to 64 KB; uploaded rows are not kept."""

    status: int | None
    """Status of the response; ``None`` when the connection broke."""

    fault: bool
    """Whether a fault was injected."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields as a JSON object; ``asked`` is the key of ``parameters`` in 1.0.0."""
        return {**asdict(self), "asked": self.parameters}

    @property
    def asked(self) -> dict[str, Any]:
        """The name of :attr:`parameters` in version 1.0.0."""
        return self.parameters


class RequestLog:
    """The latest requests, and the faults to inject into the next ones.

    :param clock: Its time is recorded.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.faults = Faults()
        self.requests: deque[LoggedRequest] = deque(maxlen=MAX_REQUESTS)
        """The last thousand, oldest first."""

    def run(
        self, app: WSGIApplication, environ: WSGIEnvironment, start: StartResponse
    ) -> Iterable[bytes]:
        """Call the application, or inject the fault that matches; then record the request.

        Several slashes in the path become one, since some clients send two, and braces around a
        part of it are dropped, since the requests guide writes its placeholders so. Routes and
        faults are the same for all of them.
        """
        path = _IN_BRACES.sub(r"\1", _SLASHES.sub("/", environ["PATH_INFO"]))
        environ["PATH_INFO"] = path
        verb = environ["REQUEST_METHOD"]
        fault = self.faults.take(verb, path)
        at = self._clock.now()
        statuses: list[int] = []

        def record_status(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            statuses.append(int(status.split(" ", 1)[0]))
            return start(status, headers, *exc_info)

        try:
            if fault is not None:
                return fault.inject(app, environ, record_status)
            return app(environ, record_status)
        finally:
            status = statuses[-1] if statuses else None
            sent = _parameters(environ)
            self.requests.append(LoggedRequest(at, verb, path, sent, status, fault is not None))

    def clear(self) -> None:
        """Delete all recorded requests and all faults."""
        self.faults.clear()
        self.requests.clear()


def _parameters(environ: WSGIEnvironment) -> dict[str, Any]:
    found = environ.get(PARAMETERS)
    if found is None or int(environ.get("CONTENT_LENGTH") or 0) > MAX_BODY:
        try:
            found = parameters.parse_query(environ.get("QUERY_STRING", "").encode("latin-1"))
        except BadRequest:
            found = {}
    return {name: value for name, value in found.items() if name not in SECRETS}
