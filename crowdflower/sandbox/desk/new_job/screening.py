"""Who is kept out of a new job: by a quiz before the work, by test questions within it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.desk.new_job import steps
from crowdflower.sandbox.desk.new_job.check_line import Check
from crowdflower.sandbox.desk.overview.figures import gold_limits
from crowdflower.sandbox.pages.rendering import percent
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.rules import quiz
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.settings.settings import DEFAULT_OPTIONS
from crowdflower.sandbox.rules.settings.value_types import truthy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

CHECKED_AFTER: Final = quiz.DEFAULT_GOLD_BEFORE_REMOVAL
"""Test questions after which accuracy counts in a job of the desk: fewer than a quiz has, so that
each page of work is checked."""


def follow_test_questions(tx: Transaction, before: Row[Any]) -> None:
    """Switch the quiz on when a draft has got enough test questions, and off when it lost them all.

    Blank jobs of the API have no quiz, and check accuracy after ten test questions only. As it is
    done when their number passes what is needed, what a person chooses in the settings stays.

    :param before: The job before its test questions changed.
    """
    after = jobs.reload(tx, before)
    options: dict[str, Any] = {}
    if quiz.has_enough_gold(after) and not quiz.has_enough_gold(before):
        options["front_load"] = True
        if after.options.get("after_gold") == DEFAULT_OPTIONS["after_gold"]:
            options["after_gold"] = CHECKED_AFTER
    elif before.golds_count and not after.golds_count and truthy(after.options.get("front_load")):
        options["front_load"] = False
    if options:
        jobs.update(tx, after, {"options": options})


def check_screening(job: Row[Any]) -> Iterator[Check]:
    """Return who is kept out before and during the work; warn of too few test questions."""
    if not job.golds_count:
        head = gettext("No test questions: nobody is screened")
        text = gettext(
            "Everyone with the link may answer, and nobody is tested. Name the column with correct"
            " answers to change that."
        )
        link = gettext("Open the columns")
        yield Check("warn", head, text, steps.step_url(job, "columns"), link)
    elif quiz.has_enough_gold(job):
        limits = gold_limits(job)
        found = [_describe_check(job)]
        if limits.quiz_length:
            text = gettext(
                "Everyone begins with a quiz of %(num)s test questions, and needs %(accuracy)s."
            )
            values = {"num": limits.quiz_length, "accuracy": percent(quiz.min_trust(job))}
            found.insert(0, text % values)
            head = ngettext("%(num)s test question", "%(num)s test questions", job.golds_count)
            head %= {"num": f"{job.golds_count:,}"}
            yield Check("good", head, " ".join(found))
        else:
            found.insert(0, gettext("The job has no quiz, so that everyone may begin."))
            head, link = gettext("Nobody is screened before the work"), gettext("Begin with a quiz")
            url = steps.step_url(job, "settings") + "#front_load"
            yield Check("warn", head, " ".join(found), url, link)


def _describe_check(job: Row[Any]) -> str:
    """Return when low accuracy ends the work of a person."""
    per_page, page = quiz.gold_per_page(job), quiz.first_checked_page(job)
    if not per_page:
        return gettext("Pages of work have no test question, so that nobody is checked there.")
    if page is None:
        text = gettext(
            "Accuracy is checked after %(needed)s test questions, and the job has %(has)s: nobody"
            " loses their access during the work."
        )
        return text % {"needed": quiz.gold_before_removal(job), "has": job.golds_count}
    values = {"num": per_page, "page": page, "accuracy": percent(quiz.min_trust(job))}
    if page == 1:
        text = ngettext(
            "Each page has %(num)s test question more: whoever falls under %(accuracy)s gets no"
            " further page.",
            "Each page has %(num)s test questions more: whoever falls under %(accuracy)s gets no"
            " further page.",
            per_page,
        )
    else:
        text = ngettext(
            "Each page has %(num)s test question: whoever is under %(accuracy)s after page %(page)s"
            " or a later one gets no further page.",
            "Each page has %(num)s test questions: whoever is under %(accuracy)s after page"
            " %(page)s or a later one gets no further page.",
            per_page,
        )
    return text % values
