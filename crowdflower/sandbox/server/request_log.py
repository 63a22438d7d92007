"""Stands before the application: keeps what was asked, and lets go wrong what is to go wrong."""

from __future__ import annotations

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

ASKED: Final = "crowdflower.asked"
"""Key of the environment under which the application leaves what it read in a request."""

REMEMBERED: Final = 1000
"""Requests that are kept."""

LARGEST: Final = 64 * 1024
"""Bytes of a body whose parameters are kept."""

SECRET: Final = frozenset({"key", "token"})
"""Parameters that are not kept."""


@dataclass(frozen=True)
class Recorded:
    """A request that came in, without the key that came with it."""

    at: float
    """When, in seconds since 1970 UTC."""

    verb: str
    path: str

    asked: dict[str, Any]
    """Its parameters: those of the query, and of a body of up to 64 KB. Rows are not kept."""

    status: int | None
    """What it was answered; ``None`` when the connection broke."""

    fault: bool
    """Whether something was made to go wrong."""

    def shown(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


class Watch:
    """What came in, and what is to go wrong.

    :param clock: Tells when.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.faults = Faults()
        self.requests: deque[Recorded] = deque(maxlen=REMEMBERED)
        """The last thousand, oldest first."""

    def answer(
        self, app: WSGIApplication, environ: WSGIEnvironment, start: StartResponse
    ) -> Iterable[bytes]:
        """Let an application answer, or a fault."""
        verb, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        fault = self.faults.take(verb, path)
        at = self._clock.now()
        statuses: list[int] = []

        def started(status: str, headers: list[tuple[str, str]], *failed: Any) -> Any:
            statuses.append(int(status.split(" ", 1)[0]))
            return start(status, headers, *failed)

        try:
            if fault is not None:
                return fault.happen(app, environ, started)
            return app(environ, started)
        finally:
            status = statuses[-1] if statuses else None
            asked = _asked(environ)
            self.requests.append(Recorded(at, verb, path, asked, status, fault is not None))

    def clear(self) -> None:
        """Forget what came in, and let everything go well."""
        self.faults.clear()
        self.requests.clear()


def _asked(environ: WSGIEnvironment) -> dict[str, Any]:
    found = environ.get(ASKED)
    if found is None or int(environ.get("CONTENT_LENGTH") or 0) > LARGEST:
        try:
            found = parameters.parse_query(environ.get("QUERY_STRING", "").encode("latin-1"))
        except BadRequest:
            found = {}
    return {name: value for name, value in found.items() if name not in SECRET}
