"""What a handler gets, a request with its account and transaction, and what it may return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.store.engines import locks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Row

    from crowdflower._types import JSON
    from crowdflower.sandbox.api.parameters import Parameters
    from crowdflower.sandbox.control.delays import Delays
    from crowdflower.sandbox.errors import Refusal
    from crowdflower.sandbox.reports import ReportCache
    from crowdflower.sandbox.rules.units.row_checks import CheckedRows
    from crowdflower.sandbox.store import Transaction


@dataclass(frozen=True)
class ApiResponse:
    """A response that is more than status 200 and a JSON value."""

    text: str
    content_type: str = "application/json; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Result: TypeAlias = "JSON | ApiResponse"


@dataclass(frozen=True)
class RequestContext:
    """One request: its parameters, its account, and the transaction in which it is handled."""

    tx: Transaction
    account: Row[Any]
    parameters: Parameters

    content_type: str
    """Media type of the body, without the header's parameters, such as ``charset``."""

    reports: ReportCache

    delays: Delays

    link: Callable[[str], str]
    """Returns the URL of a path on this server."""

    file: CheckedRows | Refusal | None = None
    """The rows of an uploaded file, or why they are refused; ``None`` on other routes."""

    job_ids: dict[str, int] = field(default_factory=dict)
    """Ids of the jobs that the handler has looked up, by the number or alias that it used."""

    def job(self, reference: str) -> Row[Any]:
        """Return a job of the account by number or alias, locked if the request may change it.

        :raises NotFound: The account has no such job.
        """
        found = jobs.find(self.tx, self.account, reference)
        self.job_ids[reference] = found.id
        return jobs.reload(self.tx, found) if locks.lock_job(self.tx, found.id) else found
