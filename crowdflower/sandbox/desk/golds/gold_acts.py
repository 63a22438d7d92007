"""What a requester does about test questions: decides contests, edits, hides, switches off and on.

Each act is one transaction, and uses the rules of the API: a test question that is switched off is
forgiven to everyone who missed it, and an edited one to those whose answer is right now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.desk.fields.typed_numbers import find_whole
from crowdflower.sandbox.desk.golds.contest_list import read_open
from crowdflower.sandbox.desk.golds.gold_form import read_form, read_questions
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.rules import quiz
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.units import units
from crowdflower.sandbox.rules.work import contests

if TYPE_CHECKING:
    from sqlalchemy import Row
    from werkzeug.datastructures import MultiDict

    from crowdflower.sandbox.store import Transaction


def carry_out(tx: Transaction, job: Row[Any], form: MultiDict[str, str]) -> str:
    """Do what a form asks for.

    :param form: ``do`` names the act; ``unit`` has the number of the test question, ``contest``
        that of a contest.
    :returns: What was done, in a sentence.
    :raises Invalid: It is not possible; nothing was done.
    :raises NotFound: The job has no such row or contest.
    """
    act = _ACTS.get(form.get("do", ""))
    if act is None:
        raise Invalid(gettext("Press the button of what is to be done."))
    return act(tx, job, form)


def _agree(tx: Transaction, job: Row[Any], form: MultiDict[str, str]) -> str:
    contests.decide(tx, contests.find(tx, job, _number(form, "contest")), accepted=True)
    return gettext(
        "The objection was accepted: the answer counts as right. The test question stays in use."
    )


def _decline(tx: Transaction, job: Row[Any], form: MultiDict[str, str]) -> str:
    contests.decide(tx, contests.find(tx, job, _number(form, "contest")), accepted=False)
    return gettext(
        "The objection was declined: the answer stays wrong. The test question stays in use."
    )


def _keep(tx: Transaction, job: Row[Any], form: MultiDict[str, str]) -> str:
    found = units.find(tx, job, _number(form, "unit"))
    decided = read_open(tx, job, found.id)
    for each in decided:
        contests.decide(tx, each, accepted=False)
    said = ngettext(
        "The test question stays as it is: %(num)d objection was declined.",
        "The test question stays as it is: %(num)d objections were declined.",
        len(decided),
    )
    return said % {"num": len(decided)}


def _take_out(tx: Transaction, job: Row[Any], form: MultiDict[str, str]) -> str:
    found = units.find(tx, job, _number(form, "unit"))
    for each in read_open(tx, job, found.id):
        contests.decide(tx, each, accepted=True)
    if found.state in GOLD_STATES:
        units.update(tx, job, found, state="new")
    said = gettext("The test question is switched off, and everyone who missed it is forgiven.")
    return _with_supply(tx, job, said)


def _hide(tx: Transaction, job: Row[Any], form: MultiDict[str, str]) -> str:
    units.update(tx, job, _find_gold(tx, job, form), state="hidden_gold")
    return gettext(
        "The test question is hidden: it is never in the quiz, and its answer is not shown."
    )


def _show(tx: Transaction, job: Row[Any], form: MultiDict[str, str]) -> str:
    units.update(tx, job, _find_gold(tx, job, form), state="golden")
    return gettext("The test question is no longer hidden.")


def _switch_on(tx: Transaction, job: Row[Any], form: MultiDict[str, str]) -> str:
    found = units.find(tx, job, _number(form, "unit"))
    if not any(each.accepted for each in read_questions(job, found.data)):
        raise Invalid(gettext("This row has no accepted answer. Edit it first."))
    if found.state not in GOLD_STATES:
        units.update(tx, job, found, state="golden")
    return gettext("The test question is in use.")


def _save(tx: Transaction, job: Row[Any], form: MultiDict[str, str]) -> str:
    found = _find_gold(tx, job, form)
    columns = read_form(read_questions(job, found.data), form, is_in_use=True)
    missed = found.missed_count
    after = units.update(tx, job, found, data={**found.data, **columns})
    state = "hidden_gold" if form.get("hidden") == "yes" else "golden"
    units.update(tx, job, after, state=state)
    forgiven = missed - after.missed_count
    said = gettext("The test question was saved.")
    if not forgiven:
        return said
    more = ngettext(
        "%(num)d answer that counted as wrong is right now, and is forgiven.",
        "%(num)d answers that counted as wrong are right now, and are forgiven.",
        forgiven,
    )
    return f"{said} {more % {'num': forgiven}}"


_ACTS: Final = {
    "agree": _agree,
    "decline": _decline,
    "keep": _keep,
    "take_out": _take_out,
    "hide": _hide,
    "show": _show,
    "on": _switch_on,
    "save": _save,
}


def _find_gold(tx: Transaction, job: Row[Any], form: MultiDict[str, str]) -> Row[Any]:
    found = units.find(tx, job, _number(form, "unit"))
    if found.state not in GOLD_STATES:
        problem = gettext("Row %(row)d is not a test question any more. Switch it on first.")
        raise Invalid(problem % {"row": found.seq})
    return found


def _with_supply(tx: Transaction, job: Row[Any], said: str) -> str:
    """Add that too few test questions are left, if that is so."""
    current = jobs.reload(tx, job)
    if quiz.has_enough_gold(current) or not quiz.has_enough_gold(job):
        return said
    warning = gettext("The rest are too few to be used: nobody is tested until you add more.")
    return f"{said} {warning}"


def _number(form: MultiDict[str, str], name: str) -> int:
    number = find_whole(form.get(name, ""))
    if number is None:
        raise Invalid(
            gettext("The form lacks the number of the test question. Open this page again.")
        )
    return number
