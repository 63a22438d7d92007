"""What contributors read who have no page: why, and what they can do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from crowdflower.sandbox.pages.translations import gettext

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
    next_label: str = ""
    """Text of its link; by default “Continue”."""

    skips: bool = False


def no_page(reason: Reason, url: str, *, paused: bool = False) -> Say:
    """Return what is said to a contributor who gets no page.

    :param url: Address of the job's page, which they may look at again later.
    :param paused: Whether a job that is not running is paused.
    """
    if paused and reason == "job_not_running":
        safe = gettext("Your answers so far are safe.")
        return Say(gettext("This job is paused"), (safe,), "clock", url, gettext("Look again"))
    return _no_page(url)[reason]


def _no_page(url: str) -> Mapping[Reason, Say]:
    again = gettext("Look again")
    return {
        "job_not_running": Say(
            gettext("This job is not running"),
            (gettext("It is at its end. Your answers so far are safe."),),
            "clock",
            next_url=url,
            next_label=again,
        ),
        "channel_not_enabled": Say(
            gettext("This job is not open here"),
            (gettext("This job does not take contributors from your channel."),),
        ),
        "country": Say(
            gettext("This job is not open to you"),
            (gettext("This job does not take contributors from your country."),),
        ),
        "account_age": Say(
            gettext("This job is not open to you yet"),
            (gettext("This job does not take contributors who joined so recently."),),
            "clock",
            next_url=url,
            next_label=again,
        ),
        "flagged": Say(
            gettext("You get no more pages of this job"),
            (
                gettext("The owner of this job gives you no more pages."),
                gettext("Submitted pages stay as they are."),
            ),
            "bad",
        ),
        "rejected": Say(
            gettext("Your work on this job was rejected"),
            (gettext("The owner of this job removed your answers, and gives you no more pages."),),
            "bad",
        ),
        "failed_quiz": Say(
            gettext("You did not pass the quiz"),
            (
                gettext("There is no second try for this job."),
                gettext("Other jobs are open to you as before."),
            ),
            "bad",
        ),
        "removed": Say(
            gettext("Your accuracy is too low"),
            (
                gettext("You missed too many test questions."),
                gettext("You get no more pages of this job; submitted pages stay as they are."),
            ),
            "bad",
        ),
        "maxed": Say(
            gettext("That was the last page"),
            (gettext("You have done as much of this job as one contributor may. Thank you!"),),
            "good",
        ),
        "exhausted": Say(
            gettext("That was the last page"),
            (
                gettext("You have answered every test question of this job, so you are done here."),
                gettext("Thank you!"),
            ),
            "good",
        ),
        "no_work": Say(
            gettext("Nothing to do here right now"),
            (
                gettext("There is nothing left in this job for you at the moment."),
                gettext("All rows are done, or others work on them."),
                gettext("If they skip a page, its rows come back."),
            ),
            "clock",
            next_url=url,
            next_label=again,
        ),
    }


def quiz_passed(url: str) -> Say:
    """Return what is said to a contributor who passed the quiz.

    :param url: Address of the job's page.
    """
    text = gettext("The pages that follow are the work itself.")
    title = gettext("You passed the quiz")
    return Say(title, (text,), "good", url, gettext("Start the first page"))


def skipped(url: str) -> Say:
    """Return what is said to a contributor who skipped a page.

    :param url: Address of the job's page.
    """
    text = gettext("Its rows go to other people.")
    return Say(gettext("You skipped this page"), (text,), "info", url, gettext("Next page"))


def no_longer_open(url: str) -> Say:
    """Return what is said when a page is skipped that is not open.

    :param url: Address of the job's page.
    """
    text = gettext("It was submitted or skipped, or its time is over.")
    title = gettext("This page is no longer open")
    return Say(title, (text,), "clock", url, gettext("Next page"))
