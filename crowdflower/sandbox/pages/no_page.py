"""What contributors read who have no page: why, and what they can do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crowdflower.sandbox.rules.work.handout import Reason


class Say(NamedTuple):
    """A page that says something and offers one next step.

    :param icon: ``good``, ``bad``, ``warn``, ``info`` or ``clock``.
    :param next_url: Where the next step leads; ``None`` if there is none.
    :param skips: Whether the next step is to skip the open page.
    """

    title: str
    text: tuple[str, ...] = ()
    icon: str = "info"
    next_url: str | None = None
    next_label: str = "Continue"
    skips: bool = False


NOT_NOW: Final = "Look again"

NO_PAGE: Final[Mapping[Reason, Say]] = {
    "job_not_running": Say(
        "This job is not running",
        ("It is paused or at its end. Your answers so far are safe.",),
        "clock",
        next_label=NOT_NOW,
    ),
    "channel_not_enabled": Say(
        "This job is not open here",
        ("This job does not take contributors from your channel.",),
    ),
    "country": Say(
        "This job is not open to you",
        ("This job does not take contributors from your country.",),
    ),
    "account_age": Say(
        "This job is not open to you yet",
        ("This job does not take contributors who joined so recently.",),
        "clock",
        next_label=NOT_NOW,
    ),
    "flagged": Say(
        "You get no more pages of this job",
        ("The owner of this job gives you no more pages. Submitted pages stay as they are.",),
        "bad",
    ),
    "rejected": Say(
        "Your work on this job was rejected",
        ("The owner of this job removed your answers, and gives you no more pages.",),
        "bad",
    ),
    "failed_quiz": Say(
        "You did not pass the quiz",
        ("There is no second try for this job. Other jobs are open to you as before.",),
        "bad",
    ),
    "removed": Say(
        "Your accuracy is too low",
        (
            "You missed too many test questions, so you get no more pages of this job.",
            "Submitted pages stay as they are.",
        ),
        "bad",
    ),
    "maxed": Say(
        "That was the last page",
        ("You have done as much of this job as one contributor may. Thank you!",),
        "good",
    ),
    "exhausted": Say(
        "That was the last page",
        ("You have answered every test question of this job, so you are done here. Thank you!",),
        "good",
    ),
    "no_work": Say(
        "Nothing to do here right now",
        (
            "There is nothing left in this job for you at the moment.",
            "All rows are done, or others work on them. If they skip a page, its rows come back.",
        ),
        "clock",
        next_label=NOT_NOW,
    ),
}
"""What is said for each reason why a contributor gets no page."""

QUIZ_PASSED: Final = Say(
    "You passed the quiz",
    ("Your answers are handed in. The pages that follow are the work itself.",),
    "good",
    next_label="Start the first page",
)

SKIPPED: Final = Say(
    "You skipped this page",
    ("Its rows go to other people.",),
    next_label="Next page",
)

NO_LONGER_OPEN: Final = Say(
    "This page is no longer open",
    ("It was submitted or skipped, or its time is over.",),
    "clock",
    next_label="Next page",
)
