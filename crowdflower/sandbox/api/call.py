"""One request as a resource sees it, and what a resource may answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final, TypeAlias

from crowdflower.sandbox.errors import NotFound
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.store.engines import locks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Row

    from crowdflower._types import JSON
    from crowdflower.sandbox.api.parameters import Parameters
    from crowdflower.sandbox.control.delays import Transitions
    from crowdflower.sandbox.reports import ReportCache
    from crowdflower.sandbox.store import Transaction

MOST_DIGITS: Final = 18
"""Of a number that a job can have."""


@dataclass(frozen=True)
class Reply:
    """An answer that is more than status 200 and a JSON value."""

    text: str
    kind: str = "application/json; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answer: TypeAlias = "JSON | Reply"


@dataclass(frozen=True)
class Call:
    """What was asked, by whom, and the transaction in which it happens."""

    tx: Transaction
    account: Row[Any]
    asked: Parameters

    content_type: str
    """Of the body, without its parameters."""

    body: IO[bytes]
    """The body, where a resource reads it itself; else it was read for :attr:`asked`."""

    reports: ReportCache

    transitions: Transitions

    link: Callable[[str], str]
    """Makes an address of a path on this server."""

    found: dict[str, int] = field(default_factory=dict)
    """Numbers of the jobs that were asked for, by the names under which they were found."""

    def job(self, reference: str) -> Row[Any]:
        """Find a job of the caller's by number or alias; when it may be changed, have it alone.

        :raises NotFound: There is none.
        """
        if reference.isdecimal() and len(reference) > MOST_DIGITS:
            raise NotFound
        found = jobs.find(self.tx, self.account, reference)
        self.found[reference] = found.id
        return jobs.again(self.tx, found) if locks.lock_job(self.tx, found.id) else found
