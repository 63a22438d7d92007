"""What all requests to the desk of one sandbox share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.desk.overview.history import HistoryCache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crowdflower.sandbox.desk.access import Access
    from crowdflower.sandbox.reports import ReportCache
    from crowdflower.sandbox.server.services import Unimplemented
    from crowdflower.sandbox.store import Database

HOME: Final = "/desk/"

SIGN_IN: Final = "/desk/sign-in"


@dataclass
class Desk:
    """The desk of one sandbox: its data, and who may see it."""

    database: Database
    api_key: str
    """Of the account whose jobs it shows. No page shows the key."""
    access: Access
    reports: ReportCache
    unimplemented: Sequence[Unimplemented]
    """The requests that the sandbox answered with status 501."""

    histories: HistoryCache = field(default_factory=HistoryCache)
    """What happened in the jobs that were looked at lately."""

    def link_path(self) -> str:
        """Return the path and query of a new one-time link."""
        return f"{SIGN_IN}?link={self.access.new_link_token()}"
