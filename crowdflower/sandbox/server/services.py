"""What all requests to one sandbox share."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from crowdflower.sandbox.reports import ReportCache
from crowdflower.sandbox.server.request_log import RequestLog
from crowdflower.sandbox.server.throttle import LoginThrottle

if TYPE_CHECKING:
    from crowdflower.sandbox.control.delays import Delays
    from crowdflower.sandbox.store import Database

MAX_UNIMPLEMENTED: Final = 1000
"""How many requests answered with status 501 are kept."""


class Unimplemented(NamedTuple):
    """A request answered with status 501: the sandbox does not implement what it needs."""

    verb: str
    path: str
    feature: str


@dataclass
class Services:
    """The shared state of one sandbox: its database, caches, settings and logs."""

    database: Database
    delays: Delays
    reports: ReportCache
    request_log: RequestLog
    throttle: LoginThrottle = field(default_factory=LoginThrottle)
    unimplemented: deque[Unimplemented] = field(
        default_factory=lambda: deque(maxlen=MAX_UNIMPLEMENTED)
    )
    """Requests answered with status 501, oldest first."""

    @classmethod
    def create(cls, database: Database, delays: Delays) -> Services:
        """Create the services of a sandbox with this database and these delays."""
        return cls(database, delays, ReportCache(delays), RequestLog(database.clock))

    def reset(self) -> None:
        """Delete the reports, the logs, the faults and the pending delays."""
        self.reports.clear()
        self.delays.clear()
        self.unimplemented.clear()
        self.request_log.clear()
