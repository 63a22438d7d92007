"""Fault injection: an error status, a delay, a dropped connection, a truncated response."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from werkzeug.http import HTTP_STATUS_CODES

from crowdflower.sandbox.store.column_types import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

WAIT: Final = "crowdflower.wait"
"""WSGI environ key of a function that waits for so many seconds, or raises a timeout error."""

MAX_DELAY: Final = 300.0
"""Longest delay of one response, in seconds."""

_STATUSES: Final = range(200, 600)
_NAME: Final = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class ConnectionDropped(ConnectionError):
    """Raised to close the connection without a response."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next matching requests.

    >>> Fault(status=503, path="/jobs/*").status
    503
    """

    times: int = 1
    """How many requests are affected."""

    path: str = "*"
    """Which paths match, as a shell pattern, without ``.json`` and the ``/v1`` before ``/jobs``."""

    verb: str | None = None
    """Which HTTP verb matches; ``None`` matches all."""

    status: int | None = None
    """Respond with this status and an error message instead of the real response."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of that response, such as ``{"Retry-After": "5"}``."""

    delay: float = 0.0
    """Seconds to wait before the request is handled. In process nothing waits: a client whose read
    timeout is shorter gets a timeout error at once."""

    drop: bool = False
    """Close the connection without a response."""

    garble: bool = False
    """Send only the first half of the response, so that its JSON is invalid."""

    done: bool = False
    """Handle the request first, so that only the response is lost."""

    def __post_init__(self) -> None:
        """Check the values.

        :raises ValueError: Nothing would go wrong, or a value is out of range.
        """
        if self.times < 1:
            raise ValueError(f"times must be 1 or more, not {self.times}.")
        if self.status is not None and self.status not in _STATUSES:
            raise ValueError(f"status must be from 200 to 599, not {self.status}.")
        if not 0 <= self.delay <= MAX_DELAY:
            raise ValueError(f"delay must be from 0 to {MAX_DELAY:g} seconds, not {self.delay}.")
        for name, value in self.headers.items():
            if not (_matches(name, _NAME) and _matches(value, _VALUE)):
                raise ValueError(f"{name!r}: {value!r} cannot be sent as an HTTP header.")
        if self.headers and self.status is None:
            raise ValueError("headers need a status: they are sent with the error response.")
        if not (self.status or self.delay or self.drop or self.garble):
            raise ValueError("Send one of status, delay, drop and garble.")
        if (self.status is not None) + self.drop + self.garble > 1:
            raise ValueError("status, drop and garble exclude each other: send only one.")

    def matches(self, verb: str, path: str) -> bool:
        """Return whether this fault affects a request.

        >>> Fault(drop=True, path="/jobs/*/orders").matches("POST", "/v1/jobs/7/orders.json")
        True
        """
        plain = path.rstrip("/").removesuffix(".json")
        _, _, below = plain.lstrip("/").partition("/")
        fits = fnmatchcase(f"/{below}", self.path) or fnmatchcase(plain, self.path)
        return fits and self.verb in {None, verb}

    def inject(
        self, app: WSGIApplication, environ: WSGIEnvironment, start: StartResponse
    ) -> Iterable[bytes]:
        """Respond to a request with this fault.

        :raises ConnectionDropped: The fault closes the connection without a response.
        """
        if self.delay:
            environ.get(WAIT, time.sleep)(self.delay)
        if self.done or self.garble:
            response = _BufferedResponse(app, environ)
        if self.drop:
            raise ConnectionDropped("the sandbox closed this connection: injected fault")
        if self.garble:
            return response.send_half(start)
        if self.status is None:
            return app(environ, start) if not self.done else response.send(start)
        text = encode({"error": {"message": f"Injected fault: status {self.status}"}})
        headers = {"Content-Type": "application/json; charset=utf-8", **self.headers}
        start(_status_line(self.status), list(headers.items()))
        return [text.encode()]


class Faults:
    """The faults to inject into the next requests.

    >>> faults = Faults()
    >>> faults.next(status=500, times=2, path="/jobs")
    >>> [faults.take("GET", "/v1/jobs.json") is not None for _ in range(3)]
    [True, True, False]
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._pending: list[tuple[Fault, int]] = []

    def next(
        self,
        *,
        times: int = 1,
        path: str = "*",
        verb: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        drop: bool = False,
        garble: bool = False,
        done: bool = False,
    ) -> None:
        """Inject a fault into the next matching requests.

        The arguments are those of :class:`Fault`. When two faults match a request, the one added
        first is injected.

        :raises ValueError: Nothing would go wrong, or a value is out of range.
        """
        fault = Fault(times, path, verb, status, headers or {}, delay, drop, garble, done)
        with self._lock:
            self._pending.append((fault, times))

    def take(self, verb: str, path: str) -> Fault | None:
        """Return the fault for a request, if any, and count it as injected."""
        with self._lock:
            for index, (fault, left) in enumerate(self._pending):
                if fault.matches(verb, path):
                    self._pending[index : index + 1] = [(fault, left - 1)] if left > 1 else []
                    return fault
        return None

    def pending(self) -> Sequence[tuple[Fault, int]]:
        """List the faults that are still to be injected, and for how many requests."""
        with self._lock:
            return tuple(self._pending)

    waiting = pending
    """The name of :meth:`pending` in version 1.0.0."""

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._pending.clear()


class _BufferedResponse:
    """A complete response of the application, not yet sent."""

    def __init__(self, app: WSGIApplication, environ: WSGIEnvironment) -> None:
        self._status = ""
        self._headers: list[tuple[str, str]] = []
        blocks = app(environ, self._start)
        try:
            self._body = b"".join(blocks)
        finally:
            getattr(blocks, "close", lambda: None)()

    def send(self, start: StartResponse) -> Iterable[bytes]:
        start(self._status, self._headers)
        return [self._body]

    def send_half(self, start: StartResponse) -> Iterable[bytes]:
        half = self._body[: len(self._body) // 2]
        rest = [each for each in self._headers if each[0].lower() != "content-length"]
        start(self._status, [*rest, ("Content-Length", str(len(half)))])
        return [half]

    def _start(self, status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        self._status, self._headers = status, headers
        return lambda _: None


def _matches(value: object, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _status_line(status: int) -> str:
    return f"{status} {HTTP_STATUS_CODES.get(status, 'Unknown')}"
