"""What is wrong with a job, in words: the worst first, each with what follows and its repair.

Problems of a job's settings and form come from the same rules as the warnings at a launch; problems
of the work come from its counters and its contributors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, select

from crowdflower.sandbox import forms
from crowdflower.sandbox.desk.golds.fault_texts import fault_text
from crowdflower.sandbox.desk.messages.message_words import in_words
from crowdflower.sandbox.desk.overview import crew
from crowdflower.sandbox.desk.overview.figures import HOUR, Figures, gold_limits
from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.pages.rendering import dollars
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.reports import FILE_NAMES
from crowdflower.sandbox.rules.jobs.gold_faults import find_gold_faults
from crowdflower.sandbox.rules.settings import source_columns
from crowdflower.sandbox.store.contributor_tables import contest
from crowdflower.sandbox.store.fast import job_history
from crowdflower.sandbox.store.outbox import webhook_delivery
from crowdflower.sandbox.store.tables import unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Row

    from crowdflower.sandbox.desk.overview.cost import Cost
    from crowdflower.sandbox.desk.overview.history import History
    from crowdflower.sandbox.reports import ReportCache
    from crowdflower.sandbox.store import Transaction

BAD: Final = "bad"
WARN: Final = "warn"
INFO: Final = "info"

ACTIVE: Final = frozenset({"running", "paused"})
ENDED: Final = frozenset({"finished", "canceled"})

ENOUGH_ANSWERS: Final = 4
"""Answers of a test question from which on the share of wrong ones tells something."""

REPORTS: Final = tuple(kind for kind in FILE_NAMES if kind != "source")
"""Reports that contain answers."""


class Link(NamedTuple):
    """Where something is repaired."""

    text: str
    url: str


@dataclass(frozen=True)
class Alert:
    """One thing to know about a job."""

    level: str
    title: str
    text: str
    """What follows from it."""
    links: tuple[Link, ...] = ()


class Level(NamedTuple):
    """The alerts of one level, which are shown together."""

    name: str
    title: str
    alerts: tuple[Alert, ...]


@dataclass(frozen=True)
class Facts:
    """What the alerts are made from."""

    tx: Transaction
    job: Row[Any]
    url: str
    """Path of the job on the desk."""
    history: History | None
    """``None`` before the job is launched; so are the next two."""
    figures: Figures | None
    cost: Cost | None
    reports: ReportCache


def find_alerts(facts: Facts) -> list[Level]:
    """Return the alerts of a job by level, the worst first."""
    found = [*_of_settings(facts), *_of_work(facts)]
    order = (BAD, WARN, INFO)
    found.sort(key=lambda alert: order.index(alert.level))
    return [
        _level(name, tuple(alerts)) for name, alerts in groupby(found, lambda alert: alert.level)
    ]


def _level(name: str, alerts: tuple[Alert, ...]) -> Level:
    if len(alerts) == 1:
        return Level(name, alerts[0].title, alerts)
    number = len(alerts)
    text = {
        BAD: ngettext("%(num)s thing is wrong", "%(num)s things are wrong", number),
        WARN: ngettext("%(num)s thing needs a look", "%(num)s things need a look", number),
        INFO: ngettext("%(num)s thing to know", "%(num)s things to know", number),
    }[name]
    return Level(name, text % {"num": number}, alerts)


def _of_settings(facts: Facts) -> Iterator[Alert]:
    if facts.job.state in ENDED:
        return
    yield from _too_few_golds(facts)
    yield from _form(facts)


def _of_work(facts: Facts) -> Iterator[Alert]:
    yield from _contests(facts)
    if facts.figures is None:
        return
    if facts.job.state in ACTIVE:
        yield from _golds_run_out(facts)
        yield from _cap(facts)
    yield from _missed_golds(facts)
    yield from _webhooks(facts)
    yield from _fast_people(facts)
    yield from _short_rows(facts)
    yield from _nobody(facts)
    yield from _old_report(facts)


def _too_few_golds(facts: Facts) -> Iterator[Alert]:
    job, limits = facts.job, gold_limits(facts.job)
    if limits.are_asked or not (job.golds_count or limits.has_quiz):
        return
    needed = limits.needed
    more = replace(limits, golds_count=3 * needed)
    title = ngettext(
        "The job has %(num)s test question, too few: nobody is tested",
        "The job has %(num)s test questions, too few: nobody is tested",
        job.golds_count,
    )
    text = gettext(
        "A page has %(size)s rows, so at least %(needed)s test questions are needed; with"
        " %(total)s, one person could judge %(rows)s rows."
    )
    numbers = {
        "size": job.units_per_assignment,
        "needed": needed,
        "total": more.golds_count,
        "rows": f"{more.rows_per_contributor or 0:,}",
    }
    links = (
        Link(gettext("Add test questions"), f"{facts.url}/tests"),
        Link(gettext("Put fewer rows on a page"), f"{facts.url}/settings"),
    )
    yield Alert(BAD, title % {"num": job.golds_count}, text % numbers, links)


def _form(facts: Facts) -> Iterator[Alert]:
    link = (Link(gettext("Open the form"), f"{facts.url}/form"),)
    cannot = gettext("The job cannot be launched.")
    if facts.job.state != "unordered":
        cannot = gettext("No more rows can be ordered.")
    if not facts.job.cml:
        yield Alert(BAD, gettext("The job has no form"), cannot, link)
        return
    try:
        form = forms.check_form(facts.job.cml)
    except Refusal as refusal:
        yield Alert(BAD, gettext("The form has an error"), f"{refusal.message} {cannot}", link)
        return
    if not form.has_required:
        text = gettext("A page could be submitted without any answer.")
        title = gettext("No question of the form has to be answered")
        yield Alert(BAD, title, f"{text} {cannot}", link)
    for fault in find_gold_faults(facts.tx, facts.job, form):
        head, text = fault_text(fault)
        tests = Link(gettext("Look at them"), f"{facts.url}/tests")
        yield Alert(WARN if fault.kind == "partly" else BAD, head, text, (tests, *link))
    missing = source_columns.find_missing(facts.tx, facts.job.id, form)
    if missing:
        title = ngettext(
            "The form prints %(num)s column that no row has",
            "The form prints %(num)s columns that no row has",
            len(missing),
        )
        text = gettext("Contributors see a blank there.")
        yield Alert(
            WARN, title % {"num": len(missing)}, f"{in_words(missing[0].message)} {text}", link
        )


def _golds_run_out(facts: Facts) -> Iterator[Alert]:
    limits = gold_limits(facts.job)
    if not limits.per_page or not facts.job.needed_count:
        return
    able = crew.able_people(facts.tx, facts.job)
    pages = {each: max(0, limits.golds_count - each.golds_seen) // limits.per_page for each in able}
    rows = sum(pages.values()) * limits.units_per_page
    if not able or rows >= facts.job.needed_count:
        return
    last = crew.names([each for each in able if pages[each] <= crew.FEW_PAGES])
    title = gettext("Test questions run out before the work is done")
    if last:
        title = gettext("Test questions run out for %(names)s") % {"names": last}
    text = gettext(
        "Each contributor gets a test question once. The contributors so far can give %(rows)s of"
        " the %(needed)s judgments that are needed."
    ) % {"rows": f"{rows:,}", "needed": f"{facts.job.needed_count:,}"}
    link = Link(gettext("Add test questions"), f"{facts.url}/tests")
    yield Alert(WARN, title, text, (link,))


def _contests(facts: Facts) -> Iterator[Alert]:
    is_open = (contest.c.job_id == facts.job.id, contest.c.decided_at.is_(None))
    count = select(func.count(contest.c.unit_id.distinct())).where(*is_open)
    number = facts.tx.connection.scalar(count) or 0
    if number:
        title = ngettext(
            "%(num)s contested test question", "%(num)s contested test questions", number
        )
        text = gettext("The contributors wait for your decision, which may change their accuracy.")
        link = Link(gettext("Decide"), f"{facts.url}/tests")
        yield Alert(WARN, title % {"num": number}, text, (link,))


def _missed_golds(facts: Facts) -> Iterator[Alert]:
    _, number = job_history.read_golds(facts.tx.driver, facts.job.id, ENOUGH_ANSWERS)
    if number:
        title = ngettext(
            "At least half of the answers to %(num)s test question are wrong",
            "At least half of the answers to each of %(num)s test questions are wrong",
            number,
        )
        text = gettext("The correct answer may be wrong, and good contributors lose their access.")
        link = Link(gettext("Look at them"), f"{facts.url}/tests")
        yield Alert(WARN, title % {"num": number}, text, (link,))


def _webhooks(facts: Facts) -> Iterator[Alert]:
    is_stuck = (
        webhook_delivery.c.job_id == facts.job.id,
        webhook_delivery.c.state == "pending",
        webhook_delivery.c.attempts > 0,
    )
    number = facts.tx.connection.scalar(select(func.count()).where(*is_stuck)) or 0
    link = (Link(gettext("See the attempts"), f"{facts.url}/reports"),)
    if facts.job.webhook_disabled_at is not None:
        text = gettext("They failed for hours. Saving the address again starts over.")
        yield Alert(WARN, gettext("Webhooks are not sent any more"), text, link)
    elif number:
        title = ngettext("%(num)s webhook was not taken", "%(num)s webhooks were not taken", number)
        text = gettext("They are tried again, until the receiver answers.")
        yield Alert(WARN, title % {"num": f"{number:,}"}, text, link)


def _cap(facts: Facts) -> Iterator[Alert]:
    job, cost = facts.job, facts.cost
    if cost is None or cost.cap is None or job.pause_reason == "cap":
        return
    if cost.expected <= cost.cap or not cost.remaining:
        return
    left = max(0, cost.cap - cost.spent) / cost.remaining
    row = job.finalized_count + int(left * job.judgable_count)
    title = gettext("The cap will be reached at about row %(row)s of %(all)s") % {
        "row": f"{row:,}",
        "all": f"{job.finalized_count + job.judgable_count:,}",
    }
    text = gettext("The job pauses there. About %(expected)s are needed, and the cap is %(cap)s.")
    money = {"expected": dollars(cost.expected), "cap": dollars(cost.cap)}
    yield Alert(WARN, title, text % money, (Link(gettext("Change the cap"), "#new-cap"),))


def _fast_people(facts: Facts) -> Iterator[Alert]:
    found = crew.fast_people(facts.tx, facts.job)
    if not found:
        return
    title = ngettext(
        "%(num)s contributor is at least 5 times as fast as most",
        "%(num)s contributors are at least 5 times as fast as most",
        len(found),
    ) % {"num": len(found)}
    text = gettext("Look at the answers of %(names)s: they may not read the rows.")
    link = Link(gettext("Look at them"), f"{facts.url}/people")
    yield Alert(WARN, title, text % {"names": crew.names(found)}, (link,))


def _short_rows(facts: Facts) -> Iterator[Alert]:
    if facts.job.state == "canceled" or not crew.has_withdrawn(facts.tx, facts.job):
        return
    is_short = (
        unit.c.job_id == facts.job.id,
        unit.c.state == "finalized",
        unit.c.judgments_count < unit.c.needed,
    )
    number = facts.tx.connection.scalar(select(func.count()).where(*is_short)) or 0
    if number:
        title = ngettext(
            "%(num)s row ended without enough judgments",
            "%(num)s rows ended without enough judgments",
            number,
        )
        text = gettext(
            "Judgments were removed after these rows were finished. Ask for more on the page of"
            " each row: a finished job then goes on by itself."
        )
        link = Link(gettext("See the rows"), f"{facts.url}/rows?only=short")
        yield Alert(WARN, title % {"num": f"{number:,}"}, text, (link,))


def _nobody(facts: Facts) -> Iterator[Alert]:
    history, figures = facts.history, facts.figures
    if facts.job.state != "running" or history is None or figures is None or figures.at_work:
        return
    latest = crew.last_activity(facts.tx, facts.job)
    if latest is not None and facts.tx.clock.now() - latest >= HOUR:
        title = gettext("Nobody has been at work for an hour")
        text = gettext("Send the link for contributors again, or check the pay and the rules.")
        link = Link(gettext("Open the settings"), f"{facts.url}/settings")
        yield Alert(INFO, title, text, (link,))


def _old_report(facts: Facts) -> Iterator[Alert]:
    history = facts.history
    if history is None or history.last_at is None:
        return
    made = [facts.reports.latest(facts.job.id, kind) for kind in REPORTS]
    if any(each is not None and each.made_at < history.last_at for each in made):
        title = gettext("A report is older than the last answer")
        text = gettext("It lacks the answers that came after it was made.")
        link = Link(gettext("Update it"), f"{facts.url}/reports")
        yield Alert(INFO, title, text, (link,))
