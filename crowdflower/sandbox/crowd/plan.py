"""The plan of a run (limits and arrivals) and its summary."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal, TypeAlias

End: TypeAlias = Literal["finished", "pages", "judgments", "seconds", "not_running", "no_work"]
"""Why a run ended: the job is finished, a limit was reached (``pages``, ``judgments``,
``seconds``), the job stopped running, or no contributor has work left."""

PAGES_AT_ONCE: Final = 50
"""Pages submitted in one transaction."""


@dataclass
class Summary:
    """The result of a run, or its progress so far.

    >>> print(
    ...     Summary(
    ...         ended="no_work",
    ...         state="running",
    ...         pages=3,
    ...         judgments=12,
    ...         seconds=95,
    ...         closed=Counter(no_work=2, failed_quiz=1),
    ...     )
    ... )
    no_work: 3 pages, 12 judgments in 0:01:35; the job is running; no_work 2, failed_quiz 1
    """

    ended: End | None = None
    """Why the run ended; ``None`` while it goes on."""

    state: str = ""
    """The state of the job at the end."""

    pages: int = 0
    """Pages submitted and accepted, quiz pages included."""

    judgments: int = 0
    """Judgments on those pages, those of test questions included."""

    seconds: float = 0.0
    """The duration of the run on the sandbox's clock."""

    left_open: int = 0
    """Pages that were submitted too late or never."""

    closed: Counter[str] = field(default_factory=Counter)
    """Why contributors got no more pages: reason to number of contributors. Besides the reasons of
    the rules there are ``no_recorded_answer`` (a replayed contributor without an answer for the
    page) and ``gave_up`` (a contributor who left too many pages open)."""

    def __str__(self) -> str:
        reasons = ", ".join(f"{reason} {number}" for reason, number in self.closed.most_common())
        return (
            f"{self.ended or 'under way'}: {self.pages} pages, {self.judgments} judgments in "
            f"{timedelta(seconds=round(self.seconds))}; the job is {self.state or 'open'}"
            + (f"; {reasons}" if reasons else "")
        )


@dataclass(frozen=True)
class Plan:
    """The limits of a run, and how contributors arrive and leave.

    :param pages: Stop after this many pages.
    :param judgments: Stop after this many judgments; the last page is counted in full.
    :param seconds: Stop after this many seconds on the sandbox's clock.
    :param arrivals_per_minute: Mean number of arrivals in a minute (a Poisson process).
    :param pages_per_visit: Mean number of pages per visit.
    :param pages_at_once: Pages in one transaction.
    """

    pages: int | None = None
    judgments: int | None = None
    seconds: float | None = None
    arrivals_per_minute: float = 1.0
    pages_per_visit: float = 2.0
    pages_at_once: int = PAGES_AT_ONCE

    def __post_init__(self) -> None:
        for name in ("pages", "judgments", "seconds"):
            limit = getattr(self, name)
            if limit is not None and not limit > 0:
                raise ValueError(f"{name} must be above 0, not {limit!r}.")
        if not (self.arrivals_per_minute > 0 and self.pages_per_visit >= 1):
            raise ValueError(
                f"arrivals_per_minute must be above 0 and pages_per_visit 1 or more, not "
                f"{self.arrivals_per_minute!r} and {self.pages_per_visit!r}."
            )

    @property
    def arrivals_per_second(self) -> float:
        """The rate of the Poisson process."""
        return self.arrivals_per_minute / 60

    def reached_limit(self, summary: Summary) -> End | None:
        """Return the limit of pages or judgments that was reached, if any."""
        if self.pages is not None and summary.pages >= self.pages:
            return "pages"
        if self.judgments is not None and summary.judgments >= self.judgments:
            return "judgments"
        return None
