"""What goes wrong on request: a status, a delay, a connection that breaks, an answer cut short."""

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
"""Key of the environment for a function that waits so many seconds, or gives up."""

LONGEST_DELAY: Final = 300.0
"""Seconds that one answer may be held back."""

_STATUSES: Final = range(200, 600)
_NAME: Final = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Dropped(ConnectionError):
    """The connection is to break without an answer."""


@dataclass(frozen=True)
class Fault:
    """What happens to some of the next requests.

    >>> Fault(status=503, path="/jobs/*").status
    503
    """

    times: int = 1
    """How many requests it happens to."""

    path: str = "*"
    """Which ones, as a pattern; ``.json`` and what comes before ``/jobs`` are no part of it."""

    verb: str | None = None
    """Only requests with this verb."""

    status: int | None = None
    """Answer this, and what is wrong, in place of what would have been answered."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Of that answer, such as ``{"Retry-After": "5"}``."""

    delay: float = 0.0
    """Seconds to wait before anything is done. In process nobody waits: the client's time limit
    is over if it is shorter."""

    drop: bool = False
    """Break the connection in place of an answer."""

    garble: bool = False
    """Cut the answer off in its middle, so that its JSON cannot be read."""

    done: bool = False
    """Do what was asked before it goes wrong, so that only the answer is lost."""

    def __post_init__(self) -> None:
        """Refuse a fault that is none.

        :raises ValueError: Nothing would go wrong, or a number cannot be.
        """
        if self.times < 1:
            raise ValueError(f"times is how many requests go wrong, 1 or more, not {self.times}.")
        if self.status is not None and self.status not in _STATUSES:
            raise ValueError(f"status has to be from 200 to 599, not {self.status}.")
        if not 0 <= self.delay <= LONGEST_DELAY:
            raise ValueError(f"delay has to be 0 to {LONGEST_DELAY:g} seconds, not {self.delay}.")
        for name, value in self.headers.items():
            if not (_is_text(name, _NAME) and _is_text(value, _VALUE)):
                raise ValueError(
                    f"headers has texts that a header can hold, not {name!r}: {value!r}."
                )
        if self.headers and self.status is None:
            raise ValueError("headers are those of the answer with a status: say which status.")
        if not (self.status or self.delay or self.drop or self.garble):
            raise ValueError("Say what goes wrong: status, delay, drop or garble.")
        if (self.status is not None) + self.drop + self.garble > 1:
            raise ValueError("Only one of status, drop and garble can happen to an answer.")

    def matches(self, verb: str, path: str) -> bool:
        """Tell whether it happens to a request.

        >>> Fault(drop=True, path="/jobs/*/orders").matches("POST", "/v1/jobs/7/orders.json")
        True
        """
        plain = path.rstrip("/").removesuffix(".json")
        _, _, below = plain.lstrip("/").partition("/")
        fits = fnmatchcase(f"/{below}", self.path) or fnmatchcase(plain, self.path)
        return fits and self.verb in {None, verb}

    def happen(
        self, app: WSGIApplication, environ: WSGIEnvironment, start: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request as it is to be answered.

        :raises Dropped: Not at all.
        """
        if self.delay:
            environ.get(WAIT, time.sleep)(self.delay)
        if self.done or self.garble:
            answered = _Answered(app, environ)
        if self.drop:
            raise Dropped("the sandbox was told to break this connection")
        if self.garble:
            return answered.cut(start)
        if self.status is None:
            return app(environ, start) if not self.done else answered.whole(start)
        text = encode({"error": {"message": f"The sandbox was told to answer {self.status}"}})
        headers = {"Content-Type": "application/json; charset=utf-8", **self.headers}
        start(_line(self.status), list(headers.items()))
        return [text.encode()]


class Faults:
    """Faults that are waiting for the requests that they happen to.

    >>> faults = Faults()
    >>> faults.next(status=500, times=2, path="/jobs")
    >>> [faults.take("GET", "/v1/jobs.json") is not None for _ in range(3)]
    [True, True, False]
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: list[tuple[Fault, int]] = []

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
        """Let the next requests go wrong; the arguments are those of :class:`Fault`.

        A request to which two faults fit gets the one that was asked for first.

        :raises ValueError: It is no fault.
        """
        fault = Fault(times, path, verb, status, headers or {}, delay, drop, garble, done)
        with self._lock:
            self._waiting.append((fault, times))

    def take(self, verb: str, path: str) -> Fault | None:
        """Return what happens to a request, and count it."""
        with self._lock:
            for place, (fault, left) in enumerate(self._waiting):
                if fault.matches(verb, path):
                    self._waiting[place : place + 1] = [(fault, left - 1)] if left > 1 else []
                    return fault
        return None

    def waiting(self) -> Sequence[tuple[Fault, int]]:
        """List faults that have not happened yet, with how often they still will."""
        with self._lock:
            return tuple(self._waiting)

    def clear(self) -> None:
        """Let everything go well again."""
        with self._lock:
            self._waiting.clear()


class _Answered:
    """An answer that is whole before any of it is sent."""

    def __init__(self, app: WSGIApplication, environ: WSGIEnvironment) -> None:
        self._status = ""
        self._headers: list[tuple[str, str]] = []
        blocks = app(environ, self._start)
        try:
            self._body = b"".join(blocks)
        finally:
            getattr(blocks, "close", lambda: None)()

    def whole(self, start: StartResponse) -> Iterable[bytes]:
        start(self._status, self._headers)
        return [self._body]

    def cut(self, start: StartResponse) -> Iterable[bytes]:
        half = self._body[: len(self._body) // 2]
        rest = [each for each in self._headers if each[0].lower() != "content-length"]
        start(self._status, [*rest, ("Content-Length", str(len(half)))])
        return [half]

    def _start(self, status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        self._status, self._headers = status, headers
        return lambda _: None


def _is_text(value: object, of: re.Pattern[str]) -> bool:
    return isinstance(value, str) and of.fullmatch(value) is not None


def _line(status: int) -> str:
    return f"{status} {HTTP_STATUS_CODES.get(status, 'Unknown')}"
