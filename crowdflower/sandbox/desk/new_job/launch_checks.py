"""The list of checks before a launch: what would refuse it, and what to think about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from crowdflower._types import Message
from crowdflower.sandbox import forms
from crowdflower.sandbox.desk.form.form_draft import read_draft
from crowdflower.sandbox.desk.form.form_problems import find_problems
from crowdflower.sandbox.desk.messages.message_words import in_words, refusal_in_words
from crowdflower.sandbox.desk.messages.repairs import find_repair
from crowdflower.sandbox.desk.new_job import screening, steps
from crowdflower.sandbox.desk.new_job.check_line import Check
from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.pages.rendering import dollars
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.rules.jobs import orders
from crowdflower.sandbox.rules.settings import channels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Row

    from crowdflower.sandbox.desk.form.form_problems import FormProblem
    from crowdflower.sandbox.desk.new_job.launch_costs import LaunchCosts
    from crowdflower.sandbox.store import Transaction

SHOWN_WITH_THE_FORM: Final = "gold_fault"
"""Code of the warnings that are among the problems of the form, too."""

MAX_NAMES: Final = 20
"""Columns of a form that are named."""


def read_checks(
    tx: Transaction,
    job: Row[Any],
    units_count: int,
    available: int,
    costs: LaunchCosts,
) -> list[Check]:
    """Check a draft before an order of some of its rows.

    :param available: New rows.
    """
    problems = find_problems(tx, job, job.cml or "")
    can_order = not any(each.stops in {"save", "launch"} for each in problems)
    found = [
        _check_title(job),
        *_check_form(job, problems),
        _check_rows(job, available),
        *screening.check_screening(job),
        *(_check_warnings(tx, job, units_count) if can_order else ()),
        _check_channels(tx, job),
        _check_money(costs),
    ]
    if all(each.verdict != "bad" for each in found):
        found += _check_order(tx, job, units_count)
    return found


def _check_title(job: Row[Any]) -> Check:
    head = gettext("Title and instructions")
    if not job.title:
        text = gettext("The title is missing: contributors choose jobs by it.")
        return Check("bad", head, text, steps.step_url(job, "data"), gettext("Open the data"))
    if not job.instructions:
        text = gettext("The instructions are missing: contributors read them before they begin.")
        return Check("bad", head, text, steps.step_url(job, "form"), gettext("Open the form"))
    return Check("good", head, gettext("Both are there."))


def _check_form(job: Row[Any], problems: Sequence[FormProblem]) -> Iterator[Check]:
    """Show the problems as the editor does, or what is in order."""
    repair = (steps.step_url(job, "form"), gettext("Open the form"))
    for each in problems:
        if each.head:
            yield Check(each.severity, each.head, f"{each.place}{each.text}", *repair)
    if any(each.severity == "bad" for each in problems):
        return
    form = forms.check_form(job.cml)
    if read_draft(job) is not None:
        text = gettext("What you kept as a draft is not saved: contributors would not get it.")
        yield Check("warn", gettext("The form has a draft"), text, *repair)
    required = [each.label or each.name for each in form.fields if each.required]
    text = f"“{required[0]}”"
    if len(required) > 1:
        more = ngettext(
            "%(first)s and %(num)s more.", "%(first)s and %(num)s more.", len(required) - 1
        )
        text = more % {"first": text, "num": len(required) - 1}
    yield Check("good", gettext("A question must be answered"), text)
    if form.columns and not any(each.head for each in problems):
        head = gettext("The columns of the form are in the data")
        names = [*form.columns]
        yield Check("good", head, ", ".join(names[:MAX_NAMES]) + ", …" * (len(names) > MAX_NAMES))


def _check_rows(job: Row[Any], available: int) -> Check:
    repair = (steps.step_url(job, "data"), gettext("Add rows"))
    if not available:
        text = gettext("A job is launched with rows that were not ordered yet.")
        return Check("bad", gettext("There are no rows to judge"), text, *repair)
    head = ngettext("%(num)s row to judge", "%(num)s rows to judge", available)
    return Check("good", head % {"num": f"{available:,}"}, gettext("Not ordered yet."))


def _check_warnings(tx: Transaction, job: Row[Any], units_count: int) -> Iterator[Check]:
    """Yield what an order would be warned of, each with the place where it is put right."""
    head = gettext("This may not do what you want")
    for text in _warnings_of(tx, lambda: orders.warn(tx, job, units_count)):
        if not (isinstance(text, Message) and text.code == SHOWN_WITH_THE_FORM):
            yield Check("warn", head, in_words(text), *_repair(job, text))


def _warnings_of(tx: Transaction, do: Callable[[], object]) -> list[str]:
    """Return the warnings of a call; none stays in the transaction."""
    before, tx.warnings[:] = tuple(tx.warnings), ()
    try:
        do()
        return list(tx.warnings)
    finally:
        tx.warnings[:] = before


def _repair(job: Row[Any], text: str) -> tuple[str, str]:
    """Return the address where what a message says is put right, and the text of its link."""
    found = find_repair(text)
    if found is None:
        return "", ""
    if found.page == "tests":
        return f"{steps.job_url(job)}/tests", gettext("Open the test questions")
    links = {
        "data": gettext("Open the data"),
        "columns": gettext("Open the columns"),
        "form": gettext("Open the form"),
        "settings": gettext("Open the settings"),
    }
    place = f"#{found.setting}" if found.setting else ""
    return steps.step_url(job, found.page) + place, links[found.page]


def _check_channels(tx: Transaction, job: Row[Any]) -> Check:
    names, url = channels.enabled(tx, job.id), steps.step_url(job, "settings") + "#channels"
    if names:
        head = gettext("Channels of contributors")
        return Check("good", head, ", ".join(names), url, gettext("Change"))
    text = gettext("Choose at least one channel from which contributors come.")
    return Check("bad", gettext("Nobody may work"), text, url, gettext("Open the settings"))


def _check_money(costs: LaunchCosts) -> Check:
    values = {"balance": dollars(costs.balance_mc), "reserved": dollars(costs.reserved_mc)}
    if costs.is_free:
        return Check("good", gettext("Money"), gettext("None is needed: the channel is free."))
    if costs.missing_mc:
        text = gettext("%(balance)s are there, and %(reserved)s are needed: %(missing)s too few.")
        values["missing"] = dollars(costs.missing_mc)
        return Check("bad", gettext("Not enough money"), text % values)
    text = gettext("%(balance)s are there, %(reserved)s are reserved.") % values
    return Check("good", gettext("Money"), text)


def _check_order(tx: Transaction, job: Row[Any], units_count: int) -> Iterator[Check]:
    """Check what only placing the order finds: a row with which the form does not work."""
    head = gettext("This may not do what you want")
    try:
        for text in _warnings_of(tx, lambda: orders.check(tx, job, units_count)):
            yield Check("warn", head, in_words(text), *_repair(job, text))
    except Refusal as refusal:
        head = gettext("The job cannot be launched like this")
        repair = _repair(job, refusal.messages[0])
        yield Check("bad", head, refusal_in_words(refusal), *repair)
