"""When a run is to end, how people come and go, and what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal, TypeAlias

End: TypeAlias = Literal["finished", "pages", "judgments", "seconds", "not_running", "no_work"]
"""Why a run is over: the job is finished; so much is done as was asked for; the job stopped
running; nobody in the crowd has work left."""

PAGES_AT_ONCE: Final = 50
"""Pages handed in in one transaction."""


@dataclass
class Summary:
    """What came of a run, or what has come of it so far.

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
    """Why it is over; ``None`` while it is not."""

    state: str = ""
    """Of the job, at the end."""

    pages: int = 0
    """Handed in and taken, quiz pages included."""

    judgments: int = 0
    """On those pages, of test questions too."""

    seconds: float = 0.0
    """How much time went by, on the clock of the crowd."""

    left_open: int = 0
    """Pages that were taken and never handed in, or too late."""

    closed: Counter[str] = field(default_factory=Counter)
    """Why contributors got no more pages: reason to how many of them. Beside the reasons of the
    rules there are ``no_recorded_answer``, for those who repeat what others said, and
    ``gave_up``, for those who left too many pages open."""

    def __str__(self) -> str:
        reasons = ", ".join(f"{reason} {number}" for reason, number in self.closed.most_common())
        return (
            f"{self.ended or 'under way'}: {self.pages} pages, {self.judgments} judgments in "
            f"{timedelta(seconds=round(self.seconds))}; the job is {self.state or 'open'}"
            + (f"; {reasons}" if reasons else "")
        )


@dataclass(frozen=True)
class Plan:
    """When to stop, and how people come and go.

    :param pages: Stop after so many pages.
    :param judgments: Stop once there are so many judgments; the page that brings them counts whole.
    :param seconds: Stop after so much time on the clock of the crowd.
    :param arrivals_per_minute: How many people come in a minute, in a Poisson process.
    :param pages_per_visit: How many pages they do before they go, on average.
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
                raise ValueError(f"{name} is a number above 0, not {limit!r}.")
        if not (self.arrivals_per_minute > 0 and self.pages_per_visit >= 1):
            raise ValueError(
                f"Somebody has to come and do a page: arrivals_per_minute is to be above 0, and "
                f"pages_per_visit 1 or more, not {self.arrivals_per_minute!r} and "
                f"{self.pages_per_visit!r}."
            )

    @property
    def arrivals_per_second(self) -> float:
        """The rate of the Poisson process."""
        return self.arrivals_per_minute / 60

    def reached(self, summary: Summary) -> End | None:
        """Name the limit that has been reached, if any."""
        if self.pages is not None and summary.pages >= self.pages:
            return "pages"
        if self.judgments is not None and summary.judgments >= self.judgments:
            return "judgments"
        return None
